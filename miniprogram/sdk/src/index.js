export { createClient } from './client.js';
export { createParser } from './sse.js';
export { WxbaseError } from './errors.js';
