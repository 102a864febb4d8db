// the shop front: what there is to eat today.
import { h, icon, replace } from '../dom.js';
import { dishName, dishText, noticeText, t } from '../i18n.js';
import { heroArt } from '../art.js';
import { makePage } from '../phone.js';
import { loadingLine, price } from '../weui.js';
import { dishPicture, soldOut } from '../parts.js';

export function homePage(app) {
  const menu = h('div', { class: 'menu', 'data-testid': 'menu' });
  const ticker = h('div', { class: 'ticker', 'aria-live': 'polite' });
  const body = [
    h('div', { class: 'hero' }, heroArt(), h('div', { class: 'hero-text' }, h('span', { class: 'seal' }, t('seal')), h('h2', null, t('appName')), h('p', null, t('tagline')))),
    h('div', { class: 'shop-card' }, h('div', { class: 'shop-facts' }, h('span', { class: 'open-dot' }, t('open')), h('span', null, t('hours')), h('span', null, '·'), h('span', null, t('dineIn'))), ticker),
    h('div', { class: 'menu-title' }, t('menuTitle'), h('small', null, t('menuSub'))),
    menu,
  ];
  const page = makePage(app.phone, { title: t('appName'), name: 'home', over: true, tab: true, body });

  page.onNotice = (notice) => {
    const text = notice ? `${notice.name} ${t('justBought')} ${noticeText(notice.items)}` : t('tickerIdle');
    replace(ticker, icon('horn'), h('span', { class: 'roll' }, text));
  };
  page.onNotice(app.lastNotice);

  const draw = (products) => replace(menu, products.length ? products.map((p) => dish(app, p)) : h('p', { class: 'empty' }, t('menuEmpty')));
  if (app.products) draw(app.products);
  else replace(menu, loadingLine());
  app.menu().then(draw, (err) => app.fail(err));
  return page;
}

function dish(app, product) {
  const sold = soldOut(product);
  return h('button', {
    class: 'dish' + (sold ? ' sold' : ''), 'data-testid': 'product-item', 'data-product': product.id,
    onclick: () => app.go('pages/product/product', { id: product.id }),
  },
  h('span', { class: 'dish-pic' }, dishPicture(app, product)),
  h('span', { class: 'dish-main' },
    h('span', { class: 'dish-name' }, dishName(product.name)),
    h('span', { class: 'dish-desc' }, dishText(product)),
    h('span', { class: 'dish-foot' }, price(product.price), sold ? h('span', { class: 'state' }, t('soldOut')) : h('span', { class: 'dish-plus' }, icon('plus')))));
}
