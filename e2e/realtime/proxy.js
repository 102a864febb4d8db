// a network that can be cut: a TCP relay in front of a server.
import net from 'node:net';

/** startProxy gives {url, cut, block, stop}; cut ends all connections, block(true) refuses new ones as well. */
export async function startProxy(server) {
  const { port } = new URL(server.url);
  const open = new Set();
  let blocked = false;
  const relay = net.createServer((near) => {
    if (blocked) return void near.destroy();
    const far = net.connect(Number(port), '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => open.delete(one) && other.destroy());
      one.pipe(other);
    }
    return undefined;
  });
  await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const cut = () => open.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${relay.address().port}`,
    cut,
    block: (on) => {
      blocked = on;
      if (on) cut();
    },
    stop: () => {
      cut();
      return new Promise((resolve) => relay.close(resolve));
    },
  };
}
