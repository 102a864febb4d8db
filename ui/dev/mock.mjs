// Answers the routes of src/api/types.ts with made-up data, and serves dist/, to look at the pages without a server: node dev/mock.mjs 8099
// It is for development only and is no part of the build.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const port = Number(process.argv[2] || 8099);
const root = fileURLToPath(new URL('../dist/', import.meta.url));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; connect-src 'self'; font-src 'self'; img-src 'self' data: blob:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'";

const ago = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();
const day = (back) => ago(back * 24).slice(0, 10);
const all = ['view', 'phone', 'export', 'orders', 'ship', 'refund', 'dispute', 'products', 'users', 'outreach', 'books', 'setup', 'staff', 'audit'];
const roles = { owner: all, manager: all.filter((one) => !['staff', 'setup'].includes(one)), clerk: ['view', 'orders', 'ship', 'products'], finance: ['view', 'export', 'refund', 'dispute', 'books', 'audit'], viewer: ['view'] };
const me = { id: 's1', email: 'owner@example.com', name: '王老板', role: process.env.ROLE || 'owner', permissions: roles[process.env.ROLE || 'owner'], totp: false, simulated: true, shop: '兰州面馆' };
const picture = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44"><rect width="44" height="44" fill="#d9a15c"/><circle cx="22" cy="22" r="13" fill="#f6e3c1"/></svg>')}`;
const names = ['兰州牛肉面', '刀削面', '凉皮', '酸梅汤', '卤蛋', '羊肉串', 'Hand-pulled noodles with a very long English name'];
const people = ['王小明', '李娜', 'Alex', '张伟', '陈静', ''];
const states = ['PAID', 'UNPAID', 'PART_REFUNDED', 'REFUNDED', 'CANCELLED', 'PAID', 'PAID'];

const order = (n) => ({
  id: `order${n}`, number: `20261128${String(n).padStart(6, '0')}`, created: ago(n * 3), paidAt: n % 7 === 1 ? '' : ago(n * 3 - 0.1), expiresAt: ago(n * 3 - 0.5), payState: states[n % 7], shipState: n % 5 === 2 ? 'SHIPPED' : 'NONE',
  total: 3600 + n * 150, refunded: n % 7 === 2 ? 1800 : 0, title: `${names[n % 7]}×2, ${names[(n + 3) % 7]}×1`, lines: 2, buyer: { id: `user${n % 6}`, name: people[n % 6], phone: '138****8000' },
  note: n % 4 === 0 ? '少辣，多放香菜' : '', frozen: n === 6, due: states[n % 7] === 'PAID' && n % 5 !== 2 ? { deadline: ago(-48 + n * 3), hoursLeft: 48 - n * 3 } : null,
});
const orders = Array.from({ length: 57 }, (_, n) => order(n));
const whole = (row) => ({
  ...row, items: [{ product: 'p1', variant: 'v1', name: names[0], variantName: '大碗', price: 1800, quantity: 2, image: picture }, { product: 'p3', variant: '', name: names[2], variantName: '', price: 600, quantity: 1, image: '' }],
  attach: '', remark: '', refundable: row.total - row.refunded,
  payments: [{ id: 'pay1', api: 'v3', outTradeNo: `${row.number}A1`, transactionId: '4200002345202611281234567890', state: row.frozen ? 'DISPUTED' : 'PAID', amount: row.total, payerTotal: row.total, successAt: row.paidAt, created: row.created, disputedAt: row.frozen ? row.paidAt : '', dispute: row.frozen ? 'amount: WeChat says 1 fen, the order 4500' : '', heldTotal: row.frozen ? 1 : 0 }],
  refunds: row.refunded ? [{ id: 'r1', outRefundNo: 'R1', refundId: '503', state: 'SUCCESS', amount: row.refunded, reason: '少一份', requestedBy: 'clerk@example.com', created: row.paidAt, successAt: row.paidAt, refusedCode: '', refusedMessage: '', waitsFor: '' }, { id: 'r2', outRefundNo: 'R2', refundId: '', state: 'NEW', amount: 100000, reason: '', requestedBy: 'clerk@example.com', created: row.paidAt, successAt: '', refusedCode: '', refusedMessage: '', waitsFor: 'second_person' }] : [],
  shipments: row.shipState === 'SHIPPED' ? { state: 'SHIPPED', parcels: [{ trackingNo: 'SF1234567890123', expressCompany: 'SF', itemDesc: '面' }], error: '', sentAt: row.paidAt } : null,
  timeline: [
    { at: row.created, kind: 'created', title: '', from: '', to: 'UNPAID', by: people[1], ref: '', ok: true, details: '' },
    { at: row.paidAt, kind: 'notification', title: 'pay', from: '', to: 'APPLIED', by: '', ref: '1900000001', ok: true, details: 'signature verified' },
    { at: row.paidAt, kind: 'ledger', title: '', from: 'UNPAID', to: 'PAID', by: 'notification', ref: 'pay1', ok: true, details: '' },
    { at: row.paidAt, kind: 'effect', title: 'message.send', from: '', to: '', by: '', ref: 'effect1', ok: false, details: '43101 user refused' },
  ],
  can: row.frozen ? ['sync', 'resolve', 'disown'] : row.payState === 'UNPAID' ? ['sync', 'cancel'] : ['sync', 'refund', 'ship', 'resend'],
});
const product = (n) => ({ id: `p${n}`, name: names[n % 7], description: '手工现做', image: n % 2 ? picture : '', price: 1800 + n * 100, stock: n === 3 ? 0 : 50 - n, active: n !== 4, category: n % 2 ? '面食' : '小吃', position: n, variants: n === 1 ? [{ id: 'v1', name: '大碗', price: 2200, stock: 9, active: true, position: 0 }, { id: 'v2', name: '小碗', price: 1800, stock: 12, active: true, position: 1 }] : [], sold: 120 - n, updated: ago(n) });
const user = (n) => ({ id: `user${n}`, name: people[n % 6], avatar: '', phone: n % 3 ? '138****8000' : '', blocked: n === 4, created: ago(n * 50), lastSeen: ago(n), orders: n * 2, paid: n * 12300 });
const code = (n) => ({ id: `code${n}`, kind: 'unlimited', appid: 'wx1234567890abcdef', page: n < 4 ? 'pages/index/index' : 'pages/order/order', scene: `table=${n}`, payload: n === 2 ? { table: 2 } : null, image: '', scans: n * 13, lastScanAt: ago(n), created: ago(n * 40), maker: '' });
const secret = (set) => ({ set, fingerprint: set ? 'sha256:1a2b3c4d' : '', fromEnv: false });
const page = (items, query) => {
  const at = Number(query.get('page') || 1), per = Number(query.get('perPage') || 20);
  return { items: items.slice((at - 1) * per, at * per), page: at, perPage: per, totalItems: items.length };
};
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100" fill="#fff"/><g fill="#111">${Array.from({ length: 36 }, (_, n) => `<rect x="49" y="${8 + (n % 3) * 3}" width="2.5" height="${22 - (n % 4) * 4}" rx="1" transform="rotate(${n * 10} 50 50)"/>`).join('')}<circle cx="50" cy="50" r="13"/></g></svg>`;

