// "me": who is logged in, the phone number, the orders.
import { h, icon, arrow, replace } from '../dom.js';
import { t, yuan } from '../i18n.js';
import { makePage } from '../phone.js';
import { busy, halfScreen, loadingLine, toast } from '../weui.js';
import { dishArt } from '../art.js';
import { masked } from '../cashier.js';
import { leave, takeAway } from '../mydata.js';
import { orderPicture } from '../parts.js';
import { orderRow } from './order.js';

export function mePage(app) {
  const body = h('div');
  const page = makePage(app.phone, { title: t('tabMe'), name: 'me', over: true, tab: true, body });
  page.over = false; // the head is light: dark status bar
  page.refresh = () => replace(body, content(app));
  page.refresh();
  return page;
}

function content(app) {
  const { user } = app.client;
  const list = h('div', { class: 'cells card', 'data-testid': 'orders' }, user ? loadingLine() : empty(t('loginHint')));
  const sent = h('div', { 'data-testid': 'payouts' });
  if (user) loadOrders(app, list);
  if (user) loadPayouts(app, sent);
  return [user ? profile(app, user) : stranger(app), user ? phoneCells(app, user) : null, sent,
    h('div', { class: 'section' }, t('myOrders')), list, settings(app, user)];
}

function stranger(app) {
  const button = h('button', { class: 'btn primary mini', 'data-testid': 'login' }, t('login'));
  busy(button, async () => {
    await app.login();
    toast(t('loggedIn'), 'success');
  }, (err) => app.fail(err));
  return h('div', { class: 'profile' }, h('span', { class: 'avatar nobody' }, icon('meOn')),
    h('div', null, h('h2', null, t('notLogged')), h('p', null, t('loginHint'))), button);
}

function profile(app, user) {
  const name = user.name || t('wechatUser');
  const avatar = user.avatar ? app.client.fileURL(user, user.avatar) : app.person.avatar;
  return h('button', { class: 'profile', 'data-testid': 'profile', 'aria-label': t('nickname'), onclick: () => nameSheet(app, user) },
    h('img', { class: 'avatar', src: avatar, alt: '' }),
    h('span', null, h('h2', { 'data-testid': 'user-name' }, name), h('p', null, 'ID ' + user.id)), arrow());
}

/** nameSheet is <input type="nickname">: what is typed is the person's own word, with WeChat's nickname one tap away. */
function nameSheet(app, user) {
  halfScreen({ title: t('nickname'), testid: 'name-sheet' }, (close) => {
    const input = h('input', { class: 'field', value: user.name || '', maxlength: 20, placeholder: t('nicknameHint'), 'aria-label': t('nickname'), 'data-testid': 'name-input' });
    const offer = h('button', { class: 'offer', onclick: () => (input.value = app.person.nickname) },
      h('img', { class: 'avatar', src: app.person.avatar, alt: '' }), t('useNickname', { name: app.person.nickname }));
    const save = busy(h('button', { class: 'btn primary wide', 'data-testid': 'name-save' }, t('save')), async () => {
      await app.client.profile({ name: input.value });
      close();
      app.changed();
      toast(t('saved'), 'success');
    }, (err) => app.fail(err));
    return [h('div', { class: 'half-bd' }, input, offer), h('div', { class: 'half-ft' }, save)];
  });
}

function phoneCells(app, user) {
  const cell = h('button', { class: 'cell', 'data-testid': 'phone-cell' }, h('span', { class: 'cell-hd' }, icon('phone')), h('span', { class: 'cell-bd' }, t('phoneNumber')),
    h('span', { class: 'cell-ft', 'data-testid': 'phone-value' }, user.phone ? masked(user.phone) : t('phoneGet')), arrow());
  busy(cell, () => askPhone(app), (err) => app.fail(err));
  return h('div', { class: 'cells' }, cell);
}

