// what the kinds of faults do, in the reader's language.
import { language } from './words.js';

let words = {};
export const learnWords = (all) => { words = all; };
export const wordsOf = (kind) => (words[kind] || words.errcode || {})[language()] || '';
