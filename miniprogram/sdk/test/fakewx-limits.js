'use strict';
/** What the platform refuses (facts of developers.weixin.qq.com: wx.request, wx.setStorageSync), so that no test passes by what no phone does. */

const METHODS = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT'];
const STORED = 1 << 20; // bytes under one key

function checkRequest(o) {
  if (o.method && !METHODS.includes(o.method)) throw new Error('wx.request: method ' + o.method + ' is not supported');
  if (Object.keys(o.header || {}).some((name) => name.toLowerCase() === 'referer')) throw new Error('wx.request: Referer cannot be set');
  if (o.timeout !== undefined && typeof o.timeout !== 'number') throw new Error('wx.request: timeout is not a number');
}

function checkStorage(key, value) {
  if (typeof key !== 'string' || key === '') throw new Error('setStorageSync:fail key is empty');
  if (Buffer.byteLength(JSON.stringify(value)) > STORED) throw new Error('setStorageSync:fail entry size limit reached');
}

module.exports = { checkRequest, checkStorage };
