/** One collection of PocketBase: the shop's own data. */
import { enc } from './promised.js';

/** quote writes a value as PocketBase's filters read it. NB! a backslash is escaped too, or it would free the quote that follows. */
function quote(value) {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = value instanceof Date ? value.toISOString().replace('T', ' ') : typeof value === 'string' ? value : JSON.stringify(value);
  return "'" + text.replace(/[\\']/g, '\\$&') + "'";
}

/** fill puts values in place of {:name}; a name without a value is a mistake of the program. */
export function fill(filter, params) {
  return filter.replace(/\{:(\w+)\}/g, (all, name) => {
    if (!params || !(name in params)) throw new Error('filter parameter ' + name + ' has no value');
    return quote(params[name]);
  });
}

function queryOf({ auth, params, filter, skipTotal, ...q }) {
  if (filter) q.filter = fill(filter, params);
  if (skipTotal) q.skipTotal = 1;
  const pairs = Object.keys(q).filter((k) => q[k] !== undefined).map((k) => k + '=' + enc(q[k]));
  return pairs.length > 0 ? '?' + pairs.join('&') : '';
}

/** Collection lists, views, creates, updates, deletes and listens. Make it with client.collection(name). */
export class Collection {
  constructor(client, name) {
    this.client = client;
    this.name = name;
    this.path = '/api/collections/' + enc(name) + '/records';
  }

  at(id) {
    return this.path + '/' + enc(id);
  }

  async list(options) {
    const o = options || {};
    return this.client.request(this.path + queryOf(o), { auth: o.auth });
  }

  async first(filter, params, options) {
    const page = await this.list({ filter, params, perPage: 1, skipTotal: true, ...options });
    return page.items[0] || null;
  }

  async view(id, options) {
    const o = options || {};
    return this.client.request(this.at(id) + queryOf(o), { auth: o.auth });
  }

  create(data) {
    return this.client.request(this.path, { method: 'POST', data });
  }

  update(id, data) {
    return this.client.request(this.at(id), { method: 'PATCH', data });
  }

  async delete(id) {
    await this.client.request(this.at(id), { method: 'DELETE' });
  }

  /** subscribe listens to one record, or to all with '*'. */
  subscribe(id, handler, options) {
    return this.client.subscribe(this.name + '/' + id, handler, options);
  }
}
