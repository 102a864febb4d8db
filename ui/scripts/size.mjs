// Fails when the first screen takes more than 400 KB gzipped: index.html, what it loads at once, the overview with its charts, one dictionary.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const MOST = 400 * 1024;
const dist = new URL('../dist/', import.meta.url);
const read = (name) => readFileSync(new URL(name, dist), 'utf8');

const seen = new Set();
// follow reads a chunk and everything that it imports at once
function follow(name) {
  if (seen.has(name)) return;
  seen.add(name);
  if (!name.endsWith('.js')) return;
  for (const [, next] of read(name).matchAll(/(?:import|from)\s*"\.\/([\w.-]+\.js)"/g)) follow(`assets/${next}`);
}

for (const [, name] of read('index.html').matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)) follow(name);
const all = readdirSync(new URL('assets/', dist));
const later = ['OverviewPage', 'BarChart', 'AttentionStrip', 'zh-CN', 'zh-cn'];
for (const name of all) if (later.some((one) => name.startsWith(`${one}-`))) follow(`assets/${name}`);
// the styles of the chunks that are loaded
for (const name of [...seen]) {
  const stem = name.replace(/^assets\//, '').replace(/-[\w-]{8}\.js$/, '');
  for (const style of all) if (style.endsWith('.css') && style.startsWith(`${stem}-`)) seen.add(`assets/${style}`);
}

const sizes = ['index.html', ...seen].map((name) => [name, gzipSync(read(name), { level: 6 }).length]).sort((a, b) => b[1] - a[1]);
const sum = sizes.reduce((total, [, bytes]) => total + bytes, 0);
for (const [name, bytes] of sizes.slice(0, 8)) console.log(`${String(bytes).padStart(8)}  ${name}`);
console.log(`first screen: ${Math.round(sum / 1024)} KB gzipped in ${sizes.length} files, at most ${MOST / 1024} KB`);
if (sum > MOST) {
  console.error('size: the first screen is too large');
  process.exit(1);
}
