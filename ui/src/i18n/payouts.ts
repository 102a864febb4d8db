// The texts of the payouts, which come with their pages and not with the first screen.
import { bring } from '.';
import en from './payouts.en.json';
import zh from './payouts.zh-CN.json';

bring({ en, 'zh-CN': zh });
