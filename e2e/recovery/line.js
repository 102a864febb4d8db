// the network between a phone and the server: it can be cut, and it can lose one answer after the server has worked.
import http from 'node:http';

/**
 * startLine gives {url, seen, down(on), lose(test, times), before(test, act), stop}. down cuts everything and refuses what comes; lose
 * lets requests through and destroys the connection in place of their answer; before runs act when the first such request comes, then
 * lets it through.
 */
export async function startLine(server) {
  const { port } = new URL(server.url);
  const state = { down: false, losing: [], acts: [], open: new Set(), seen: [] };
  const relay = http.createServer((req, res) => forward(state, port, req, res).catch(() => res.destroy()));
  relay.on('connection', (socket) => {
    if (state.down) return void socket.destroy();
    state.open.add(socket);
    socket.on('close', () => state.open.delete(socket));
    return undefined;
  });
  relay.on('upgrade', (req, near, head) => upgrade(state, port, req, near, head));
  await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const cut = () => state.open.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${relay.address().port}`,
    seen: state.seen,
    cut,
    down: (on) => {
      state.down = on;
      if (on) cut();
    },
    lose: (test, times = 1) => state.losing.push({ test, left: times }),
    before: (test, act) => state.acts.push({ test, act }),
    stop: () => {
      cut();
      return new Promise((resolve) => relay.close(resolve));
    },
  };
}

async function forward(state, port, req, res) {
  const name = `${req.method} ${req.url}`;
  state.seen.push(name);
  const body = [];
  for await (const bytes of req) body.push(bytes);
  const at = state.acts.findIndex((a) => a.test.test(name));
  if (at >= 0) await state.acts.splice(at, 1)[0].act();
  const far = http.request({ port, host: '127.0.0.1', method: req.method, path: req.url, headers: req.headers }, (answer) => {
    const lost = state.losing.find((l) => l.left > 0 && l.test.test(name));
    if (lost) {
      lost.left--;
      answer.resume();
      answer.on('end', () => req.socket.destroy());
      return;
    }
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
    answer.on('aborted', () => res.destroy());
  });
  far.on('error', () => res.destroy());
  res.on('close', () => far.destroy());
  far.end(Buffer.concat(body));
}

function upgrade(state, port, req, near, head) {
  state.seen.push(`UPGRADE ${req.url}`);
  const far = http.request({ port, host: '127.0.0.1', path: req.url, headers: req.headers });
  far.on('error', () => near.destroy());
  far.on('response', () => near.destroy()); // refused
  far.on('upgrade', (answer, socket, rest) => {
    near.write('HTTP/1.1 101 Switching Protocols\r\n' + Object.entries(answer.headers).map(([k, v]) => `${k}: ${v}\r\n`).join('') + '\r\n');
    if (rest.length) near.write(rest);
    if (head.length) socket.write(head);
    for (const [one, other] of [[near, socket], [socket, near]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  far.end();
}
