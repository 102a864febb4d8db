// the panel of the simulated WeChat: reads /_sim/ every two seconds; everything is written as text, never as markup.
'use strict';

const WORDS = {
  zh: {
    title: '模拟微信', identity: '身份', people: '人', faults: '故障', orders: '订单', refunds: '退款', notifications: '通知', calls: '调用', add: '添加',
    queue: '排队', clear: '清空', onlyRefused: '只看被拒绝的', nickname: '昵称', phone: '手机号', risky: '有风险', safe: '正常', none: '还没有',
    other: 'English', lost: '连接断开', moved: '已拨快', fen: '元', attempts: '次投递', next: '下次', until: '直到清空', left: '剩',
    notPay: '未支付', success: '已支付', refund: '转入退款', closed: '已关闭', toShip: '待发货', parting: '分批发货中', shipped: '已发货', corrected: '已更正发货',
    messages: '服务通知', push: '消息推送', subscribe: '订阅', unsubscribe: '拒收', save: '保存', send: '推送', opensNothing: '点击不跳转',
    processing: '退款中', refunded: '已退款', abnormal: '退款异常', refundClosed: '退款关闭', byHand: '平台操作', back: '已退', again: '再发一次', happen: '发生', youSigned: '你签的', expected: '应签的', pending: '待送达', delivered: '已送达', givenUp: '已放弃', ok: '通过', refused: '拒绝', fault: '故障',
  },
  en: {
    title: 'Simulated WeChat', identity: 'Identity', people: 'People', faults: 'Faults', orders: 'Orders', refunds: 'Refunds', notifications: 'Notifications', calls: 'Calls', add: 'Add',
    queue: 'Queue', clear: 'Clear', onlyRefused: 'only the refused', nickname: 'nickname', phone: 'phone', risky: 'risky', safe: 'normal', none: 'none yet',
    other: '中文', lost: 'connection lost', moved: 'moved ahead', fen: 'yuan', attempts: 'attempts', next: 'next', until: 'until cleared', left: 'left',
    notPay: 'unpaid', success: 'paid', refund: 'refund', closed: 'closed', toShip: 'to ship', parting: 'partly shipped', shipped: 'shipped', corrected: 'shipped, corrected',
    messages: 'Service messages', push: 'Message push', subscribe: 'Subscribe', unsubscribe: 'Turn off', save: 'Save', send: 'Push', opensNothing: 'opens nothing',
    processing: 'processing', refunded: 'refunded', abnormal: 'abnormal', refundClosed: 'closed', byHand: 'by hand', back: 'back', again: 'send again', happen: 'let it happen', youSigned: 'what you signed', expected: 'what was expected', pending: 'pending', delivered: 'delivered', givenUp: 'given up', ok: 'ok', refused: 'refused', fault: 'fault',
  },
};

let lang = (localStorage.getItem('sim-lang') || navigator.language).startsWith('zh') ? 'zh' : 'en';
let kinds = {};
const shown = new Map(); // section -> the text it was last drawn from

const $ = (id) => document.getElementById(id);
const t = (word) => WORDS[lang][word] || word;

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const child of children) node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  return node;
}

