// the shop's pictures, drawn here so that the demo needs no file of anybody's.
import { s } from './dom.js';

const SCENES = [
  { sky: ['#fbe3c2', '#f3b98a'], table: '#b9683f', bowl: '#fffaf2', band: '#2f6690', broth: '#e9a860' },
  { sky: ['#f9d9c6', '#ea9f80'], table: '#8f4a32', bowl: '#3a2a26', band: '#d7a35b', broth: '#c9542f' },
  { sky: ['#e9ecd0', '#c3d0a0'], table: '#8a7a4c', bowl: '#fffdf5', band: '#7a9a4b', broth: '#f0d9a4' },
  { sky: ['#f6e2da', '#e7b7a6'], table: '#9c5a45', bowl: '#f4efe6', band: '#a33b2a', broth: '#dfae78' },
];

function hash(text) {
  let n = 7;
  for (const c of text) n = (n * 31 + c.codePointAt(0)) >>> 0;
  return n;
}

const ell = (cx, cy, rx, ry, fill, more) => s('ellipse', Object.assign({ cx, cy, rx, ry, fill }, more));
const path = (d, fill, more) => s('path', Object.assign({ d, fill }, more));
const stroke = (d, colour, width, more) => path(d, 'none', Object.assign({ stroke: colour, 'stroke-width': width, 'stroke-linecap': 'round' }, more));

/** dishArt draws a product by what its name says it is. */
export function dishArt(name) {
  const n = hash(name || '');
  const scene = SCENES[sceneOf(name, n)];
  const id = 'sky' + n.toString(36) + Math.random().toString(36).slice(2, 7);
  const sky = s('linearGradient', { id, x1: 0, y1: 0, x2: 0, y2: 1 },
    s('stop', { offset: 0, 'stop-color': scene.sky[0] }), s('stop', { offset: 1, 'stop-color': scene.sky[1] }));
  return s('svg', { class: 'art', viewBox: '0 0 200 200', preserveAspectRatio: 'xMidYMid slice', 'aria-hidden': 'true' },
    s('defs', null, sky),
    s('rect', { x: -200, width: 600, height: 200, fill: `url(#${id})` }),
    ell(158, 42, 26, 26, '#fff', { opacity: 0.28 }),
    s('rect', { x: -200, y: 136, width: 600, height: 90, fill: scene.table, opacity: 0.9 }),
    s('rect', { x: -200, y: 136, width: 600, height: 3, fill: '#fff', opacity: 0.16 }),
    subject(name, scene), steam(/茶|冰|凉|奶|梅|糕|汽|ice|cold|tea|cake/i.test(name) ? 0 : 3));
}

function sceneOf(name, n) {
  if (/辣|红油|牛|spicy|beef|chil/i.test(name)) return 1;
  if (/茶|青|素|葱|绿|tea/i.test(name)) return 2;
  if (/糕|桂|cake/i.test(name)) return 3;
  if (/鲜|虾|鱼|sea|shrimp/i.test(name)) return 0;
  return n % SCENES.length;
}

function subject(name, scene) {
  if (/茶|奶|咖啡|豆浆|汁|水|梅|汽|tea|milk|coffee|drink/i.test(name)) return glass(name);
  if (/饺|包|馒|烧卖|dumpling|bun/i.test(name)) return steamer();
  if (/蛋|黄瓜|小菜|泡菜|egg|cucumber|pickle/i.test(name)) return plate(name);
  if (/糕|饼|酥|cake|cookie/i.test(name)) return cake();
  return bowl(name, scene);
}

function bowl(name, scene) {
  const strands = [];
  if (/抄手|馄饨|云吞|wonton/i.test(name)) return bowlOf(scene, [[62, 102], [88, 94], [116, 95], [138, 104], [76, 114], [104, 113], [126, 115]].map(([x, y]) => wonton(x, y)).concat(scallions()));
  for (let i = 0; i < 9; i++) {
    const y = 99 + (i % 3) * 7;
    const x = 52 + i * 9;
    strands.push(stroke(`M${x} ${y}c8 -9 16 9 26 0s14 -4 18 2`, i % 2 ? '#f7e3b0' : '#fbedc8', 3.4));
  }
  return bowlOf(scene, [strands, toppings(name)]);
}

