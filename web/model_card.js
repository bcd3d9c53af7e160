// One model: its facts, what is being done with it, and what can be done.
import { announce, attempt, choose } from './actions.js';
import { ask, describe, named } from './api.js';
import { button, fill, h, icon, renew, set, setText } from './dom.js';
import { bytes, date, duration, percent } from './format.js';
import { t } from './i18n.js';
import { canChat, live, unfinished } from './live.js';

export const startJob = (kind, model) =>
  ask('POST', '/orion/v1/jobs', { kind, model }).then((job) =>
    job.stage === 'paused' ? ask('POST', `/orion/v1/jobs/${job.id}/resume`) : job,
  );
const jobDo = (job, what) => ask('POST', `/orion/v1/jobs/${job.id}/${what}`);

/** Stop a download, and keep or delete what has come. */
async function cancel(job, name) {
  const answer = await choose(
    t('cancel_title', { name }),
    h('p', {}, t('cancel_text', { size: bytes(job.done_bytes) })),
    [
      ['go_on', t('go_on')],
      ['keep', t('cancel_keep'), 'tonal'],
      ['discard', t('cancel_discard'), 'danger'],
    ],
  );
  if (answer === 'keep') await jobDo(job, 'cancel');
  if (answer === 'discard') await ask('DELETE', `/orion/v1/jobs/${job.id}?discard=true`);
}

async function remove(model) {
  const size = bytes(model.downloaded ? model.size_bytes : model.partial_bytes);
  const text = model.link ? t('delete_link', { target: model.link_target }) : t('delete_text', { size });
  const answer = await choose(t('delete_title', { name: model.name }), h('p', {}, text), [
    ['no', t('cancel')],
    ['yes', t('delete'), 'danger'],
  ]);
  if (answer !== 'yes') return;
  await ask('DELETE', named('/orion/v1/models', model.id));
  announce(t('deleted', { name: model.name }));
  live.refresh();
}

const VERIFIED = { intact: ['check', 'good'], changed: ['warn', 'bad'], unknown: [null, ''] };
const FITS = { fits: ['check', 'good'], tight: ['warn', 'so-so'], not: ['warn', 'bad'] };

/** A word or two on how something stands; kind colours it: good, so-so, bad. */
export const chip = (text, picture = null, kind = '', title = null) =>
  h('li', { class: `chip ${kind}`, title }, picture && icon(picture), text);

export function fitChip(fit) {
  const [picture, kind] = FITS[fit.verdict];
  return chip(
    t(`fit_${fit.verdict}`),
    picture,
    kind,
    t('fit_why', { need: bytes(fit.memory_bytes), have: bytes(fit.available_bytes) }),
  );
}

function factsOf(model) {
  return [
    model.size_bytes && bytes(model.size_bytes),
    model.quantization,
    model.license && t('licence', { name: model.license }),
    model.languages?.join(', ').toUpperCase(),
    model.downloaded && model.modified_unix && date(model.modified_unix),
    model.n_files > 1 && t('split', { n: model.n_files }),
  ]
    .filter(Boolean)
    .join(' · ');
}

function states(model, loaded, broken) {
  const verified = model.downloaded && !broken && VERIFIED[model.verified];
  return [
    broken && chip(t('damaged'), 'warn', 'bad'),
    verified && chip(t(`verified_${model.verified}`, { date: date(model.verified_unix) }), ...verified),
    model.link &&
      chip(t(`link_${model.link}`), model.link === 'intact' ? null : 'warn', model.link === 'intact' ? '' : 'bad'),
    model.role === 'projector' && chip(t('projector')),
    model.supported === false && chip(t('unsupported'), 'warn', 'so-so'),
    model.fit &&
      !loaded &&
      model.supported !== false &&
      chip(t(`fit_${model.fit.verdict}`), ...FITS[model.fit.verdict]),
    loaded && chip(t('in_memory', { size: bytes(loaded.memory_bytes) }), 'chip', 'good'),
  ];
}

/** How a job stands, in words. */
export function progressText(job) {
  const { stage, phase, total_bytes: total, bytes_per_second: speed } = job;
  const arrives = speed > 0;
  const amount = total && t('of', { percent: percent(job.percent), done: bytes(job.done_bytes), total: bytes(total) });
  const parts = () => {
    if (stage === 'queued') return [t('queued')];
    if (stage === 'paused') return [t('paused'), amount];
    if (phase === 'resolve') return [t('resolving')];
    if (phase === 'wait') return [job.note, amount];
    if (phase === 'verify' || phase === 'done') return [t('verifying'), total && percent(job.percent)];
    const left = arrives && job.seconds_left !== null && t('left', { time: duration(job.seconds_left) });
    return [amount, arrives && t('speed', { speed: bytes(speed) }), left];
  };
  return parts().filter(Boolean).join(' · ');
}

