'use strict';
const { createClient } = require('../dist/' + (process.env.WXBASE_SDK || 'index.js'));
const { fakeWx } = require('./fakewx.js');

/** setup is a client over a fake phone whose server logs everybody in; routes add to that. */
function setup(routes, options) {
  const login = (call, fake) => {
    fake.logins = (fake.logins || 0) + 1;
    return { body: { token: 't' + fake.logins, record: { id: 'u1' }, meta: {} } };
  };
  const fake = fakeWx(Object.assign({ 'POST /api/wx/login': login }, routes));
  return { fake, client: createClient(Object.assign({ baseURL: 'https://shop.example', wx: fake.wx }, options)) };
}

/** hurry lets the client's own pauses pass at once. */
function hurry(t) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ticking = setInterval(() => t.mock.timers.tick(1000), 1);
  t.after(() => clearInterval(ticking));
}

function sent(fake, path) {
  return fake.calls.filter((c) => c.path.split('?')[0] === path);
}

module.exports = { setup, hurry, sent };
