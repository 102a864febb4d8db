// loads the demo mini program into this process: TypeScript by esbuild, App and Page as the framework calls them, and what a phone shows as
// lists of what was shown. It stands in for DevTools where the framework is known, and for nothing else: no WXML is rendered.
import { transformSync } from 'esbuild';
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import vm from 'node:vm';
import { miniProgram } from '../realtime/wx.js';

const DEMO = path.join(import.meta.dirname, '../../miniprogram/demo/src');

/** loadDemo gives {open(page, query), shown, app}: the mini program of a folder, just launched with these options. */
export async function loadDemo({ server, root = DEMO, launch = {}, confirm = () => true, storage = {} }) {
  const phone = miniProgram();
  const shown = { toasts: [], modals: [], sheets: [], navigated: [], saved: [], shared: [] };
  Object.entries({ 'demo.server': server.url, ...storage }).forEach(([k, v]) => phone.wx.setStorageSync(k, v));
  Object.assign(phone.wx, screens(shown, confirm), { uploadFile, downloadFile, shareFileMessage: async (o) => shown.shared.push(o) });
  const host = { wx: phone.wx, app: null, page: null };
  const require = loader(host);
  require(path.join(root, 'app'));
  if (host.app.onLaunch) await host.app.onLaunch({ path: 'pages/home/home', query: {}, scene: 1001, ...launch });
  return {
    phone, shown, app: host.app,
    open: (name, query = {}) => openPage(host, require, path.join(root, `pages/${name}/${name}`), query),
  };
}

/** loader gives require() of a mini program's files. host.globals adds names to what every file sees, host.rewrite changes a source first. */
export function loader(host) {
  const loaded = new Map();
  const globals = {
    wx: host.wx, console, setTimeout, clearTimeout, Promise,
    App: (definition) => (host.app = definition),
    getApp: () => host.app,
    Page: (definition) => (host.page = definition),
    ...host.globals,
  };
  const context = vm.createContext(globals);
  return function require(file) {
    const full = ['', '.ts', '.js'].map((end) => file + end).find((name) => existsSync(name) && statSync(name).isFile());
    if (!full) throw new Error('no module ' + file);
    if (loaded.has(full)) return loaded.get(full).exports;
    const module = { exports: {} };
    loaded.set(full, module);
    const source = (host.rewrite || String)(readFileSync(full, 'utf8'));
    const { code } = full.endsWith('.ts') ? transformSync(source, { loader: 'ts', format: 'cjs', target: 'es2018' }) : { code: source };
    const run = vm.runInContext(`(function (module, exports, require) {${code}\n})`, context, { filename: full });
    run(module, module.exports, (name) => require(path.resolve(path.dirname(full), name)));
    return module.exports;
  };
}

/** openPage makes a page as the framework does: its data copied, its methods bound, onLoad then onShow. */
async function openPage(host, require, file, query) {
  host.page = null;
  const definition = pageOf(host, require, file);
  const page = { ...definition, data: structuredClone(definition.data || {}) };
  page.setData = (changes) => Object.assign(page.data, structuredClone(changes));
  for (const hook of ['onLoad', 'onShow']) if (page[hook]) await page[hook](query);
  page.tap = (handler, dataset = {}, detail = {}) => page[handler]({ currentTarget: { dataset }, detail });
  page.leave = () => ['onHide', 'onUnload'].forEach((hook) => page[hook] && page[hook]());
  return page;
}

const definitions = new WeakMap();

/** pageOf runs a page's file once for each mini program: Page() is called when it is first required. */
function pageOf(host, require, file) {
  if (!definitions.has(host)) definitions.set(host, new Map());
  const known = definitions.get(host);
  if (!known.has(file)) {
    require(file);
    known.set(file, host.page);
  }
  return known.get(file);
}

/** screens are WeChat's own sheets, as lists of what was shown. */
export function screens(shown, confirm) {
  return {
    showToast: (o) => shown.toasts.push(o.title),
    showActionSheet: (o) => {
      shown.sheets.push(o.itemList);
      o.success({ tapIndex: o.itemList.length - 1 });
    },
    showModal: (o) => {
      shown.modals.push(o.title);
      queueMicrotask(() => o.success({ confirm: confirm(o), cancel: !confirm(o) }));
    },
    navigateTo: (o) => shown.navigated.push(o.url),
    switchTab: (o) => shown.navigated.push(o.url),
    stopPullDownRefresh: () => {},
    getWindowInfo: () => ({ pixelRatio: 2 }),
    getDeviceInfo: () => ({ platform: 'devtools' }),
    canIUse: () => true,
    createSelectorQuery: () => ({ select: () => ({ fields: () => ({ exec: (done) => done([{ node: canvas(shown) }]) }) }) }),
    canvasToTempFilePath: async () => ({ tempFilePath: 'wxfile://poster.png' }),
    saveImageToPhotosAlbum: async (o) => shown.saved.push(o.filePath),
  };
}

/** canvas fetches its pictures for real, so that an address that leads nowhere shows. */
function canvas(shown) {
  shown.drawn = [];
  return {
    getContext: () => ({ scale() {}, fillRect() {}, drawImage: (image) => shown.drawn.push(image.type), fillText: (text) => shown.drawn.push(text) }),
    createImage() {
      const image = {};
      Object.defineProperty(image, 'src', {
        set: (url) => fetch(url).then((res) => {
          image.type = res.headers.get('content-type');
          if (res.ok) image.onload();
          else image.onerror();
        }, () => image.onerror()),
      });
      return image;
    },
  };
}

function uploadFile(o) {
  const form = new FormData();
  for (const [name, value] of Object.entries(o.formData || {})) form.append(name, value);
  form.append(o.name, new Blob([readFileSync(o.filePath)]), path.basename(o.filePath));
  fetch(o.url, { method: 'POST', headers: o.header, body: form }).then(
    async (res) => o.success({ statusCode: res.status, data: await res.text(), errMsg: 'uploadFile:ok' }),
    (err) => o.fail({ errMsg: 'uploadFile:fail ' + err.message }),
  );
  return { onProgressUpdate() {}, abort() {} };
}

function downloadFile(o) {
  fetch(o.url, { headers: o.header }).then(async (res) => {
    const tempFilePath = path.join(mkdtempSync(path.join(os.tmpdir(), 'wxbase-download-')), 'file');
    writeFileSync(tempFilePath, Buffer.from(await res.arrayBuffer()));
    o.success({ statusCode: res.status, tempFilePath, errMsg: 'downloadFile:ok' });
  }, (err) => o.fail({ errMsg: 'downloadFile:fail ' + err.message }));
}
