// Looking for models on the hub.  Nothing is asked of it until the reader presses a button.
import { announce, attempt } from './actions.js';
import { ask, describe, query } from './api.js';
import { button, fill, h, set, setText } from './dom.js';
import { bytes, date, short } from './format.js';
import { t } from './i18n.js';
import { live } from './live.js';
import { chip, fitChip, startJob } from './model_card.js';

const factsLine = (...facts) => h('p', { class: 'numbers' }, facts.filter(Boolean).join(' · '));

/** One file of a repository. */
function fileRow(model) {
  const states = h(
    'ul',
    { class: 'chips' },
    model.default && chip(t('suggested'), 'check', 'good'),
    model.role === 'projector' && chip(t('projector')),
  );
  const fit = button(
    'text',
    'chip',
    t('check_fit'),
    () =>
      attempt(async () => {
        set(fit, 'disabled', true);
        try {
          const found = await ask('GET', query('/orion/v1/fit', { model: model.id }));
          states.append(fitChip(found));
          if (found.embeds) states.append(chip(t('makes_embeddings')));
          if (!found.runs) states.append(chip(t('unsupported'), 'warn', 'so-so'));
          announce([...states.children].map(({ textContent }) => textContent).join(', '));
          (fit.nextElementSibling ?? fit).focus();
          fit.remove();
        } finally {
          set(fit, 'disabled', false);
        }
      }),
    { 'aria-label': t('action_on', { action: t('check_fit'), name: model.file }) },
  );
  const get = button(
    'tonal',
    'download',
    t(model.downloaded ? 'downloaded' : 'download'),
    () =>
      attempt(async () => {
        await startJob('download', model.id);
        set(get, 'disabled', true);
        announce(t('started', { name: model.file }));
      }),
    {
      disabled: model.downloaded,
      'aria-label': t('action_on', { action: t(model.downloaded ? 'downloaded' : 'download'), name: model.file }),
    },
  );
  return h(
    'li',
    { class: 'file' },
    h(
      'span',
      { class: 'grow' },
      h('span', { class: 'name' }, model.file),
      factsLine(bytes(model.size_bytes), model.quantization),
      states,
    ),
    h('span', { class: 'actions' }, model.role === 'model' && fit, get),
  );
}

/** A repository; its files are asked for when it is opened. */
function hitCard(hit) {
  const files = h('ul', { class: 'files', hidden: true });
  const open = button(
    'text',
    'list',
    t('show_files'),
    () =>
      attempt(async () => {
        if (!files.hasChildNodes()) {
          const { models } = await ask('GET', query('/orion/v1/repository', { repo: hit.repo }));
          fill(files, models.length ? models.map(fileRow) : h('li', { class: 'quiet' }, t('no_files')));
        }
        files.toggleAttribute('hidden');
        set(open, 'aria-expanded', String(!files.hidden));
      }),
    { 'aria-expanded': 'false', 'aria-label': t('action_on', { action: t('show_files'), name: hit.repo }) },
  );
  return h(
    'li',
    { class: 'card' },
    h('h3', {}, hit.repo),
    factsLine(
      hit.architecture,
      hit.n_params > 0 && t('parameters', { n: short(hit.n_params) }),
      t('downloads', { n: short(hit.downloads) }),
      hit.updated && date(Date.parse(hit.updated) / 1000),
    ),
    h('ul', { class: 'chips' }, hit.gated && chip(t('gated'), 'warn', 'so-so')),
    h('div', { class: 'actions' }, open),
    files,
  );
}

export function hubSearch() {
  const words = h('input', {
    type: 'search',
    id: 'hub-words',
    required: true,
    maxlength: 200,
    autocomplete: 'off',
    placeholder: t('search_example'),
  });
  const go = button('filled', 'search', t('search'), () => {}, { type: 'submit' });
  const results = h('ul', { class: 'cards' });
  const state = h('p', { class: 'quiet', role: 'status' });
  let turn = 0;

  const search = async (event) => {
    event.preventDefault();
    const mine = ++turn;
    fill(results);
    setText(state, t('searching'));
    try {
      const { hits } = await ask('GET', query('/orion/v1/search', { words: words.value.trim(), limit: 20 }));
      if (mine !== turn) return;
      fill(results, hits.map(hitCard));
      setText(state, t(hits.length ? 'found' : 'found_none', { n: hits.length, words: words.value.trim() }));
    } catch (error) {
      if (mine === turn) setText(state, describe(error));
    }
  };
  const element = h(
    'section',
    { 'aria-labelledby': 'hub-title' },
    h('h2', { id: 'hub-title' }, t('hub')),
    h('p', { class: 'quiet' }, t('hub_text')),
    h(
      'form',
      { class: 'search', role: 'search', onSubmit: search },
      h('label', { class: 'field' }, h('span', {}, t('search_label')), words),
      go,
    ),
    state,
    results,
  );

  const update = () => {
    const offline = Boolean(live.server?.offline);
    set(words, 'disabled', offline);
    set(go, 'disabled', offline);
    if (offline) setText(state, t('hub_offline'));
  };
  return { element, update };
}
