// Every call of the npm client `openai` that applies, against this server; JSON on
// standard output: what passed, and what failed with why.
//
//   openai.mjs URL MODEL MODEL-FOR-EMBEDDINGS
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const from = createRequire(`${process.env.ORION_SERVER_PEER}/package.json`);
const { default: OpenAI } = await import(pathToFileURL(from.resolve('openai').replace(/js$/, 'mjs')));
const [url, model, embedder] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

const messages = [{ role: 'user', content: 'Hi' }];
const ask = { model, messages, temperature: 0, max_tokens: 24 };
const prompt = { model, prompt: 'The patient', temperature: 0, max_tokens: 12 };
const long = { ...prompt, prompt: 'a', max_tokens: 1000 };

const text = (await client.chat.completions.create(ask)).choices[0].message.content;

async function all(iterable) {
  const found = [];
  for await (const item of await iterable) found.push(item);
  return found;
}

async function refusal(promise, type) {
  const error = await promise.then(() => assert.fail('it was not refused'), (e) => e);
  assert.ok(error instanceof type, `${error.name}: ${error.message}`);
  return error;
}

const calls = {
  'models.list': async () => {
    const page = await client.models.list();
    assert.deepEqual(page.data.map(({ id }) => id), [model, embedder]);
    assert.deepEqual((await all(client.models.list())).map(({ id }) => id), [model, embedder]);
  },

  'models.retrieve': async () => {
    assert.equal((await client.models.retrieve(model)).id, model);
    const error = await refusal(client.models.retrieve('none'), OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
  },

  'chat.completions.create': async () => {
    const { data, response } = await client.chat.completions.create(ask).withResponse();
    assert.equal(response.status, 200);
    assert.equal(data.choices[0].message.content, text);
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  },

  'chat.completions.create, streamed': async () => {
    const chunks = await all(client.chat.completions.create(
      { ...ask, stream: true, stream_options: { include_usage: true } }));
    assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? '').join(''), text);
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  },

  'chat.completions.create, its stream split in two': async () => {
    const halves = (await client.chat.completions.create({ ...ask, stream: true })).tee();
    const [left, right] = await Promise.all(halves.map(all));
    assert.deepEqual(left, right);
  },

  'chat.completions.create, with log-probabilities': async () => {
    const { choices } = await client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 2 });
    assert.ok(choices[0].logprobs.content.every((t) => t.top_logprobs.length === 2 && t.logprob <= 0));
  },

  'chat.completions.stream': async () => {
    const said = [];
    const runner = client.chat.completions.stream({ ...ask, logprobs: true, stream_options: { include_usage: true } })
      .on('content', (delta) => said.push(delta));
    const whole = await runner.finalChatCompletion();
    assert.equal(said.join(''), text);
    assert.equal(await runner.finalContent(), text);
    assert.equal(whole.choices[0].message.role, 'assistant');
    assert.ok((await runner.totalUsage()).total_tokens > 0);
  },

  'chat.completions.stream, as a readable stream and back': async () => {
    const { ChatCompletionStream } = await import(
      pathToFileURL(from.resolve('openai/lib/ChatCompletionStream').replace(/js$/, 'mjs')));
    const readable = client.chat.completions.stream(ask).toReadableStream();
    assert.equal(await ChatCompletionStream.fromReadableStream(readable).finalContent(), text);
  },

  'chat.completions.parse': async () => {
    const { choices } = await client.chat.completions.parse({ ...ask, max_tokens: 200 }); // not cut
    assert.ok(choices[0].message.content.startsWith(text));
  },

  'chat.completions.create, with parts and a developer': async () => {
    const { choices } = await client.chat.completions.create({
      ...ask, messages: [{ role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] }, ...messages] });
    assert.ok(choices[0].message.content.length > 0);
  },

  'completions.create': async () => {
    const whole = await client.completions.create({ ...prompt, logprobs: 1 });
    assert.equal(whole.object, 'text_completion');
    assert.equal(whole.choices[0].logprobs.tokens.join(''), whole.choices[0].text);
    const chunks = await all(client.completions.create({ ...prompt, stream: true }));
    assert.equal(chunks.map((c) => c.choices[0].text).join(''), whole.choices[0].text);
  },

  'embeddings.create': async () => {
    const error = await refusal(client.embeddings.create({ model, input: 'a' }), OpenAI.UnprocessableEntityError);
    assert.equal(error.code, 'unsupported');
    const input = ['the and', 'de os'];
    const decoded = await client.embeddings.create({ model: embedder, input });  // asks for base64 by itself
    const floats = await client.embeddings.create({ model: embedder, input, encoding_format: 'float' });
    assert.deepEqual(decoded.data.map((d) => d.embedding.map(Math.fround)),
      floats.data.map((d) => d.embedding.map(Math.fround)));
  },

  'errors': async () => {
    const wrong = await refusal(client.chat.completions.create({ ...ask, temperature: 3 }), OpenAI.BadRequestError);
    assert.deepEqual([wrong.param, wrong.type, wrong.status], ['temperature', 'invalid_request_error', 400]);
    const tools = await refusal(client.chat.completions.create({
      ...ask, tools: [{ type: 'function', function: { name: 'f' } }] }), OpenAI.BadRequestError);
    assert.equal(tools.param, 'tools');
    const absent = await refusal(client.chat.completions.create({ ...ask, model: 'none' }), OpenAI.NotFoundError);
    assert.equal(absent.code, 'model_not_found');
    const over = await refusal(client.chat.completions.create({
      ...ask, stream: true, messages: [{ role: 'user', content: 'word '.repeat(3000) }] }), OpenAI.BadRequestError);
    assert.equal(over.code, 'context_length_exceeded');
  },

  'a stream that is broken off': async () => {
    const stream = await client.completions.create({ ...long, stream: true });
    let n = 0;
    for await (const chunk of stream) {
      assert.equal(chunk.object, 'text_completion');
      if (++n === 2) break;
    }
    assert.ok(stream.controller.signal.aborted);
  },

  'a stream that is aborted': async () => {
    const stream = await client.completions.create({ ...long, stream: true });
    let n = 0;
    for await (const chunk of stream) if (chunk && ++n === 2) stream.controller.abort();
    assert.ok(n < 1000);
    const runner = client.chat.completions.stream({ ...ask, repeat_penalty: 0.5, max_tokens: 900 });
    runner.once('content', () => runner.abort());
    await refusal(runner.done(), OpenAI.APIUserAbortError);
  },

  'a whole answer that is aborted': async () => {
    const controller = new AbortController();
    const promise = client.completions.create(long, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await refusal(promise, OpenAI.APIUserAbortError);
  },

  'many at once': async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => client.chat.completions.create(ask)));
    assert.ok(answers.every(({ choices }) => choices[0].message.content === text));
  },
};

const passed = [];
const failed = [];
for (const [name, call] of Object.entries(calls)) {
  try {
    await call();
    passed.push(name);
  } catch (error) {
    failed.push(`${name}: ${error.stack}`);
  }
}
process.stdout.write(JSON.stringify({ passed, failed }));
