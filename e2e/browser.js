// a Chromium, its pages, and what is kept of them: pictures, and every complaint in the console.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const ARTIFACTS = path.join(import.meta.dirname, 'artifacts');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, args: FLAGS });
}

/** Tab is one page with its own name for pictures. */
export class Tab {
  constructor(page, name) {
    this.page = page;
    this.name = name.replace(/[^\w-]+/g, '-');
    this.shots = 0;
    this.complaints = [];
    this.requests = [];
    page.setDefaultTimeout(15000);
    page.on('console', (m) => m.type() === 'error' && this.complaints.push(m.text()));
    page.on('pageerror', (err) => this.complaints.push(err.message));
    page.on('request', (r) => this.requests.push(`${r.method()} ${new URL(r.url()).pathname}`));
  }

  id(testid) {
    return this.page.getByTestId(testid);
  }

  /** step takes a picture when E2E_SHOTS=1. */
  async step(what) {
    if (process.env.E2E_SHOTS === '1') await this.picture(what);
  }

  async picture(what) {
    await mkdir(ARTIFACTS, { recursive: true });
    this.shots++;
    const file = `${this.name}-${String(this.shots).padStart(2, '0')}-${what}.png`;
    await this.page.screenshot({ path: path.join(ARTIFACTS, file) });
  }
}

/** inTabs opens tabs of one browser profile for a test, keeps pictures of all of them if it fails, and closes them. */
export async function inTabs(browser, { name, tabs = 1, viewport = { width: 1280, height: 800 }, locale, timezoneId }, work) {
  const context = await browser.newContext({ viewport, locale, timezoneId, reducedMotion: 'reduce' });
  const open = [];
  try {
    for (let i = 0; i < tabs; i++) open.push(new Tab(await context.newPage(), tabs > 1 ? `${name}-tab${i + 1}` : name));
    await work(...open);
  } catch (err) {
    for (const tab of open) await tab.picture('FAILED').catch(() => {});
    throw err;
  } finally {
    await context.close();
  }
}
