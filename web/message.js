// One message of a conversation as an element.
import { copyButton } from './actions.js';
import { describe } from './api.js';
import { button, fill, h, set, setText } from './dom.js';
import { number } from './format.js';
import { t } from './i18n.js';
import { showMarkdown } from './markdown_view.js';

function timings({ tokens, prompt, cached, first_ms: first, speed, finish }) {
  return [
    t('tokens', { n: number(tokens) }),
    speed !== null && t('tokens_per_second', { n: number(speed, 1) }),
    t('first_after', { n: number(first / 1000, 2) }),
    t('prompt_tokens', { n: number(prompt) }),
    cached > 0 && t('cached_tokens', { n: number(cached) }),
    finish === 'length' && t('cut_off'),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** What the reader wrote, and its way to be written anew. */
export function userMessage(message, index, thread) {
  const text = h('div', { class: 'bubble', dir: 'auto' }, message.content);
  const edit = button('icon', 'edit', t('edit'), () => fill(element, head, editor(message, index, thread)));
  const head = h('h2', { class: 'unseen' }, t('you'));
  const element = h(
    'article',
    { class: 'message user' },
    head,
    text,
    h(
      'div',
      { class: 'actions end' },
      copyButton(() => message.content),
      !thread.busy && edit,
    ),
  );
  return element;
}

function editor(message, index, thread) {
  const area = h('textarea', { 'aria-label': t('edit_label'), rows: 3 });
  area.value = message.content;
  queueMicrotask(() => area.focus());
  return h(
    'form',
    {
      class: 'edit',
      onSubmit: (event) => {
        event.preventDefault();
        if (area.value.trim()) thread.resend(index, area.value.trim());
      },
      onKeydown: (event) => event.key === 'Escape' && thread.show(),
    },
    area,
    h('p', { class: 'quiet' }, t('edit_text')),
    h(
      'div',
      { class: 'actions end' },
      button('text', null, t('cancel'), () => thread.show()),
      button('filled', 'send', t('send'), () => {}, { type: 'submit' }),
    ),
  );
}

/** What the model wrote.  update() shows more of it. */
export function assistantMessage(message, { last, model, thread }) {
  const body = h('div', { class: 'answer' });
  const problem = h('p', { class: 'problem' });
  const facts = h('p', { class: 'numbers' });
  const actions = h('div', { class: 'actions' });
  const thought = h('div', { class: 'thought', dir: 'auto' });
  const thoughts = h('details', { class: 'thoughts', hidden: true }, h('summary', {}, t('thoughts')), thought);
  const wait = h('p', { class: 'thinking' }, h('span', { class: 'unseen' }, t('thinking')), h('i'), h('i'), h('i'));
  const element = h(
    'article',
    { class: 'message assistant' },
    h('h2', { dir: 'auto' }, model || t('assistant')),
    thoughts,
    wait,
    body,
    problem,
    facts,
    actions,
  );
  const update = (running) => {
    showMarkdown(body, message.content);
    set(thoughts, 'hidden', !message.thinking);
    setText(thought, message.thinking ?? '');
    set(wait, 'hidden', !running || message.content);
    setText(problem, message.error ? describe(message.error) : '');
    setText(
      facts,
      [
        message.remote && t('answered_by', { address: message.remote }),
        message.stopped ? t('stopped') : message.stats && timings(message.stats),
      ]
        .filter(Boolean)
        .join(' · '),
    );
    if (!running && !actions.hasChildNodes())
      fill(
        actions,
        message.content && copyButton(() => message.content),
        last && !thread.busy && button('icon', 'again', t('regenerate'), () => thread.regenerate()),
      );
  };
  return { element, update };
}
