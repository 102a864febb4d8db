// the calls: why one was refused, both sides' headers and bodies, and sending it again.
import { $, act, ask, block, button, clockText, copy, draw, el, headersTable, openDialog, pre, pretty, row, span, stateTag, tag } from './kit.js';
import { parts } from './diff.js';
import { wordsOf } from './spoken.js';
import { pick, t } from './words.js';

const VERDICTS = { ok: ['ok', 'good'], refused: ['refused', 'bad'], fault: ['fault', 'warn'] };

/** callsQuery is what the filters ask for. */
export function callsQuery() {
  const form = $('call-filter');
  const query = new URLSearchParams({ limit: '200' });
  if (form.path.value.trim()) query.set('path', form.path.value.trim());
  if (form.verdict.value) query.set('verdict', form.verdict.value);
  const [kind, id] = form.who.value.split(':');
  if (id) query.set(kind, id);
  return '/calls?' + query;
}

export function drawCalls(calls) {
  draw('calls', calls, (c) => c.id, drawCall, t('noCalls'));
}

function drawCall(c) {
  const what = span('what', el('b', '', c.method), ' ' + c.path + (c.query ? '?' + c.query : ''));
  const why = c.finding ? pick(c.finding, 'says') : c.fault ? wordsOf(c.fault) : pick(c, 'reason');
  if (why) what.append(span('reason', why, c.finding ? ' (' + c.finding.mistake + ')' : ''));
  const side = [c.status, c.code, c.fault, c.replay_of ? t('replayOf') + ' #' + c.replay_of : ''].filter(Boolean).join(' · ');
  return row([span('time', clockText(c.at)), stateTag(VERDICTS, c.verdict), what, span('muted', side)], () => inside(c));
}

function inside(c) {
  const tools = el('div', 'tools', el('small', 'muted', '#' + c.id + ' · ' + c.host + ' · ' + c.took_ms + ' ms' + (c.rid ? ' · rid ' + c.rid : '')));
  if (c.can_replay) {
    tools.append(
      button(t('curl'), async (event) => copy((await ask('/calls/' + c.id + '/request')).curl, event.target)),
      button(t('replay'), () => act(() => ask('/calls/' + c.id + '/replay', 'POST', {}))),
      button(t('replayChanged'), () => act(() => replayDialog(c))));
  } else if (c.host.endsWith('qq.com')) {
    tools.append(el('small', 'muted', t('notKept')));
  }
  return [tools, explained(c), el('div', 'sides',
    block(t('request'), headersTable(c.request_headers), c.request && pre(pretty(c.request))),
    block(t('answer'), headersTable(c.answer_headers), c.answer && pre(pretty(c.answer))))].filter(Boolean);
}

/** explained is the box that says why, what differs and which field is wrong. */
function explained(c) {
  if (!c.finding && !c.reason && !c.fault) return null;
  const box = el('div', 'why ' + c.verdict, el('h4', '', c.fault ? t('queuedFault') : t('whyRefused')));
  if (c.finding) box.append(el('p', '', pick(c.finding, 'says'), ' ', el('code', '', c.finding.mistake)), c.finding.key_known ? tag(t('keyRight'), 'good') : '');
  else box.append(el('p', '', c.fault ? el('code', '', c.fault) : '', c.fault ? ' ' + wordsOf(c.fault) : pick(c, 'reason')));
  if (c.field) {
    box.append(el('p', '', t('wrongField') + ' ', el('code', '', c.field.field), ' ' + pick(c.field, 'says'),
      c.field.value === undefined ? '' : el('code', '', JSON.stringify(c.field.value))));
  }
  box.append(...diffTable(c.finding));
  return box;
}

/** diffTable shows what was signed and what had to be, line by line, with what differs marked. */
function diffTable(f) {
  if (!f || !f.diff.length) return [];
  const head = el('tr', '', ...(f.signed ? ['', t('youSigned'), t('expected')] : ['', t('expected')]).map((word) => el('th', '', word)));
  const rows = f.diff.map((line) => el('tr', line.at < 0 ? '' : 'differs', el('th', '', line.name),
    ...(f.signed ? [marked(line.signed, line.expected, line.at)] : []), marked(line.expected, line.signed, line.at)));
  return [el('small', 'muted', f.signed ? t('lineDiffers') : t('signedUnknown')), el('div', 'scroll', el('table', 'diff', head, ...rows))];
}

/** marked marks what the other text does not have. */
function marked(text, other, at) {
  const cell = el('td');
  if (at < 0 || text.startsWith('...')) {
    cell.append(text || '∅');
    return cell;
  }
  for (const [same, part] of parts(text, other)) cell.append(same ? part : el('mark', '', part));
  if (!text) cell.append(el('mark', '', '∅'));
  return cell;
}

/** replayDialog lets a request be changed and sent again. */
async function replayDialog(c) {
  const sent = await ask('/calls/' + c.id + '/request');
  const form = el('form', 'replay');
  const field = (name, node, value) => {
    node.name = name;
    node.value = value;
    form.append(el('label', '', el('span', '', t(name)), node));
    return node;
  };
  const method = field('method', el('input', ''), sent.method);
  const url = field('url', el('input', ''), sent.url);
  const headers = field('headers', el('textarea', ''), Object.keys(sent.headers).sort().filter((name) => !/^(Content-Length|Accept-Encoding|Connection)$/.test(name)).map((name) => name + ': ' + sent.headers[name]).join('\n'));
  const body = field('body', el('textarea', ''), sent.body);
  [headers.rows, body.rows] = [6, 10];
  const sign = el('input', '');
  [sign.type, sign.checked, sign.name] = ['checkbox', true, 'sign'];
  const result = el('div', 'result');
  form.append(el('label', 'check', sign, ' ' + t('signAnew')), el('button', '', t('sendIt')), result);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act(async () => {
      const kept = Object.fromEntries(Object.keys(sent.headers).map((name) => [name, '']));
      for (const line of headers.value.split('\n')) {
        const colon = line.indexOf(':');
        if (colon > 0) kept[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
      }
      const got = await ask('/calls/' + c.id + '/replay', 'POST', { method: method.value, url: url.value, headers: kept, body: body.value, sign: sign.checked });
      const made = got.call ? (await ask('/calls?limit=50')).find((one) => one.id === got.call) : null;
      result.replaceChildren(...[el('h4', '', (got.error || got.status) + (got.call ? ' · #' + got.call : '')), made && explained(made), got.body && pre(pretty(got.body))].filter(Boolean));
    }, 'dialog-error');
  });
  openDialog('#' + c.id + ' · ' + t('replayChanged'), form, el('p', 'error'));
  $('dialog').lastChild.id = 'dialog-error';
}
