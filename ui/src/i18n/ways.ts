// The texts of the ways to pay, which come with the page of an order.
import { bring } from '.';
import en from './ways.en.json';
import zh from './ways.zh-CN.json';

bring({ en, 'zh-CN': zh });