export class ModelCard {
  constructor(model, tools) {
    this.tools = tools;
    this.title = h('h3', {});
    this.summary = h('p', { class: 'quiet', dir: 'auto' });
    this.facts = h('p', { class: 'numbers' });
    this.chips = h('ul', { class: 'chips' });
    this.bar = h('progress', { max: 100 });
    this.words = h('p', { class: 'numbers' });
    this.progress = h('div', { class: 'progress' }, this.bar, this.words);
    this.problem = h('p', { class: 'problem' });
    this.actions = h('div', { class: 'actions' });
    this.element = h(
      'li',
      { class: 'card', tabindex: -1, 'data-model': model.id },
      this.title,
      this.summary,
      this.facts,
      this.chips,
      this.progress,
      this.problem,
      this.actions,
    );
  }

  update(model) {
    const loaded = live.loadedOf(model);
    const job = live.jobOf(model);
    const busy = job && unfinished(job);
    this.model = model;
    this.job = job;
    setText(this.title, model.name || model.id);
    set(this.summary, 'lang', model.summary ? 'en' : null); // the catalogue's
    setText(this.summary, model.summary || (model.in_catalogue === false ? model.id : ''));
    const broken = model.downloaded && job?.stage === 'failed' && job.error.status === 'integrity';
    renew(this.chips, [model, loaded?.memory_bytes, broken], () => states(model, loaded, broken));
    setText(this.facts, factsOf(model));
    this.showProgress(busy ? job : null);
    setText(this.problem, job?.stage === 'failed' ? describe(job.error) : '');
    this.showActions(this.choices(busy, loaded, broken));
  }

  showProgress(job) {
    set(this.progress, 'hidden', !job);
    if (!job) return;
    const known = job.total_bytes && job.phase !== 'resolve';
    set(this.bar, 'value', known ? job.percent : job.stage === 'running' ? null : 0);
    set(this.bar, 'aria-label', t(`progress_${job.kind}`, { name: this.title.textContent }));
    setText(this.words, progressText(job));
  }

  /** [name, picture, kind, what it does]; a name is that of its label too. */
  choices(busy, loaded, broken) {
    const { model, job } = this;
    if (busy && job.kind !== 'download') return [['cancel', 'close', 'text', () => jobDo(job, 'cancel')]]; // they can only begin anew
    if (busy) {
      return [
        job.stage === 'paused'
          ? ['resume', 'play', 'tonal', () => jobDo(job, 'resume')]
          : ['pause', 'pause', 'tonal', () => jobDo(job, 'pause')],
        ['cancel', 'close', 'text', () => cancel(this.job, this.title.textContent)],
      ];
    }
    if (!model.downloaded) return this.absentChoices();
    const erase = ['delete', 'remove', 'icon', () => remove(model)];
    if (broken) return [['repair', 'download', 'filled', () => startJob('repair', model.id)], erase];
    const use = [
      ['chat', 'chat', 'tonal', () => this.tools.go('/chat', { model: model.id })],
      this.memoryChoice(loaded),
    ];
    return [...(canChat(model) ? use : []), ['verify', 'shield', 'icon', () => startJob('verify', model.id)], erase];
  }

  absentChoices() {
    const { model, job } = this;
    const more = { disabled: live.server?.offline };
    if (job?.kind === 'download' && job.stage === 'failed') {
      const discard = () => ask('DELETE', `/orion/v1/jobs/${job.id}?discard=true`);
      return [
        ['try_again', 'again', 'filled', () => jobDo(job, 'resume'), more],
        ['discard', 'remove', 'text', discard],
      ];
    }
    const kind = model.supported === false ? 'tonal' : 'filled';
    const fetch = () => startJob('download', model.id);
    if (!model.partial_bytes) return [['download', 'download', kind, fetch, more]];
    return [
      ['continue', 'download', kind, fetch, more],
      ['discard', 'remove', 'text', () => remove(model)],
    ];
  }

  memoryChoice(loaded) {
    const { model } = this;
    if (live.loading.has(model.id)) return ['loading', 'chip', 'text', () => {}, { disabled: true, 'aria-busy': true }];
    return loaded
      ? ['unload', 'eject', 'text', () => live.unload(model.id), { disabled: loaded.unloading }]
      : ['load', 'chip', 'text', () => live.load(model.id)];
  }

  /** Buttons are made anew only when there are others, so that none vanishes under a finger. */
  showActions(choices) {
    const key = JSON.stringify(choices.map(([name, , kind, , more]) => [name, kind, more]));
    this.work = Object.fromEntries(choices.map(([name, , , work]) => [name, work]));
    if (this.key === key) return;
    this.key = key;
    const held = this.actions.contains(document.activeElement);
    fill(
      this.actions,
      choices.map(([name, picture, kind, , more]) =>
        button(kind, picture, t(name), () => attempt(() => this.work[name]()), {
          'aria-label': t('action_on', { action: t(name), name: this.title.textContent }),
          'data-action': name,
          ...more,
        }),
      ),
    );
    if (held) (this.actions.querySelector('button:enabled') ?? this.element).focus();
  }
}
