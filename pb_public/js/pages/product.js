// one dish: quantity, taste, then the order. Also where a scanned code leads.
import { h, icon, replace } from '../dom.js';
import { dishName, dishText, t } from '../i18n.js';
import { makePage } from '../phone.js';
import { busy, halfScreen, loadingLine, price, stepper } from '../weui.js';
import { masked } from '../cashier.js';
import { dishPicture, fact, lineItem, randomKey, soldOut, stockOf } from '../parts.js';

export function productPage(app, query) {
  const body = h('div', null, loadingLine());
  const foot = h('div', { class: 'action' });
  const page = makePage(app.phone, { title: t('product'), name: 'product', over: true, onBack: () => app.back(), body, foot });
  foot.hidden = true;
  resolve(app, query).then(({ product, variants, from }) => {
    if (!product) throw new Error(t('productGone'));
    const choice = { product, variants, variant: variants.find((v) => !soldOut(v)) || variants[0] || null, quantity: 1, tastes: new Set() };
    const drawFoot = () => replace(foot, footer(app, choice));
    const draw = () => {
      choice.quantity = 1;
      replace(body, content(app, choice, from, drawFoot, draw));
      drawFoot();
    };
    replace(body, content(app, choice, from, drawFoot, draw));
    foot.hidden = false;
  }).catch((err) => {
    app.fail(err);
    page.over = false;
    page.el.classList.remove('over');
    app.phone.tone(page);
    replace(body, h('p', { class: 'empty' }, t('productGone')));
  });
  return page;
}

/** resolve finds the product of a page's query: an id, or the scene of a mini-program code. */
async function resolve(app, query) {
  let id = query.id;
  let from = '';
  if (query.scene) {
    const { payload } = await app.client.scene(query.scene);
    id = payload && payload.product;
    from = (payload && payload.from) || '';
  }
  if (!app.product(id)) await app.loadProducts();
  const product = app.product(id);
  return { product, variants: product ? await app.variants(product.id) : [], from };
}

/** offer is what has the price and the stock: the product, or the specification of it that was chosen. */
const offer = (choice) => choice.variant || choice.product;

function sizes(choice, draw) {
  return h('div', { class: 'cell stack' }, h('div', null, t('size')), h('div', { class: 'tastes' }, choice.variants.map((v) => h('button', {
    class: 'taste', 'aria-pressed': String(v === choice.variant), 'data-testid': 'variant', disabled: soldOut(v), onclick: () => {
      choice.variant = v;
      draw();
    },
  }, dishName(v.name)))));
}

function content(app, choice, from, changed, draw) {
  const { product } = choice;
  const max = Math.max(1, stockOf(offer(choice)));
  const taste = (n) => h('button', {
    class: 'taste', 'aria-pressed': 'false', 'data-testid': 'taste-' + n, onclick: (e) => {
      const on = e.currentTarget.getAttribute('aria-pressed') !== 'true';
      e.currentTarget.setAttribute('aria-pressed', String(on));
      choice.tastes[on ? 'add' : 'delete'](t('taste.' + n));
    },
  }, t('taste.' + n));
  return [
    h('div', { class: 'cover' }, dishPicture(app, product)),
    h('div', { class: 'dish-card', 'data-testid': 'product', 'data-product': product.id },
      from ? h('div', { class: 'from-card', 'data-testid': 'shared-by' }, icon('share'), t('fromShare', { name: from })) : null,
      h('h2', { 'data-testid': 'product-name' }, dishName(product.name)), h('p', null, dishText(product)),
      h('div', { class: 'dish-line' }, price(offer(choice).price, 'product-price'), max < 20 ? h('span', { class: 'desc' }, t('stockLeft', { n: offer(choice).stock })) : null)),
    h('div', { class: 'cells' },
      choice.variants.length ? sizes(choice, draw) : null,
      h('div', { class: 'cell' }, h('div', { class: 'cell-bd' }, t('quantity')), stepper(1, max, (n) => {
        choice.quantity = n;
        changed();
      })),
      h('div', { class: 'cell stack' }, h('div', null, t('taste')), h('div', { class: 'tastes' }, [0, 1, 2, 3].map(taste)))),
  ];
}

function footer(app, choice) {
  const sold = soldOut(offer(choice));
  const buy = h('button', { class: 'btn primary', 'data-testid': 'buy', disabled: sold, onclick: () => confirmSheet(app, choice) });
  buy.append(sold ? t('soldOut') : t('buyNow') + ' ', sold ? '' : '¥' + (offer(choice).price * choice.quantity / 100).toFixed(2));
  return [
    h('button', { class: 'action-icon', 'data-testid': 'share', onclick: () => app.go('pages/share/share', { id: choice.product.id }) }, icon('code'), t('share')),
    buy,
  ];
}

function confirmSheet(app, choice) {
  const { product, variant, quantity } = choice;
  const { price: fen } = offer(choice);
  const note = Array.from(choice.tastes).join(' ');
  const key = randomKey();
  const phone = app.client.user && app.client.user.phone;
  halfScreen({ title: t('confirmTitle'), testid: 'confirm' }, (close) => {
    const submit = h('button', { class: 'btn primary wide', 'data-testid': 'submit-order' }, t('submit'));
    busy(submit, async () => {
      if (!app.client.token) await app.login();
      const order = await app.client.createOrder([Object.assign({ product: product.id, quantity }, variant && { variant: variant.id })], { key, note });
      app.desk.did('order');
      close();
      app.go('pages/order/order', { id: order.id, pay: true });
    }, (err) => app.fail(err));
    return [
      h('div', { class: 'half-bd' }, lineItem(app, { product: product.id, name: product.name, variantName: variant ? variant.name : '', price: fen, quantity }),
        h('dl', null, fact(t('note'), note || t('noteNone')), fact(t('contact'), phone ? masked(phone) : t('contactNone'))),
        h('div', { class: 'sum' }, h('span', null, t('total')), price(fen * quantity, 'confirm-total'))),
      h('div', { class: 'half-ft' }, submit),
    ];
  });
}
