// makes docs/images/shop anew: one picture for each of the 24 tasks, in both languages, as shop.test.js sees them at 1280 px.
// `node shop-pictures.js` runs the tasks first; `node shop-pictures.js --taken` takes the pictures that an E2E_SHOTS=1 run has left.
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openBrowser } from './browser.js';

const ARTIFACTS = path.join(import.meta.dirname, 'artifacts');
const TO = path.join(import.meta.dirname, '../docs/images/shop');
const WIDTH = 640;
const MOST = 32 * 1024; // bytes of a picture: 48 of them stay under 1.6 MB
const runs = { zh: 'shop-zh-1280', en: 'shop-en-1280' };
// the name of each picture, and the step of the story that it shows
const tasks = {
  '01-mini-program': 'setup-light', '02-merchant': 'merchant-light', '03-check-up': 'doctor-light', '04-address': '04',
  '05-product': 'product-light', '06-stock': '06', '07-overview': 'overview-light', '08-find-order': '08', '09-story': 'order-light',
  '10-cancel': '10', '11-refund': 'refund-light', '12-refund-line': '12', '13-ship': 'ship-light', '14-due': '14', '15-dispute': 'resolve-light',
  '16-export': '16', '17-picking-list': 'picking-list-light', '18-code': 'new-code-light', '19-scans': '19', '20-message': 'message-light',
  '21-user': '21', '22-held': 'held-light', '23-bills': 'bills-light', '24-staff': 'staff-light',
};

const take = (run) => {
  const env = { ...process.env, E2E_SHOTS: '1', SHOP_RUN: run.replace('shop-', '') };
  const args = ['--test', `--test-name-pattern=${run.replace('shop-', 'shop ')}`, path.join(import.meta.dirname, 'shop.test.js')];
  if (spawnSync(process.execPath, args, { env, stdio: 'inherit' }).status !== 0) throw new Error(`${run} did not pass`);
};

/** smaller is a PNG as WebP of WIDTH, of as good a quality as MOST lets it have. */
async function smaller(page, png) {
  for (let quality = 0.8; quality > 0.2; quality -= 0.1) {
    const webp = Buffer.from(await page.evaluate(encode, { png: png.toString('base64'), width: WIDTH, quality }), 'base64');
    if (webp.length <= MOST) return webp;
  }
  throw new Error(`no quality brings the picture under ${MOST} bytes`);
}

// encode runs in Chromium, which has the encoder
async function encode({ png, width, quality }) {
  const blob = await (await fetch(`data:image/png;base64,${png}`)).blob();
  const full = await createImageBitmap(blob);
  const image = await createImageBitmap(full, { resizeWidth: width, resizeHeight: Math.round((full.height * width) / full.width), resizeQuality: 'high' });
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext('2d').drawImage(image, 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality })).arrayBuffer());
  return btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(''));
}

if (!process.argv.includes('--taken')) {
  await rm(ARTIFACTS, { recursive: true, force: true });
  Object.values(runs).forEach(take);
}
await mkdir(TO, { recursive: true });
const taken = await readdir(ARTIFACTS);
const browser = await openBrowser();
const page = await browser.newPage();
let sum = 0;
for (const [language, run] of Object.entries(runs)) {
  for (const [name, step] of Object.entries(tasks)) {
    const shot = taken.find((file) => file.startsWith(run) && file.replace(/^.*?-\d+-\d+-/, '') === `${step}.png`);
    if (!shot) throw new Error(`${run} has no picture of ${step}`);
    const webp = await smaller(page, await readFile(path.join(ARTIFACTS, shot)));
    await writeFile(path.join(TO, `${name}.${language}.webp`), webp);
    sum += webp.length;
  }
}
await browser.close();
console.log(`${2 * Object.keys(tasks).length} pictures, ${Math.round(sum / 1024)} KB`);
