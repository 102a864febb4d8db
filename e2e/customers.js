// customers of a shop that a test needs: they log in, order, pay, scan and write through the API, as their phones do.
import { sim } from './server.js';

/** call asks the server with a token and gives the answer, or throws what the server says. */
export async function call(server, method, route, token, body) {
  const headers = { ...(token ? { Authorization: token } : {}), ...(body ? { 'Content-Type': 'application/json' } : {}) };
  const res = await fetch(server.url + route, { method, headers, body: body && JSON.stringify(body) });
  const text = await res.text();
  if (!res.ok) throw new Error(`${method} ${route}: ${res.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

/** rootToken logs the demo's superuser in. */
export async function rootToken(server) {
  const { token } = await call(server, 'POST', '/api/collections/_superusers/auth-with-password', '', { identity: server.email, password: server.password });
  return token;
}

/** Customer is one person of the simulated WeChat. */
export class Customer {
  constructor(server, person) {
    Object.assign(this, { server, person, token: '', id: '' });
  }

  /** login gives a phone number too when asked. */
  async login({ name, phone = false, scene } = {}) {
    const { code } = await sim(this.server, `people/${this.person}/login`, {});
    const { token, record } = await call(this.server, 'POST', '/api/wx/login', '', { code, scene });
    Object.assign(this, { token, id: record.id });
    if (name) await this.post('/api/wx/profile', { name });
    if (phone) await this.post('/api/wx/phone', { code: (await sim(this.server, `people/${this.person}/phone`, {})).code });
    return this;
  }

  post(route, body) {
    return call(this.server, 'POST', route, this.token, body ?? {});
  }

  order(items, note = '') {
    return this.post('/api/wx/orders', { items, note });
  }

  /** pay pays an order at the simulated cashier and waits until the server knows. */
  async pay(order, waitFor = (now) => now.payState === 'PAID') {
    const params = await this.post(`/api/wx/orders/${order.id}/pay`);
    const { appid } = await sim(this.server, 'config');
    await sim(this.server, `people/${this.person}/pay`, { appid, action: 'pay', ...params });
    for (let tries = 0; tries < 100; tries++) {
      const now = await call(this.server, 'GET', `/api/collections/orders/records/${order.id}`, this.token);
      if (waitFor(now)) return now;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`order ${order.number} is not paid after ten seconds`);
  }
}
