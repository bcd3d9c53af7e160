// What the tests over a made-up server have in common.
import { after, before, test } from 'node:test';
import { LOOKS, accessible, available, closeBrowser, openBrowser, openPage, shoot } from './browser.mjs';
import { Fake } from './fake.mjs';

before(() => available && openBrowser());
after(() => available && closeBrowser());

/** A test with a server of its own; skipped without a browser. */
export const check = (name, run) =>
  test(name, { skip: !available && 'run by make check-web', timeout: 120_000 }, async (t) => {
    const fake = await new Fake().start();
    t.after(() => fake.stop());
    await run(t, fake);
  });

/** Show a state at both widths, by day and by night; keep a picture of each, and judge it. */
export async function inEveryLook(t, url, name, arrive) {
  for (const look of LOOKS) {
    const page = await openPage(t, url, look);
    await arrive(page);
    const label = `${name}-${look.viewport.width}-${look.colorScheme}`;
    await shoot(page, label);
    await accessible(page, label);
    await page.context().close();
  }
}

/** What the fake's answers end with. */
export const answerDone = (page) => page.getByText('34 tokens').waitFor();

export async function ask(page, text) {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}
