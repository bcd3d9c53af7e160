// The settings of a conversation: what the model is told first, and how its words are chosen.
import { panel } from './actions.js';
import { button, h } from './dom.js';
import { t } from './i18n.js';

// Names are those of the request; a field that is left empty is left to the server.
const FIELDS = [
  { name: 'temperature', min: 0, max: 2, step: 0.1 },
  { name: 'top_p', min: 0.01, max: 1, step: 0.01 },
  { name: 'max_tokens', min: 1, max: 1_000_000, step: 1 },
  { name: 'seed', min: 0, max: Number.MAX_SAFE_INTEGER, step: 1 },
  { name: 'top_k', min: 0, max: 1_000_000, step: 1 },
  { name: 'min_p', min: 0, max: 0.99, step: 0.01 },
  { name: 'repeat_penalty', min: 0.1, max: 2, step: 0.05 },
  { name: 'frequency_penalty', min: -2, max: 2, step: 0.1 },
  { name: 'presence_penalty', min: -2, max: 2, step: 0.1 },
];

function field({ name, ...range }, settings) {
  const input = h('input', {
    type: 'number',
    name,
    inputmode: 'decimal',
    placeholder: t('by_server'),
    'aria-describedby': `${name}-help`,
    ...range,
    step: 'any',
  });
  input.value = settings[name] ?? '';
  return h(
    'div',
    {},
    h('label', { class: 'field' }, h('span', {}, t(name)), input),
    h('p', { class: 'quiet', id: `${name}-help` }, t(`${name}_help`)),
  );
}

/** Ask for them; `done` is called after they were changed in the conversation. */
export function chatSettings(conversation, done) {
  const system = h('textarea', { rows: 4, placeholder: t('system_example') });
  system.value = conversation.system;
  const fields = h(
    'div',
    { class: 'fields' },
    FIELDS.map((one) => field(one, conversation.settings)),
  );
  const form = h(
    'form',
    {
      onSubmit: (event) => {
        event.preventDefault();
        conversation.system = system.value;
        conversation.settings = Object.fromEntries(
          [...new FormData(form)].filter(([, value]) => value !== '').map(([name, value]) => [name, Number(value)]),
        );
        dialog.close();
        done();
      },
    },
    h('label', { class: 'field' }, h('span', {}, t('system')), system),
    fields,
    h(
      'div',
      { class: 'actions end' },
      button('text', null, t('reset'), () => {
        for (const input of form.querySelectorAll('input, textarea')) input.value = '';
      }),
      button('filled', null, t('save'), () => {}, { type: 'submit' }),
    ),
  );
  const dialog = panel(t('settings'), form);
}
