// The Models view: what there is room for, what is in memory, what is here, and what could be.
import { arrange, button, h, renew, set, setText } from './dom.js';
import { hubSearch } from './hub.js';
import { t } from './i18n.js';
import { isFor, live, unfinished } from './live.js';
import { chip, ModelCard } from './model_card.js';
import { memoryCard, storageCard } from './room.js';

/** Downloads of models that no list has: of a repository on the hub. */
function strangers() {
  return [...live.jobs.values()]
    .filter((job) => job.kind === 'download' && (unfinished(job) || job.stage === 'failed'))
    .filter((job) => !live.models.some((model) => isFor(job, model)))
    .map((job) => ({
      id: job.model_id ?? job.model,
      file: job.file,
      name: job.file ?? job.model,
      role: 'model',
      downloaded: false,
      partial_bytes: 0,
      size_bytes: job.total_bytes,
      quantization: '',
      license: '',
      summary: '',
      languages: [],
      supported: null,
      fit: null,
    }));
}

/** A name that stands for a model elsewhere. */
function remoteCard({ name, model, url }, tools) {
  const chat = () => tools.go('/chat', { model: name });
  return h(
    'li',
    { class: 'card' },
    h('h3', { dir: 'auto' }, name),
    h('p', { class: 'quiet', dir: 'auto' }, `${model} · ${url}`),
    h('ul', { class: 'chips' }, chip(t('leaves_machine'), 'warn', 'so-so')),
    h(
      'div',
      { class: 'actions' },
      button('tonal', 'chat', t('chat'), chat, { 'aria-label': t('action_on', { action: t('chat'), name }) }),
    ),
  );
}

/** The remotes that the settings let one ask; there is no such section otherwise. */
class Elsewhere {
  constructor(tools) {
    this.tools = tools;
    this.list = h('ul', { class: 'cards' });
    this.element = h('section', {}, h('h2', {}, t('elsewhere')), this.list);
  }

  update(remotes) {
    renew(this.list, remotes, () => remotes.map((remote) => remoteCard(remote, this.tools)));
    set(this.element, 'hidden', remotes.length === 0);
  }
}

/** A list of models under a heading. */
class Section {
  cards = new Map();

  constructor(title, empty) {
    this.list = h('ul', { class: 'cards' });
    this.empty = h('p', { class: 'quiet' }, empty);
    this.element = h('section', {}, h('h2', {}, title), this.empty, this.list);
  }

  update(models, tools) {
    for (const id of this.cards.keys()) if (!models.some((model) => model.id === id)) this.cards.delete(id);
    arrange(
      this.list,
      models.map((model) => {
        if (!this.cards.has(model.id)) this.cards.set(model.id, new ModelCard(model, tools));
        const card = this.cards.get(model.id);
        card.update(model);
        return card.element;
      }),
    );
    set(this.empty, 'hidden', models.length > 0);
  }
}

export function mount(main, tools) {
  const here = new Section(t('here'), t('here_empty'));
  const coming = new Section(t('coming'), '');
  const available = new Section(t('available'), t('available_empty'));
  const elsewhere = new Elsewhere(tools);
  const storage = storageCard();
  const memory = memoryCard();
  const search = hubSearch();
  const wait = h('p', { class: 'quiet', role: 'status' }, t('wait'));
  const lists = h(
    'div',
    { class: 'lists', hidden: true },
    h('div', { class: 'rooms' }, storage.element, memory.element),
    coming.element,
    here.element,
    elsewhere.element,
    available.element,
    search.element,
  );
  main.append(h('h1', {}, t('models')), wait, lists);

  const update = () => {
    search.update();
    if (!live.models) return;
    // A card that goes from one list to another takes the focus along.
    const held = document.activeElement?.closest('[data-model]')?.dataset.model;
    const others = strangers();
    storage.update();
    memory.update();
    coming.update(others, tools);
    here.update(
      live.models.filter((model) => model.downloaded),
      tools,
    );
    elsewhere.update(live.remotes);
    available.update(
      live.models.filter((model) => !model.downloaded),
      tools,
    );
    set(coming.element, 'hidden', others.length === 0);
    set(lists, 'hidden', false);
    setText(wait, '');
    if (held && document.activeElement === document.body)
      [...main.querySelectorAll('[data-model]')].find((card) => card.dataset.model === held)?.focus();
  };
  live.addEventListener('change', update);
  update();
  if (live.models) live.refresh();
  return () => live.removeEventListener('change', update);
}
