// builds elements. Data only ever becomes text nodes and attributes, never markup.
const SVG = 'http://www.w3.org/2000/svg';

/** h makes an element: props starting with "on" are listeners, `class`, `data-*`, `aria-*` and the rest are attributes. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** s makes an SVG element. */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(el, props, children) {
  for (const [key, value] of Object.entries(props || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith('on')) el.addEventListener(key.slice(2), value);
    else el.setAttribute(key, value === true ? '' : value);
  }
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

export function replace(el, ...children) {
  el.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
}

export function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** retire makes an element that is on its way out deaf to taps, and nameless, so that its successor is the only one of its name. */
export function retire(el) {
  el.inert = true;
  for (const named of [el, ...el.querySelectorAll('[data-testid]')]) named.removeAttribute('data-testid');
}

/** leave plays the `out` transition of an element, then takes it away. */
export function leave(el) {
  retire(el);
  el.classList.add('out');
  setTimeout(() => el.remove(), 260);
}

const ICONS = {
  bowl: [['M3 11h18a9 8 0 0 1-6 8.4V21H9v-1.6A9 8 0 0 1 3 11z', 1], ['M9 8c0-2 1.5-2 1.5-4.5M14 8c0-2 1.5-2 1.5-4.5']],
  me: [['M12 12a4.2 4.2 0 1 0 0-8.4 4.2 4.2 0 0 0 0 8.4zM4 20.5c.6-4 3.8-6 8-6s7.4 2 8 6z']],
  meOn: [['M12 12a4.2 4.2 0 1 0 0-8.4 4.2 4.2 0 0 0 0 8.4zM4 20.5c.6-4 3.8-6 8-6s7.4 2 8 6z', 1]],
  bowlLine: [['M3 11h18a9 8 0 0 1-6 8.4V21H9v-1.6A9 8 0 0 1 3 11z'], ['M9 8c0-2 1.5-2 1.5-4.5M14 8c0-2 1.5-2 1.5-4.5']],
  plus: [['M12 3v18M3 12h18', 0, 3]],
  minus: [['M3 12h18', 0, 3]],
  close: [['M4 4l16 16M20 4L4 20', 0, 2.4]],
  check: [['M4 12.5l5.5 5.5L20 7', 0, 2.6]],
  sun: [['M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3L19 19M19 5l-1.7 1.7M6.7 17.3L5 19']],
  moon: [['M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z']],
  horn: [['M4 10v4h3l6 4.5v-13L7 10zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11']],
  phone: [['M7 2.5h10a1.5 1.5 0 0 1 1.5 1.5v16a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 20V4A1.5 1.5 0 0 1 7 2.5zM10.5 18.5h3']],
  code: [['M3.5 3.5h6v6h-6zM14.5 3.5h6v6h-6zM3.5 14.5h6v6h-6zM14.5 14.5h2.5v2.5M20.5 14.5v2M14.5 20.5h2M20.5 19.5v1']],
  scan: [['M3.5 8V3.5H8M16 3.5h4.5V8M20.5 16v4.5H16M8 20.5H3.5V16M3.5 12h17']],
  wallet: [['M4 6h14.5A1.5 1.5 0 0 1 20 7.5V18a1.5 1.5 0 0 1-1.5 1.5H4A1.5 1.5 0 0 1 2.5 18V7.5zM15 12.7h3', 0, 2]],
  share: [['M12 15V4M8 7.5L12 3.5l4 4M5 12v7.5h14V12']],
  back: [['M17 3L8 12l9 9', 0, 2]],
  dots: [['M4.5 12h.01M12 12h.01M19.5 12h.01', 0, 4.6]],
  ring: [['M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z', 0, 2.2], ['M12 12h.01', 0, 6.5]],
  list: [['M5 6h14M5 12h14M5 18h9', 0, 2]],
  menu: [['M4 7h16M4 12h16M4 17h16', 0, 2]],
  erase: [['M8 5h12.5v14H8l-5.5-7zM11.5 9.5l5 5M16.5 9.5l-5 5']],
  clock: [['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.5l3.5 2']],
  note: [['M5 4h14v16H5zM8.5 9h7M8.5 13h7']],
};

/** icon draws one of the line icons above, in the colour of the text. */
export function icon(name) {
  const paths = ICONS[name].map(([d, solid, width]) => {
    const line = { fill: 'none', stroke: 'currentColor', 'stroke-width': width || 1.7, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' };
    return s('path', Object.assign({ d }, solid ? { fill: 'currentColor' } : line));
  });
  return s('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, paths);
}

/** arrow is the mark at the right end of a cell that leads somewhere. */
export function arrow() {
  const d = 'M1.5 1.5l5 5.5-5 5.5';
  return s('svg', { class: 'arrow', viewBox: '0 0 8 14', 'aria-hidden': 'true' }, s('path', { d, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.6 }));
}
