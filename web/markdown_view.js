// The tree of markdown.js as elements.
import { copyButton, openAddress } from './actions.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { parse } from './markdown.js';

const HUGE = 200_000; // characters; what is longer is shown as it stands

/** Show a text in `element`.  When it grew since the last time, blocks that are complete stay
 * as they are, with whatever the reader selected in them. */
export function showMarkdown(element, text) {
  const blocks = text.length > HUGE ? [{ type: 'code', language: '', text, source: text }] : parse(text);
  const before = element.sources ?? [];
  let same = 0;
  while (same < blocks.length && blocks[same].source === before[same]) same++;
  while (element.children.length > same) element.lastChild.remove();
  for (const one of blocks.slice(same)) element.append(block(one));
  element.sources = blocks.map((one) => one.source);
}

const BLOCKS = {
  paragraph: (b) => h('p', { dir: 'auto' }, spans(b.inline)),
  // The page and the message have the first two levels.
  heading: (b) => h(`h${Math.min(6, b.level + 2)}`, { dir: 'auto' }, spans(b.inline)),
  rule: () => h('hr'),
  quote: (b) => h('blockquote', {}, b.blocks.map(block)),
  list: (b) =>
    h(
      b.start === null ? 'ul' : 'ol',
      { start: b.start },
      b.items.map((item) => h('li', { dir: 'auto' }, item.map(block))),
    ),
  code: (b) =>
    h(
      'figure',
      { class: 'code' },
      h(
        'figcaption',
        {},
        h('span', {}, b.language.slice(0, 32)),
        copyButton(() => b.text),
      ),
      scroller('pre', t('code'), h('code', {}, b.text)),
    ),
  table: (b) =>
    scroller(
      'div',
      t('table'),
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            b.head.map((cell, i) => h(cell.length ? 'th' : 'td', { class: b.align[i] }, spans(cell))),
          ),
        ),
        h(
          'tbody',
          {},
          b.rows.map((row) =>
            h(
              'tr',
              {},
              row.map((cell, i) => h('td', { class: b.align[i] }, spans(cell))),
            ),
          ),
        ),
      ),
    ),
};

const block = (b) => BLOCKS[b.type](b);

/** What may be wider than the page scrolls by itself, with the keyboard too. */
const scroller = (tag, label, inside) =>
  h(tag, { class: 'scroller', tabindex: 0, role: 'group', 'aria-label': label }, inside);

const spans = (list) => list.map((node) => (typeof node === 'string' ? node : SPANS[node.type](node)));

const SPANS = {
  strong: (n) => h('strong', {}, spans(n.inline)),
  em: (n) => h('em', {}, spans(n.inline)),
  del: (n) => h('del', {}, spans(n.inline)),
  code: (n) => h('code', {}, n.text),
  break: () => h('br'),
  // No anchor: there is no way to follow it but through the question.
  link: (n) =>
    h('button', { type: 'button', class: 'link', onClick: () => openAddress(n.url) }, spans(plain(n.inline))),
};

/** Without links: a button can't hold one. */
const plain = (list) => list.flatMap((node) => (node.type === 'link' ? plain(node.inline) : [node]));
