// Conversations, kept in this browser and nowhere else.
//
// {id, title, model, updated, system, settings, messages: [{role, content, stats?, stopped?, error?, remote?}]}
// A message of the assistant has `stats` when it is complete, `stopped` when the reader ended
// it, `error` when something else did, and `remote` when it came from another machine.

const PREFIX = 'orion.chat.';
const SETTINGS = 'orion.settings';
const MODEL = 'orion.model';

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null; // not ours, or damaged
  }
}

/** All of them, the latest first. */
export function list() {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(PREFIX))
    .map(read)
    .filter((one) => Array.isArray(one?.messages))
    .sort((a, b) => b.updated - a.updated);
}

export const find = (id) => list().find((one) => one.id === id) ?? null;

/** A new one, with the settings of the last; it is kept once it has a message. */
export function begin() {
  return {
    id: crypto.randomUUID?.() ?? String(Date.now()),
    title: '',
    model: localStorage.getItem(MODEL) ?? '',
    updated: Date.now(),
    messages: [],
    ...defaults(),
  };
}

function defaults() {
  const { system, settings } = read(SETTINGS) ?? {};
  return { system: system ?? '', settings: settings ?? {} };
}

/** False when the browser has no more room. */
export function keep(conversation) {
  conversation.updated = Date.now();
  conversation.title = [...(conversation.messages[0]?.content ?? '')].slice(0, 80).join('');
  try {
    localStorage.setItem(SETTINGS, JSON.stringify({ system: conversation.system, settings: conversation.settings }));
    localStorage.setItem(MODEL, conversation.model);
    if (conversation.messages.length) localStorage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
    return true;
  } catch {
    return false;
  }
}

export function remove(id) {
  localStorage.removeItem(PREFIX + id);
}

/** What a new one would begin with: the system prompt may say as much as a conversation. */
export const forgetDefaults = () => localStorage.removeItem(SETTINGS);
