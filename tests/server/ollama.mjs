// Every call that the npm client `ollama` has, against this server; JSON on standard output.
//
//   ollama.mjs URL MODEL REF-AT-THE-HUB SLOW-REF-AT-THE-HUB
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const from = createRequire(`${process.env.ORION_SERVER_PEER}/package.json`);
const { Ollama } = await import(pathToFileURL(from.resolve('ollama').replace(/cjs$/, 'mjs')));
const [host, model, ref, slowRef] = process.argv.slice(2);

const real = new Ollama({ host });
const called = new Set();
const client = new Proxy(real, {
  get(target, name) {
    if (typeof target[name] !== 'function') return target[name];
    called.add(name);
    return target[name].bind(target);
  },
});

async function all(stream) {
  const found = [];
  for await (const part of await stream) found.push(part);
  return found;
}

async function refusal(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return [error.status_code, error.message];
  }
}

// Leaves a stream after its first part that `enough` likes; how it ended.
async function leave(stream, enough) {
  try {
    for await (const part of await stream) if (enough(part)) client.abort();
    return 'ended';
  } catch (error) {
    return error.name;
  }
}

// A tiny model may have answered before we left: then once more.
async function leaveAnAnswer() {
  for (let i = 0; i < 20; i++)
    if (await leave(client.chat({ model, messages, stream: true, options: { temperature: 1.5 } }),
      () => true) === 'AbortError') return 'AbortError';
  return 'ended';
}

const messages = [{ role: 'user', content: 'Presión 120/80' }];
const options = { temperature: 0, num_predict: 16 };
const ask = { model, messages, options };
const prompt = { model, prompt: messages[0].content, options };

const result = {
  version: await client.version(),
  list: await client.list(),
  show: await client.show({ model }),
  generate: await client.generate(prompt),
  generateStream: await all(client.generate({ ...prompt, stream: true })),
  generateRaw: await client.generate({ ...prompt, raw: true }),
  logprobs: (await client.generate({ ...prompt, logprobs: true, top_logprobs: 1 })).logprobs,
  chat: await client.chat({ ...ask, keep_alive: '10m' }),
  chatStream: await all(client.chat({ ...ask, stream: true })),
  ps: await client.ps(),
  abortedChat: await leaveAnAnswer(),
  abortedPull: await leave(client.pull({ model: slowRef, stream: true }), (part) => part.total),
  pullStream: await all(client.pull({ model: ref, stream: true })),
  pull: await client.pull({ model: ref }),
  pulled: (await client.list()).models.map(({ name }) => name),
  deleted: await client.delete({ model: ref }),
  left: (await client.list()).models.map(({ name }) => name),
  unloaded: await client.chat({ model, messages: [], keep_alive: 0 }),
  refused: {
    absent: await refusal(client.chat({ ...ask, model: 'none' })),
    absentStream: await refusal(client.chat({ ...ask, model: 'none', stream: true })),
    format: await refusal(client.generate({ ...prompt, format: 'json' })),
    images: await refusal(client.chat({ model, messages: [{ ...messages[0], images: [new Uint8Array(3)] }] })),
    tools: await refusal(client.chat({ ...ask, tools: [{ type: 'function', function: { name: 'f' } }] })),
    think: await refusal(client.chat({ ...ask, think: true })),
    option: await refusal(client.generate({ ...prompt, options: { top_p: 7 } })),
    tooLong: await refusal(client.generate({ ...prompt, prompt: 'uno dos '.repeat(2000) })),
    pull: await refusal(all(client.pull({ model: 'acme/none', stream: true }))),
    delete: await refusal(client.delete({ model: 'none' })),
    embed: await refusal(client.embed({ model, input: 'a' })),
    embeddings: await refusal(client.embeddings({ model, prompt: 'a' })),
    copy: await refusal(client.copy({ source: model, destination: 'b' })),
    create: await refusal(client.create({ model: 'b', from: model })),
    push: await refusal(client.push({ model })),
    systemone: await refusal(client.systemone({ model })),
  },
};
const inner = ['constructor', 'processStreamableRequest', 'encodeImage', 'fileExists'];
const elsewhere = ['webSearch', 'webFetch'];  // these ask ollama.com, whatever the host
result.notCalled = [...Object.getOwnPropertyNames(Object.getPrototypeOf(real)),
  ...Object.getOwnPropertyNames(Object.getPrototypeOf(Object.getPrototypeOf(real)))]
  .filter((name) => !called.has(name) && !inner.includes(name) && !elsewhere.includes(name));
process.stdout.write(JSON.stringify(result));