async function ask(path, method, body) {
  const init = { method: method || 'GET', cache: 'no-store' };
  if (body) Object.assign(init, { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const res = await fetch('/_sim' + path, init);
  const data = await res.json();
  if (!res.ok) throw new Error(data.error || 'HTTP ' + res.status);
  return data;
}

// draw fills a section only when its data (or the language) changed, and keeps opened rows open.
function draw(id, data, build) {
  const text = lang + JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const box = $(id);
  const open = new Set([...box.querySelectorAll('details[open]')].map((d) => d.dataset.key));
  const nodes = build(data);
  box.replaceChildren(...(nodes.length ? nodes : [el('div', 'empty', t('none'))]));
  for (const d of box.querySelectorAll('details')) d.open = open.has(d.dataset.key);
}

const clockText = (iso) => new Date(iso).toLocaleTimeString('zh-CN', { hour12: false });
const tag = (word, mood) => el('span', 'tag ' + mood, word);
const span = (className, ...children) => el('span', className, ...children);

function row(key, cells, extra) {
  if (!extra || !extra.length) return el('div', 'plainrow', ...cells);
  const node = el('details', '', el('summary', '', ...cells), ...extra);
  node.dataset.key = key;
  return node;
}

function drawPeople(people) {
  return people.map((p) => {
    const img = el('img');
    img.src = p.avatar;
    img.alt = '';
    const toggle = el('button', 'plain', p.risky ? t('risky') : t('safe'));
    toggle.type = 'button';
    toggle.addEventListener('click', () => act(() => ask('/people/' + encodeURIComponent(p.id), 'POST', { risky: !p.risky })));
    return el('div', 'person', img, el('div', 'who', el('div', '', p.nickname), el('small', '', p.id + ' · +' + p.countryCode + ' ' + p.phone)), toggle);
  });
}

const ORDER_STATES = { NOTPAY: ['notPay', 'warn'], SUCCESS: ['success', 'good'], REFUND: ['refund', 'warn'], CLOSED: ['closed', ''] };
const REFUND_STATES = { PROCESSING: ['processing', 'warn'], SUCCESS: ['refunded', 'good'], ABNORMAL: ['abnormal', 'bad'], CLOSED: ['refundClosed', ''] };
// what a refund can still become, as POST /_sim/refunds/{refund_id} allows
const SETTLES = { PROCESSING: ['SUCCESS', 'ABNORMAL', 'CLOSED'], ABNORMAL: ['SUCCESS'] };
const NOTE_STATES = { PENDING: ['pending', 'warn'], DELIVERED: ['delivered', 'good'], GIVEN_UP: ['givenUp', 'bad'] };
const VERDICTS = { ok: ['ok', 'good'], refused: ['refused', 'bad'], fault: ['fault', 'warn'] };

function stateTag(states, state) {
  const [word, mood] = states[state] || [state, ''];
  return tag(t(word), mood);
}

const yuan = (fen) => '¥' + (fen / 100).toFixed(2);

function shipText(o) {
  if (!o.paid_at || o.refunded >= o.total) return '';
  if (!o.shipment) return ' · ' + t('toShip');
  return ' · ' + t(['parting', 'shipped', 'corrected'][o.shipment.finished]) + ' (' + o.shipment.parcels.length + ')';
}

function drawOrders(orders) {
  return orders.map((o) => row(o.out_trade_no, [
    span('time', clockText(o.made_at)), stateTag(ORDER_STATES, o.trade_state),
    span('', o.out_trade_no + ' · ' + o.description, span('muted', ' · ' + o.api + shipText(o))),
    span('', yuan(o.total) + (o.refunded ? ' · ' + t('back') + ' ' + yuan(o.refunded) : '')),
  ], [el('pre', '', JSON.stringify(o, null, 2))]));
}

function drawRefunds(refunds) {
  return refunds.map((r) => {
    const buttons = (SETTLES[r.status] || []).map((status) => {
      const button = el('button', 'plain', t(REFUND_STATES[status][0]));
      button.type = 'button';
      button.addEventListener('click', () => act(() => ask('/refunds/' + encodeURIComponent(r.refund_id), 'POST', { status })));
      return button;
    });
    return row(r.refund_id, [
      span('time', clockText(r.made_at)), stateTag(REFUND_STATES, r.status),
      span('', r.out_refund_no + ' ← ' + r.out_trade_no, span('muted', ' · ' + (r.api === 'platform' ? t('byHand') : r.api) + (r.reason ? ' · ' + r.reason : ''))),
      span('', yuan(r.refund), ...buttons),
    ], [el('pre', '', JSON.stringify(r, null, 2))]);
  });
}

function drawNotifications(list) {
  return list.map((n) => row(n.id, [
    span('time', clockText(n.made_at)), stateTag(NOTE_STATES, n.state),
    span('', n.event_type + ' · ' + (n.push ? n.appid : n.out_trade_no) + (n.out_refund_no ? ' · ' + n.out_refund_no : '') + ' → ' + n.url +
      (n.format === 'v2' ? ' (XML)' : '') + (n.replay ? ' (replay)' : '')),
    span('muted', n.attempts.length + ' ' + t('attempts') + (n.state === 'PENDING' ? ' · ' + t('next') + ' ' + clockText(n.due) : ''), sendAgain(n)),
  ], (n.attempts || []).map((a, i) => el('pre', '', '#' + (i + 1) + ' ' + clockText(a.at) + ' · ' + (a.status || '–') + ' · ' + a.took_ms + ' ms' +
    (a.fault ? ' · ' + a.fault : '') + (a.url ? '\n' + a.url : '') + (a.error ? '\n' + a.error : '') + (a.answer ? '\n← ' + a.answer : '') + (a.body ? '\n→ ' + a.body : '')))));
}

// sendAgain delivers a notification once more, as it was.
function sendAgain(n) {
  const button = el('button', 'plain', t('again'));
  button.type = 'button';
  button.addEventListener('click', (event) => {
    event.preventDefault(); // it lies in a summary, which would open
    act(() => ask('/notifications/' + encodeURIComponent(n.id) + '/resend', 'POST', {}));
  });
  return button;
}

// a message as it lies in 服务通知 on the phone
function drawMessages(list) {
  return list.map((m) => {
    const lines = m.lines.flatMap((line) => [el('dt', '', line.name), el('dd', '', line.value)]);
    return el('article', 'message', el('h3', '', m.title), el('dl', '', ...lines),
      el('footer', '', m.person + ' · ' + clockText(m.sentAt) + ' · ' + (m.page || t('opensNothing')) + (m.state === 'formal' ? '' : ' · ' + m.state)));
  });
}

// fillSelect keeps what is chosen while the list behind it changes.
function fillSelect(select, options) {
  const text = JSON.stringify(options);
  if (select.dataset.from === text) return;
  const chosen = select.value;
  select.dataset.from = text;
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

function drawCalls(calls) {
  return calls.map((c) => {
    const what = span('', c.method + ' ' + c.path + (c.query ? '?' + c.query : ''));
    if (c.finding) what.append(span('reason', (lang === 'zh' ? c.finding.says_zh : c.finding.says) + ' (' + c.finding.mistake + ')'));
    else if (c.reason) what.append(span('reason', c.reason));
    const more = [c.request && '→ ' + c.request, c.answer && '← ' + c.answer, c.rid && 'rid ' + c.rid].filter(Boolean);
    return row(String(c.id), [
      span('time', clockText(c.at)), stateTag(VERDICTS, c.verdict), what,
      span('muted', [c.status, c.code, c.fault].filter(Boolean).join(' · ')),
    ], [...drawFinding(c.finding), ...more.map((line) => el('pre', '', line))]);
  });
}

// drawFinding shows what was signed and what had to be, line by line, with the first byte that differs marked.
function drawFinding(f) {
  if (!f || !f.diff.length) return [];
  const head = el('tr', '', ...['', f.signed ? t('youSigned') : '', t('expected')].map((word) => el('th', '', word)));
  const rows = f.diff.map((line) => el('tr', line.at < 0 ? '' : 'differs', el('th', '', line.name),
    marked(f.signed ? line.signed : '', line), marked(line.expected, line)));
  return [el('table', 'diff', head, ...rows)];
}

function marked(text, line) {
  const cell = el('td');
  const other = text === line.signed ? line.expected : line.signed;
  if (line.at < 0 || text.startsWith('...')) {
    cell.append(text);
    return cell;
  }
  let at = 0;
  while (at < text.length && text[at] === other[at]) at += 1;
  cell.append(text.slice(0, at), el('mark', '', text.slice(at) || '∅'));
  return cell;
}

function drawFaults(list) {
  return list.map((f) => el('li', '', f.on + ' · ' + f.kind + ' · ' + (f.times < 0 ? t('until') : t('left') + ' ' + f.times) +
    (f.probability < 1 ? ' · p=' + f.probability : '') + (f.delay ? ' · ' + f.delay : '')));
}

function drawIdentity(cfg) {
  const pairs = [['apiBase', cfg.apiBase], ['appid', cfg.apps.map((app) => app.appid).join(', ')], ['mchid', cfg.merchants[0].mchid], ['certSerial', cfg.merchants[0].certSerial], ['publicKeyId', cfg.merchants[0].publicKeyId]];
  return pairs.flatMap(([name, value]) => [el('dt', '', name), el('dd', '', value || '–')]);
}

function drawClock(clock) {
  $('now').textContent = new Date(clock.now).toLocaleString('zh-CN', { hour12: false });
  $('offset').textContent = clock.offset === '0s' ? '' : t('moved') + ' ' + clock.offset;
}

async function refresh() {
  try {
    const [people, orders, refunds, notes, calls, clock, faults, messages] = await Promise.all(
      ['/people', '/orders?limit=200', '/refunds?limit=200', '/notifications?limit=200', '/calls?limit=200', '/clock', '/faults', '/messages?limit=50'].map((path) => ask(path)));
    drawClock(clock);
    draw('people', people, drawPeople);
    draw('orders', orders, drawOrders);
    draw('refunds', refunds, drawRefunds);
    draw('messages', messages, drawMessages);
    fillSelect($('subscribe').person, people.map((p) => [p.id, p.nickname]));
    draw('notifications', notes, drawNotifications);
    draw('calls', $('only-refused').checked ? calls.filter((c) => c.verdict !== 'ok') : calls, drawCalls);
    draw('faults', faults, drawFaults);
    $('link').textContent = '';
  } catch {
    $('link').textContent = t('lost');
  }
}

async function act(what, complaints = 'fault-error') {
  $(complaints).textContent = '';
  try {
    await what();
  } catch (err) {
    $(complaints).textContent = err.message;
  }
  await refresh();
}

async function subscribeAs(action, form) {
  const answer = await ask('/people/' + encodeURIComponent(form.person.value) + '/' + action, 'POST', { templateIds: [form.template.value], answer: form.answer.value });
  if (answer.errCode) throw new Error(answer.errMsg);
}

async function showPush() {
  const form = $('push-settings');
  const set = await ask('/apps/' + encodeURIComponent(form.appid.value) + '/push');
  for (const name of ['pushUrl', 'pushMode', 'pushFormat']) form[name].value = set[name];
}

function bindMessages() {
  const subscribe = $('subscribe');
  subscribe.addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => subscribeAs('subscribe', subscribe), 'message-error');
  });
  $('unsubscribe').addEventListener('click', () => act(() => subscribeAs('unsubscribe', subscribe), 'message-error'));
  const settings = $('push-settings');
  settings.appid.addEventListener('change', () => act(showPush, 'push-error'));
  settings.addEventListener('submit', (event) => {
    event.preventDefault();
    const body = { pushUrl: settings.pushUrl.value, pushMode: settings.pushMode.value, pushFormat: settings.pushFormat.value };
    act(() => ask('/apps/' + encodeURIComponent(settings.appid.value) + '/push', 'POST', body), 'push-error');
  });
  $('push-hand').addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target;
    act(() => ask('/push', 'POST', { appid: settings.appid.value, event: form.event.value, fields: JSON.parse(form.fields.value || '{}') }), 'push-error');
  });
}

