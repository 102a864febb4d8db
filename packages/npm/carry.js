// puts executables into vendor/ for publishing: `npm run carry` takes bin/wxbase for this system and what `make cross` made for others.
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { carried } from './find.js';

const bin = path.join(import.meta.dirname, '../../bin');
const made = [
  [path.join(bin, process.platform === 'win32' ? 'wxbase.exe' : 'wxbase'), process.platform, process.arch],
  [path.join(bin, 'wxbase-linux-arm64'), 'linux', 'arm64'],
  [path.join(bin, 'wxbase-darwin-arm64'), 'darwin', 'arm64'],
  [path.join(bin, 'wxbase-windows-amd64.exe'), 'win32', 'x64'],
];
let n = 0;
for (const [from, platform, arch] of made) {
  if (!existsSync(from)) continue;
  const to = carried(platform, arch);
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, 0o755);
  console.log(path.relative(import.meta.dirname, to));
  n++;
}
if (!n) {
  console.error('carry: nothing in bin/: run make build, and make cross for other systems');
  process.exit(1);
}
