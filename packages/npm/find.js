// where the wxbase executable is. Nothing is ever downloaded: the package carries it, or it is found.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const program = process.platform === 'win32' ? 'wxbase.exe' : 'wxbase';

/** carried is where a package for this system has its executable. */
export const carried = (platform = process.platform, arch = process.arch) =>
  path.join(here, 'vendor', `${platform}-${arch}`, platform === 'win32' ? 'wxbase.exe' : 'wxbase');

function runs(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** find looks at WXBASE_BIN, into the package, and through PATH, in this order. WXBASE_BIN that leads nowhere is an error, not passed over. */
export function find(env = process.env) {
  if (env.WXBASE_BIN) {
    if (runs(env.WXBASE_BIN)) return path.resolve(env.WXBASE_BIN);
    throw new Error(`WXBASE_BIN leads to ${env.WXBASE_BIN}, which cannot be run`);
  }
  const places = [carried(), ...(env.PATH || '').split(path.delimiter).filter(Boolean).map((dir) => path.join(dir, program))];
  const found = places.find(runs);
  if (found) return found;
  throw new Error(`no wxbase executable for ${process.platform}-${process.arch}: put one into PATH, or set WXBASE_BIN (make build in the wxbase repository makes bin/${program})`);
}
