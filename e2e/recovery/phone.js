// one person's phone: the SDK over a strict wx, whose login and cashier are the simulated WeChat's, with a clock that can be put forward.
import path from 'node:path';
import strictly from '../../miniprogram/sdk/test/strict.js';
import { miniProgram } from '../realtime/wx.js';
import { sim } from '../server.js';

const SDK = path.join(import.meta.dirname, '../../miniprogram/sdk/dist', process.env.WXBASE_SDK || 'index.min.js');

/** newPhone gives {wx, clock, faults, hide, show, network, start(options)}; start opens the mini program: a new client over the same storage. */
export async function newPhone(server, { url = server.url, who, ...as } = {}) {
  const person = who || (await sim(server, 'people', { nickname: '恢复' })).id;
  const clock = newClock();
  const app = miniProgram(as);
  const listening = new Set();
  const mine = (verb, body, o) => sim(server, `people/${person}/${verb}`, body).then((res) => (/:fail/.test(res.errMsg || '') ? o.fail(res) : o.success(res)), (err) => o.fail({ errMsg: err.message }));
  const phone = { person, clock, faults: app.faults, hide: app.hide, show: app.show, cashier: () => {} };
  phone.wx = strictly.strict(Object.assign(app.wx, {
    login: (o) => mine('login', {}, o),
    requestPayment: ({ timeStamp, nonceStr, package: pack, signType, paySign, ...o }) => {
      mine('pay', { timeStamp, nonceStr, package: pack, signType, paySign }, { fail: o.fail, success: async (res) => (await phone.cashier(), o.success(res)) });
    },
    onNetworkStatusChange: (fn) => listening.add(fn),
    offNetworkStatusChange: (fn) => listening.delete(fn),
    canIUse: () => true,
  }), clock);
  phone.network = (isConnected) => listening.forEach((fn) => fn({ isConnected, networkType: isConnected ? 'wifi' : 'none' }));
  phone.sim = (verb, body = {}) => sim(server, `people/${person}/${verb}`, body);
  phone.start = (t, options) => {
    const client = app.require(SDK, clock.names).createClient({ baseURL: url, wx: phone.wx, ...options });
    t.after(() => client.close());
    return client;
  };
  return phone;
}

/** newClock gives timers and a Date that forward() moves: what falls due meanwhile happens at once, in order. */
export function newClock() {
  let ahead = 0;
  const pending = new Set();
  const now = () => Date.now() + ahead;
  const arm = (timer) => {
    timer.id = setTimeout(() => fire(timer), Math.max(timer.due - now(), 0));
  };
  const fire = (timer) => pending.delete(timer) && timer.fn();
  const names = {
    setTimeout: (fn, ms = 0) => {
      const timer = { fn, due: now() + ms };
      pending.add(timer);
      arm(timer);
      return timer;
    },
    clearTimeout: (timer) => {
      if (!timer) return;
      clearTimeout(timer.id);
      pending.delete(timer);
    },
    Date: class extends Date {
      static now() {
        return now();
      }
    },
  };
  const forward = (ms) => {
    ahead += ms;
    for (const timer of [...pending].sort((a, b) => a.due - b.due)) {
      clearTimeout(timer.id);
      if (timer.due <= now()) fire(timer);
      else arm(timer);
    }
  };
  return { names, setTimeout: names.setTimeout, forward };
}
