// What any part of the page may do: say something, ask first, copy, open an address.
import { describe } from './api.js';
import { button, fill, h, setText } from './dom.js';
import { t } from './i18n.js';

const SAID_MS = (text) => 4000 + 60 * text.length; // as long as it takes to read

const note = h('div', { class: 'snackbar', role: 'status' });
const heard = h('div', { class: 'unseen', role: 'status' });
let timer;

/** Elements that the page must hold for what follows. */
export const regions = [note, heard];

/** Show a sentence for a while, and have it read out. */
export function say(text) {
  clearTimeout(timer);
  fill(note, h('span', { dir: 'auto' }, text));
  note.classList.add('shown');
  timer = setTimeout(() => {
    note.classList.remove('shown');
    fill(note);
  }, SAID_MS(text));
}

/** Have a sentence read out to those who listen. */
export const announce = (text) => setText(heard, text);

/** Run what a button does, and say so when it fails. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    say(describe(error));
    return undefined;
  }
}

/** A dialog that asks.  choices: [[value, label, kind]...]; the first gets the focus.  Gives
 * the value of what was chosen, or null when it was closed otherwise. */
export function choose(title, content, choices) {
  return new Promise((resolve) => {
    const dialog = h('dialog', {
      class: 'dialog',
      'aria-labelledby': 'dialog-title',
      onClose: () => {
        dialog.remove();
        resolve(dialog.answer ?? null);
      },
    });
    const answer = (value) => {
      dialog.answer = value;
      dialog.close();
    };
    fill(
      dialog,
      h('h2', { id: 'dialog-title' }, title),
      h('div', { class: 'dialog-text' }, content),
      h(
        'div',
        { class: 'actions end' },
        choices.map(([value, label, kind]) => button(kind ?? 'text', null, label, () => answer(value))),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector('.actions button').focus();
  });
}

/** A dialog for more than a question: it has a way to close it, and whatever it is given. */
export function panel(title, ...content) {
  const dialog = h(
    'dialog',
    { class: 'dialog panel', 'aria-labelledby': 'panel-title', onClose: () => dialog.remove() },
    h(
      'div',
      { class: 'panel-head' },
      h('h2', { id: 'panel-title' }, title),
      button('icon', 'close', t('close'), () => dialog.close()),
    ),
    content,
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** An address came from a model: show all of it before anything goes there. */
export function openAddress(url) {
  const dialog = panel(t('open_title'), h('p', {}, t('open_text')), h('p', { class: 'address', dir: 'ltr' }, url));
  dialog.append(
    h(
      'div',
      { class: 'actions end' },
      button('text', null, t('cancel'), () => dialog.close()),
      h(
        'a',
        {
          class: 'button filled',
          href: url,
          target: '_blank',
          rel: 'noopener noreferrer nofollow',
          onClick: () => dialog.close(),
        },
        t('open'),
      ),
    ),
  );
}

async function copy(text) {
  // Over plain HTTP to another machine the browser has no clipboard but this one.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h('textarea', { class: 'unseen' });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('not allowed');
}

/** A button that puts a text on the clipboard; `text` is called when it is pressed. */
export function copyButton(text) {
  const press = () =>
    copy(text()).then(
      () => say(t('copied')),
      () => say(t('not_copied')),
    );
  return button('icon', 'copy', t('copy'), press);
}
