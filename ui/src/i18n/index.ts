// The two languages: the browser's own until somebody switches, then the one that was chosen.
import { shallowRef } from 'vue';
import { createI18n } from 'vue-i18n';
import type { Language as ElementLanguage } from 'element-plus/es/locale';

export type Language = 'zh-CN' | 'en';
export const languages: Language[] = ['zh-CN', 'en'];

const KEPT = 'wxbase.language';

const dictionaries = {
  'zh-CN': () => Promise.all([import('./zh-CN.json'), import('element-plus/es/locale/lang/zh-cn')]),
  en: () => Promise.all([import('./en.json'), import('element-plus/es/locale/lang/en')]),
};

export const i18n = createI18n({ legacy: false, locale: 'zh-CN', fallbackLocale: false, messages: {}, missingWarn: import.meta.env.DEV });

/** elementWords are the texts of Element Plus itself, such as those of its date picker. */
export const elementWords = shallowRef<ElementLanguage>();

/** t translates outside of components. */
export const t = (key: string, values: Record<string, unknown> = {}) => i18n.global.t(key, values);

/** te tells whether the dictionary has a key: the server may send states that are newer than this page. */
export const te = (key: string) => i18n.global.te(key);

export const language = (): Language => i18n.global.locale.value as Language;

/** preferred is the language that was chosen here, or the browser's. */
export function preferred(kept: string | null, browser: readonly string[]): Language {
  if (languages.includes(kept as Language)) return kept as Language;
  const first = browser.find((tag) => /^(zh|en)\b/i.test(tag)) ?? 'en';
  return /^zh/i.test(first) ? 'zh-CN' : 'en';
}

/** bring adds the texts that come with a page, in both languages. */
export function bring(words: Record<Language, unknown>) {
  for (const one of languages) i18n.global.mergeLocaleMessage(one, words[one] as never);
}

/** speak loads a dictionary and shows everything in it. */
export async function speak(next: Language, remember = false) {
  const [words, element] = await dictionaries[next]();
  i18n.global.mergeLocaleMessage(next, words.default as never); // beside those that a page has brought
  elementWords.value = element.default as ElementLanguage;
  i18n.global.locale.value = next;
  document.documentElement.lang = next;
  if (remember) localStorage.setItem(KEPT, next);
}

export const startLanguage = () => speak(preferred(localStorage.getItem(KEPT), navigator.languages));

/** wordFor translates a value of the server, such as a state; a value without a translation is shown as it is. */
export function wordFor(group: string, value: string): string {
  const key = `${group}.${value.replace(/\./g, '_')}`;
  return value && te(key) ? t(key) : value;
}
