// runs what uni-app and Taro have compiled: App, Page and Component as WeChat's framework calls them, setData by paths, taps by what the
// compiled page bound. No WXML is rendered; a page is seen through its data, as the view layer would get it.
import path from 'node:path';
import { miniProgram } from '../realtime/wx.js';
import { loader, screens } from './loader.js';

/** openCompiled gives {page, shown, phone} of the page that app.json names first; LOCAL addresses in the files become the server's. */
export async function openCompiled({ server, root }) {
  const phone = miniProgram();
  const shown = { toasts: [], modals: [], sheets: [], navigated: [], saved: [] };
  Object.assign(phone.wx, screens(shown, () => true), platform());
  const host = { wx: phone.wx, app: null, page: null, rewrite: (text) => text.replaceAll('http://127.0.0.1:8090', server.url) };
  host.globals = {
    Component: (definition) => (host.page = fromComponent(definition)),
    Behavior: (definition) => definition,
    getCurrentPages: () => [],
    clearInterval, setInterval, global: {}, // a mini program has this name too
  };
  const require = loader(host);
  require(path.join(root, 'app'));
  const opened = { path: 'pages/index/index', query: {}, scene: 1001, referrerInfo: {} };
  for (const hook of ['onLaunch', 'onShow']) if (host.app[hook]) host.app[hook](opened);
  require(path.join(root, 'pages/index/index'));
  return { page: open(host.page), shown, phone };
}

function platform() {
  const system = { platform: 'devtools', SDKVersion: '3.8.0', pixelRatio: 2, windowWidth: 375, windowHeight: 667, statusBarHeight: 20, language: 'zh_CN' };
  return {
    getSystemInfoSync: () => system, getAppBaseInfo: () => system, getWindowInfo: () => system, getDeviceInfo: () => system,
    getLaunchOptionsSync: () => ({ path: 'pages/index/index', query: {}, scene: 1001 }), getEnterOptionsSync: () => ({ scene: 1001 }),
    getAccountInfoSync: () => ({ miniProgram: { appId: 'touristappid', envVersion: 'develop' } }),
    onMemoryWarning() {}, nextTick: (fn) => setTimeout(fn, 0), onWindowResize() {}, offWindowResize() {},
  };
}

/** fromComponent makes of a component that serves as a page what Page() would have been given. */
function fromComponent({ methods = {}, lifetimes = {}, ...rest }) {
  return { ...rest, ...lifetimes, ...methods };
}

function open(definition) {
  const page = { route: 'pages/index/index', is: 'pages/index/index', options: {}, ...definition, data: structuredClone(definition.data || {}), properties: {} };
  page.setData = (changes, done) => {
    for (const [where, value] of Object.entries(structuredClone(changes))) put(page.data, where, value);
    if (done) setTimeout(done, 0);
  };
  page.selectComponent = () => null;
  page.createSelectorQuery = () => ({ select: () => ({ boundingClientRect: () => ({ exec() {} }) }), exec() {} });
  page.triggerEvent = () => {};
  for (const hook of ['created', 'attached', 'onLoad', 'ready', 'onShow', 'onReady']) if (page[hook]) page[hook]({});
  page.leave = () => ['onHide', 'onUnload', 'detached'].forEach((hook) => page[hook] && page[hook]());
  return page;
}

/** put follows a path as setData does: root.cn.[0].cl */
function put(data, where, value) {
  const keys = where.replace(/\[(\d+)\]/g, '.$1').split('.').filter(Boolean);
  const last = keys.pop();
  let at = data;
  for (const [i, key] of keys.entries()) at = at[key] ??= /^\d+$/.test(keys[i + 1] ?? last) ? [] : {};
  at[last] = value;
}
