// the code samples of the README and the docs: every fenced block of every page that a user reads, by page and language.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '..');

/** pages are those with samples for users; docs/patterns.md is for who changes wxbase: its pairs are fragments.
 * Go of the README is compiled by hooks/readme_test.go. */
export function pages() {
  const docs = ['docs', 'docs/zh'].flatMap((dir) => readdirSync(path.join(ROOT, dir)).filter((name) => name.endsWith('.md')).map((name) => `${dir}/${name}`));
  const clients = ['sdk', 'demo', 'template-uniapp', 'template-taro'].map((name) => `miniprogram/${name}/README.md`);
  return ['README.md', 'README.zh-CN.md', 'CONTRIBUTING.md', ...clients, ...docs.filter((name) => name !== 'docs/patterns.md')].sort();
}

/** samplesOf lists {page, lang, code, name} of a page; name is the file that the line before the block names, if it does. */
export function samplesOf(page) {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  return [...text.matchAll(/(?:^`([\w/.]+)`\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, name, lang, code]) => ({ page, lang, code, name }));
}

export function samples(...langs) {
  return pages().flatMap(samplesOf).filter((s) => langs.includes(s.lang));
}
