// other people's Socket.IO clients, as they come from npm. open takes the article's address and nothing else.
import { createRequire } from 'node:module';
import path from 'node:path';
import { io as io4 } from 'socket.io-client';
import io2 from 'socket.io-client-2';
import { miniProgram } from './wx.js';

const require = createRequire(import.meta.url);

/** what each transport list leaves a client with once it has settled */
const TRANSPORTS = [
  { how: 'polling, then upgraded', transports: undefined, ends: 'websocket' },
  { how: 'polling only', transports: ['polling'], ends: 'polling' },
  { how: 'websocket only', transports: ['websocket'], ends: 'websocket' },
];

function node(name, io, protocol) {
  return TRANSPORTS.map(({ how, transports, ends }) => ({
    name: `${name}, ${how}`, protocol, ends, wx: false,
    // forceNew: two people in one process must not share one connection
    open: (url, options) => io(url, { forceNew: true, ...(transports && { transports }), ...options }),
  }));
}

/** weapp is the port for mini programs that the article's client side uses; each socket lives in an app of its own. */
function weapp(alias, protocol, { named = 'none', origin = () => undefined } = {}) {
  const file = path.join(path.dirname(require.resolve(`${alias}/package.json`)), 'lib/weapp.socket.io.js');
  const { version } = require(`${alias}/package.json`);
  return {
    name: `weapp.socket.io ${version}, Origin ${named}`, protocol, ends: 'websocket', wx: true,
    open(url, options) {
      const app = miniProgram({ origin: origin(new URL(url)) });
      const io = app.require(file);
      const socket = (io.io || io)(url, { forceNew: true, ...options });
      socket.app = app;
      return socket;
    },
  };
}

export const clients = [
  ...node('socket.io-client 4', io4, 4),
  ...node('socket.io-client 2', io2, 3),
  weapp('weapp.socket.io-2', 3),
  weapp('weapp.socket.io-3', 4),
  // as phones and WeChat's developer tools were seen to send it
  weapp('weapp.socket.io-2', 3, { named: 'http://host,undefined', origin: (url) => `${url.origin},undefined` }),
  weapp('weapp.socket.io-3', 4, { named: 'weapp://', origin: () => 'weapp://wechat-game-runtime' }),
];

/** pick gives one client of each library and protocol, for tests where the transport does not matter. */
export const oneOfEach = clients.filter((c) => /websocket only|Origin none/.test(c.name));

/** transportOf names what a client talks over now; weapp clients know one only. */
export function transportOf(socket) {
  return socket.io.engine.transport.name;
}
