// Fails when the committed dist/ is not what the sources build.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const built = mkdtempSync(path.join(tmpdir(), 'wxbase-ui-'));
const list = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();

let different = [];
try {
  execFileSync(process.execPath, [path.join(root, 'node_modules/vite/bin/vite.js'), 'build', '--outDir', built, '--logLevel', 'warn'], { cwd: root, stdio: 'inherit' });
  const [ours, fresh] = [list(path.join(root, 'dist')), list(built)];
  different = [...new Set([...ours, ...fresh])].filter((name) => !ours.includes(name) || !fresh.includes(name) || !readFileSync(path.join(root, 'dist', name)).equals(readFileSync(path.join(built, name))));
} finally {
  rmSync(built, { recursive: true, force: true });
}
if (different.length) {
  console.error(`ui: dist/ is not what src/ builds (${different.length} files, such as ${different[0]}); run "make ui" and commit it`);
  process.exit(1);
}
console.log('ui: dist/ is up to date');
