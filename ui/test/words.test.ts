// Every text is in both languages, and every key that a page uses is there.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { preferred } from '../src/i18n';

type Words = Record<string, Record<string, string>>;
// note: as text, because an import gives what the build has made of it
const read = (name: string) => JSON.parse(readFileSync(`src/i18n/${name}.json`, 'utf8')) as Words;
const brought = ['audit', 'complaints', 'payouts']; // with a page, and may have words for a group of everybody's
const [en, zh] = ['en', 'zh-CN'].map((language) => {
  const all = read(language);
  for (const page of brought)
    for (const [group, texts] of Object.entries(read(`${page}.${language}`)))
      for (const [key, text] of Object.entries(texts)) {
        if (all[group]?.[key]) throw new Error(`${page}.${language}.json: ${group}.${key} is there already`);
        all[group] = { ...all[group], [key]: text };
      }
  return all;
});
const keysOf = (words: Words) => Object.entries(words).flatMap(([group, texts]) => Object.keys(texts).map((key) => `${group}.${key}`)).sort();
const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(`${folder}/${entry.name}`) : /\.(vue|ts)$/.test(entry.name) ? [readFileSync(`${folder}/${entry.name}`, 'utf8')] : [],
  );

test('both dictionaries have the same keys', () => {
  expect(keysOf(zh)).toEqual(keysOf(en));
});

test('no text is empty, and both have the same places', () => {
  for (const key of keysOf(en)) {
    const [group, name] = key.split(/\.(.*)/);
    const [english, chinese] = [en[group][name], zh[group][name]];
    expect(english.trim(), key).not.toBe('');
    expect(chinese.trim(), key).not.toBe('');
    expect(places(chinese), key).toEqual(places(english));
    expect(english + chinese, `${key}: signs with a meaning in messages`).not.toMatch(/[@|]/);
  }
});

test('every key that a page names is in the dictionary', () => {
  const known = new Set(keysOf(en));
  const groups = new Set(Object.keys(en));
  const named = new Set(sources('src').flatMap((text) => [...text.matchAll(/'([a-zA-Z]+\.[a-zA-Z0-9_]+)'/g)].map((match) => match[1])));
  const missing = [...named].filter((key) => groups.has(key.split('.')[0]) && !known.has(key));
  expect(missing).toEqual([]);
});

test('every page has a title', () => {
  const router = readFileSync('src/router.ts', 'utf8');
  const names = [...router.matchAll(/page\('[^']+', '(\w+)'/g)].map((match) => match[1]);
  expect(names.filter((name) => !(name in en.title))).toEqual([]);
});

test('the language is the one that was chosen, else the browser\'s first of ours', () => {
  const scenarios: [string | null, string[], string][] = [
    ['en', ['zh-CN'], 'en'],
    [null, ['zh-TW', 'en'], 'zh-CN'],
    [null, ['de-DE', 'zh'], 'zh-CN'],
    [null, ['en-GB', 'zh'], 'en'],
    [null, ['fr'], 'en'],
    ['klingon', ['zh'], 'zh-CN'],
  ];
  for (const [kept, browser, want] of scenarios) expect(preferred(kept, browser), `${kept} ${browser}`).toBe(want);
});
