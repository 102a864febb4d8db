/** The one error of the client, and how it is read from an answer of the server. */
(function (root, factory) {
  if (typeof module === 'object' && module.exports) module.exports = factory();
  else root.wxbaseErrors = factory();
})(this, function () {
  'use strict';

  /**
   * What went wrong. `status` is the HTTP status (0: the call never got an answer), `code` the server's stable word
   * (`wx_code_invalid`, `order_not_payable`, ...) or one of ours (`network`, `wx_login_failed`, `pay_failed`, ...).
   */
  class WxbaseError extends Error {
    constructor(status, code, message, data) {
      super(message);
      this.name = 'WxbaseError';
      this.status = status;
      this.code = code;
      this.data = data || {};
    }
  }

  /** errorFrom reads PocketBase's error shape; a body that is none (a proxy's HTML) still becomes an error. */
  function errorFrom(status, body) {
    const b = body && typeof body === 'object' ? body : {};
    const data = b.data && typeof b.data === 'object' ? b.data : {};
    // note: our routes put a plain string in data.code, PocketBase puts {code, message} under each refused field.
    const code = typeof data.code === 'string' ? data.code : firstFieldCode(data) || 'http_' + status;
    return new WxbaseError(status, code, b.message || 'HTTP ' + status, data);
  }

  function firstFieldCode(data) {
    const field = Object.keys(data).find((k) => data[k] && typeof data[k].code === 'string');
    return field ? data[field].code : '';
  }

  return { WxbaseError, errorFrom };
});
