// The browser that the tests look through: sizes, themes, screenshots, axe.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const from = createRequire(`${process.env.ORION_WEB}/package.json`);
const axe = readFileSync(from.resolve('axe-core/axe.min.js'), 'utf8');
const shots = `${process.env.ORION_WEB}/shots`;

export const available = Boolean(process.env.ORION_WEB);
export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1280, height: 800 };
/** Every size in every theme. */
export const LOOKS = [PHONE, DESK].flatMap((viewport) =>
  ['light', 'dark'].map((colorScheme) => ({ viewport, colorScheme })),
);

let browser;

export async function openBrowser() {
  const { chromium } = from('playwright-core');
  mkdirSync(shots, { recursive: true });
  // As root, as in a container, its sandbox can't work.
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  });
}

export const closeBrowser = () => browser.close();

/** A page that fails its test when something goes wrong in it: an exception, a refusal by the
 * policy, a request that leaves the server.  What `meant` matches is meant to be said. */
export async function openPage(t, url, options = {}, meant = /^$/) {
  const context = await browser.newContext({
    locale: 'en-GB',
    viewport: DESK,
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) wrong.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) wrong.push(`asked for ${request.url()}`);
  });
  page.setDefaultTimeout(30_000);
  t.after(async () => {
    await context.close();
    assert.deepEqual(
      wrong.filter((text) => !meant.test(text)),
      [],
    );
  });
  await page.goto(url);
  return page;
}

/** No violation of WCAG 2.2 AA or of good practice that axe can find, and nothing that hangs
 * over the side of the page. */
export async function accessible(page, what) {
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => effect.getTiming().iterations === 1)
        .map(({ finished }) => finished),
    ),
  );
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  assert.deepEqual(
    violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]),
    [],
    what,
  );
  const [page_width, content] = await page.evaluate(() => [
    document.documentElement.clientWidth,
    document.documentElement.scrollWidth,
  ]);
  assert.ok(content <= page_width, `${what}: ${content} pixels of content on ${page_width}`);
}

/** Keep a picture of the whole page, with what is fixed to its sides at its sides. */
export async function shoot(page, name) {
  const size = page.viewportSize();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ ...size, height: Math.max(size.height, height) });
  await page.screenshot({ path: `${shots}/${name}.png` });
  await page.setViewportSize(size);
}
