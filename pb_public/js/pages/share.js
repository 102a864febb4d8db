// a mini-program code for a dish, and somebody else to scan it.
import { h, replace } from '../dom.js';
import { dishName, t } from '../i18n.js';
import { makePage } from '../phone.js';
import { busy, price } from '../weui.js';
import { dishPicture } from '../parts.js';

export function sharePage(app, query) {
  const product = app.product(query.id);
  const code = h('div', { class: 'code', 'data-testid': 'code' }, h('div', { class: 'loading' }, t('makingCode')));
  const scene = h('div', { class: 'scene-line', 'data-testid': 'code-scene' });
  const other = h('button', { class: 'btn primary wide', 'data-testid': 'scan-other', disabled: true }, t('scanOther'));
  const state = { url: '' };
  busy(other, () => app.desk.scanAsOther(state.url), (err) => app.fail(err));
  const body = [
    h('div', { class: 'poster' }, h('div', { class: 'poster-pic' }, dishPicture(app, product)),
      h('div', { class: 'poster-bd' }, h('h2', null, product ? dishName(product.name) : ''), product ? price(product.price) : null, code, h('p', { class: 'desc' }, t('codeHint')), scene)),
    h('div', { class: 'share-ft' }, other),
  ];
  const page = makePage(app.phone, { title: t('shareTitle'), name: 'share', onBack: () => app.back(), body });
  makeCode(app, query.id).then((answer) => {
    state.url = answer.url;
    app.desk.showCode(answer.url);
    replace(code, h('img', { src: answer.url, alt: t('shareTitle'), 'data-testid': 'code-image' }));
    scene.textContent = `scene=${answer.scene}`;
    other.disabled = false;
  }).catch((err) => {
    app.fail(err);
    replace(code);
  });
  return page;
}

async function makeCode(app, id) {
  if (!app.client.token) await app.login();
  const from = app.client.user.name || app.person.nickname;
  const answer = await app.client.code({ page: 'pages/product/product', payload: { product: id, from } });
  app.desk.did('code');
  return answer;
}
