// small parts that several pages share.
import { h } from './dom.js';
import { dishName, t } from './i18n.js';
import { dishArt } from './art.js';
import { price } from './weui.js';

/** dishPicture is the uploaded image of a product, or a drawing by its name. */
export function dishPicture(app, product) {
  if (!product || !product.image) return dishArt(product ? product.name : '');
  return h('img', { src: app.client.fileURL(product, product.image, 'thumb=600x600f'), alt: dishName(product.name) });
}

/** soldOut: stock is digits, or empty for unlimited. */
export function soldOut(product) {
  return product.stock === '0' || product.stock === 0;
}

/** stockOf is how many can be bought at once, 99 at most. */
export function stockOf(product) {
  const stock = product.stock;
  return stock === '' || stock === null || stock === undefined ? 99 : Math.min(99, Number(stock));
}

/** orderPicture draws the first item of an order. */
export function orderPicture(app, order) {
  const first = (order.items || [])[0] || {};
  return dishPicture(app, app.product(first.product) || { name: first.name });
}

export function lineItem(app, item) {
  return h('div', { class: 'line-item' }, h('span', { class: 'dish-pic' }, dishPicture(app, app.product(item.product) || { name: item.name })),
    h('div', null, h('b', null, dishName(item.name) + (item.variantName ? ' ' + dishName(item.variantName) : '')), h('span', { class: 'desc' }, '×' + item.quantity)), price(item.price * item.quantity));
}

export function stateLabel(order) {
  return h('span', { class: 'state ' + order.payState, 'data-testid': 'order-state', 'data-state': order.payState }, t('state.' + order.payState));
}

export function fact(name, value, testid) {
  return h('div', { class: 'kv' }, h('dt', null, name), h('dd', { 'data-testid': testid }, value));
}

/** randomKey makes an order idempotent: the same key gives the same order, however often the button is hit. */
export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}
