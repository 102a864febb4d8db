// the words of the panel in both languages.
const WORDS = {
  zh: {
    title: '模拟微信', identity: '身份', people: '人', faults: '故障', orders: '订单', refunds: '退款', transfers: '转账', accepted: '已受理', waitsConfirm: '待用户确认', onItsWay: '转账中', cancelling: '撤销中', arrived: '已到账', transferFailed: '转账失败', cancelled: '已撤销', notifications: '通知', calls: '调用', plays: '一键场景',
    messages: '服务通知', push: '消息推送', add: '添加', queue: '排队', clear: '清空', clearAll: '清空故障', nickname: '昵称', phone: '手机号', risky: '有风险', safe: '正常', none: '还没有',
    other: 'English', lost: '连接断开', moved: '已拨快', attempts: '次投递', next: '下次', until: '直到清空', left: '剩', times: '次数', delay: '延时', clock: '时钟',
    notPay: '未支付', success: '已支付', refund: '转入退款', closed: '已关闭', toShip: '待发货', parting: '分批发货中', shipped: '已发货', corrected: '已更正发货',
    subscribe: '订阅', unsubscribe: '拒收', save: '保存', send: '推送', opensNothing: '点击不跳转', processing: '退款中', refunded: '已退款', abnormal: '退款异常',
    refundClosed: '退款关闭', byHand: '平台操作', back: '已退', again: '再发一次', againChanged: '改动后再发', happen: '发生', moreEvents: '更多事件', youSigned: '你签的', expected: '应签的',
    chats: '客服', chatText: '在吗', chatEnter: '进入会话', chatAnswer: '回复', chatPassed: '已转人工客服',
    complaints: '投诉', complain: '投诉', complainPlatform: '向平台投诉', scansCode: '扫码支付', opensPage: '打开H5支付', complaintPending: '待处理', complaintProcessing: '处理中', complaintProcessed: '已完成', asksAgain: '留言', complainsAgain: '继续投诉', takesBack: '撤诉', pending: '待送达', delivered: '已送达', givenUp: '已放弃', ok: '通过', refused: '拒绝', fault: '故障', all: '全部', path: '路径', everybody: '所有商户和小程序',
    whyRefused: '为什么被拒绝', wrongField: '有误的字段', request: '请求', answer: '应答', headers: '头', body: '正文', curl: '复制为curl', copied: '已复制', replay: '重放',
    replayChanged: '改动后重放', signAnew: '用商户私钥重新签名', method: '方法', url: '路径和查询串', close: '关闭', sendIt: '发送', queuedFault: '排队的故障', noAnswer: '没有应答',
    said: '内容', faultsOf: '带故障再发', forged: '伪造', forgedHint: '不是真的通知，后端不应相信', replayOf: '重放自', notKept: '请求太大，未保留', queuedNow: '正在排队', tryIt: '做了', nothingQueued: '没有排队的故障',
    lineDiffers: '不同之处已标出', signedUnknown: '无法还原你签的内容；应签的如下', keyRight: '私钥正确', merchants: '商户', apps: '小程序', noCalls: '还没有调用：让你的后端指向这里', allGood: '全部通过',
  },
  en: {
    title: 'Simulated WeChat', identity: 'Identity', people: 'People', faults: 'Faults', orders: 'Orders', refunds: 'Refunds', transfers: 'Transfers', accepted: 'accepted', waitsConfirm: 'waits for the receiver', onItsWay: 'on its way', cancelling: 'being cancelled', arrived: 'arrived', transferFailed: 'failed', cancelled: 'cancelled', notifications: 'Notifications', calls: 'Calls', plays: 'One-click scenarios',
    messages: 'Service messages', push: 'Message push', add: 'Add', queue: 'Queue', clear: 'Clear', clearAll: 'Clear faults', nickname: 'nickname', phone: 'phone', risky: 'risky', safe: 'normal', none: 'none yet',
    other: '中文', lost: 'connection lost', moved: 'moved ahead', attempts: 'attempts', next: 'next', until: 'until cleared', left: 'left', times: 'times', delay: 'delay', clock: 'Clock',
    notPay: 'unpaid', success: 'paid', refund: 'refund', closed: 'closed', toShip: 'to ship', parting: 'partly shipped', shipped: 'shipped', corrected: 'shipped, corrected',
    subscribe: 'Subscribe', unsubscribe: 'Turn off', save: 'Save', send: 'Push', opensNothing: 'opens nothing', processing: 'processing', refunded: 'refunded', abnormal: 'abnormal',
    refundClosed: 'closed', byHand: 'by hand', back: 'back', again: 'send again', againChanged: 'send again, changed', happen: 'Let it happen', moreEvents: 'more events', youSigned: 'what you signed', expected: 'what was expected',
    chats: 'Customer service', chatText: 'hello?', chatEnter: 'open the chat', chatAnswer: 'answer', chatPassed: 'handed over',
    complaints: 'Complaints', complain: 'complain', complainPlatform: 'to the platform', scansCode: 'scan and pay', opensPage: 'open and pay', complaintPending: 'pending', complaintProcessing: 'processing', complaintProcessed: 'processed', asksAgain: 'asks', complainsAgain: 'complains again', takesBack: 'takes it back', pending: 'pending', delivered: 'delivered', givenUp: 'given up', ok: 'ok', refused: 'refused', fault: 'fault', all: 'all', path: 'path', everybody: 'every merchant and mini program',
    whyRefused: 'Why it was refused', wrongField: 'Field that is wrong', request: 'Request', answer: 'Answer', headers: 'headers', body: 'body', curl: 'copy as curl', copied: 'copied', replay: 'replay',
    replayChanged: 'replay changed', signAnew: "sign anew with the merchant's key", method: 'method', url: 'path and query', close: 'Close', sendIt: 'Send', queuedFault: 'a queued fault', noAnswer: 'no answer',
    said: 'what it says', faultsOf: 'again with a fault', forged: 'forged', forgedHint: 'no true message: a backend must not believe it', replayOf: 'replay of', notKept: 'the request is too large to be kept', queuedNow: 'Queued now', tryIt: 'done', nothingQueued: 'no fault is queued',
    lineDiffers: 'the difference is marked', signedUnknown: 'what you signed cannot be known; this was expected', keyRight: 'the key is right', merchants: 'merchants', apps: 'mini programs', noCalls: 'no calls yet: let your backend point here', allGood: 'all fine',
  },
};

let lang = (localStorage.getItem('sim-lang') || navigator.language).startsWith('zh') ? 'zh' : 'en';

export const language = () => lang;
export const t = (word) => WORDS[lang][word] || word;
/** pick gives the reader's half of something told in both languages as {name, name_zh}. */
export const pick = (told, name) => (lang === 'zh' && told[name + '_zh']) || told[name] || '';

export function turn() {
  lang = lang === 'zh' ? 'en' : 'zh';
  localStorage.setItem('sim-lang', lang);
}

/** translate writes what stands in the page itself. */
export function translate() {
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  document.title = t('title');
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-p]')) {
    node.placeholder = t(node.dataset.p);
    node.setAttribute('aria-label', t(node.dataset.p));
  }
}
