// sends what is meant for WeChat to the simulator, with WeChat's name in the header Host, as a hosts file and a proxy would. The SDKs stay
// as they are.
'use strict';
const http = require('node:http');
const https = require('node:https');

const base = process.env.WX_API_BASE;
if (!base) throw new Error('run it by `wxbase sim exec -- npm test` (or `make peers`)');
const { hostname, port } = new URL(base);
const secure = https.request;

function request(...args) {
  let [first, options, callback] = args;
  if (typeof options === 'function') [options, callback] = [undefined, options];
  const asked = typeof first === 'string' || first instanceof URL ? { ...urlParts(new URL(first)), ...options } : { ...first };
  const host = asked.hostname || (asked.host || '').split(':')[0];
  if (!host.endsWith('weixin.qq.com')) return secure.apply(https, args);
  const headers = { ...asked.headers };
  for (const name of Object.keys(headers)) if (name.toLowerCase() === 'host') delete headers[name];
  const { agent, agents, ...rest } = asked; // the agent is one for TLS
  return http.request({ ...rest, agent: undefined, protocol: 'http:', host: hostname, hostname, port, headers: { ...headers, Host: host } }, callback);
}

const urlParts = (url) => ({ protocol: url.protocol, hostname: url.hostname, path: url.pathname + url.search });

https.request = request;
https.get = (...args) => {
  const req = request(...args);
  req.end();
  return req;
};
