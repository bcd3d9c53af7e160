// How much room there is: on disk and in memory.
import { attempt } from './actions.js';
import { arrange, button, h, renew, set, setText } from './dom.js';
import { bytes, duration, number } from './format.js';
import { t } from './i18n.js';
import { live } from './live.js';

/** A bar of parts with its legend.  parts: [[name, bytes]...]; the page colours them by name. */
function bar() {
  const NS = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(NS, 'svg');
  svg.setAttribute('class', 'parts');
  svg.setAttribute('viewBox', '0 0 1000 10');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true'); // the legend says the same
  const legend = h('dl', { class: 'legend' });
  const draw = (parts, total) => {
    let x = 0;
    svg.replaceChildren(
      ...parts.map(([name, n]) => {
        const part = document.createElementNS(NS, 'rect');
        const width = total ? (1000 * n) / total : 0;
        for (const [key, value] of Object.entries({ x, width, y: 0, height: 10, class: `part-${name}` }))
          part.setAttribute(key, value);
        x += width;
        return part;
      }),
    );
    return parts
      .filter(([, n]) => n > 0)
      .map(([name, n]) =>
        h('div', {}, h('dt', {}, h('span', { class: `dot part-${name}` }), t(`part_${name}`)), h('dd', {}, bytes(n))),
      );
  };
  const update = (parts, total) => renew(legend, [parts, total], () => draw(parts, total));
  return { elements: [svg, legend], update };
}

export function storageCard() {
  const parts = bar();
  const line = h('p', { class: 'figure' });
  const quota = h('p', { class: 'quiet' });
  const element = h(
    'section',
    { class: 'card', 'aria-labelledby': 'storage-title' },
    h('h2', { id: 'storage-title' }, t('storage')),
    line,
    parts.elements,
    quota,
  );
  const update = () => {
    const { storage } = live;
    if (!storage) return;
    const cache = storage.prefix_cache?.bytes ?? 0;
    const ours = storage.models.bytes + storage.partials.bytes + cache;
    setText(line, t('storage_free', { free: bytes(storage.free_bytes), total: bytes(storage.total_bytes) }));
    setText(
      quota,
      storage.quota_bytes === null
        ? ''
        : t('quota', { used: bytes(storage.models.bytes + storage.partials.bytes), size: bytes(storage.quota_bytes) }),
    );
    parts.update(
      [
        ['models', storage.models.bytes],
        ['partials', storage.partials.bytes],
        ['cache', cache],
        ['other', Math.max(0, storage.total_bytes - storage.free_bytes - ours)],
        ['free', storage.free_bytes],
      ],
      storage.total_bytes,
    );
  };
  return { element, update };
}

/** A model in memory, and the way out. */
class LoadedRow {
  constructor(id) {
    this.name = h('strong', {});
    this.facts = h('span', { class: 'quiet' });
    this.unload = button('text', 'eject', t('unload'), () => attempt(() => live.unload(id)));
    this.element = h('li', {}, h('span', { class: 'grow' }, this.name, this.facts), this.unload);
  }

  update(loaded) {
    const name = live.models.find(({ id }) => id === loaded.id)?.name || loaded.name || loaded.id;
    setText(this.name, name);
    const left = loaded.expires_unix && loaded.expires_unix - Date.now() / 1000;
    setText(
      this.facts,
      [
        bytes(loaded.memory_bytes),
        t('context', { n: number(loaded.context_tokens) }),
        loaded.running > 0 && t('running', { n: loaded.running }),
        loaded.waiting > 0 && t('waiting', { n: loaded.waiting }),
        loaded.unloading
          ? t('unloading')
          : left > 0 && !loaded.running && t('expires', { time: duration(Math.ceil(left / 60) * 60) }),
      ]
        .filter(Boolean)
        .join(' · '),
    );
    set(this.unload, 'disabled', loaded.unloading);
    set(this.unload, 'aria-label', t('action_on', { action: t('unload'), name }));
  }
}

export function memoryCard() {
  const parts = bar();
  const line = h('p', { class: 'figure' });
  const list = h('ul', { class: 'rows' });
  const none = h('p', { class: 'quiet' }, t('memory_empty'));
  const element = h(
    'section',
    { class: 'card', 'aria-labelledby': 'memory-title' },
    h('h2', { id: 'memory-title' }, t('memory')),
    line,
    parts.elements,
    none,
    list,
  );
  const rows = new Map();
  const update = () => {
    const { memory, loaded } = live;
    if (!memory) return;
    const taken = loaded.reduce((sum, one) => sum + one.memory_bytes, 0);
    setText(line, t('memory_free', { free: bytes(memory.available_bytes), total: bytes(memory.total_bytes) }));
    parts.update(
      [
        ['loaded', taken],
        ['other', Math.max(0, memory.total_bytes - memory.available_bytes - taken)],
        ['free', memory.available_bytes],
      ],
      memory.total_bytes,
    );
    set(none, 'hidden', loaded.length > 0);
    for (const id of rows.keys()) if (!loaded.some((one) => one.id === id)) rows.delete(id);
    arrange(
      list,
      loaded.map((one) => {
        if (!rows.has(one.id)) rows.set(one.id, new LoadedRow(one.id));
        rows.get(one.id).update(one);
        return rows.get(one.id).element;
      }),
    );
  };
  return { element, update };
}
