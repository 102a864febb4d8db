/** Server-sent events from chunks cut anywhere, without TextDecoder. */
import { WxbaseError } from './errors.js';

const MAX_LINE = 1 << 20;

/** utf8 decodes one whole line; a byte that is not UTF-8 becomes U+FFFD, as in TextDecoder. */
export function utf8(bytes) {
  let out = '';
  for (let i = 0; i < bytes.length; ) {
    const b = bytes[i++];
    if (b < 0x80) {
      out += String.fromCharCode(b);
      continue;
    }
    const more = b >= 0xf0 && b < 0xf5 ? 3 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xc2 && b < 0xe0 ? 1 : 0;
    let point = b & (0x3f >> more);
    let read = 0;
    while (read < more && (bytes[i + read] & 0xc0) === 0x80) point = (point << 6) | (bytes[i + read++] & 0x3f);
    const short = more === 0 || read < more || point < [0, 0x80, 0x800, 0x10000][more];
    if (short || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      out += '\ufffd';
      continue;
    }
    i += more;
    out += String.fromCodePoint(point);
  }
  return out;
}

/**
 * createParser makes a parser of server-sent events: give it chunks (ArrayBuffer or Uint8Array) cut anywhere, it calls
 * onEvent({id, event, data}). It cuts at 0x0A before it decodes: that byte never occurs inside a longer character, so
 * no character is ever decoded by halves.
 */
export function createParser(onEvent) {
  let line = [];
  let message = { id: '', event: '', data: [] };
  function take(text) {
    if (text === '') return dispatch();
    const at = text.indexOf(':');
    if (at === 0) return undefined; // a comment: keep-alive
    const field = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? '' : text.slice(at + 1).replace(/^ /, '');
    if (field === 'data') message.data.push(value);
    else if (field === 'id' || field === 'event') message[field] = value;
    return undefined;
  }
  function dispatch() {
    const done = message;
    message = { id: '', event: '', data: [] };
    if (done.data.length > 0) onEvent({ id: done.id, event: done.event || 'message', data: done.data.join('\n') });
  }
  return function push(chunk) {
    const bytes = chunk instanceof Uint8Array ? chunk : new Uint8Array(chunk);
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== 0x0a) {
        line.push(bytes[i]);
        continue;
      }
      if (line[line.length - 1] === 0x0d) line.pop();
      const whole = line;
      line = [];
      take(utf8(whole));
    }
    if (line.length > MAX_LINE) throw new WxbaseError(0, 'realtime_overflow', 'event line over 1 MiB');
  };
}
