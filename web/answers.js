// Answers that are being written.  They go on when the reader looks at another view, and are
// kept as they come.
import { events, request } from './api.js';
import { keep, remove } from './conversations.js';

const KEEP_MS = 1000; // how much of an answer a reload of the page may cost

const running = new Map(); // by the conversation's id

export const answerOf = (conversation) => running.get(conversation.id) ?? null;

/** Ask for the next message of a conversation, whose last is the reader's.  The answer that
 * is returned says 'change' for each piece, and at the end. */
export function answer(conversation) {
  const one = new Answer(conversation);
  running.set(conversation.id, one);
  one.run();
  return one;
}

/** Stop an answer whose conversation is to be forgotten. */
export function forget(conversation) {
  const one = answerOf(conversation);
  if (one) one.forgotten = true;
  one?.stop();
  remove(conversation.id);
}

class Answer extends EventTarget {
  #abort = new AbortController();
  #kept = 0;
  forgotten = false;
  full = false; // the browser had no room to keep it

  constructor(conversation) {
    super();
    this.conversation = conversation;
    this.message = { role: 'assistant', content: '' };
    this.body = body(conversation); // before it has the empty answer
    conversation.messages.push(this.message);
    this.#keep();
  }

  stop() {
    this.#abort.abort();
  }

  #keep() {
    this.#kept = performance.now();
    if (!this.forgotten) this.full = !keep(this.conversation);
  }

  async run() {
    try {
      await this.#read();
    } catch (error) {
      if (error.name === 'AbortError') this.message.stopped = true;
      else this.message.error = { status: error.status ?? 'unreachable', message: error.status ? error.message : '' };
    }
    running.delete(this.conversation.id);
    this.#keep();
    this.dispatchEvent(new CustomEvent('change', { detail: { over: true } }));
  }

  async #read() {
    const began = performance.now();
    let first = null;
    let usage = null;
    let timings = null; // ours tells them; a model elsewhere may not
    let finish = null;
    const reply = await request('POST', '/v1/chat/completions', this.body, this.#abort.signal);
    this.message.remote = reply.headers.get('X-Orion-Remote') ?? undefined; // the address, if it was asked elsewhere
    for await (const data of events(reply)) {
      if (data === '[DONE]') break;
      const part = JSON.parse(data);
      if (part.error) throw Object.assign(new Error(part.error.message), { status: 'other' });
      const piece = part.choices?.[0]?.delta?.content;
      const thought = part.choices?.[0]?.delta?.reasoning_content ?? part.choices?.[0]?.delta?.reasoning;
      finish = part.choices?.[0]?.finish_reason ?? finish;
      usage = part.usage ?? usage;
      timings = part.timings ?? timings;
      if (!piece && !thought) continue;
      first ??= performance.now();
      if (thought) this.message.thinking = (this.message.thinking ?? '') + thought;
      this.message.content += piece ?? '';
      if (performance.now() - this.#kept > KEEP_MS) this.#keep();
      this.dispatchEvent(new CustomEvent('change', { detail: { over: false } }));
    }
    if (!finish) throw Object.assign(new Error(''), { status: 'unreachable' });
    first ??= performance.now();
    const arrival = { first_ms: first - began, rest_ms: performance.now() - first };
    this.message.stats = { finish, ...stats(usage, timings, arrival) };
  }
}

/** The request; the server's defaults hold for what is not set. */
function body({ model, system, settings, messages }) {
  const said = messages
    .filter(({ content }) => content)
    .map(({ role, content, thinking }) => ({ role, content, ...(thinking && { reasoning_content: thinking }) }));
  return {
    model,
    ...settings,
    stream: true,
    stream_options: { include_usage: true },
    messages: system.trim() ? [{ role: 'system', content: system }, ...said] : said,
  };
}

function stats(usage, timings, { first_ms, rest_ms }) {
  const tokens = usage?.completion_tokens ?? 0;
  const seen = tokens > 1 && rest_ms > 100 ? (1000 * (tokens - 1)) / rest_ms : null;
  return {
    tokens,
    prompt: usage?.prompt_tokens ?? 0,
    cached: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    first_ms,
    speed: timings?.predicted_per_second ?? seen,
  };
}
