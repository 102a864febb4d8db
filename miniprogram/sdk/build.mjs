// builds dist/ from src/: one file for require (mini programs), one for import (bundlers, browsers), and their types.
// The demo and the starters get copies, since a mini program cannot reach outside its own folder. `node build.mjs --check` builds into memory and fails when dist/ says something else.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const root = import.meta.dirname;
const banner = '/*! wxbase-miniprogram, MIT licence. Built from miniprogram/sdk/src by `npm run build`; change it there. */';
const limit = 20 * 1024; // bytes of dist/index.min.js: a mini program's package holds 2 MB in all
const usualLimit = 23500; // of dist/index.js as DevTools minifies it, which shortens no property

// properties that are ours alone, so that index.min.js may shorten them: none is a name of the API, of wx, of the language or of the wire
const PRIVATE = `answered ask asking attempts client conn connect connected deliver dirty doLogin doUpload drop emit ended epoch everReady failed fault finish flush
  forget guard headers hear hidden host insist joined kept language lastId learn limitMs linkFor links listenToPhone listeners loggingIn loginCode look onOrder opened origin packet patience
  pause plan positions post posting queue quietMs reached readyAt ready realtime reauth receive refused remove renew report restart save sendFile sendOne sending
  session setHidden settle settled signedProfile socket spelled start stop store storedAt streams subs task tellings timer topics waiting wake watch watchPhone listening watchdog
  watching`.split(/\s+/);

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

/** smallest is the same code for require() in as few bytes as there can be: private names shortened, no wrapper around the exports. */
async function smallest() {
  const text = await bundle('index', 'esm', '.min.js', { minify: true, mangleProps: new RegExp(`^(${PRIVATE.join('|')})$`), banner: {} });
  const exported = /export\{([^}]*)\};?\s*$/;
  const names = exported.exec(text)[1].split(',').map((pair) => pair.split(' as ').reverse().join(':'));
  return '/*! wxbase-miniprogram, MIT */\n"use strict";' + text.replace(exported, `module.exports={${names}};\n`);
}

const wanted = await files();
wanted['index.min.js'] = await smallest();
const bytes = Buffer.byteLength(wanted['index.min.js']);
const usual = Buffer.byteLength(await bundle('index', 'cjs', '.usual.js', { minify: true, banner: {} }));
const zipped = gzipSync(wanted['index.min.js'], { level: 9 }).length;
console.log(`sdk: index.min.js ${bytes} bytes, ${limit} allowed; index.js minified ${usual}, ${usualLimit} allowed`);
if (bytes > limit || usual > usualLimit) process.exitCode = 1;

/** copies are the files that other folders hold, by their path from here: bundlers of starters take the ESM form. */
const miniprogram = path.join(root, '..');
const simulated = fs.readFileSync(path.join(miniprogram, 'demo/src/lib/simulated.ts'), 'utf8');
const starters = ['template-uniapp', 'template-taro'].flatMap((name) => [
  [`${name}/src/wxbase/index.js`, wanted['index.mjs']],
  [`${name}/src/wxbase/index.d.ts`, wanted['index.d.ts']],
  [`${name}/src/wxbase/simulated.ts`, simulated],
]);
const copies = new Map([['demo/src/wxbase/index.js', wanted['index.js']], ['demo/src/wxbase/index.d.ts', wanted['index.d.ts']], ...starters]);

function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

const golden = path.join(root, 'test/size.golden'); // so that growth shows in a review
const measured = `${bytes} bytes: dist/index.min.js\n${zipped} bytes: the same, gzipped\n${usual} bytes: dist/index.js as DevTools minifies it\n`;
const dist = path.join(root, 'dist');
if (process.argv.includes('--check')) {
  const have = fs.existsSync(dist) ? fs.readdirSync(dist).sort() : [];
  const other = Object.keys(wanted).filter((name) => !have.includes(name) || fs.readFileSync(path.join(dist, name), 'utf8') !== wanted[name]);
  const left = have.filter((name) => !(name in wanted));
  for (const [name, text] of copies) if (read(path.join(miniprogram, name)) !== text) other.push('../' + name);
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
  for (const [name, text] of copies) {
    fs.mkdirSync(path.dirname(path.join(miniprogram, name)), { recursive: true });
    fs.writeFileSync(path.join(miniprogram, name), text);
  }
}
