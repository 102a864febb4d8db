// The texts of what a shop tells WeChat about its goods, its pre-sales and its pages, which come with the parts that show them.
import { bring } from '.';
import en from './selling.en.json';
import zh from './selling.zh-CN.json';

bring({ en, 'zh-CN': zh });
