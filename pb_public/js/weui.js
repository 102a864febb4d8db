// WeUI's moving parts inside the phone: toast, half-screen dialog, busy buttons, stepper, price.
import { h, s, icon, leave, replace, retire } from './dom.js';
import { t, yuan } from './i18n.js';

let layers = null;

/** useLayers says where dialogs and toasts go: the phone's topmost layer. */
export function useLayers(el) {
  layers = el;
}

export function overlay(el) {
  layers.append(el);
  return () => leave(el);
}

const MARKS = { success: 'M8 21l9 9 17-19', error: 'M20 9v15M20 31v.1' };

/** toast shows what happened: kind success, loading or text. It returns what hides it; text and success hide themselves. */
export function toast(text, kind = 'text') {
  for (const old of layers.querySelectorAll('.toast')) old.remove();
  const mark = kind === 'loading' ? h('div', { class: 'spin' }) : kind === 'success' ? bigMark('success', '#fff') : null;
  const el = h('div', { class: 'toast ' + (mark ? 'icon' : 'text'), role: 'status', 'data-testid': 'toast', 'data-kind': kind }, mark, h('span', null, text));
  layers.append(el);
  const hide = () => el.remove();
  if (kind !== 'loading') setTimeout(hide, kind === 'success' ? 1500 : 2600);
  return hide;
}

export function bigMark(name, colour) {
  return s('svg', { viewBox: '0 0 42 42', 'aria-hidden': 'true' },
    s('path', { d: MARKS[name], fill: 'none', stroke: colour, 'stroke-width': 3.4, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }));
}

/** roundMark is WeUI's big result icon: a disc with a sign cut out of it. */
export function roundMark(name, colour) {
  return s('svg', { viewBox: '0 0 66 66', 'aria-hidden': 'true' }, s('circle', { cx: 33, cy: 33, r: 33, fill: colour }),
    s('g', { transform: 'translate(12 12)' }, s('path', { d: MARKS[name], fill: 'none', stroke: '#fff', 'stroke-width': 4, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' })));
}

/** halfScreen slides a dialog up from below; build(close) gives its parts. onClose hears the cross and the mask. */
export function halfScreen({ title, testid, className = '', head, onClose }, build) {
  const root = h('div', { class: 'layer', 'data-testid': testid });
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    retire(root);
    for (const el of root.children) el.classList.add('out');
    setTimeout(() => root.remove(), 240);
  };
  const giveUp = () => {
    if (closed) return;
    close();
    if (onClose) onClose();
  };
  const x = h('button', { class: 'half-x', 'aria-label': t('close'), 'data-testid': 'sheet-close', onclick: giveUp }, icon('close'));
  const bar = head || h('div', { class: 'half-hd' }, x, h('h2', null, title), h('span', { class: 'ghost' }));
  const panel = h('div', { class: 'half ' + className, role: 'dialog', 'aria-label': title || '' }, bar, build(close));
  root.append(h('div', { class: 'mask', onclick: head ? null : giveUp }), panel);
  layers.append(root);
  return { close, panel, body: (...children) => replace(panel, bar, ...children) };
}

/** busy runs an action of a button once at a time; errors go to onError. */
export function busy(button, action, onError) {
  button.addEventListener('click', async () => {
    if (button.disabled) return;
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    try {
      await action();
    } catch (err) {
      onError(err);
    } finally {
      button.disabled = false;
      button.removeAttribute('aria-busy');
    }
  });
  return button;
}

export function stepper(value, max, onChange) {
  const out = h('output', { 'data-testid': 'quantity' }, String(value));
  const set = (next) => {
    value = Math.max(1, Math.min(max, next));
    out.textContent = String(value);
    less.disabled = value <= 1;
    more.disabled = value >= max;
    onChange(value);
  };
  const less = h('button', { 'aria-label': t('less'), 'data-testid': 'quantity-less', onclick: () => set(value - 1) }, icon('minus'));
  const more = h('button', { class: 'more', 'aria-label': t('add'), 'data-testid': 'quantity-more', onclick: () => set(value + 1) }, icon('plus'));
  set(value);
  return h('div', { class: 'stepper' }, less, out, more);
}

/** price writes fen with a small currency sign. */
export function price(fen, testid) {
  return h('span', { class: 'price', 'data-testid': testid }, h('small', null, '¥'), yuan(fen));
}

export function loadingLine() {
  return h('div', { class: 'loading' }, t('loading'));
}
