import { utf8 } from './sse.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** expiresAt reads `exp` of a JWT in milliseconds, 0 when it cannot be read. It proves nothing: the server decides. */
export function expiresAt(token) {
  const bytes = [];
  let bits = 0;
  let held = 0;
  for (const c of (token || '').split('.')[1] || '') {
    held = ((held << 6) | ALPHABET.indexOf(c)) & 0xffff;
    bits += 6;
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff);
  }
  try {
    return JSON.parse(utf8(bytes)).exp * 1000 || 0;
  } catch (e) {
    return 0;
  }
}
