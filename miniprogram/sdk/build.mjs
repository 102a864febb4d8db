// builds dist/ from src/: one file for require (mini programs), one for import (bundlers, browsers), and their types.
// The demo gets a copy, since a mini program cannot reach outside its own folder. `node build.mjs --check` builds into memory and fails when dist/ says something else.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

const root = import.meta.dirname;
const banner = '/*! wxbase-miniprogram, MIT licence. Built from miniprogram/sdk/src by `npm run build`; change it there. */';
const limit = 25 * 1024; // bytes, minified (9 KB gzipped): a mini program's package holds 2 MB in all

async function bundle(entry, format, extension, options) {
  const result = await build({
    absWorkingDir: root, entryPoints: [`src/${entry}.js`], bundle: true, format, target: 'es2018', charset: 'utf8', legalComments: 'inline',
    banner: { js: banner }, write: false, outfile: `dist/${entry}${extension}`, ...options,
  });
  return result.outputFiles[0].text;
}

async function files() {
  const all = {};
  for (const entry of ['index', 'pocketbase']) {
    all[`${entry}.js`] = await bundle(entry, 'cjs', '.js');
    all[`${entry}.mjs`] = await bundle(entry, 'esm', '.mjs');
    all[`${entry}.d.ts`] = fs.readFileSync(path.join(root, `src/${entry}.d.ts`), 'utf8');
  }
  return all;
}

async function size() {
  const text = await bundle('index', 'cjs', '.min.js', { minify: true, banner: {} });
  return Buffer.byteLength(text);
}

const wanted = await files();
const bytes = await size();
console.log(`sdk: ${bytes} bytes minified, ${limit} allowed`);
if (bytes > limit) process.exit(1);

const demo = path.join(root, '../demo/src/wxbase');
const copied = ['index.js', 'index.d.ts'];
const golden = path.join(root, 'test/size.golden'); // so that growth shows in a review
const measured = `${bytes} bytes minified\n`;
const dist = path.join(root, 'dist');
if (process.argv.includes('--check')) {
  const have = fs.existsSync(dist) ? fs.readdirSync(dist).sort() : [];
  const other = Object.keys(wanted).filter((name) => !have.includes(name) || fs.readFileSync(path.join(dist, name), 'utf8') !== wanted[name]);
  const left = have.filter((name) => !(name in wanted));
  other.push(...copied.filter((name) => fs.readFileSync(path.join(demo, name), 'utf8') !== wanted[name]).map((name) => 'demo ' + name));
  if (fs.readFileSync(golden, 'utf8') !== measured) other.push('test/size.golden');
  if (other.length + left.length > 0) {
    console.error(`sdk: dist/ is not what src/ builds: ${[...other, ...left].join(', ')}; run npm run build and commit`);
    process.exit(1);
  }
} else {
  fs.rmSync(dist, { recursive: true, force: true });
  fs.mkdirSync(dist);
  fs.writeFileSync(golden, measured);
  for (const [name, text] of Object.entries(wanted)) fs.writeFileSync(path.join(dist, name), text);
  for (const name of copied) fs.writeFileSync(path.join(demo, name), wanted[name]);
}
