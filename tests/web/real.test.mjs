// The page with `orion serve` behind it, which pulls from the test hub: the whole way, as a
// person goes it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PHONE, accessible, available, closeBrowser, openBrowser, openPage, shoot } from './browser.mjs';

const skip = available ? false : 'run by make check-web';
const source = fileURLToPath(new URL('../../', import.meta.url));
const SLOW = 300_000; // bytes a second: the model takes half a minute, which no test waits for

/** A program, once its output has had a line that matches. */
async function start(command, args, options, stream, pattern) {
  const process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const said = [];
  for await (const line of createInterface({ input: process[stream] })) {
    said.push(line);
    const found = pattern.exec(line);
    if (found) return { process, found: found[1] };
  }
  throw new Error(`${command} said: ${said.join('\n')}`);
}

async function end(process, signal) {
  if (process.exitCode !== null) return;
  process.kill(signal);
  await new Promise((resolve) => process.once('exit', resolve));
}

/** A home, a hub with the tiny model under two names, and a server that can be started anew on the same port. */
class World {
  async start(...options) {
    this.home = mkdtempSync(join(tmpdir(), 'orion-web-'));
    for (const name of ['orion/orion-tiny/orion-tiny.gguf', 'acme/other/other-Q8_0.gguf']) {
      mkdirSync(dirname(join(this.home, 'hub', name)), { recursive: true });
      copyFileSync(join(source, 'models/orion-tiny.gguf'), join(this.home, 'hub', name));
    }
    this.hub = await start(
      'python3',
      [join(source, 'tests/hub/hub.py'), join(this.home, 'hub')],
      {},
      'stdout',
      /^port (\d+)/,
    );
    this.hubUrl = `http://127.0.0.1:${this.hub.found}`;
    await this.serve(...options);
    return this;
  }

