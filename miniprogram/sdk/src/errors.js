/** The one error of the client, how it is read from an answer of the server, and the sentences of what goes wrong on the phone. */

/**
 * What went wrong. `status` is the HTTP status (0: the call never got an answer), `code` the server's stable word
 * (`wx_code_invalid`, `order_not_payable`, ...) or one of ours (`network`, `timeout`, `wx_login_failed`, `pay_failed`, ...).
 * `message` is a sentence in the user's language, `detail` what the platform said (`request:fail ...`), for a log.
 */
export class WxbaseError extends Error {
  constructor(status, code, message, data, detail) {
    super(message);
    Object.assign(this, { name: 'WxbaseError', status, code, data: data || {}, detail: detail || '' });
  }
}

const TOO_OLD = '微信版本过低，请升级|WeChat is too old.';

/** sentences has zh|en for what the server cannot say: it was not reached, or the phone refused. */
const sentences = {
  network: '网络不可用，请检查网络后重试|No network. Try again.',
  timeout: '网络超时，请稍后重试|Timed out. Try again.',
  aborted: '已取消|Aborted.',
  queued: '网络恢复后会自动提交|Sent when the network is back.',
  wx_login_failed: '微信登录失败，请重试|Login failed. Try again.',
  logged_out: '已退出登录|Logged out.',
  phone_denied: '未授权手机号|No phone number given.',
  privacy_denied: '未同意隐私保护指引|Privacy guide not accepted.',
  privacy_undeclared: '隐私保护指引未声明此项信息|Not in the privacy guide.',
  subscribe_refused: '订阅消息已关闭，请在设置中打开|Messages are switched off.',
  pay_failed: '支付未完成，请重试|Payment failed. Try again.',
  transfer_unsupported: TOO_OLD,
  realtime_unsupported: TOO_OLD,
  http_401: '请先登录|Log in first.',
  http_403: '没有权限|Not allowed.',
  http_404: '内容不存在|Not found.',
  http_413: '内容过大|Too large.',
  http_429: '操作太频繁，请稍后再试|Too many requests. Try again.',
  http_5xx: '服务器繁忙，请稍后重试|Server busy. Try again.',
};

function sentence(lang, key) {
  return (sentences[key] || '|').split('|')[lang === 'en' ? 1 : 0];
}

/** faults makes errors of ours. Methods of Client, and of what else keeps a Link. */
export const faults = {
  fault(code, detail, data) {
    return new WxbaseError(0, code, sentence(this.language, code) || detail || code, data, detail);
  },

  /** failed reads what the fail callback of a network call got. */
  failed(err) {
    const said = (err && err.errMsg) || '';
    return this.fault(/abort/.test(said) ? 'aborted' : /time ?out/i.test(said) ? 'timeout' : 'network', said);
  },
};

/** errorFrom reads PocketBase's error shape; a body that is none (a proxy's HTML) still becomes an error. */
export function errorFrom(res, lang) {
  const status = +res.statusCode;
  const b = objectOf(res.data);
  const data = objectOf(b.data);
  // note: our routes put a plain string in data.code, PocketBase puts {code, message} under each refused field.
  const own = typeof data.code === 'string';
  const code = own ? data.code : firstFieldCode(data) || 'http_' + status;
  const general = sentence(lang, status > 499 ? 'http_5xx' : 'http_' + status);
  const message = own ? b.message : general || b.message; // our own routes answer in the language asked for
  return new WxbaseError(status, code, message || general || 'HTTP ' + status, data, b.message);
}

function objectOf(value) {
  return value && typeof value === 'object' ? value : {};
}

function firstFieldCode(data) {
  const field = Object.values(data).find((about) => about && typeof about.code === 'string');
  return field && field.code;
}
