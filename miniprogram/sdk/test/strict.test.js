'use strict';
// the fake phone refuses what a phone refuses: a test that passes here may still fail on a phone, but not for one of these.
const test = require('node:test');
const assert = require('node:assert/strict');
const { strict } = require('./strict.js');

/** phone is a wx whose network is played by hand. */
function phone() {
  const listening = { hide: () => {}, show: () => {} };
  const calls = [];
  const take = (o) => {
    const task = { abort: () => o.fail({ errMsg: 'request:fail abort' }), onChunkReceived: () => {}, onProgressUpdate: () => {} };
    calls.push(o);
    return task;
  };
  const sockets = [];
  const wx = strict({
    request: take, uploadFile: take, requestPayment: () => {}, requestSubscribeMessage: () => {},
    connectSocket: () => {
      const on = [];
      sockets.push({ close: () => on.forEach((fn) => fn({})) });
      return { onClose: (fn) => on.push(fn), onError: () => {} };
    },
    setStorageSync: () => {}, removeStorageSync: () => {},
    onAppHide: (fn) => (listening.hide = fn), onAppShow: (fn) => (listening.show = fn),
  }, { setTimeout: (fn) => (listening.later = fn) });
  return { wx, calls, sockets, listening };
}

const url = 'https://shop.example/x';

const refusals = [
  ['PATCH', (wx) => wx.request({ url, method: 'PATCH' }), /PATCH is not supported/],
  ['an option that wx.request has not', (wx) => wx.request({ url, body: '' }), /no option body/],
  ['a relative address', (wx) => wx.request({ url: '/x' }), /not absolute/],
  ['a Referer', (wx) => wx.request({ url, header: { Referer: 'x' } }), /Referer/],
  ['a header that is a number', (wx) => wx.request({ url, header: { a: 1 } }), /not a string/],
  ['a timeout in words', (wx) => wx.request({ url, timeout: '5s' }), /timeout/],
  ['a number as a body', (wx) => wx.request({ url, data: 5 }), /neither text/],
  ['a file without a name', (wx) => wx.uploadFile({ url, filePath: 'a' }), /name is missing/],
  ['a socket over http', (wx) => wx.connectSocket({ url }), /not ws/],
  ['a timeStamp that is a number', (wx) => wx.requestPayment({ timeStamp: 1, nonceStr: 'n', package: 'p', signType: 'RSA', paySign: 's' }), /timeStamp should be String/],
  ['four templates', (wx) => wx.requestSubscribeMessage({ tmplIds: ['a', 'b', 'c', 'd'] }), /1 to 3/],
  ['over 1 MB under a key', (wx) => wx.setStorageSync('a', 'x'.repeat(1 << 20)), /entry size limit/],
  ['over 10 MB in all', (wx) => Array.from({ length: 11 }, (_, i) => wx.setStorageSync('k' + i, 'x'.repeat((1 << 20) - 10))), /storage limit/],
];

for (const [name, act, why] of refusals) test(`refuses ${name}`, () => assert.throws(() => act(phone().wx), why));

test('runs ten calls at once and lets the rest wait', () => {
  const { wx, calls } = phone();
  const done = [];
  for (let i = 0; i < 12; i++) (i % 2 ? wx.request : wx.uploadFile)({ url, ...(i % 2 ? {} : { filePath: 'f', name: 'n' }), success: () => done.push(i) });
  assert.equal(calls.length, 10);
  calls[3].success({});
  calls[3].success({});
  assert.deepEqual([calls.length, done], [11, [3]]);
  calls[0].success({});
  assert.deepEqual([calls.length, wx.limits.most], [12, 10]);
});

test('opens five sockets at once', async () => {
  const { wx, sockets } = phone();
  for (let i = 0; i < 5; i++) assert.ok(wx.connectSocket({ url: 'wss://shop.example' }));
  const said = await new Promise((resolve) => wx.connectSocket({ url: 'wss://shop.example', fail: resolve }));
  assert.match(said.errMsg, /connectSocket:fail/);
  sockets[0].close();
  assert.ok(wx.connectSocket({ url: 'wss://shop.example' }));
});

test('a hidden mini program loses its requests after 5 s and gets no new ones', async () => {
  const { wx, listening } = phone();
  const said = [];
  wx.request({ url, fail: (err) => said.push(err.errMsg) });
  listening.hide();
  const refused = await new Promise((resolve) => wx.request({ url, fail: resolve }));
  assert.deepEqual([said, refused.errMsg], [[], 'request:fail interrupted']);
  listening.later();
  assert.deepEqual(said, ['request:fail interrupted']);
  listening.show();
  assert.ok(wx.request({ url }));
});