  async serve(...options) {
    const env = {
      PATH: process.env.PATH,
      LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH ?? '',
      HOME: this.home,
      ORION_MODELS: join(this.home, 'models'),
      HF_ENDPOINT: this.hubUrl,
    };
    this.server = await start(
      process.env.ORION_BIN,
      ['serve', '--connections', '1', '--port', this.port ?? '0', ...options], // the hub's rate is of each
      { env },
      'stderr',
      /listening on http:\/\/127\.0\.0\.1:(\d+)/,
    );
    this.server.process.stderr.resume();
    this.port = this.server.found;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  kill = () => end(this.server.process, 'SIGKILL');

  rate = (bytesPerSecond) => fetch(`${this.hubUrl}/_rate`, { method: 'POST', body: String(bytesPerSecond) });

  async stop() {
    await end(this.server.process, 'SIGTERM');
    await end(this.hub.process, 'SIGTERM');
    rmSync(this.home, { recursive: true, force: true });
  }
}

const check = (name, run, ...options) =>
  test(name, { skip, timeout: 240_000 }, async (t) => {
    const world = await new World().start(...options);
    t.after(() => world.stop());
    await run(t, world);
  });

before(() => available && openBrowser());
after(() => available && closeBrowser());

const card = (page) => page.locator('[data-model="orion-tiny"]');
const act = (page, action) => card(page).getByRole('button', { name: `${action}: Orion tiny` });
const percent = async (page) =>
  Number(await page.getByRole('progressbar', { name: 'Download of Orion tiny' }).getAttribute('value'));

/** Wait until more than that has come. */
const beyond = (page, value) =>
  page.waitForFunction((least) => [...document.querySelectorAll('progress')].some((bar) => bar.value > least), value);

async function pull(page, world) {
  await world.rate(0);
  await act(page, 'Download').click();
  await act(page, 'Chat').waitFor();
}

check('a download: progress, pause, reload, resume, a server killed and started anew, the end', async (t, world) => {
  const page = await openPage(t, world.url);
  await world.rate(SLOW);
  await act(page, 'Download').click();
  await beyond(page, 2);
  await page.getByText(/% · .* of .*B · .*\/s · .* left/).waitFor();
  await shoot(page, 'real-download');
  await accessible(page, 'downloading');

  await act(page, 'Pause').click();
  await act(page, 'Resume').waitFor();
  const paused = await percent(page);
  await page.reload();
  await act(page, 'Resume').waitFor();
  assert.ok((await percent(page)) >= paused);
  await act(page, 'Resume').click();
  await beyond(page, paused + 2);

  await world.kill();
  await page.getByText('The server does not answer.').waitFor();
  const killed = await percent(page);
  await world.serve();
  await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
  await act(page, 'Pause').waitFor();
  await beyond(page, killed); // it went on, and from there
  await world.rate(0);
  await page.getByText('Orion tiny is downloaded and verified.').waitFor();
  await act(page, 'Chat').waitFor();
  await card(page).getByText('Verified').waitFor();
  await shoot(page, 'real-downloaded');
  await accessible(page, 'downloaded');
});

check('a download that is stopped: kept, then discarded', async (t, world) => {
  const page = await openPage(t, world.url);
  await world.rate(SLOW);
  await act(page, 'Download').click();
  await beyond(page, 2);
  await act(page, 'Cancel').click();
  await page.getByRole('button', { name: 'Stop and keep' }).click();
  await act(page, 'Continue').waitFor();
  await act(page, 'Continue').click();
  await beyond(page, 2);
  await act(page, 'Cancel').click();
  await page.getByRole('button', { name: 'Stop and discard' }).click();
  await act(page, 'Download').waitFor();
  await page.getByText('Unfinished downloads').waitFor({ state: 'detached' });
});

check('a model is verified, loaded, unloaded and deleted', async (t, world) => {
  const page = await openPage(t, world.url, { viewport: PHONE });
  await pull(page, world);
  await act(page, 'Verify').click();
  await page.getByText('Orion tiny is intact.').waitFor();
  await act(page, 'Load').click();
  await act(page, 'Unload').waitFor();
  await card(page).getByText('In memory').waitFor();
  await shoot(page, 'real-loaded');
  await accessible(page, 'loaded');
  await act(page, 'Unload').click();
  await act(page, 'Load').waitFor();
  await act(page, 'Delete').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await act(page, 'Delete').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await act(page, 'Download').waitFor();
});

check('a model that is damaged is found out, and repaired', async (t, world) => {
  const page = await openPage(t, world.url);
  await pull(page, world);
  const file = openSync(join(world.home, 'models/orion/orion-tiny/orion-tiny.gguf'), 'r+');
  writeSync(file, 'damaged', 1_000_000);
  closeSync(file);
  await act(page, 'Verify').click();
  await card(page).getByText('The file is not what was published').waitFor();
  await shoot(page, 'real-damaged');
  await accessible(page, 'damaged');
  await act(page, 'Repair').click();
  await page.getByText('Orion tiny is repaired.').waitFor();
  await act(page, 'Verify').waitFor();
});

check('a search of the hub, a fit, and a download that no catalogue has', async (t, world) => {
  const page = await openPage(t, world.url);
  await page.getByLabel('Name of a model').fill('other');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Files: acme/other' }).click();
  await page.getByRole('button', { name: 'Does it fit?: other-Q8_0.gguf' }).click();
  await page
    .locator('.file')
    .getByText(/^(Fits|Does not fit)/)
    .waitFor();
  await shoot(page, 'real-hub');
  await accessible(page, 'hub');
  await world.rate(SLOW);
  await page.getByRole('button', { name: 'Download: other-Q8_0.gguf' }).click();
  const coming = page.locator('section', { has: page.getByRole('heading', { name: 'On their way' }) });
  await coming.getByRole('progressbar').waitFor();
  await beyond(page, 2);
  await world.rate(0);
  const here = page.locator('section', { has: page.getByRole('heading', { name: 'On this machine' }) });
  await here.locator('[data-model="acme/other/other-Q8_0.gguf"]').waitFor();
  await coming.waitFor({ state: 'hidden' });
});

check('a conversation: streaming, again, edit, timings', async (t, world) => {
  const page = await openPage(t, world.url, { viewport: PHONE, colorScheme: 'dark' });
  await pull(page, world);
  await act(page, 'Chat').click();
  const ask = async (text) => {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.keyboard.press('Enter');
  };
  const done = () =>
    page
      .getByText(/tokens\/s/)
      .last()
      .waitFor();
  await ask('What does a blood pressure of 120/80 mean?');
  await done();
  const first = await page.locator('.answer').last().textContent();
  assert.ok(first.length > 10, first);
  await shoot(page, 'real-chat');
  await accessible(page, 'chat');

  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Edit the message').fill('Summarise: glucose 95 mg/dL on 3 March.');
  await page.locator('.edit').getByRole('button', { name: 'Send' }).click();
  await done();
  assert.equal(await page.locator('.message.user').count(), 1);

  await page.reload(); // it is kept
  await done();
  await page.getByRole('button', { name: 'Answer again' }).click();
  await page.getByRole('button', { name: 'Send' }).waitFor();
  await page.getByText(/tokens\/s|Stopped/).waitFor();
});

check('an answer is stopped in the middle', async (t, world) => {
  const page = await openPage(t, world.url);
  await pull(page, world);
  await act(page, 'Chat').click();
  // The tiny model is quick: all but the beginning is held up on its way, so that there is time.
  await page.evaluate(() => {
    const { fetch } = globalThis;
    globalThis.fetch = async (path, options) => {
      const reply = await fetch(path, options);
      if (!path.includes('/chat/completions')) return reply;
      const { value } = await reply.body.getReader().read();
      const begun = new TextDecoder().decode(value).split('\n\n', 2).join('\n\n') + '\n\n';
      const start = (controller) => {
        controller.enqueue(new TextEncoder().encode(begun));
        options.signal.addEventListener('abort', () => controller.error(options.signal.reason));
      };
      return new Response(new ReadableStream({ start }), { headers: reply.headers });
    };
  });
  await page.getByLabel('Message', { exact: true }).fill('Tell me about salt.');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Stopped').waitFor();
  // The server is rid of it too: the model can be unloaded.
  await page.getByRole('link', { name: 'Models' }).click();
  await act(page, 'Unload').click();
  await act(page, 'Load').waitFor();
});

check('offline: what is here works, and nothing is fetched', async (t, world) => {
  const page = await openPage(t, world.url, { colorScheme: 'dark' });
  await pull(page, world);
  await world.kill();
  await world.serve('--offline');
  await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
  await page.reload();
  await page.getByText('The server works offline: what is on this machine').waitFor();
  assert.ok(await page.getByLabel('Name of a model').isDisabled());
  await shoot(page, 'real-offline');
  await accessible(page, 'offline');
  await act(page, 'Chat').click();
  await page.getByLabel('Message', { exact: true }).fill('Hello');
  await page.keyboard.press('Enter');
  await page.getByText(/tokens\/s/).waitFor();
});
