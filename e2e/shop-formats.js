// what a file or a secret says, read as other programs read it.
import { createHmac } from 'node:crypto';

// codeOf is the number that an authenticator shows: RFC 6238 with SHA-1, six digits, 30 seconds.
export function codeOf(secret, at = Date.now()) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/[\s=]/g, '')].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

// cellsOf reads a CSV file as a spreadsheet does.
export function cellsOf(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '\r\n') rows.push([]);
    if (end === '') break;
  }
  return rows.filter((row) => row.length > 1);
}

// widthOf is the width of a picture, PNG or JPEG.
export const widthOf = (png) => (png.toString('latin1', 1, 4) === 'PNG' ? png.readUInt32BE(16) : jpegWidth(png));
function jpegWidth(bytes) {
  for (let at = 2; at < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) if (bytes[at + 1] >= 0xc0 && bytes[at + 1] <= 0xc2) return bytes.readUInt16BE(at + 7);
  return 0;
}
