// WeChat's own sheets over a mini program: the cashier, the phone number's consent, the scanner. Nothing of the shop is in here.
import { h, icon, replace, wait } from './dom.js';
import { t, yuan } from './i18n.js';
import { bigMark, halfScreen, overlay } from './weui.js';
import { logo } from './art.js';

/**
 * cashier asks for the money: {amount fen or null, merchant, item}. pay() is called once the password is typed and does the
 * paying. It resolves to 'cancel' or to what pay() gave.
 */
export function cashier({ amount, merchant, item }, pay) {
  return new Promise((resolve, reject) => {
    const sheet = halfScreen({ title: ' ', testid: 'cashier', className: 'cashier', onClose: () => resolve('cancel') }, () => h('div'));
    const sum = () => [
      h('div', { class: 'pay-to' }, t('payTo', { name: merchant }), ' ', h('span', { class: 'sim-tag' }, t('simulated'))),
      amount === null ? null : h('div', { class: 'pay-sum', 'data-testid': 'cashier-amount' }, h('small', null, '¥'), yuan(amount)),
    ];
    const confirm = h('button', { class: 'btn primary', 'data-testid': 'cashier-confirm', onclick: () => pinStep() }, t('payConfirm'));
    sheet.body(h('div', { class: 'half-bd' }, sum(), rows(item)), confirm);

    function pinStep() {
      sheet.body(h('div', { class: 'half-bd' }, h('div', { class: 'pay-to' }, t('payPin')), sum()[1], pinPad(work)));
    }
    async function work() {
      const line = h('div', { class: 'pay-done' }, h('div', { class: 'spin' }), t('payWorking'));
      replace(sheet.panel, line);
      try {
        const [answer] = await Promise.all([pay(), wait(500)]);
        if (/:ok$/.test(answer.errMsg)) {
          replace(line, bigMark('success', 'currentColor'), h('span', { 'data-testid': 'cashier-done' }, t('payDone')));
          await wait(800);
        }
        resolve(answer);
      } catch (err) {
        reject(err);
      } finally {
        sheet.close();
      }
    }
  });
}

function rows(item) {
  const row = (name, value) => h('div', { class: 'pay-row' }, h('span', null, name), value);
  return h('div', { class: 'pay-rows' },
    item ? row(t('payItem'), h('span', null, item)) : null,
    row(t('payMethod'), h('span', { class: 'wallet' }, icon('wallet'), t('payWallet'))));
}

function pinPad(done) {
  const dots = Array.from({ length: 6 }, () => h('i'));
  let typed = 0;
  const show = () => dots.forEach((dot, i) => dot.classList.toggle('on', i < typed));
  const press = () => {
    if (typed >= 6) return;
    typed++;
    show();
    if (typed === 6) setTimeout(done, 120);
  };
  const erase = () => {
    typed = Math.max(0, typed - 1);
    show();
  };
  const key = (n) => h('button', { 'data-testid': 'pin-' + n, onclick: press }, String(n));
  return [
    h('div', { class: 'pin', 'aria-hidden': 'true' }, dots),
    h('div', { class: 'pin-hint' }, t('payPinHint')),
    h('div', { class: 'keys' }, [1, 2, 3, 4, 5, 6, 7, 8, 9].map(key), h('span', { class: 'none' }), key(0),
      h('button', { class: 'none', 'aria-label': t('erase'), onclick: erase }, icon('erase'))),
  ];
}

/** transferPage is WeChat's page on which money of a shop is taken: {amount fen or null, merchant, remark}. It resolves to true or false. */
export function transferPage({ amount, merchant, remark }) {
  return new Promise((resolve) => {
    halfScreen({ title: t('transferTitle'), testid: 'transfer', className: 'cashier', onClose: () => resolve(false) }, (close) => {
      const answer = (yes) => () => {
        resolve(yes);
        close();
      };
      return [
        h('div', { class: 'half-bd' },
          h('div', { class: 'pay-to' }, t('transferFrom', { name: merchant }), ' ', h('span', { class: 'sim-tag' }, t('simulated'))),
          amount === null ? null : h('div', { class: 'pay-sum', 'data-testid': 'transfer-amount' }, h('small', null, '¥'), yuan(amount)),
          h('div', { class: 'pay-rows' }, remark ? h('div', { class: 'pay-row' }, h('span', null, t('transferRemark')), h('span', null, remark)) : null)),
        h('div', { class: 'half-ft' },
          h('button', { class: 'btn', 'data-testid': 'transfer-later', onclick: answer(false) }, t('transferLater')),
          h('button', { class: 'btn primary', 'data-testid': 'transfer-confirm', onclick: answer(true) }, t('transferTake'))),
      ];
    });
  });
}

/** phoneConsent is the half screen of open-type="getPhoneNumber"; it resolves to true or false. */
export function phoneConsent({ number, appName }) {
  return new Promise((resolve) => {
    const head = h('div', { class: 'half-hd app' }, h('span', { class: 'logo' }, logo()), h('h2', null, t('consentApp', { app: appName })), h('span', { class: 'sim-tag' }, t('simulated')));
    halfScreen({ title: t('consentTitle'), testid: 'phone-consent', head }, (close) => {
      const answer = (yes) => () => {
        close();
        resolve(yes);
      };
      return [
        h('div', { class: 'half-bd' }, h('h3', null, t('consentTitle')), h('p', { class: 'desc' }, t('consentText')),
          h('div', { class: 'choice' }, h('div', null, h('b', null, masked(number)), h('span', { class: 'desc' }, t('boundNumber'))), h('span', { class: 'tick' }, icon('check')))),
        h('div', { class: 'half-ft' },
          h('button', { class: 'btn', 'data-testid': 'phone-deny', onclick: answer(false) }, t('deny')),
          h('button', { class: 'btn primary', 'data-testid': 'phone-allow', onclick: answer(true) }, t('allow'))),
      ];
    });
  });
}

/** masked hides the middle of a phone number, as WeChat shows it. */
export function masked(number) {
  return String(number || '').replace(/(\d{3})\d{4}(\d+)$/, '$1****$2');
}

/** choosePerson is a list of people to tap; it resolves to the person or null. */
export function choosePerson(title, people) {
  return new Promise((resolve) => {
    halfScreen({ title, testid: 'choose-person', onClose: () => resolve(null) }, (close) => {
      const pick = (person) => () => {
        close();
        resolve(person);
      };
      const line = (p) => h('button', { class: 'choice', 'data-testid': 'choose-' + p.id, 'data-person': p.id, onclick: pick(p) },
        h('img', { class: 'avatar', src: p.avatar, alt: '' }), h('div', null, h('b', null, p.nickname), h('span', { class: 'desc' }, masked(p.phone))));
      return h('div', { class: 'half-bd sheet-list' }, people.map(line));
    });
  });
}

/** scanner shows the camera on a code until read() has an answer. */
export async function scanner({ image, person }, read) {
  const el = h('div', { class: 'scanner', 'data-testid': 'scanner' }, h('img', { src: image, alt: '' }), h('div', { class: 'beam' }),
    h('p', null, person ? h('img', { class: 'avatar', src: person.avatar, alt: '' }) : null, t('scanning')));
  const hide = overlay(el);
  try {
    const [answer] = await Promise.all([read(), wait(1300)]);
    return answer;
  } finally {
    hide();
  }
}

