// Node's socket.io and engine.io with the handlers that the protocol suite asks for: `node echo.js <port> <ping timeout, ms>`.
// The folder realtime/echo is the same over our own packages.
import http from 'node:http';
import { Server } from 'socket.io';

const server = http.createServer();
const heart = { pingInterval: 300, pingTimeout: Number(process.argv[3]), maxHttpBufferSize: 1000000, destroyUpgrade: false };
const io = new Server(server, { ...heart, connectTimeout: 2000, serveClient: false });

for (const name of ['/', '/custom']) {
  io.of(name).on('connection', (socket) => {
    socket.emit('auth', socket.handshake.auth);
    socket.on('message', (...args) => socket.emit('message-back', ...args));
    socket.on('message-with-ack', (...args) => {
      const ack = args.pop();
      ack(...args);
    });
  });
}

const Engine = io.engine.constructor; // the same engine, with nothing on top
const engine = new Engine(heart);
engine.attach(server, { path: '/engine.io/', destroyUpgrade: false });
engine.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));

server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
