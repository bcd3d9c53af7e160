// A server that is in whatever state a test puts it, and whose model says what it is told to.
// It serves web/ and the routes that the page asks for; what the real one does,
// real.test.mjs shows.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';

const web = new URL('../../web/', import.meta.url);
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
// The page must live with the policy of the real server.
const policy = readFileSync(new URL('../../server/page.c', import.meta.url), 'utf8')
  .match(/policy\[\] =\s*("[^"]*"\s*)+;/)[0]
  .match(/"[^"]*"/g)
  .map((part) => part.slice(1, -1))
  .join('');

export class Fake {
  login = { needed: false, done: false };
  token = 'secret';
  server = { version: '0.1.0', offline: false };
  models = [];
  storage = {
    models: { count: 0, bytes: 0 },
    partials: { count: 0, bytes: 0 },
    prefix_cache: null,
    free_bytes: 50e9,
    total_bytes: 100e9,
    quota_bytes: null,
  };
  memory = { total_bytes: 32e9, available_bytes: 20e9 };
  loaded = [];
  remotes = []; // { name, model, url } of models elsewhere
  jobs = [];
  answers = {}; // by "METHOD path": a function of the request's body that gives [code, body]
  said = ['Hello.']; // pieces of the next answer
  holds = false; // after the pieces, wait for the client to leave
  asked = []; // bodies of chats
  sent = 0; // bytes of files
  #listeners = new Set();

  async start() {
    this.http = createServer((request, reply) => this.#handle(request, reply));
    await new Promise((resolve) => this.http.listen(this.port ?? 0, '127.0.0.1', resolve));
    this.port = this.http.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }

  /** Tell every page of something, as the server would. */
  tell(event, data) {
    for (const reply of this.#listeners) reply.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  async #handle(request, reply) {
    const { pathname } = new URL(request.url, this.url);
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = text ? JSON.parse(text) : null;
    const route = `${request.method} ${pathname}`;
    const locked = this.login.needed && !this.login.done && /^\/(orion\/v1\/(?!login)|v1\/)/.test(pathname);
    if (locked) return this.#json(reply, 401, { error: { status: 'denied', message: 'log in', field: null } });
    if (route in this.answers) return this.#json(reply, ...this.answers[route](body));
    if (pathname === '/orion/v1/events') return this.#listen(reply);
    if (route === 'POST /v1/chat/completions') return this.#chat(reply, body);
    const lists = {
      'GET /orion/v1/login': this.login,
      'GET /orion/v1/server': this.server,
      'GET /orion/v1/models': { models: this.models, remotes: this.remotes },
      'GET /orion/v1/storage': this.storage,
      'GET /orion/v1/loaded': { loaded: this.loaded, memory: this.memory },
    };
    if (route in lists) return this.#json(reply, 200, lists[route]);
    if (route === 'POST /orion/v1/login') {
      this.login.done = body.token === this.token;
      return this.#json(reply, this.login.done ? 204 : 403, {
        error: { status: 'denied', message: 'no', field: null },
      });
    }
    return this.#file(reply, pathname);
  }

  #json(reply, code, value) {
    reply.writeHead(code, { 'Content-Type': 'application/json' });
    reply.end(code === 204 ? undefined : JSON.stringify(value));
  }

  #listen(reply) {
    reply.writeHead(200, { 'Content-Type': 'text/event-stream' });
    reply.write(`event: snapshot\ndata: ${JSON.stringify({ jobs: this.jobs, loaded: this.loaded })}\n\n`);
    this.#listeners.add(reply);
    reply.on('close', () => this.#listeners.delete(reply));
  }

  #chat(reply, body) {
    this.asked.push(body);
    const event = (data) => reply.write(`data: ${JSON.stringify(data)}\n\n`);
    const address = this.remotes.some(({ name }) => name === body.model)
      ? { 'X-Orion-Remote': 'https://models.example/v1' }
      : {};
    reply.writeHead(200, { 'Content-Type': 'text/event-stream', ...address });
    for (const content of this.said) event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
    if (this.holds) return;
    event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], timings: { predicted_per_second: 12.34 } });
    event({
      choices: [],
      usage: { prompt_tokens: 12, completion_tokens: 34, prompt_tokens_details: { cached_tokens: 8 } },
    });
    reply.end('data: [DONE]\n\n');
  }

  #file(reply, pathname) {
    const name = pathname === '/' || pathname === '/chat' ? 'index.html' : pathname.replace(/^\/web\//, '');
    try {
      const bytes = readFileSync(new URL(name, web));
      this.sent += bytes.length;
      reply.writeHead(200, { 'Content-Type': TYPES[extname(name)], 'Content-Security-Policy': policy });
      reply.end(bytes);
    } catch {
      this.#json(reply, 404, { error: 'there is no such page' });
    }
  }
}

/** A model as the server tells of it, with what a test says otherwise. */
export function model(id, more = {}) {
  return {
    id,
    name: id,
    repo: `acme/${id}`,
    file: `${id}.gguf`,
    revision: null,
    role: 'model',
    n_files: 1,
    size_bytes: 2_393_231_072,
    quantization: 'Q4_K_M',
    license: 'MIT',
    languages: ['en', 'es'],
    summary: '',
    in_catalogue: true,
    supported: true,
    downloaded: false,
    partial_bytes: 0,
    modified_unix: null,
    sha256: null,
    verified: null,
    verified_unix: null,
    link: null,
    link_target: null,
    fit: { verdict: 'fits', memory_bytes: 4.1e9, available_bytes: 20e9, context_tokens: 4096, exact: false },
    loaded: false,
    ...more,
  };
}

export const here = (id, more = {}) =>
  model(id, {
    downloaded: true,
    modified_unix: 1_764_000_000,
    verified: 'intact',
    verified_unix: 1_764_000_000,
    ...more,
  });

export function job(id, name, more = {}) {
  return {
    id,
    kind: 'download',
    model: name,
    model_id: name,
    file: `${name}.gguf`,
    stage: 'running',
    phase: 'download',
    note: null,
    done_bytes: 1_004_857_600,
    total_bytes: 2_393_231_072,
    resumed_bytes: 0,
    percent: 42,
    bytes_per_second: 10_485_760,
    seconds_left: 132,
    connections: 4,
    error: null,
    ...more,
  };
}

export function inMemory(id, more = {}) {
  return {
    id,
    name: id,
    architecture: 'phi3',
    quantization: 'Q4_K_M',
    n_params: 3.8e9,
    file_bytes: 2.39e9,
    memory_bytes: 2.9e9,
    context_tokens: 4096,
    running: 0,
    waiting: 0,
    expires_unix: Math.floor(Date.now() / 1000) + 290,
    unloading: false,
    ...more,
  };
}
