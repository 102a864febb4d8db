// what every part of the panel draws with; everything is written as text, never as markup.
import { language, t } from './words.js';

export const $ = (id) => document.getElementById(id);

export function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const child of children) {
    if (child !== null && child !== undefined) node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

export const span = (className, ...children) => el('span', className, ...children);
export const tag = (word, mood) => el('span', 'tag ' + mood, word);
export const pre = (text) => el('pre', '', text);

export function button(label, work, className = 'plain') {
  const node = el('button', className, label);
  node.type = 'button';
  node.addEventListener('click', (event) => {
    event.preventDefault(); // it may lie in a summary, which would open
    work(event);
  });
  return node;
}

/** ask calls /_sim; a refusal is thrown in the reader's language. */
export async function ask(path, method, body) {
  const init = { method: method || 'GET', cache: 'no-store' };
  if (body) Object.assign(init, { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const res = await fetch('/_sim' + path, init);
  const data = await res.json();
  if (!res.ok) throw new Error((language() === 'zh' && data.error_zh) || data.error || 'HTTP ' + res.status);
  return data;
}

const drawn = new Map(); // section -> key -> {text, node}

/** draw fills a section with a row for each entry, and keeps the rows whose entry did not change: open ones stay open. */
export function draw(id, list, keyOf, make, empty) {
  const old = drawn.get(id) || new Map();
  const rows = new Map();
  for (const entry of list) {
    const key = String(keyOf(entry));
    const text = language() + JSON.stringify(entry);
    const known = old.get(key);
    if (known && known.text === text) {
      rows.set(key, known);
      continue;
    }
    const node = make(entry);
    if (known && known.node.open) node.open = true;
    rows.set(key, { text, node });
  }
  const nodes = [...rows.values()].map((r) => r.node);
  const box = $(id);
  const same = old.size === rows.size && nodes.every((node, i) => box.children[i] === node) && nodes.length > 0;
  if (!same) box.replaceChildren(...(nodes.length ? nodes : [el('div', 'empty', empty || t('none'))]));
  drawn.set(id, rows);
}

/** row is a line, or one that opens; what is inside is made when it is opened first. */
export function row(cells, inside) {
  if (!inside) return el('div', 'plainrow', ...cells);
  const node = el('details', '', el('summary', '', ...cells));
  node.addEventListener('toggle', () => {
    if (node.open && node.children.length === 1) node.append(...inside());
  });
  return node;
}

export const clockText = (iso) => new Date(iso).toLocaleTimeString('zh-CN', { hour12: false });
export const yuan = (fen) => '¥' + (fen / 100).toFixed(2);

/** pretty indents JSON and leaves everything else as it is. */
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** headersTable is a list of names and values. */
export function headersTable(headers) {
  const names = Object.keys(headers || {}).sort();
  if (!names.length) return null;
  return el('dl', 'headers', ...names.flatMap((name) => [el('dt', '', name), el('dd', '', headers[name])]));
}

/** block is a small heading with something under it, nothing where there is nothing. */
export function block(title, ...children) {
  const there = children.filter(Boolean);
  return there.length ? el('section', 'block', el('h4', '', title), ...there) : null;
}

export function stateTag(states, state) {
  const [word, mood] = states[state] || [state, ''];
  return tag(t(word), mood);
}

/** fillSelect keeps what is chosen while the list behind it changes. */
export function fillSelect(select, options) {
  const text = JSON.stringify(options);
  if (select.dataset.from === text) return;
  const chosen = select.value;
  select.dataset.from = text;
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** copy puts text on the clipboard, or shows it ready to be copied. */
export async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
    const label = from.textContent;
    from.textContent = t('copied');
    setTimeout(() => { from.textContent = label; }, 1500);
  } catch {
    const area = el('textarea', '');
    area.value = text;
    area.readOnly = true;
    area.rows = 10;
    openDialog(t('curl'), area);
    area.select();
  }
}

/** openDialog shows something over the page. */
export function openDialog(title, ...children) {
  const box = $('dialog');
  box.replaceChildren(el('header', '', el('h3', '', title), button(t('close'), () => box.close())), ...children);
  if (!box.open) box.showModal();
}

let refresh = () => {};
export const setRefresh = (work) => { refresh = work; };

/** act does something and draws anew; what is wrong is told beside it. */
export async function act(work, complaints = 'complaint') {
  $(complaints).textContent = '';
  try {
    await work();
  } catch (err) {
    $(complaints).textContent = err.message;
  }
  await refresh();
}
