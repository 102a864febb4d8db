// The texts of the complaints, which come with their pages and not with the first screen.
import { bring } from '.';
import en from './complaints.en.json';
import zh from './complaints.zh-CN.json';

bring({ en, 'zh-CN': zh });
