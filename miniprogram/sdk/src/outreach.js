/** Codes, links, subscribe messages, content checks. Methods of Client. */
import { enc, newKey, promised } from './promised.js';

/** sceneOf finds the scene in what a page or the app was opened with: a string, query, {scene}, {query: {scene}}, or a scanned path. */
function sceneOf(opened) {
  const o = opened || {};
  const found = typeof opened === 'string' ? opened : (o.query || {}).scene || o.scene || sceneOfPath(o.path);
  if (typeof found !== 'string' || !found) return ''; // note: launch options carry a number called scene, which is another thing
  try {
    return decodeURIComponent(found);
  } catch (e) {
    return found; // not encoded: a scene never holds a percent sign of its own
  }
}

function sceneOfPath(path) {
  const found = /[?&]scene=([^&]*)/.exec(path || '');
  return found ? found[1] : '';
}

export const outreach = {
  async code(options) {
    const answer = await this.post('codes', options || {}, true);
    return { ...answer, url: this.url(answer.url) };
  },

  /**
   * scene resolves what App.onLaunch, Page.onLoad or wx.scanCode got; null when there was no scene. The scan counts for the user;
   * a guest's is told to the server with the next login.
   */
  async scene(opened) {
    const scene = sceneOf(opened);
    if (!scene) return null;
    const guest = !this.token;
    const answer = await this.request('/api/wx/scenes/' + enc(scene));
    if (guest) this.opened = scene;
    return answer;
  },

  link(options) {
    return this.post('links', options, true);
  },

  /**
   * askMessages shows WeChat's dialog for subscribe messages and reports the answers; call it in a tap, before anything else is awaited.
   * A report that finds no network is sent later.
   */
  async askMessages(templateIds) {
    const res = await promised(this.wx, 'requestSubscribeMessage', { tmplIds: templateIds }).catch((err) => {
      throw this.fault('subscribe_refused', err && err.errMsg, { errCode: err && err.errCode });
    });
    const answers = {};
    for (const id of templateIds) if (res[id]) answers[id] = res[id];
    const data = { answers, key: newKey() };
    if (Object.keys(answers).length > 0) {
      await this.post('consents', data, true).catch((err) => {
        if (err.status) throw err;
        this.queue.add('/api/wx/consents', data);
      });
    }
    return answers;
  },

  checkText(content, options) {
    return this.post('check/text', { content, ...options });
  },

  /** checkImage sends a picture; its outcome comes into `state` of wx_checks/{id}. */
  checkImage(filePath, options) {
    return this.upload('/api/wx/check/image', { filePath, formData: options });
  },
};
