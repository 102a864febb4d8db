// the yardstick: Node's own socket.io with the article's server side, and the same REST paths as wxbase for what is measured
// and compared. `node reference.js <port>` prints one line when it listens. The compatibility tests run against it too:
// an expectation that socket.io itself does not meet would be an invention of ours.
import http from 'node:http';
import { Server } from 'socket.io';

const connections = new Map(); // room -> user -> how many
const server = http.createServer(rest);
const io = new Server(server, { allowEIO3: true, serveClient: false, maxHttpBufferSize: 64 << 10 });

io.use((socket, next) => {
  const { room } = socket.handshake.query;
  if (room !== 'closed') return next();
  return next(Object.assign(new Error('This room is not open to you.'), { data: { code: 'room_forbidden' } }));
});

io.on('connection', (socket) => {
  const { room = 'lobby', userId } = socket.handshake.query;
  const user = 'guest:' + userId;
  socket.join(room);
  count(room, user, 1);
  socket.on('disconnect', () => count(room, user, -1));
  socket.on('exchange', ({ target, payload }, ack) => {
    const meta = { timestamp: Date.now(), client: socket.id, target };
    io.to(room).emit(target, { meta, data: { action: 'exchange', payload } }, { room });
    if (typeof ack === 'function') ack({ ok: true });
  });
});

function count(room, user, by) {
  if (!connections.has(room)) connections.set(room, new Map());
  const users = connections.get(room);
  const now = (users.get(user) || 0) + by;
  if (now > 0) users.set(user, now);
  else users.delete(user);
}

async function rest(req, res) {
  const [, room, what] = /^\/api\/wx\/rooms\/([\w-]+)\/(messages|members)$/.exec(req.url) || [];
  if (req.url === '/api/wx/health') return answer(res, {});
  if (req.url === '/stat') return answer(res, { sockets: io.engine.clientsCount, members: connections.get('bench')?.size || 0 });
  if (what === 'members') {
    const list = [...(connections.get(room) || [])].map(([user, n]) => ({ user, connections: n, verified: false }));
    return answer(res, { members: list, count: list.length, complete: true });
  }
  if (what !== 'messages') return res.writeHead(404).end();
  let body = '';
  for await (const piece of req) body += piece;
  const { event, payload } = JSON.parse(body);
  io.to(room).emit(event, payload, { room, at: new Date().toISOString() });
  return answer(res, { seq: 0 });
}

function answer(res, value) {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(value));
}

server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 }, () => console.log('listening'));
process.on('SIGTERM', () => {
  io.close();
  setTimeout(() => process.exit(0), 200).unref();
});
