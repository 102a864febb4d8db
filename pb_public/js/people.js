// the people of the simulated WeChat, and the way to talk to it.

/** simCall speaks to the simulator's control API; without a body it is a GET. */
export async function simCall(path, body) {
  const init = body ? { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : undefined;
  const res = await fetch(path, { cache: 'no-store', ...init });
  const type = res.headers.get('Content-Type') || '';
  const data = type.includes('json') ? await res.json() : {};
  if (!res.ok) throw new Error(data.error || 'HTTP ' + res.status);
  if (!type.includes('json')) throw new Error('no simulator here');
  return data;
}

/** listPeople gives [{id, nickname, phone, avatar}], or null when there is no simulated WeChat. */
export async function listPeople() {
  try {
    const answer = await simCall('/_sim/people');
    const list = Array.isArray(answer) ? answer : answer.people;
    return list.map((p) => ({ ...p, avatar: p.avatar || drawn(p.nickname) }));
  } catch {
    return null;
  }
}

const KEY = 'wxbase-demo-holder';

/** holder is who holds the phone of this tab: ?person=, else the last one, else the first. */
export function holder(people) {
  const asked = new URLSearchParams(location.search).get('person') || sessionStorage.getItem(KEY);
  return people.find((p) => p.id === asked || p.nickname === asked) || people[0];
}

export function keepHolder(person) {
  sessionStorage.setItem(KEY, person.id);
}

/** drawn is an avatar for who has none: the first character on a colour of the shop. */
function drawn(name) {
  const hue = Array.from(name || '?').reduce((n, c) => n + c.codePointAt(0), 0) % 360;
  const letter = encodeURIComponent(Array.from(name || '?').pop().replace(/[<&]/g, '?'));
  return `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 40'%3E%3Crect width='40' height='40' fill='hsl(${hue} 45%25 55%25)'/%3E%3Ctext x='20' y='27' font-size='20' fill='%23fff' text-anchor='middle' font-family='sans-serif'%3E${letter}%3C/text%3E%3C/svg%3E`;
}

/** imageBase64 reads a picture of this origin for the simulated camera. */
export async function imageBase64(url) {
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}
