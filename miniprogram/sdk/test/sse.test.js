'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { createParser } = require('../dist/index.js');

const text =
  ': hello\n\nid:1\nevent:rooms/notice\ndata:{"name":"小**","items":"三鲜面 🍜 x1"}\n\n' +
  'event: x\r\ndata: one\r\ndata:two\r\n\r\ndata:café\n\n';
const want = [
  { id: '1', event: 'rooms/notice', data: '{"name":"小**","items":"三鲜面 🍜 x1"}' },
  { id: '', event: 'x', data: 'one\ntwo' },
  { id: '', event: 'message', data: 'café' },
];

function parse(bytes, size) {
  const got = [];
  const push = createParser((e) => got.push(e));
  for (let i = 0; i < bytes.length; i += size) push(bytes.subarray(i, i + size));
  return got;
}

test('parser gives the same events', async (t) => {
  const bytes = new Uint8Array(Buffer.from(text));
  const scenarios = [1, 2, 3, 5, 7, 64, bytes.length];
  for (const size of scenarios) {
    await t.test(`in chunks of ${size} bytes`, () => assert.deepEqual(parse(bytes, size), want));
  }
  await t.test('from an ArrayBuffer', () => {
    const got = [];
    createParser((e) => got.push(e))(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    assert.deepEqual(got, want);
  });
  await t.test('and gives up on a line without end', () => {
    const push = createParser(() => {});
    assert.throws(() => push(new Uint8Array(2 << 20).fill(65)), { code: 'realtime_overflow' });
  });
});

test('utf8 decodes', async (t) => {
  const { utf8 } = await import('../src/sse.js');
  const scenarios = [
    ['ascii and Chinese', '小满 noodle'],
    ['four-byte characters', '🍜👨‍👩‍👧'],
    ['the borders', '\u0000\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}'],
  ];
  for (const [name, s] of scenarios) {
    await t.test(name, () => assert.equal(utf8(Buffer.from(s)), s));
  }
  await t.test('broken bytes into U+FFFD, as TextDecoder does', () => {
    const broken = [[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe5, 0xb0], [0xff, 0x41], [0xe5, 0x41]];
    for (const bytes of broken) {
      const got = utf8(bytes);
      assert.ok(got.includes('\ufffd'), `got ${got} for ${bytes}`);
      assert.equal(got.includes('A'), bytes.includes(0x41), 'a good byte after a bad one survives');
    }
  });
});
