// every word of the demo in Chinese and English.
import { zh } from './words-zh.js';
import { en } from './words-en.js';

const WORDS = { zh, en };
const KEY = 'wxbase-demo-lang';
let lang = start();

function start() {
  const asked = new URLSearchParams(location.search).get('lang') || localStorage.getItem(KEY) || navigator.language;
  return /^zh/i.test(asked) ? 'zh' : 'en';
}

export function language() {
  return lang;
}

export function setLanguage(next) {
  lang = next;
  localStorage.setItem(KEY, next);
}

/** t looks a word up and fills {name}s in. A missing word shows its key, so that it is noticed. */
export function t(key, params) {
  const text = WORDS[lang][key] || key;
  return params ? text.replace(/\{(\w+)\}/g, (_, name) => (params[name] === undefined ? '' : String(params[name]))) : text;
}

/** yuan writes fen as people read them: 1850 is 18.50. */
export function yuan(fen) {
  return ((fen || 0) / 100).toFixed(2);
}

// the demo's menu is stored in Chinese; the English page reads it in English
const DISHES = WORDS.en.dishes;

export function dishName(name) {
  return (lang === 'en' && DISHES[name]) || name;
}

/** dishText is the description in the page's language: the demo's own are Chinese, then English after a full stop. */
export function dishText(product) {
  const text = product.description || '';
  const both = text.match(/^(.*[。！])\s+([A-Z].*)$/s);
  return both ? both[lang === 'zh' ? 1 : 2] : text;
}

/** itemsText writes an order's items in a line. */
export function itemsText(items) {
  return (items || []).map((i) => dishName(i.name) + (i.variantName ? ' ' + dishName(i.variantName) : '') + (i.quantity > 1 ? ' ×' + i.quantity : '')).join(lang === 'en' ? ', ' : '、');
}

/** noticeText puts the dish names of a room notice ("三鲜面 x1") into the language of the page. */
export function noticeText(items) {
  return String(items || '').split(/[、,]\s*/).map((part) => part.replace(/^(.*?)(\s*[x×]\d+)?$/, (_, name, n) => dishName(name) + (n || ''))).join(lang === 'en' ? ', ' : '、');
}

export function clockTime(at) {
  const d = new Date(String(at).replace(' ', 'T'));
  return Number.isNaN(d.getTime()) ? '' : d.toLocaleTimeString(lang === 'zh' ? 'zh-CN' : 'en-GB', { hour12: false });
}
