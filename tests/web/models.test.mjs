// The Models view and the frame, in states that are hard to bring about.
import assert from 'node:assert/strict';
import { PHONE, accessible, openPage, shoot } from './browser.mjs';
import { answerDone, check, inEveryLook } from './check.mjs';
import { crowd } from './crowd.mjs';
import { here, job, model } from './fake.mjs';

check('models in every state', async (t, fake) => {
  crowd(fake);
  await inEveryLook(t, fake.url, 'models', async (page) => {
    await page.getByRole('progressbar', { name: 'Download of Llama 3.2 1B instruct' }).waitFor();
    await page.getByText('42% · 1.00 GB of 2.39 GB · 10.5 MB/s · 2 min 12 s left').waitFor();
  });
});

check('nothing yet', async (t, fake) => {
  fake.models = [model('orion-tiny', { name: 'Orion tiny' })];
  await inEveryLook(t, fake.url, 'models-empty', (page) => page.getByText('No model yet').waitFor());
});

check('in Spanish', async (t, fake) => {
  crowd(fake);
  const page = await openPage(t, fake.url, { locale: 'es-MX', viewport: PHONE });
  await page.getByRole('heading', { name: 'En esta máquina' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'es');
  await shoot(page, 'models-spanish');
  await accessible(page, 'Spanish');
  await page.getByLabel('Idioma').selectOption('English');
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
});

check('models elsewhere are listed as leaving the machine', async (t, fake) => {
  fake.remotes = [{ name: 'big', model: 'big-1', url: 'https://models.example/v1' }];
  await inEveryLook(t, fake.url, 'models-elsewhere', async (page) => {
    await page.getByRole('heading', { name: 'On other machines' }).waitFor();
    await page.getByText('Leaves this machine').waitFor();
    await page.getByText('big-1 · https://models.example/v1').waitFor();
    await page.getByRole('button', { name: 'Chat: big' }).waitFor();
  });
  fake.remotes = [];
  fake.tell('models', {});
  const page = await openPage(t, fake.url);
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'On other machines' }).count(), 0);
});

check('a search of the hub', async (t, fake) => {
  fake.answers['GET /orion/v1/search'] = () => [
    200,
    {
      hits: [
        {
          repo: 'acme/phi-3-gguf',
          updated: '2024-07-02',
          architecture: 'phi3',
          downloads: 120_000,
          likes: 490,
          n_params: 3_821_079_552,
          gated: false,
        },
        {
          repo: 'acme/phi-3-long-gguf',
          updated: null,
          architecture: null,
          downloads: 12,
          likes: 0,
          n_params: 0,
          gated: true,
        },
      ],
    },
  ];
  fake.answers['GET /orion/v1/repository'] = () => [
    200,
    {
      repo: 'acme/phi-3-gguf',
      revision: 'x',
      models: [
        {
          id: 'acme/phi-3-gguf/phi-3-Q4_K_M.gguf',
          file: 'phi-3-Q4_K_M.gguf',
          quantization: 'Q4_K_M',
          role: 'model',
          n_files: 1,
          size_bytes: 2.39e9,
          default: true,
          downloaded: false,
        },
        {
          id: 'acme/phi-3-gguf/phi-3-F16.gguf',
          file: 'phi-3-F16.gguf',
          quantization: 'F16',
          role: 'model',
          n_files: 1,
          size_bytes: 7.64e9,
          default: false,
          downloaded: true,
        },
      ],
    },
  ];
  fake.answers['GET /orion/v1/fit'] = () => [
    200,
    { verdict: 'tight', runs: true, embeds: true, memory_bytes: 18e9, available_bytes: 20e9 },
  ];
  await inEveryLook(t, fake.url, 'hub', async (page) => {
    await page.getByLabel('Name of a model').fill('phi 3');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('button', { name: 'Files: acme/phi-3-gguf' }).click();
    await page.getByRole('button', { name: 'Does it fit?: phi-3-Q4_K_M.gguf' }).click();
    await page.getByRole('listitem').getByText('Fits barely').waitFor();
    await page.getByRole('listitem').getByText('For embeddings').waitFor();
  });
});