const wonton = (x, y) => s('g', null, path(`M${x - 15} ${y + 3}q2 -13 15 -14t15 13q-6 8 -15 8t-15 -7z`, '#fbeed6'),
  path(`M${x - 8} ${y + 3}q2 -8 9 -8t8 7q-8 6 -17 1z`, '#f0c9a0'), stroke(`M${x - 13} ${y + 2}q6 -5 8 -10M${x + 13} ${y + 1}q-5 -5 -7 -10`, '#e2c49a', 1.6));

/** bowlOf fills the shop's porcelain bowl. */
function bowlOf(scene, food) {
  return s('g', null,
    ell(100, 172, 66, 8, '#000', { opacity: 0.18 }),
    path('M28 104c0 40 30 58 50 62v6h44v-6c20 -4 50 -22 50 -62z', scene.bowl),
    path('M33 124c6 14 17 25 29 31l76 0c12 -6 23 -17 29 -31z', scene.band, { opacity: 0.92 }),
    stroke('M48 139q6 -8 12 0t12 0 12 0 12 0 12 0 12 0 12 0 12 0 12 0', scene.bowl, 2.2, { opacity: 0.8 }),
    ell(100, 104, 73, 24, scene.bowl), ell(100, 104, 66, 20, '#000', { opacity: 0.12 }), ell(100, 106, 64, 18, scene.broth),
    ell(100, 106, 64, 18, '#fff', { opacity: 0.12 }), food, chopsticks());
}

function toppings(name) {
  const beef = /牛|肉|beef|pork/i.test(name);
  const shrimp = /鲜|虾|海|shrimp|sea/i.test(name);
  const plain = /葱|阳春|素|scallion|plain/i.test(name);
  const parts = [leaf(134, 95, 20), leaf(146, 101, -8)];
  if (!plain) parts.push(ell(66, 101, 15, 11, '#fffdf8'), ell(66, 101, 8, 6.4, '#f2a33a'), ell(63.5, 99, 3, 2, '#ffd890'));
  if (beef) parts.push(slice(96, 94), slice(110, 101), slice(88, 107));
  if (shrimp) parts.push(prawn(98, 92), prawn(117, 104));
  if (!beef && !shrimp) parts.push(ell(104, 97, 14, 8, '#8a5a35'), ell(99, 94, 6, 3, '#a8764a'), ell(110, 100, 5, 3, '#6f4426'));
  parts.push(scallions());
  if (/辣|spicy|chil/i.test(name)) for (const [x, y] of [[90, 98], [124, 99], [110, 111]]) parts.push(stroke(`M${x} ${y}q5 -4 9 0`, '#b3201a', 3));
  return parts;
}

function scallions() {
  return [[84, 113], [92, 117], [118, 115], [128, 111], [104, 114], [76, 93], [122, 92], [140, 109]].map(([x, y]) =>
    [ell(x, y, 2.6, 1.8, '#5f9a3a'), ell(x, y, 1, 0.7, '#d7edb8')]);
}

const leaf = (x, y, turn) => path('M0 0c6 -12 20 -14 28 -6c-6 10 -18 12 -28 6z', '#4f8a3c', { transform: `translate(${x - 14} ${y}) rotate(${turn})` });
const slice = (x, y) => s('g', null, path(`M${x - 15} ${y}q6 -9 20 -6t11 8q-8 7 -19 5t-12 -7z`, '#7d4630'), stroke(`M${x - 8} ${y - 1}q8 -3 16 1`, '#c08a68', 2));
const prawn = (x, y) => s('g', null, stroke(`M${x - 9} ${y + 4}q1 -13 13 -10t7 11`, '#f08a5d', 7.5), stroke(`M${x - 6} ${y}l4 3M${x} ${y - 5}l1 4M${x + 7} ${y - 1}l-4 3`, '#fbd3bd', 1.8));