const figures = (by) => ({ paid: 1284500 * by, orders: 342 * by, average: 3756, refunded: 18000 * by, refunds: 4 * by, users: 57 * by, logins: 410 * by, scans: 96 * by });
const templates = [{ id: 'XonRB6i4abcdefgh', title: '付款成功通知', content: '', example: '', oneOff: true, keywords: [{ key: 'character_string1', type: '', name: '订单号' }, { key: 'thing2', type: '', name: '商品名称' }, { key: 'amount3', type: '', name: '支付金额' }, { key: 'time4', type: '', name: '支付时间' }] }];

const routes = [
  ['POST', /^staff\/login$/, (_, body) => (body.password === 'wrong' ? [401, { status: 401, message: '邮箱或密码不对', data: { code: 'staff_refused' } }] : { token: 'x', me })],
  ['GET', /^staff\/me$/, () => me],
  ['GET', /^overview$/, ({ query }) => ({ days: Number(query.get('days') || 1), from: day(7), to: day(0), now: figures(2), before: figures(1), byDay: Array.from({ length: Math.max(7, Number(query.get('days'))) }, (_, n, l = Math.max(7, Number(query.get('days')))) => ({ at: day(l - 1 - n), paid: 90000 + ((n * 7919) % 13) * 9000, orders: 20 + n, refunded: 0 })), byHour: Array.from({ length: 24 }, (_, hour) => ({ hour, paid: Math.max(0, 60000 - (hour - 12) ** 2 * 900), orders: hour })), best: [0, 1, 2, 3, 4].map((n) => ({ product: `p${n}`, name: names[n], quantity: 90 - n * 11, amount: (90 - n * 11) * 1800 })), online: 17 })],
  ['GET', /^attention$/, () => ({ items: [{ id: 'a1', kind: 'disputed', count: 1, subject: '20261128000006', details: '金额不一致', since: ago(2), hoursLeft: null, to: '/orders/order6' }, { id: '', kind: 'shipping_due', count: 3, subject: '', details: '', since: ago(40), hoursLeft: 7, to: '/orders?ship=due' }, { id: 'a3', kind: 'bill', count: 1, subject: `1900000001 ${day(1)}`, details: '', since: ago(20), hoursLeft: null, to: '/bills' }, { id: '', kind: 'held_text', count: 2, subject: '', details: '', since: ago(9), hoursLeft: null, to: '/held' }, { id: 'a5', kind: 'backup', count: 1, subject: '', details: '', since: ago(30), hoursLeft: null, to: '/doctor' }] })],
  ['GET', /^orders$/, ({ query }) => page(orders.filter((one) => (!query.get('state') || one.payState === query.get('state')) && (!query.get('search') || (one.number + one.title).includes(query.get('search')))), query)],
  ['GET', /^orders\.csv$/, () => '﻿number,total\n1,2\n'],
  ['GET', /^orders\/(\w+)$/, ({ id }) => whole(orders.find((one) => one.id === id) ?? orders[0])],
  ['POST', /^orders\/\w+\/refunds\/preview$/, (_, body) => ({ amount: body.lines.reduce((sum, { line, quantity }) => sum + quantity * [1800, 600][line], 0) })],
  ['GET', /^picking$/, ({ query }) => ({ items: (query.get('ids') || '').split(',').filter(Boolean).map((id) => whole(orders.find((one) => one.id === id) ?? orders[0])) })],
  ['GET', /^carriers$/, () => ({ items: [{ id: 'SF', name: '顺丰速运' }, { id: 'ZTO', name: '中通快递' }, { id: 'YTO', name: '圆通速递' }] })],
  ['GET', /^products$/, ({ query }) => page(Array.from({ length: 7 }, (_, n) => product(n)), query)],
  ['GET', /^products\/p(\d)$/, ({ id }) => product(Number(id))],
  ['POST', /^products$/, (_, body) => ({ ...product(0), ...body, id: 'p5' })],
  ['PATCH', /^products\/p(\d)$/, ({ id }, body) => ({ ...product(Number(id)), ...body, id: `p${id}` })],
  ['GET', /^categories$/, () => ({ items: ['面食', '小吃'] })],
  ['GET', /^users$/, ({ query }) => page(Array.from({ length: 31 }, (_, n) => user(n)), query)],
  ['GET', /^users\/user(\d+)$/, ({ id }) => ({ ...user(Number(id)), identities: [{ appid: 'wx1234567890abcdef', openid: 'oABC-123_def456', unionid: 'u1', sessionAt: ago(2) }], recent: orders.slice(0, 4), invitedBy: { id: 'user2', name: people[2], at: ago(80) }, invited: [{ id: 'user3', name: people[3], at: ago(30) }], consents: [{ templateId: 'XonRB6i4abcdefgh', remaining: 2, answer: 'accept' }] })],
  ['POST', /^users\/\w+\/phone$/, () => ({ phone: '13800138000' })],
  ['GET', /^codes$/, ({ query }) => page(Array.from({ length: 7 }, (_, n) => code(n)), query)],
  ['GET', /^codes\/code(\d)$/, ({ id }) => ({ ...code(Number(id)), days: Array.from({ length: 14 }, (_, n) => ({ day: day(13 - n), scans: (n * 5) % 11, users: 1, guests: 1 })), invites: [{ user: 'user3', name: people[3], inviter: 'user2', inviterName: people[2], at: ago(3) }] })],
  ['GET', /^links$/, ({ query }) => page([{ id: 'l1', kind: 'scheme', path: 'pages/index/index', query: 'table=7', url: 'weixin://dl/business/?t=abcDEF123456', created: ago(5), expiresAt: ago(-400) }, { id: 'l2', kind: 'short', path: 'pages/index/index', query: '', url: '#小程序://兰州面馆/abc', created: ago(5), expiresAt: '' }], query)],
  ['GET', /^message-rules$/, () => ({ items: ['order.paid', 'order.shipped', 'refund.succeeded'].map((event, n) => ({ id: n ? '' : 'm1', event, appid: 'wx1234567890abcdef', templateId: n ? '' : templates[0].id, page: 'pages/order/order?id={id}', data: n ? {} : { character_string1: '{number}', thing2: '{items}', amount3: '{total}元', time4: '{time}' }, state: 'formal', lang: 'zh_CN', enabled: !n })) })],
  ['GET', /^messages$/, ({ query }) => page([{ id: 'x1', user: 'user1', name: people[1], templateId: templates[0].id, state: 'DELIVERED', error: '', created: ago(1), msgid: '1' }, { id: 'x2', user: 'user3', name: people[3], templateId: templates[0].id, state: 'FAILED', error: '43101 user refuse to accept the msg', created: ago(2), msgid: '2' }], query)],
  ['GET', /^consents$/, () => ({ items: [{ templateId: templates[0].id, people: 44, remaining: 61 }] })],
  ['GET', /^rooms$/, () => ({ items: [{ name: 'notice', history: 100, presence: true, members: 12, lastAt: ago(0.1) }, { name: 'kitchen', history: 0, presence: true, members: 2, lastAt: '' }] })],
  ['GET', /^inbox$/, ({ query }) => page(['APPLIED', 'REFUSED', 'REPEATED', 'UNMATCHED', 'FAILED'].map((state, n) => ({ id: `i${n}`, kind: ['pay', 'refund', 'push'][n % 3], source: '1900000001', state, verified: n !== 1, error: n === 1 ? 'signature does not match' : '', ref: '', seen: 1 + n, created: ago(n) })), query)],
  ['GET', /^inbox\/(\w+)$/, ({ id }) => ({ id, kind: 'pay', source: '1900000001', state: 'REFUSED', verified: false, error: 'signature does not match', ref: '', seen: 1, created: ago(1), body: '{"id":"EV-1","event_type":"TRANSACTION.SUCCESS"}', headers: { 'Wechatpay-Serial': 'PUB_KEY_ID_1' } })],
  ['GET', /^effects$/, ({ query }) => page([{ id: 'e1', effect: 'message.send', key: 'k', attempts: 3, nextAt: '', doneAt: ago(1), error: '43101 user refuse', created: ago(3), order: 'order2' }, { id: 'e2', effect: 'shipping.upload', key: 'k', attempts: 1, nextAt: '', doneAt: ago(1), error: '', created: ago(3), order: 'order3' }], query)],
  ['GET', /^bills$/, ({ query }) => ({ items: Array.from({ length: 27 }, (_, n) => ({ id: `b${n}`, date: `${query.get('month')}-${String(n + 1).padStart(2, '0')}`, merchant: '1900000001', state: ['OK', 'OK', 'EMPTY', 'DIFFERENT', 'OK', 'WAITING'][n % 6], totals: { payments: 30, theirTotal: 128000, ourTotal: 128000, refunds: 1 }, differences: n % 6 === 3 ? 2 : 0, open: n % 6 === 3 ? 1 : 0, attempts: 1, nextAt: '', error: '' })).filter((bill) => bill.date < day(0)) })],
  ['GET', /^bill-diffs$/, ({ query }) => page([{ id: 'd1', date: day(3), merchant: '1900000001', kind: 'payment_total', outTradeNo: '20261125000001A1', ours: { amount: 3600, state: 'PAID' }, theirs: { amount: 3601, state: 'SUCCESS' }, resolved: false, order: 'order1' }], query)],
  ['GET', /^held$/, ({ query }) => page([{ id: 'h1', user: 'user1', name: people[1], collection: 'comments', record: 'c1', field: 'text', text: '这家的面真不错，加微信 12345 有优惠', image: '', state: 'REVIEW', label: '广告', created: ago(4) }, { id: 'h2', user: 'user2', name: people[2], collection: 'users', record: 'u', field: 'avatar', text: '', image: picture, state: 'RISKY', label: '', created: ago(9) }], query)],
  ['GET', /^setup$/, () => ({ simulated: true, publicUrl: 'https://shop.example.com', publicUrlFrom: 'stored', steps: [{ id: 'app', state: 'done', reason: '' }, { id: 'merchant', state: 'wrong', reason: '私钥与证书序列号不是一对' }, { id: 'address', state: 'done', reason: '' }, { id: 'push', state: 'missing', reason: '' }, { id: 'domain', state: 'missing', reason: '' }, { id: 'payment', state: 'missing', reason: '' }], app: { id: 'a', appid: 'wx1234567890abcdef', name: '面馆', secret: secret(true), pushToken: secret(false), pushAesKey: secret(false), pushMode: 'safe', envVersion: 'release', pushAddress: 'https://shop.example.com/api/wx/push/wx1234567890abcdef' }, merchant: { id: 'm', mchid: '1900000001', name: '', api: 'v3', certSerial: '', privateKey: secret(true), apiV3Key: secret(true), apiV2Key: secret(false), publicKeyId: '', publicKey: secret(false), certificate: secret(false), verifyMode: 'publicKey', signType: 'HMAC-SHA256', foreign: 'number:ERP-*', notifyAddress: 'https://shop.example.com/api/wx/notify/pay/1900000001' }, preferences: { shop: '兰州面馆', twoPersonsAbove: 50000, publicUrl: 'https://shop.example.com' } })],
  ['POST', /^setup\/recognise$/, (_, body) => (body.text.includes('PRIVATE') ? { kind: 'private_key', serial: '', subject: '', from: '', until: '', matches: false } : body.text.includes('CERT') ? { kind: 'certificate', serial: '5157F09EFDC096DE15EBE81A47057A72', subject: 'CN', from: ago(100), until: ago(-9000), matches: true } : { kind: 'unknown', serial: '', subject: '', from: '', until: '', matches: null })],
  ['POST', /^doctor$/, () => ({ findings: [{ check: 'clock', state: 'ok', title: '时钟', why: '与微信相差 0 秒', cure: '', doc: '' }, { check: 'whitelist', state: 'problem', title: 'IP 白名单', why: '微信返回 40164：1.2.3.4 不在白名单', cure: '在 开发设置 → IP 白名单 里添加 1.2.3.4', doc: 'docs/go-live.md' }, { check: 'backup', state: 'warning', title: '备份', why: '最近的备份是 3 天前', cure: '检查磁盘', doc: 'docs/configuration.md' }, { check: 'push', state: 'skipped', title: '消息推送', why: '还没有公网地址', cure: '', doc: '' }] })],
  ['GET', /^staff$/, () => ({ items: ['owner', 'clerk', 'finance'].map((role, n) => ({ id: `s${n}`, email: `${role}@example.com`, name: people[n], role, disabled: n === 2, totp: n === 0, lastSeen: ago(n), sessions: n, created: ago(900) })) })],
  ['GET', /^staff\/\w+\/sessions$/, () => ({ items: [{ id: 'q1', agent: 'Chrome, Windows', ip: '10.0.0.1', created: ago(8), seen: ago(0), current: true }, { id: 'q2', agent: 'WeChat, Android', ip: '10.0.0.9', created: ago(80), seen: ago(3), current: false }] })],
  ['POST', /^staff\/me\/totp$/, () => ({ secret: 'JBSWY3DPEHPK3PXP', url: 'otpauth://…', image: `data:image/svg+xml,${encodeURIComponent(svg)}` })],
  ['GET', /^roles$/, () => ({ roles })],
  ['GET', /^audit$/, ({ query }) => page(Array.from({ length: 44 }, (_, n) => ({ id: `u${n}`, at: ago(n), actor: 'clerk@example.com', role: 'clerk', action: ['order_cancel', 'refund', 'ship'][n % 3], subject: `order${n}`, label: orders[n].number, details: n % 3 ? { amount: 1800 } : {}, ip: '10.0.0.7', agent: '', status: n % 5 ? 200 : 403 })), query)],
];

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x');
  if (url.pathname.startsWith('/shop/')) return file(response, url.pathname.slice(6) || 'index.html');
  let text = '';
  for await (const part of request) text += part;
  let body = {};
  try { body = JSON.parse(text || '{}'); } catch { /* a form */ }
  const path = url.pathname.replace('/api/wx/admin/', '');
  if (/codes\/\w+\/image/.test(path)) return response.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(svg);
  if (path === '/api/wx/templates') return send(response, 200, { appid: 'wx', templates });
  if (/^\/api\/wx\/rooms\/.*\/messages$/.test(path)) return send(response, 200, { messages: [{ event: 'paid', payload: { name: '王**', items: '面' }, at: ago(0.2), seq: 1 }, { event: 'notice', payload: { text: '今日营业到 22 点' }, at: ago(0.1), seq: 2, sender: 'user1' }].filter((one) => one.seq > Number(url.searchParams.get('after'))), more: false, last: 2 });
  if (/^\/api\/wx\/rooms\/.*\/members$/.test(path)) return send(response, 200, { members: [{ user: 'user1', verified: true, connections: 2 }, { user: '', verified: false, connections: 1 }], count: 2, complete: true });
  for (const [method, pattern, answer] of routes) {
    const match = method === request.method && pattern.exec(path);
    if (!match) continue;
    const got = answer({ query: url.searchParams, id: match[1] }, body);
    return Array.isArray(got) ? send(response, ...got) : send(response, 200, got);
  }
  if (request.method === 'GET') return send(response, 404, { status: 404, message: `no ${path}`, data: {} });
  send(response, 200, { ok: true, id: 'code1', waitsFor: '' });
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/shop/`));

function send(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
}

function file(response, name) {
  const path = root + name;
  if (name.includes('..') || !existsSync(path)) return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': policy }).end(readFileSync(path));
}
