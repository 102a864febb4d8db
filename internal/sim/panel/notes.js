// the notifications: every attempt with what was sent and answered, and sending one again, changed.
import { act, ask, block, button, clockText, draw, el, headersTable, pre, pretty, row, span, stateTag, tag } from './kit.js';
import { wordsOf } from './spoken.js';
import { t } from './words.js';

const NOTE_STATES = { PENDING: ['pending', 'warn'], DELIVERED: ['delivered', 'good'], GIVEN_UP: ['givenUp', 'bad'] };

let known = { kinds: {}, forgeries: [] };
export const learnFaults = (all) => { known = all; };

export function drawNotifications(list) {
  draw('notifications', list, (n) => n.id, drawNote);
}

function drawNote(n) {
  const last = n.attempts[n.attempts.length - 1];
  const what = span('what', el('b', '', n.event_type), ' ' + (n.push ? n.appid : n.out_trade_no) + (n.out_refund_no ? ' · ' + n.out_refund_no : '') + (n.transfer ? n.transfer.out_bill_no : '') + ' → ' + n.url +
    (n.format === 'v2' ? ' (XML)' : '') + (n.replay ? ' (replay)' : ''));
  if (last && n.state !== 'DELIVERED') what.append(span('reason', last.fault === 'lost' ? wordsOf('lost') : last.error || 'HTTP ' + last.status + ' ' + (last.answer || '').slice(0, 200)));
  const side = n.attempts.length + ' ' + t('attempts') + (n.state === 'PENDING' ? ' · ' + t('next') + ' ' + clockText(n.due) : '');
  return row([span('time', clockText(n.made_at)), stateTag(NOTE_STATES, n.state), what, span('muted', side)], () => inside(n));
}

function inside(n) {
  const told = n.plain || n.refund || n.transfer || n.push || n.complaint;
  return [tools(n), ...n.attempts.map((a, i) => attempt(a, i + 1)), block(t('said'), told && pre(JSON.stringify(told, null, 2)))].filter(Boolean);
}

function attempt(a, number) {
  const mood = a.status >= 200 && a.status < 300 && !a.error ? 'good' : 'bad';
  const head = el('div', 'attempt', el('b', '', '#' + number), ' ' + clockText(a.at) + ' ', tag(a.status || t('noAnswer'), mood), ' ' + a.took_ms + ' ms ',
    a.fault ? tag(a.fault, 'warn') : '', a.fault ? el('small', 'muted', ' ' + wordsOf(a.fault)) : '', a.error && a.fault !== 'lost' ? span('reason', a.error) : '', a.url ? span('muted', ' ' + a.url) : '');
  return el('section', 'block', head, el('div', 'sides',
    block(t('request'), headersTable(a.headers), a.body && pre(pretty(a.body))),
    block(t('answer'), a.answer ? pre(pretty(a.answer)) : null)));
}

/** tools send a notification again: as it was, with a fault, or as a forgery. */
function tools(n) {
  const on = n.push ? 'push' : n.complaint ? 'complaint_notification' : n.refund ? 'refund_notification' : n.transfer ? 'transfer_notification' : 'notification';
  const select = el('select', '');
  select.setAttribute('aria-label', t('againChanged'));
  const faults = (known.kinds[on] || []).filter((kind) => !['duplicate', 'concurrent', 'late', 'lost', 'replay'].includes(kind));
  select.append(group(t('faultsOf'), faults.map((kind) => [kind, kind])));
  if (on === 'notification' && n.format === 'v3') select.append(group(t('forged'), known.forgeries.filter((kind) => kind !== 'true').map((kind) => ['forge:' + kind, kind])));
  const hint = el('small', 'muted hint', wordsOf(select.value));
  select.addEventListener('change', () => { hint.textContent = select.value.startsWith('forge:') ? t('forgedHint') : wordsOf(select.value); });
  const result = el('span', '');
  const again = async (kind) => {
    const got = kind.startsWith('forge:') ? await ask('/forge', 'POST', { out_trade_no: n.out_trade_no, mchid: n.plain && n.plain.mchid, kind: kind.slice(6) }) :
      await ask('/notifications/' + encodeURIComponent(n.id) + '/resend', 'POST', { kind });
    result.replaceChildren(tag(kind ? kind.replace('forge:', '') + ' → ' + (got.status || got.error) : got.status || got.error, got.status >= 200 && got.status < 300 ? 'good' : 'bad'), ' ' + (got.answer || '').slice(0, 200));
  };
  return el('div', 'tools', button(t('again'), () => act(() => again(''))), select, button(t('againChanged'), () => act(() => again(select.value))), hint, result);
}

function group(label, options) {
  const node = el('optgroup', '', ...options.map(([value, text]) => new Option(text, value)));
  node.label = label;
  return node;
}
