/** Server-sent events from chunks cut anywhere, without TextDecoder. */
import { WxbaseError } from './errors.js';

const MAX_LINE = 1 << 20;

// a character in percents: of one to four bytes, or a byte that is none
const CHARACTER = /%[0-7].|%[cd].%[89ab].|%e.(?:%[89ab].){2}|%f.(?:%[89ab].){3}|%../g;

function character(escaped) {
  try {
    return decodeURIComponent(escaped);
  } catch (e) {
    return escaped.replace(/%../g, '\ufffd');
  }
}

/** utf8 decodes one whole line; a byte that is not UTF-8 becomes U+FFFD, as in TextDecoder. */
export function utf8(bytes) {
  let escaped = '';
  for (const b of bytes) escaped += (b < 16 ? '%0' : '%') + b.toString(16);
  return escaped.replace(CHARACTER, character);
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
    const bytes = new Uint8Array(chunk);
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
    if (line.length > MAX_LINE) throw new WxbaseError(0, 'realtime_overflow', 'line over 1 MiB');
  };
}
