// The texts of the complaints, which come with their pages and not with the first screen.
import { i18n } from '.';
import en from './complaints.en.json';
import zh from './complaints.zh-CN.json';

i18n.global.mergeLocaleMessage('en', en as never);
i18n.global.mergeLocaleMessage('zh-CN', zh as never);
