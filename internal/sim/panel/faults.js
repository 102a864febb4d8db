// what goes wrong: scenarios of one click, faults explained in words, further events.
import { $, act, ask, button, el, fillSelect } from './kit.js';
import { wordsOf } from './spoken.js';
import { language, t } from './words.js';

let known = { kinds: {}, plays: [], endpoints: {} };

const placeOf = (on) => (known.endpoints[on] ? known.endpoints[on].method + ' ' + known.endpoints[on].path : '');

export function drawFaults(list) {
  $('faults').replaceChildren(...(list.length ? list : []).map((f) => el('li', '', el('b', '', f.on + ' · ' + f.kind), ' ' + (f.times < 0 ? t('until') : t('left') + ' ' + f.times) +
    (f.probability < 1 ? ' · p=' + f.probability : '') + (f.delay ? ' · ' + f.delay : '') + (f.copies ? ' · ×' + f.copies : ''), el('div', 'muted', wordsOf(f.kind)))));
  if (!list.length) $('faults').append(el('li', 'empty', t('nothingQueued')));
  $('clear-faults').disabled = !list.length;
}

export function learn(all) {
  known = all;
  relabel();
}

/** relabel writes what depends on the language. */
export function relabel() {
  $('plays').replaceChildren(...known.plays.map((p) => {
    const node = button(p[language()], () => act(() => ask('/plays/' + p.name, 'POST', {}), 'play-error'));
    node.dataset.play = p.name;
    return node;
  }));
  const form = $('add-fault');
  fillSelect(form.on, Object.keys(known.kinds).map((on) => [on, on + (placeOf(on) ? ' — ' + placeOf(on) : '')]));
  if (!form.dataset.chosen) {
    form.dataset.chosen = '1';
    form.on.value = 'notification';
  }
  fillKinds();
}

export function fillKinds() {
  const form = $('add-fault');
  fillSelect(form.kind, (known.kinds[form.on.value] || []).map((kind) => [kind, kind]));
  explainKind();
}

export function explainKind() {
  $('fault-words').textContent = wordsOf($('add-fault').kind.value);
}

export function bindFaults() {
  const form = $('add-fault');
  form.on.addEventListener('change', fillKinds);
  form.kind.addEventListener('change', explainKind);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => ask('/faults', 'POST', { on: form.on.value, kind: form.kind.value, times: Number(form.times.value), delay: form.delay.value }), 'fault-error');
  });
  $('clear-faults').addEventListener('click', () => act(() => ask('/faults', 'DELETE'), 'fault-error'));
  $('trigger').addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => ask('/trigger', 'POST', { event: event.target.event.value }), 'play-error');
  });
}
