// The texts of what staff did, which come with the pages that list it and not with the first screen.
import { bring } from '.';
import en from './audit.en.json';
import zh from './audit.zh-CN.json';

bring({ en, 'zh-CN': zh });