check('a search that fails', async (t, fake) => {
  fake.answers['GET /orion/v1/search'] = () => [
    502,
    { error: { status: 'network', message: 'no route to host', field: null } },
  ];
  const page = await openPage(t, fake.url);
  await page.getByLabel('Name of a model').fill('phi 3');
  await page.keyboard.press('Enter');
  await page.getByText('The hub could not be reached: no route to host').waitFor();
});

check('offline', async (t, fake) => {
  crowd(fake);
  fake.server.offline = true;
  await inEveryLook(t, fake.url, 'offline', async (page) => {
    await page.getByText('The server works offline: what is on this machine').waitFor();
    assert.ok(await page.getByLabel('Name of a model').isDisabled());
    assert.ok(await page.getByRole('button', { name: 'Continue: SmolLM2 1.7B instruct' }).isDisabled());
    assert.ok(await page.getByRole('button', { name: 'Chat: Phi-3 mini 4k instruct' }).isEnabled());
  });
});

check('the server goes away, and comes again', async (t, fake) => {
  fake.models = [here('tiny')];
  const page = await openPage(t, fake.url);
  await page.getByRole('heading', { name: 'tiny' }).waitFor();
  await fake.stop();
  await page.getByText('The server does not answer.').waitFor();
  assert.ok(await page.getByRole('heading', { name: 'tiny' }).isVisible());
  await accessible(page, 'unreachable');
  fake.models = [here('tiny'), here('other')];
  await fake.start();
  await page.getByRole('heading', { name: 'other' }).waitFor();
  await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
});

check('deleting asks first', async (t, fake) => {
  crowd(fake);
  const page = await openPage(t, fake.url);
  const deleted = [];
  fake.answers['DELETE /orion/v1/models/acme/long/Some-Very-Long-Model-Name.gguf'] = () => {
    deleted.push(fake.models.pop());
    return [204, null];
  };
  const button = page.getByRole('button', { name: 'Delete: Some-Very-Long' });
  await button.click();
  await page.getByText('Only the link is deleted; the file stays at /mnt/disk/m.gguf.').waitFor();
  await shoot(page, 'delete');
  await accessible(page, 'delete');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancel');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.deepEqual(deleted, []);
  await button.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Some-Very-Long' }).waitFor({ state: 'detached' });
  assert.equal(deleted.length, 1);
});

