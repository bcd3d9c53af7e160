// Asking the server.  Every failure becomes an ApiError with a status that strings.js has a
// sentence for, whichever family of APIs it came from.
import { t } from './i18n.js';

export class ApiError extends Error {
  constructor(status, message, code = 0) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const KNOWN = [
  'argument',
  'busy',
  'cancelled',
  'denied',
  'format',
  'integrity',
  'io',
  'memory',
  'name',
  'network',
  'no_space',
  'not_found',
  'offline',
  'token',
  'too_long',
  'unreachable',
  'unsupported',
];

/** What went wrong, for a person: what it means in their language, and what the server said. */
export function describe({ status, message }) {
  const lead = t(`error_${KNOWN.includes(status) ? status : 'other'}`);
  return message ? `${lead}: ${message}` : lead;
}

const OPENAI = { context_length_exceeded: 'too_long', model_not_found: 'not_found', invalid_request_error: 'argument' };

async function failure(reply) {
  const { error } = await reply.json().catch(() => ({}));
  const message = typeof error === 'string' ? error : (error?.message ?? `${reply.status} ${reply.statusText}`);
  const status = error?.status ?? OPENAI[error?.code] ?? OPENAI[error?.type] ?? 'other';
  return new ApiError(reply.status === 401 ? 'token' : status, message, reply.status);
}

/** A request whose reply is good, or an ApiError; AbortError when `signal` ended it. */
export async function request(method, path, body, signal) {
  let reply;
  try {
    reply = await fetch(path, {
      method,
      signal,
      redirect: 'error',
      body: body && JSON.stringify(body),
      headers: body ? { 'Content-Type': 'application/json' } : {},
    });
  } catch (error) {
    throw error.name === 'AbortError' ? error : new ApiError('unreachable', '');
  }
  if (!reply.ok) throw await failure(reply);
  return reply;
}

/** A JSON answer; null when there is none. */
export async function ask(method, path, body, signal) {
  const reply = await request(method, path, body, signal);
  return reply.status === 204 ? null : reply.json();
}

/** A path with a model's name in it: slashes stay, all else is encoded. */
export const named = (path, name) => `${path}/${name.split('/').map(encodeURIComponent).join('/')}`;

/** A path with a query. */
export const query = (path, values) => `${path}?${new URLSearchParams(values)}`;

/** The data of each server-sent event in the body of a reply. */
export async function* events(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split(/\r?\n\r?\n/);
      rest = parts.pop();
      for (const part of parts) {
        const data = part.split(/\r?\n/).filter((line) => line.startsWith('data:'));
        if (data.length) yield data.map((line) => line.slice(5).trimStart()).join('\n');
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
