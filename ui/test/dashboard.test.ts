// PocketBase's own screens in Chinese: every text of theirs is in the dictionary, and nothing else is.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { namesOf, translator } from '../dashboard/translate.js';
import { messagesOf, sources, textsOf } from '../scripts/pocketbase-texts.mjs';

const { pages, server } = JSON.parse(readFileSync('dashboard/words.zh.json', 'utf8')) as Record<string, Record<string, string>>;
const same = new Set(JSON.parse(readFileSync('test/dashboard-same.json', 'utf8')) as string[]); // names and code, which stay as they are
const folder = sources();
const texts = textsOf(folder);
const messages = messagesOf(folder);
const missing = (found: Map<string, string[]>, words: Record<string, string>) =>
  [...found].filter(([text]) => !(text in words) && !same.has(text)).map(([text, files]) => `${files[0]}: ${text}`);

test('the texts are found', () => {
  expect(texts.size).toBeGreaterThan(1000);
  expect(messages.size).toBeGreaterThan(120);
});

// after an upgrade of PocketBase this lists what is new; it is shown in English until it has a line in dashboard/words.zh.json
test('every text of PocketBase\'s pages is in Chinese', () => {
  expect(missing(texts, pages)).toEqual([]);
});

test('every message of PocketBase\'s server is in Chinese', () => {
  expect(missing(messages, { ...server, ...pages })).toEqual([]);
});

test('the dictionary has Chinese with the same places', () => {
  const places = (text: string) => (text.match(/\{\d\}/g) ?? []).sort();
  for (const [english, chinese] of Object.entries({ ...pages, ...server })) {
    expect(chinese.trim(), english).not.toBe('');
    expect(places(chinese), english).toEqual(places(english));
    expect(english, 'spaces as they are looked up').toBe(english.replace(/\s+/g, ' ').trim());
  }
});

test('a text is found with its spaces, its values and nothing else', () => {
  const translate = translator({ ...server, ...pages });
  const scenarios: [string, string | undefined][] = [
    ['Search', '搜索'],
    [' New\n', ' 新\n'],
    ['Successfully deleted 3 records.', '已删除 3 条记录。'],
    ['Successfully created collection "Enabled".', '已创建集合“已启用”。'],
    ['Must be at least 8 character(s).', '至少 8 个字符。'],
    ['search', undefined],
    ['Search me', undefined],
    ['搜索', undefined],
    ['', undefined],
    ['constructor', undefined],
    [`Successfully deleted ${'x'.repeat(700)}.`, undefined],
  ];
  for (const [text, want] of scenarios) expect(translate(text), text).toBe(want);
});

test('what people have named is known', () => {
  const names = namesOf([{ name: 'Logs', fields: [{ name: 'Email', help: 'Where to write', values: ['Enabled'] }, { name: 'x' }] }, { name: 'y' }]);
  expect([...names].sort()).toEqual(['Email', 'Enabled', 'Logs', 'Where to write', 'x', 'y']);
});
