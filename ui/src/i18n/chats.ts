// The texts of customer messages, which come with their pages and not with the first screen.
import { bring } from '.';
import en from './chats.en.json';
import zh from './chats.zh-CN.json';

bring({ en, 'zh-CN': zh });