function chopsticks() {
  return s('g', { 'stroke-linecap': 'round' }, stroke('M112 88L186 30', '#5b3018', 4.2), stroke('M122 92L194 42', '#6d3b1e', 4.2), stroke('M170 42.5l16 -12.5M180 51.8l14 -9.8', '#d9a54a', 4.2));
}

function glass(name) {
  const milk = /奶|milk|豆浆/i.test(name);
  const tea = milk ? '#d9ac7c' : /绿|青|green/i.test(name) ? '#b9c56a' : /梅|plum|红/i.test(name) ? '#a9382f' : '#d98b35';
  const cubes = [[78, 92, -12], [98, 86, 14], [84, 112, 20]].map(([x, y, turn]) =>
    s('rect', { x, y, width: 20, height: 20, rx: 4, fill: '#fff', opacity: 0.42, transform: `rotate(${turn} ${x + 10} ${y + 10})` }));
  return s('g', null,
    ell(100, 174, 48, 7, '#000', { opacity: 0.18 }), stroke('M112 96L134 28', '#b5402a', 6), stroke('M112 96L134 28', '#e9b9a4', 1.5),
    path('M58 62h84l-10 104q-1 8 -10 8H78q-9 0 -10 -8z', '#fff', { opacity: 0.4 }),
    path('M61 84h78l-8 80q-1 6 -8 6H77q-7 0 -8 -6z', tea, { opacity: 0.94 }), ell(100, 84, 39, 6.5, '#fff', { opacity: 0.3 }), cubes,
    milk ? [70, 84, 98, 112, 124].map((x, i) => ell(x + 3, 158 - (i % 2) * 8, 5, 5, '#3f2416')) : [ell(126, 68, 17, 17, '#f5c542'), ell(126, 68, 13, 13, '#fbe38e'), stroke('M126 56v24M114 68h24M118 60l16 16M134 60l-16 16', '#f5c542', 1.6)],
    ell(100, 62, 42, 7, 'none', { stroke: '#fff', 'stroke-width': 2.5, opacity: 0.85 }), path('M68 74l6 84', 'none', { stroke: '#fff', 'stroke-width': 4, opacity: 0.45, 'stroke-linecap': 'round' }));
}

function steamer() {
  const bun = (x, y) => s('g', null, path(`M${x - 23} ${y + 9}q-2 -26 23 -29q25 3 23 29q-23 8 -46 0z`, '#fffaf0'),
    stroke(`M${x} ${y - 18}q-7 7 -13 16M${x} ${y - 18}q0 9 -1 17M${x} ${y - 18}q7 7 13 16`, '#e3d3b8', 2), ell(x, y - 18, 3, 2.4, '#e3d3b8'));
  return s('g', null, ell(100, 174, 72, 8, '#000', { opacity: 0.18 }),
    s('rect', { x: 30, y: 118, width: 140, height: 52, rx: 9, fill: '#c98f4e' }), s('rect', { x: 30, y: 140, width: 140, height: 6, fill: '#8f5f2c' }), s('rect', { x: 30, y: 160, width: 140, height: 6, fill: '#8f5f2c' }),
    ell(100, 118, 70, 18, '#dba766'), ell(100, 118, 61, 13.5, '#8a5d2e'), bun(68, 112), bun(134, 112), bun(101, 118));
}

function cake() {
  const block = (x, y, w) => s('g', null, path(`M${x} ${y}l${w / 2} -11l${w} 9l-${w / 2} 12z`, '#fff6dc'), path(`M${x} ${y}l${w} 10v24l-${w} -10z`, '#f2dca4'),
    path(`M${x + w} ${y + 10}l${w / 2} -12v24l-${w / 2} 12z`, '#dcc07d'), stroke(`M${x} ${y + 11}l${w} 10l${w / 2} -12`, '#fffaf0', 3),
    [[0.3, -4], [0.6, -2], [0.85, 1], [1.1, -3], [0.75, -6]].map(([fx, dy]) => ell(x + w * fx, y + dy + 3, 2.4, 1.5, '#e9a21c')));
  return s('g', null, ell(100, 162, 76, 9, '#000', { opacity: 0.18 }), ell(100, 148, 80, 22, '#3f5a4a'), ell(100, 145, 66, 15, '#4d6d5a'),
    block(50, 120, 38), block(104, 122, 36), block(76, 96, 38), leaf(150, 146, 12), leaf(52, 150, -160));
}