check('stopping a download asks what becomes of its bytes', async (t, fake) => {
  crowd(fake);
  const page = await openPage(t, fake.url, { viewport: PHONE });
  const asked = [];
  fake.answers['POST /orion/v1/jobs/1/cancel'] = () => (asked.push('cancel'), [200, fake.jobs[0]]);
  fake.answers['DELETE /orion/v1/jobs/1'] = () => (asked.push('discard'), [204, null]);
  for (const [choice, expected] of [
    ['Go on downloading', []],
    ['Stop and keep', ['cancel']],
    ['Stop and discard', ['cancel', 'discard']],
  ]) {
    await page.getByRole('button', { name: 'Cancel: Llama 3.2 1B instruct' }).click();
    await page.getByText('1.00 GB have come.').waitFor();
    if (choice === 'Go on downloading') {
      await shoot(page, 'cancel');
      await accessible(page, 'cancel');
    }
    const answered = expected.length > asked.length && page.waitForResponse(/\/jobs\/1/);
    await page.getByRole('dialog').getByRole('button', { name: choice }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await answered;
    assert.deepEqual(asked, expected);
  }
});

check('a press keeps the focus when the buttons change', async (t, fake) => {
  fake.models = [model('tiny', { name: 'Tiny' })];
  fake.answers['POST /orion/v1/jobs'] = ({ model: name }) => {
    const begun = job(9, name);
    fake.jobs.push(begun);
    fake.tell('job', begun);
    return [202, begun];
  };
  const page = await openPage(t, fake.url);
  await page.getByRole('button', { name: 'Download: Tiny' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Pause: Tiny' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.action), 'pause');
  fake.jobs = [];
  fake.models = [here('tiny', { name: 'Tiny' })];
  fake.tell('job', job(9, 'tiny', { stage: 'done' }));
  await page.getByText('Tiny is downloaded and verified.').waitFor();
  await page.getByRole('button', { name: 'Chat: Tiny' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-model]')?.dataset.model), 'tiny');
});

check('a token is asked for', async (t, fake) => {
  fake.login = { needed: true, done: false };
  fake.models = [here('tiny')];
  await inEveryLook(t, fake.url, 'login', (page) => page.getByLabel('Token').waitFor());
  const page = await openPage(t, fake.url);
  await page.getByLabel('Token').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('That is not the token.').waitFor();
  await accessible(page, 'wrong token');
  await page.getByLabel('Token').fill('secret');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'tiny' }).waitFor();
  await page.getByRole('button', { name: 'Log out' }).waitFor();
});

check('a token that is good no longer is asked for again', async (t, fake) => {
  fake.login = { needed: true, done: true };
  fake.models = [here('tiny')];
  const page = await openPage(t, fake.url);
  await page.getByRole('heading', { name: 'tiny' }).waitFor();
  await fake.stop();
  fake.login.done = false;
  await fake.start();
  await page.getByLabel('Token').fill('secret');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'tiny' }).waitFor();
});

check('what fails says why, and the button can be pressed again', async (t, fake) => {
  fake.models = [here('tiny')];
  fake.answers['POST /orion/v1/loaded'] = () => [
    503,
    { error: { status: 'memory', message: 'it takes 9 GB, and 4 GB are free', field: null } },
  ];
  const page = await openPage(t, fake.url, { viewport: PHONE });
  await page.getByRole('button', { name: 'Load: tiny' }).click();
  await page.getByText('There is not enough memory: it takes 9 GB, and 4 GB are free').waitFor();
  await shoot(page, 'no-memory');
  await accessible(page, 'no memory');
  await page.getByRole('button', { name: 'Load: tiny' }).waitFor();
});

check('the policy holds even if a mistake made markup of an answer', async (t, fake) => {
  const page = await openPage(t, fake.url, {}, /requires 'TrustedHTML'/);
  await page.getByRole('heading', { name: 'Models', exact: true }).waitFor();
  const outcome = await page.evaluate(() => {
    try {
      document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="globalThis.harmed = 1">');
      return 'it was taken';
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(outcome, 'TypeError');
});

check('by keyboard alone, without motion', async (t, fake) => {
  fake.models = [here('tiny')];
  fake.said = ['Pressed'];
  fake.jobs = [job(1, 'other', { phase: 'resolve', total_bytes: null })]; // would move
  const page = await openPage(t, fake.url, { reducedMotion: 'reduce' });
  await page.getByText('Asking the hub…').waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  for (let i = 0; i < 30 && (await page.evaluate(() => document.activeElement.dataset.action)) !== 'chat'; i++)
    await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('What would you like to know?').waitFor();
  for (let i = 0; i < 30 && (await page.evaluate(() => document.activeElement.tagName)) !== 'TEXTAREA'; i++)
    await page.keyboard.press('Tab');
  await page.keyboard.type('Hello');
  await page.keyboard.press('Enter');
  await answerDone(page);
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

for (const path of ['/', '/chat']) {
  check(`a first visit to ${path} takes less than 100 kB`, async (t, fake) => {
    crowd(fake);
    const page = await openPage(t, fake.url + path);
    await page
      .getByRole(path === '/' ? 'progressbar' : 'textbox')
      .first()
      .waitFor();
    t.diagnostic(`${fake.sent} bytes`);
    assert.ok(fake.sent > 50_000 && fake.sent < 100_000, `${fake.sent} bytes`);
  });
}
