// waiting for things, and the REST side of rooms.
import assert from 'node:assert/strict';

const PATIENCE_MS = 15000;

/** until waits for a condition; `what` is told when it never comes. */
export async function until(what, condition, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** once resolves with the arguments of the next event, or rejects when it does not come. */
export function once(emitter, event, patience = PATIENCE_MS) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no event ${event}`)), patience);
    emitter.once(event, (...args) => {
      clearTimeout(late);
      resolve(args);
    });
  });
}

/** call speaks to the REST API; it fails on any status but `want`. */
export async function call(server, method, path, { body, token, want = 200 } = {}) {
  const headers = { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...(token && { Authorization: token }) };
  const res = await fetch(server.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await res.text();
  assert.equal(res.status, want, `${method} ${path}: ${text}`);
  return text ? JSON.parse(text) : null;
}

export async function superuser(server) {
  const body = { identity: server.email, password: server.password };
  return (await call(server, 'POST', '/api/collections/_superusers/auth-with-password', { body })).token;
}

/** makeRoom makes a room, or changes the one of that name. */
export async function makeRoom(server, token, room) {
  const filter = encodeURIComponent(`name="${room.name}"`);
  const { items } = await call(server, 'GET', `/api/collections/rooms/records?filter=${filter}`, { token });
  if (items.length > 0) return call(server, 'PATCH', `/api/collections/rooms/records/${items[0].id}`, { body: room, token });
  return call(server, 'POST', '/api/collections/rooms/records', { body: room, token });
}

export function publish(server, token, room, event, payload) {
  return call(server, 'POST', `/api/wx/rooms/${room}/messages`, { body: { event, payload }, token });
}

export async function members(server, token, room) {
  const answer = await call(server, 'GET', `/api/wx/rooms/${room}/members`, { token });
  return answer.members.map((m) => m.user).sort();
}

/** EVERYBODY is a rule that is true for guests too. */
export const EVERYBODY = 'id != ""';