function plate(name) {
  const egg = /蛋|egg/i.test(name);
  const food = egg
    ? [[74, 118], [108, 110], [128, 124]].map(([x, y]) => s('g', null, ell(x, y, 22, 17, '#b9763f'), ell(x, y, 18.5, 14, '#fff6e6'), ell(x, y, 9.5, 8, '#ef9a2d'), ell(x - 3, y - 2.5, 3.5, 2.2, '#ffd28a')))
    : [[70, 120], [90, 112], [112, 118], [130, 112], [100, 126]].map(([x, y]) => s('g', null, ell(x, y, 15, 10, '#4c7f38'), ell(x, y, 11.5, 7, '#cfe3a4'), ell(x, y, 4, 2.5, '#eaf3d0')));
  return s('g', null, ell(100, 160, 76, 9, '#000', { opacity: 0.18 }), ell(100, 134, 80, 28, '#fffaf2'), ell(100, 132, 62, 19, '#eee3d2'), food,
    [[86, 130], [118, 132], [104, 104]].map(([x, y]) => ell(x, y, 2.6, 1.8, '#b3201a')));
}

function steam(n) {
  const lines = [[84, 76], [102, 70], [120, 76]].slice(0, n);
  return s('g', { class: 'steam' }, lines.map(([x, y]) => stroke(`M${x} ${y}c-7 -9 7 -14 0 -24s6 -13 1 -20`, '#fff', 4, { 'stroke-opacity': 0.75 })));
}

/** logo is the mini program's round mark: a bowl with steam. */
export function logo() {
  return s('svg', { viewBox: '0 0 40 40', 'aria-hidden': 'true' }, path('M6 19h28c0 8 -5 12 -10 13.5V35h-8v-2.5C11 31 6 27 6 19z', '#fff'),
    stroke('M14 15c0 -4 3 -4 3 -9M23 15c0 -4 3 -4 3 -9', '#fff', 2.6), stroke('M10 23.5q3.5 4 7 0t7 0 6 -.5', '#c04a2b', 1.8));
}

/** heroArt is the shop front: hills of ripe wheat, a low sun and a big bowl. */
export function heroArt() {
  const wheat = [];
  for (let i = 0; i < 26; i++) {
    const x = i * 16 + (i % 3) * 5;
    const top = 132 + ((i * 37) % 26);
    wheat.push(stroke(`M${x} 230Q${x + 4} ${top + 40} ${x + 9} ${top}`, '#f3c065', 1.6, { opacity: 0.75 }), ell(x + 9, top - 5, 2.6, 8.5, '#ffd98a', { transform: `rotate(12 ${x + 9} ${top})`, opacity: 0.9 }));
  }
  const sky = s('linearGradient', { id: 'hero-sky', x1: 0, y1: 0, x2: 0.4, y2: 1 }, s('stop', { offset: 0, 'stop-color': '#b23a22' }),
    s('stop', { offset: 0.55, 'stop-color': '#dd7643' }), s('stop', { offset: 1, 'stop-color': '#f4b467' }));
  return s('svg', { viewBox: '0 0 390 230', preserveAspectRatio: 'xMidYMax slice', 'aria-hidden': 'true' }, s('defs', null, sky),
    s('rect', { width: 390, height: 230, fill: 'url(#hero-sky)' }), ell(300, 104, 58, 58, '#ffe3a3', { opacity: 0.85 }), ell(300, 104, 76, 76, '#ffe3a3', { opacity: 0.18 }),
    path('M0 168q90 -46 190 -12t200 -20v100H0z', '#a63f22', { opacity: 0.55 }), path('M0 196q120 -50 240 -16t150 -10v70H0z', '#8a3019', { opacity: 0.6 }), wheat,
    s('g', { transform: 'translate(226 74) scale(.76)' }, bowl('三鲜', SCENES[0]), steam(3)));
}
