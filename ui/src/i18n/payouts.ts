// The texts of the pages about payouts: they come with these pages, since the first screen has no room for them.
import { watch } from 'vue';
import { i18n, language } from '@/i18n';
import en from './payouts.en.json';
import zh from './payouts.zh-CN.json';

const words = { en, 'zh-CN': zh };

/** usePayoutWords adds the texts to the dictionary, now and whenever the language changes while a page is open. */
export function usePayoutWords() {
  watch(i18n.global.locale, () => i18n.global.mergeLocaleMessage(language(), words[language()] as never), { immediate: true, flush: 'sync' });
}