function fillKinds() {
  const form = $('add-fault');
  form.kind.replaceChildren(...(kinds[form.on.value] || []).map((k) => new Option(k, k)));
}

function translate() {
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  document.title = t('title');
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-p]')) node.placeholder = t(node.dataset.p);
  $('lang').textContent = t('other');
}

function bind() {
  $('lang').addEventListener('click', () => {
    lang = lang === 'zh' ? 'en' : 'zh';
    localStorage.setItem('sim-lang', lang);
    translate();
    refresh();
  });
  for (const button of document.querySelectorAll('[data-advance]')) {
    button.addEventListener('click', () => act(() => ask('/clock', 'POST', { advance: button.dataset.advance })));
  }
  bindMessages();
  $('only-refused').addEventListener('change', refresh);
  $('clear-faults').addEventListener('click', () => act(() => ask('/faults', 'DELETE')));
  $('add-fault').on.addEventListener('change', fillKinds);
  $('add-fault').addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target;
    act(() => ask('/faults', 'POST', { on: form.on.value, kind: form.kind.value, times: Number(form.times.value), delay: form.delay.value }));
  });
  $('trigger').addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => ask('/trigger', 'POST', { event: event.target.event.value }));
  });
  $('add-person').addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target;
    act(() => ask('/people', 'POST', { nickname: form.nickname.value, phone: form.phone.value })).then(() => form.reset());
  });
}

async function start() {
  bind();
  translate();
  setInterval(refresh, 2000);
  const [cfg, allowed] = await Promise.all([ask('/config'), ask('/faults/kinds'), refresh()]);
  kinds = allowed;
  $('trigger').event.replaceChildren(...(await ask('/triggers')).map((name) => new Option(name, name)));
  $('trigger').event.value = 'pay.success';
  $('add-fault').on.replaceChildren(...Object.keys(kinds).map((k) => new Option(k, k)));
  fillKinds();
  draw('identity-body', cfg, drawIdentity);
  fillSelect($('push-settings').appid, cfg.apps.map((app) => [app.appid, app.appid]));
  await showPush();
  const templates = await ask('/apps/' + encodeURIComponent(cfg.apps[0].appid) + '/templates');
  fillSelect($('subscribe').template, templates.map((row) => [row.priTmplId, row.title]));
}

start();