/** askPhone is the button open-type="getPhoneNumber": WeChat asks, the server redeems the code. */
async function askPhone(app) {
  const detail = await new Promise((resolve) => app.wx.getPhoneNumber({ complete: resolve }));
  if (!detail.code) {
    toast(/deny/.test(detail.errMsg) ? t('phoneDenied') : detail.errMsg);
    return;
  }
  await app.client.phone(detail);
  app.desk.did('phone');
  app.changed();
  toast(t('phoneDone'), 'success');
}

async function loadOrders(app, list) {
  try {
    const orders = await app.client.orders();
    replace(list, orders.length ? orders.slice(0, 20).map((o) => orderRow(app, o, orderPicture(app, o))) : empty(t('noOrders')));
  } catch (err) {
    replace(list, empty(t('noOrders')));
    app.fail(err);
  }
}

/** loadPayouts shows the money that the shop has sent to this person; what waits has a button that takes it. */
async function loadPayouts(app, box) {
  const payouts = await app.client.request('/api/wx/payouts', { auth: true }).then((page) => page.items, () => []);
  replace(box, payouts.length ? [h('div', { class: 'section' }, t('myPayouts')),
    h('div', { class: 'cells card' }, payouts.slice(0, 10).map((one) => payoutCell(app, box, one)))] : []);
}

function payoutCell(app, box, one) {
  const waits = one.state === 'WAITING';
  const right = waits ? h('span', { class: 'btn primary mini' }, t('transferTake')) : h('span', null, t('payout.' + one.state));
  const cell = h(waits ? 'button' : 'div', { class: 'cell', 'data-testid': 'payout', 'data-state': one.state },
    h('span', { class: 'cell-hd' }, icon('wallet')), h('span', { class: 'cell-bd' }, '¥' + yuan(one.amount) + ' · ' + one.remark), h('span', { class: 'cell-ft' }, right));
  if (!waits) return cell;
  return busy(cell, async () => {
    const { state } = await app.client.confirmTransfer(one.id);
    const became = { SUCCESS: 'received', WAITING: 'cancelled' }[state] || 'pending';
    toast(t('transfer.' + became), became === 'cancelled' ? undefined : 'success');
    await loadPayouts(app, box);
    if (became === 'pending') setTimeout(() => loadPayouts(app, box), 5000); // the money takes a few seconds
  }, (err) => app.fail(err));
}

function empty(text) {
  return h('div', { class: 'empty' }, dishArt('阳春面'), text);
}

/** own is what a person may do with what the shop holds about them. */
function own(app) {
  const data = h('button', { class: 'cell', 'data-testid': 'take-away' }, h('span', { class: 'cell-hd' }, icon('share')), h('span', { class: 'cell-bd' }, t('takeAway')), arrow());
  busy(data, () => takeAway(app), (err) => app.fail(err));
  return [data, h('button', { class: 'cell', 'data-testid': 'leave', onclick: () => leave(app) }, h('span', { class: 'cell-hd' }, icon('erase')), h('span', { class: 'cell-bd' }, t('leave')), arrow())];
}

function settings(app, user) {
  const scan = h('button', { class: 'cell', 'data-testid': 'scan', onclick: () => app.desk.scanLast() }, h('span', { class: 'cell-hd' }, icon('scan')), h('span', { class: 'cell-bd' }, t('scan')), arrow());
  const contact = h('button', { class: 'cell', 'data-testid': 'contact' }, h('span', { class: 'cell-hd' }, icon('horn')), h('span', { class: 'cell-bd' }, t('contact')), arrow());
  busy(contact, () => app.desk.chat('me'), (err) => app.fail(err));
  const out = user ? h('button', {
    class: 'cell', 'data-testid': 'logout', onclick: () => {
      app.client.logout();
      app.feed.log('logout', {});
      toast(t('logoutDone'));
    },
  }, h('span', { class: 'cell-hd' }, icon('me')), h('span', { class: 'cell-bd' }, t('logout')), arrow()) : null;
  return h('div', { class: 'cells' }, scan, contact, user ? own(app) : null, out);
}
