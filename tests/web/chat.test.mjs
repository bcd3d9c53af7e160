// The Chat view, over a model that says what a test wants.
import assert from 'node:assert/strict';
import { PHONE, accessible, openPage, shoot } from './browser.mjs';
import { answerDone, ask, check, inEveryLook } from './check.mjs';
import { crowd } from './crowd.mjs';
import { here } from './fake.mjs';

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

check('a conversation', async (t, fake) => {
  crowd(fake);
  fake.said = [...RICH].map(String);
  await inEveryLook(t, fake.url + '/chat', 'chat-empty', (page) =>
    page.getByText('What would you like to know?').waitFor(),
  );
  await inEveryLook(t, fake.url + '/chat', 'chat', async (page) => {
    await page.getByRole('option', { name: 'Phi-3 mini 4k instruct · in memory' }).waitFor({ state: 'attached' });
    await ask(page, 'Why is the sea salt?');
    await answerDone(page);
    await page.getByRole('heading', { name: 'Salt in the sea', level: 3 }).waitFor();
  });
});

check('while it is answered', async (t, fake) => {
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

check('a model that is elsewhere is never chosen by itself, and says so', async (t, fake) => {
  fake.models = [here('tiny')];
  fake.remotes = [{ name: 'big', model: 'big-1', url: 'https://models.example/v1' }];
  await inEveryLook(t, fake.url + '/chat', 'chat-remote', async (page) => {
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

check('settings are sent, and empty ones are not', async (t, fake) => {
  fake.models = [here('tiny')];
  await inEveryLook(t, fake.url + '/chat', 'chat-settings', async (page) => {
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

check('a message is edited, and what came after it goes', async (t, fake) => {
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

check('conversations stay in the browser until they are deleted', async (t, fake) => {
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

check('the list of conversations on a telephone', async (t, fake) => {
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
  check(`an answer that fails: ${label}`, async (t, fake) => {
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

check('hostile Markdown does nothing', async (t, fake) => {
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
