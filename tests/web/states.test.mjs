// The page in states that are hard to bring about, over a server that is made up (fake.mjs).
// Each is looked at at both widths, by day and by night, and kept as a picture.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LOOKS, PHONE, accessible, available, closeBrowser, openBrowser, openPage, shoot } from './browser.mjs';
import { Fake, here, inMemory, job, model } from './fake.mjs';

const skip = available ? false : 'run by make check-web';
let fake;

/** A test with a server of its own. */
const check = (name, run) =>
  test(name, { skip, timeout: 120_000 }, async (t) => {
    fake = await new Fake().start();
    t.after(() => fake.stop());
    await run(t);
  });

before(async () => {
  if (available) await openBrowser();
});
after(async () => {
  if (available) await closeBrowser();
});

/** Show a state in every look, and judge each. */
async function inEveryLook(t, name, path, arrive) {
  for (const look of LOOKS) {
    const page = await openPage(t, fake.url + path, look);
    await arrive(page);
    const label = `${name}-${look.viewport.width}-${look.colorScheme}`;
    await shoot(page, label);
    await accessible(page, label);
    await page.context().close();
  }
}

const chat = (page) => page.getByLabel('Message', { exact: true });
const answerDone = (page) => page.getByText('34 tokens').waitFor();

async function ask(page, text) {
  await chat(page).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

function crowd() {
  fake.models = [
    here('phi3-mini-4k', {
      name: 'Phi-3 mini 4k instruct',
      summary: '3.8 B parameters; answers and summarises well on a laptop or a phone with 8 GB',
      loaded: true,
    }),
    here('tinyllama-1.1b', {
      name: 'TinyLlama 1.1B chat',
      size_bytes: 669e6,
      license: 'Apache-2.0',
      verified: 'changed',
      summary: '1.1 B parameters; small and quick',
    }),
    model('phi3.5-mini', {
      name: 'Phi-3.5 mini instruct',
      supported: false,
      fit: { verdict: 'tight', memory_bytes: 18e9, available_bytes: 20e9, exact: false },
    }),
    model('llama3.2-1b', { name: 'Llama 3.2 1B instruct', size_bytes: 808e6, license: 'Llama-3.2' }),
    model('smollm2-1.7b', {
      name: 'SmolLM2 1.7B instruct',
      size_bytes: 1.06e9,
      partial_bytes: 4e8,
      fit: { verdict: 'not', memory_bytes: 4e9, available_bytes: 2e9, exact: false },
    }),
    model('orion-tiny', { name: 'Orion tiny', size_bytes: 12e6, quantization: null, fit: null }),
    here('acme/long/Some-Very-Long-Model-Name.gguf', {
      name: 'Some-Very-Long-Model-Name-Instruct-v0.3-32k-context-final.Q4_K_M',
      in_catalogue: false,
      supported: null,
      license: null,
      languages: null,
      verified: 'unknown',
      verified_unix: null,
      fit: null,
      link: 'gone',
      link_target: '/mnt/disk/m.gguf',
    }),
  ];
  fake.loaded = [inMemory('phi3-mini-4k', { name: 'Phi-3 mini 4k instruct', running: 1, waiting: 2 })];
  fake.jobs = [
    job(1, 'llama3.2-1b'),
    job(2, 'phi3.5-mini', { stage: 'paused' }),
    job(3, 'orion-tiny', {
      stage: 'failed',
      error: { status: 'network', message: 'could not reach huggingface.co: connection refused' },
    }),
    job(4, 'acme/qwen/Qwen2.5-7B-Q4_K_M.gguf', {
      file: 'Qwen2.5-7B-Q4_K_M.gguf',
      phase: 'resolve',
      percent: 0,
      done_bytes: 0,
      total_bytes: null,
      seconds_left: null,
    }),
    job(5, 'tinyllama-1.1b', { kind: 'verify', phase: 'verify', percent: 60 }),
  ];
  fake.storage = {
    models: { count: 2, bytes: 12.4e9 },
    partials: { count: 1, bytes: 2.1e9 },
    prefix_cache: { count: 3, bytes: 8e8 },
    free_bytes: 51e9,
    total_bytes: 107e9,
    quota_bytes: 40e9,
  };
}

const RICH = `# Salt in the sea

Rivers dissolve **minerals** from rocks.

1. Rain is *slightly* acid
2. It carries \`Na+\` and \`Cl-\`
   - mostly from granite

> The sea has about 35 g of salt per litre.

\`\`\`python
def salinity(grams, litres):
    return grams / litres  # a comment that makes this line scroll sideways on a telephone
\`\`\`

| Sea | g/L |
|:--|--:|
| Red Sea | 41 |
| Baltic | 8 |

See [NOAA](https://oceanservice.noaa.gov/facts/whysalty.html).`;

check('models in every state', async (t) => {
  crowd();
  await inEveryLook(t, 'models', '/', async (page) => {
    await page.getByRole('progressbar', { name: 'Download of Llama 3.2 1B instruct' }).waitFor();
    await page.getByText('42% · 1.00 GB of 2.39 GB · 10.5 MB/s · 2 min 12 s left').waitFor();
  });
});

check('nothing yet', async (t) => {
  fake.models = [model('orion-tiny', { name: 'Orion tiny' })];
  await inEveryLook(t, 'models-empty', '/', (page) => page.getByText('No model yet').waitFor());
});

check('in Spanish', async (t) => {
  crowd();
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

check('a search of the hub', async (t) => {
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
    { verdict: 'tight', runs: true, memory_bytes: 18e9, available_bytes: 20e9 },
  ];
  await inEveryLook(t, 'hub', '/', async (page) => {
    await page.getByLabel('Name of a model').fill('phi 3');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('button', { name: 'Files: acme/phi-3-gguf' }).click();
    await page.getByRole('button', { name: 'Does it fit?: phi-3-Q4_K_M.gguf' }).click();
    await page.getByRole('listitem').getByText('Fits barely').waitFor();
  });
});

check('a search that fails', async (t) => {
  fake.answers['GET /orion/v1/search'] = () => [
    502,
    { error: { status: 'network', message: 'no route to host', field: null } },
  ];
  const page = await openPage(t, fake.url);
  await page.getByLabel('Name of a model').fill('phi 3');
  await page.keyboard.press('Enter');
  await page.getByText('The hub could not be reached: no route to host').waitFor();
});

check('offline', async (t) => {
  crowd();
  fake.server.offline = true;
  await inEveryLook(t, 'offline', '/', async (page) => {
    await page.getByText('The server works offline: what is on this machine').waitFor();
    assert.ok(await page.getByLabel('Name of a model').isDisabled());
    assert.ok(await page.getByRole('button', { name: 'Continue: SmolLM2 1.7B instruct' }).isDisabled());
    assert.ok(await page.getByRole('button', { name: 'Chat: Phi-3 mini 4k instruct' }).isEnabled());
  });
});

check('the server goes away, and comes again', async (t) => {
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

check('deleting asks first', async (t) => {
  crowd();
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

check('stopping a download asks what becomes of its bytes', async (t) => {
  crowd();
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

check('a press keeps the focus when the buttons change', async (t) => {
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

check('a token is asked for', async (t) => {
  fake.login = { needed: true, done: false };
  fake.models = [here('tiny')];
  await inEveryLook(t, 'login', '/', (page) => page.getByLabel('Token').waitFor());
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

check('a conversation', async (t) => {
  crowd();
  fake.said = [...RICH].map(String);
  await inEveryLook(t, 'chat-empty', '/chat', (page) => page.getByText('What would you like to know?').waitFor());
  await inEveryLook(t, 'chat', '/chat', async (page) => {
    await page.getByRole('option', { name: 'Phi-3 mini 4k instruct · in memory' }).waitFor({ state: 'attached' });
    await ask(page, 'Why is the sea salt?');
    await answerDone(page);
    await page.getByRole('heading', { name: 'Salt in the sea', level: 3 }).waitFor();
  });
});

check('while it is answered', async (t) => {
  fake.models = [here('tiny')];
  fake.said = ['One', ' two'];
  fake.holds = true;
  const page = await openPage(t, `${fake.url}/chat`);
  await ask(page, 'Count');
  await page.getByText('One two').waitFor();
  assert.equal(await page.getByRole('log').getAttribute('aria-busy'), 'true');
  await shoot(page, 'chat-busy');
  await accessible(page, 'busy');
  await page.getByRole('link', { name: 'Models' }).click(); // it goes on meanwhile
  await page.getByRole('heading', { name: 'tiny' }).waitFor();
  await page.getByRole('link', { name: 'Chat' }).click();
  await page.getByText('One two').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Stopped').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'TEXTAREA');
  fake.holds = false;
  fake.said = ['Three'];
  await page.getByRole('button', { name: 'Answer again' }).click();
  await page.getByText('Three').waitFor();
  assert.equal(await page.getByText('One two').count(), 0);
});

check('a model that is elsewhere is never chosen by itself, and says so', async (t) => {
  fake.models = [here('tiny')];
  fake.remotes = ['big'];
  await inEveryLook(t, 'chat-remote', '/chat', async (page) => {
    await page.getByText('is sent nowhere else').waitFor();
    await page.getByLabel('Model', { exact: true }).selectOption('big');
    await page.getByText('What you write is sent there.').waitFor();
    assert.equal(await page.getByText('is sent nowhere else').count(), 0);
    await ask(page, 'Hi');
    await page.getByText('answered by https://models.example/v1').waitFor();
  });
  fake.models = [];
  const page = await openPage(t, `${fake.url}/chat`);
  await page.getByText('There is no model on this machine yet.').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
});

check('settings are sent, and empty ones are not', async (t) => {
  fake.models = [here('tiny')];
  await inEveryLook(t, 'chat-settings', '/chat', async (page) => {
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('System prompt').waitFor();
  });
  const page = await openPage(t, `${fake.url}/chat`);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('System prompt').fill('Be short.');
  await page.getByLabel('Temperature').fill('0');
  await page.getByRole('button', { name: 'Save' }).click();
  await ask(page, 'Hi');
  await answerDone(page);
  const { model: name, temperature, messages, ...rest } = fake.asked.at(-1);
  assert.deepEqual(
    [name, temperature, messages],
    [
      'tiny',
      0,
      [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'Hi' },
      ],
    ],
  );
  assert.deepEqual(rest, { stream: true, stream_options: { include_usage: true } });
});

check('a message is edited, and what came after it goes', async (t) => {
  fake.models = [here('tiny')];
  const page = await openPage(t, `${fake.url}/chat`);
  for (const text of ['first', 'second']) {
    fake.said = [`answer to ${text}`];
    await ask(page, text);
    await page.getByText(`answer to ${text}`).waitFor();
    await page.getByRole('button', { name: 'Send' }).waitFor();
  }
  await page.getByRole('button', { name: 'Edit' }).first().click();
  await page.getByLabel('Edit the message').fill('another');
  await accessible(page, 'edit');
  fake.said = ['answer to another'];
  await page.locator('.edit').getByRole('button', { name: 'Send' }).click();
  await page.getByText('answer to another').waitFor();
  assert.equal(await page.getByText('second').count(), 0);
  assert.deepEqual(fake.asked.at(-1).messages, [{ role: 'user', content: 'another' }]);
});

check('conversations stay in the browser until they are deleted', async (t) => {
  fake.models = [here('tiny')];
  const page = await openPage(t, `${fake.url}/chat`);
  for (const text of ['About rivers', 'About lakes']) {
    await page.getByRole('button', { name: 'New chat' }).first().click();
    await ask(page, text);
    await answerDone(page);
  }
  await page.reload();
  await page.getByRole('button', { name: 'About rivers', exact: true }).click();
  await page.getByRole('article').getByText('About rivers').waitFor();
  assert.equal(
    await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('orion.chat.')).length),
    2,
  );
  await page.getByRole('button', { name: 'Delete: About rivers' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'About rivers', exact: true }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Delete all' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click();
  await page.getByText('All conversations are deleted.').waitFor();
  assert.deepEqual(
    await page.evaluate(() => Object.keys(localStorage).filter((key) => /chat\.|settings/.test(key))),
    [],
  );
});

check('the list of conversations on a telephone', async (t) => {
  fake.models = [here('tiny')];
  const page = await openPage(t, `${fake.url}/chat`, { viewport: PHONE });
  await ask(page, 'A conversation');
  await answerDone(page);
  await page.getByRole('button', { name: 'Conversations' }).click();
  await page.getByRole('button', { name: 'A conversation', exact: true }).waitFor();
  await shoot(page, 'chat-list');
  await accessible(page, 'list');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'A conversation', exact: true }).waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Conversations');
});

const FAILURES = [
  [
    'too long',
    [
      400,
      {
        error: {
          message: '5000 tokens',
          type: 'invalid_request_error',
          param: 'messages',
          code: 'context_length_exceeded',
        },
      },
    ],
    'The conversation is too long for the model: 5000 tokens',
  ],
  [
    'no such model',
    [404, { error: { message: 'gone', type: 'invalid_request_error', param: 'model', code: 'model_not_found' } }],
    'Not found: gone',
  ],
  ['no JSON', [500, 'x'], 'Something went wrong: 500 Internal Server Error'],
];

for (const [label, reply, sentence] of FAILURES) {
  check(`an answer that fails: ${label}`, async (t) => {
    fake.models = [here('tiny')];
    fake.answers['POST /v1/chat/completions'] = () => reply;
    const page = await openPage(t, `${fake.url}/chat`);
    await ask(page, 'Hi');
    await page.getByText(sentence).waitFor();
    await accessible(page, label);
    await page.getByRole('button', { name: 'Answer again' }).waitFor();
  });
}

const HOSTILE = `<script>globalThis.harmed = 1</script> <img src=x onerror="globalThis.harmed = 1">
<iframe srcdoc="<script>parent.harmed = 1</script>"></iframe> <svg onload="globalThis.harmed = 1">

[a](javascript:globalThis.harmed=1) [b](data:text/html,x) [c](/orion/v1/models) ![d](http://127.0.0.1:9/x.png) [good](https://x.example/a?b=c)

${'>'.repeat(5000)} deep ${'[*'.repeat(5000)} ${'- '.repeat(5000)}x
${'|'.repeat(3000)}
${'|-'.repeat(3000)}

\`\`\`html
</code></pre><script>globalThis.harmed = 1</script>
\`\`\`
\u202eesrever`;

check('hostile Markdown does nothing', async (t) => {
  fake.models = [here('tiny', { name: '<img src=x onerror=harmed=1>' })];
  fake.said = HOSTILE.match(/[^]{1,500}/g);
  const page = await openPage(t, `${fake.url}/chat`, { viewport: PHONE });
  await ask(page, '<b>bold</b>');
  await answerDone(page);
  const found = await page
    .locator('.answer')
    .evaluate((answer) => [...new Set([...answer.querySelectorAll('*')].map(({ localName }) => localName))].sort());
  const wanted = [
    'blockquote',
    'br',
    'button',
    'code',
    'div',
    'em',
    'figcaption',
    'figure',
    'li',
    'p',
    'path',
    'pre',
    'span',
    'strong',
    'svg',
    'table',
    'tbody',
    'td',
    'th',
    'thead',
    'tr',
    'ul',
  ];
  assert.deepEqual(
    found.filter((name) => !wanted.includes(name)),
    [],
  );
  assert.equal(await page.evaluate(() => globalThis.harmed), undefined);
  assert.equal(await page.locator('.bubble').evaluate((bubble) => bubble.children.length), 0);
  await accessible(page, 'hostile');
  // A good link shows where it leads and waits.
  await page.getByRole('button', { name: 'good' }).click();
  const link = page.getByRole('link', { name: 'Open' });
  await page.getByText('https://x.example/a?b=c').waitFor();
  assert.deepEqual(
    [await link.getAttribute('href'), await link.getAttribute('rel'), await link.getAttribute('target')],
    ['https://x.example/a?b=c', 'noopener noreferrer nofollow', '_blank'],
  );
  await shoot(page, 'link');
  await accessible(page, 'link');
  assert.equal(page.context().pages().length, 1);
});

check('the policy holds even if a mistake made markup of an answer', async (t) => {
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

check('by keyboard alone, without motion', async (t) => {
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
  check(`a first visit to ${path} takes less than 100 kB`, async (t) => {
    crowd();
    const page = await openPage(t, fake.url + path);
    await page
      .getByRole(path === '/' ? 'progressbar' : 'textbox')
      .first()
      .waitFor();
    t.diagnostic(`${fake.sent} bytes`);
    assert.ok(fake.sent > 50_000 && fake.sent < 100_000, `${fake.sent} bytes`);
  });
}
