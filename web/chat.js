// The Chat view: a list of conversations, the one that is open, and where to write.
import { announce, choose, say } from './actions.js';
import { answer, answerOf, forget } from './answers.js';
import { chatSettings } from './chat_settings.js';
import * as conversations from './conversations.js';
import { button, fill, h, renew, set, setText } from './dom.js';
import { t } from './i18n.js';
import { canChat, live } from './live.js';
import { assistantMessage, userMessage } from './message.js';

const NEAR_END = 80; // pixels: who is that near the end is taken along when more comes

const touched = () => matchMedia('(pointer: coarse)').matches;

let open = null; // the conversation that is looked at; stays when the view is left

class Chat {
  constructor(main, tools) {
    this.tools = tools;
    this.messages = h('div', { class: 'messages', role: 'log', 'aria-label': t('conversation'), tabindex: 0 });
    this.list = h('ul', {});
    this.models = h('select', { 'aria-label': t('model'), onChange: () => this.choose(this.models.value) });
    this.warning = h('p', { class: 'leaves', role: 'status' });
    this.input = h('textarea', {
      rows: 1,
      'aria-label': t('message'),
      placeholder: t('message'),
      onKeydown: (event) => this.key(event),
    });
    this.send = button('icon filled', 'send', t('send'), () => {}, { type: 'submit' });
    this.stop = button('icon tonal', 'stop', t('stop'), () => answerOf(open)?.stop());
    this.side = this.sidebar();
    this.toggle = button(
      'icon',
      'list',
      t('conversations'),
      () => this.showSide(!main.classList.contains('side-open')),
      { class: 'button icon side-toggle', 'aria-expanded': 'false', 'aria-controls': 'conversations' },
    );
    this.main = main;
    fill(
      main,
      this.side,
      h(
        'section',
        { class: 'thread', onPointerdown: (event) => !this.toggle.contains(event.target) && this.showSide(false) },
        h(
          'header',
          {},
          this.toggle,
          h('h1', { class: 'unseen' }, t('chat')),
          this.models,
          button('icon', 'add', t('new_chat'), () => this.open(conversations.begin())),
          button('icon', 'tune', t('settings'), () => chatSettings(open, () => conversations.keep(open))),
        ),
        this.messages,
        h(
          'div',
          {},
          this.warning,
          h(
            'form',
            {
              class: 'composer',
              onSubmit: (event) => {
                event.preventDefault();
                this.submit();
              },
            },
            this.input,
            this.send,
            this.stop,
          ),
        ),
      ),
    );
  }

  sidebar() {
    this.clear = button('text', 'remove', t('delete_all'), () => this.removeAll());
    return h(
      'aside',
      {
        id: 'conversations',
        'aria-label': t('conversations'),
        onKeydown: (event) => event.key === 'Escape' && this.showSide(false),
      },
      button('tonal', 'add', t('new_chat'), () => this.open(conversations.begin())),
      this.list,
      h('p', { class: 'quiet' }, t('kept_here')),
      this.clear,
    );
  }

  /** On a narrow page the list lies over the conversation. */
  showSide(on) {
    const was = this.main.classList.contains('side-open');
    this.main.classList.toggle('side-open', on);
    set(this.toggle, 'aria-expanded', String(on));
    if (on) this.side.querySelector('button').focus();
    else if (was) this.toggle.focus();
  }

  // ---- the list ----

  showList() {
    const all = conversations.list();
    renew(this.list, [open.id, all.map(({ id, title }) => [id, title])], () =>
      all.map((one) =>
        h(
          'li',
          {},
          h(
            'button',
            {
              type: 'button',
              class: 'row',
              dir: 'auto',
              'aria-current': one.id === open.id && 'true',
              onClick: () => this.open(one),
            },
            one.title,
          ),
          button('icon', 'remove', t('action_on', { action: t('delete'), name: one.title }), () => this.remove(one)),
        ),
      ),
    );
    set(this.clear, 'disabled', all.length === 0);
  }

  open(conversation) {
    this.leaveAnswer();
    // One that is being answered is held by its answer.
    open = answerOf(conversation)?.conversation ?? conversation;
    this.showSide(false);
    this.showModels();
    this.show();
    this.write();
  }

  async remove(conversation) {
    const answered = await choose(t('delete_chat_title'), h('p', { dir: 'auto' }, conversation.title), [
      ['no', t('cancel')],
      ['yes', t('delete'), 'danger'],
    ]);
    if (answered !== 'yes') return;
    forget(conversation);
    announce(t('deleted', { name: conversation.title }));
    if (conversation.id === open.id) this.open(conversations.begin());
    else this.showList();
  }

  async removeAll() {
    const answered = await choose(t('delete_all_title'), h('p', {}, t('delete_all_text')), [
      ['no', t('cancel')],
      ['yes', t('delete_all'), 'danger'],
    ]);
    if (answered !== 'yes') return;
    for (const one of conversations.list()) forget(one);
    conversations.forgetDefaults();
    say(t('all_deleted'));
    this.open(conversations.begin());
  }

  // ---- the model ----

  /** [id, label] of what can be asked here. */
  get usable() {
    return (live.models ?? []).filter(canChat).map((model) => {
      const name = model.name || model.id;
      return [model.id, live.loadedOf(model) ? t('model_in_memory', { name }) : name];
    });
  }

  choose(model) {
    open.model = model;
    conversations.keep(open);
    this.showModels();
  }

  showModels() {
    if (!live.models) return;
    const usable = this.usable.filter(([id]) => !live.leaves(id));
    const elsewhere = live.remotes.map(({ name }) => name);
    const ids = [...usable.map(([id]) => id), ...elsewhere];
    // Of itself the page never chooses a model that is elsewhere.
    if (!ids.includes(open.model))
      open.model = usable.find(([id]) => live.loadedOf({ id }))?.[0] ?? usable[0]?.[0] ?? '';
    const option = ([id, name]) => h('option', { value: id }, name);
    renew(this.models, [usable, elsewhere], () => [
      !open.model && option(['', t('no_model')]),
      usable.map(option),
      elsewhere.length > 0 &&
        h(
          'optgroup',
          { label: t('elsewhere') },
          elsewhere.map((name) => option([name, name])),
        ),
    ]);
    this.models.value = open.model;
    set(this.models, 'disabled', ids.length === 0);
    setText(this.warning, live.leaves(open.model) ? t('leaves') : '');
    if (!open.messages.length) this.showEmpty();
    this.showButtons();
  }

  modelName() {
    return live.models?.find(({ id }) => id === open.model)?.name || open.model;
  }

  // ---- the conversation ----

  get busy() {
    return answerOf(open) !== null;
  }

  show() {
    this.showList();
    this.showButtons();
    if (!open.messages.length) {
      this.messages.facts = null;
      this.showEmpty();
      return;
    }
    this.messages.facts = null;
    const last = open.messages.length - 1;
    fill(
      this.messages,
      open.messages.map((message, index) => {
        if (message.role === 'user') return userMessage(message, index, this);
        const one = assistantMessage(message, { last: index === last, model: this.modelName(), thread: this });
        if (index === last) this.latest = one;
        one.update(index === last && this.busy);
        return one.element;
      }),
    );
    this.follow();
    this.messages.scrollTop = this.messages.scrollHeight;
  }

  showEmpty() {
    const leaves = live.leaves(open.model);
    renew(this.messages, [open.model, leaves, live.models !== null], () =>
      h(
        'div',
        { class: 'empty' },
        h('img', { src: '/web/icon.svg', alt: '', width: 72, height: 72 }),
        h('p', { class: 'figure' }, t('hello')),
        !leaves && h('p', { class: 'quiet' }, t('private')),
        live.models &&
          !open.model &&
          h(
            'p',
            {},
            t('no_model_text'),
            ' ',
            h(
              'a',
              {
                href: '/',
                onClick: (event) => {
                  event.preventDefault();
                  this.tools.go('/');
                },
              },
              t('to_models'),
            ),
          ),
      ),
    );
  }

  showButtons() {
    set(this.send, 'hidden', this.busy);
    set(this.stop, 'hidden', !this.busy);
    set(this.send, 'disabled', !open.model);
    set(this.messages, 'aria-busy', String(this.busy)); // read out when it is whole
  }

  /** Show what the answer under way, if there is one, brings. */
  follow() {
    this.leaveAnswer();
    const one = answerOf(open);
    if (!one) return;
    let drawn = 0;
    const draw = () => {
      drawn = 0;
      const { scrollTop, scrollHeight, clientHeight } = this.messages;
      const near = scrollHeight - scrollTop - clientHeight < NEAR_END;
      this.latest.update(true);
      if (near) this.messages.scrollTop = this.messages.scrollHeight;
    };
    const changed = ({ detail }) => {
      if (detail.over) this.over(one);
      else drawn ||= requestAnimationFrame(draw);
    };
    one.addEventListener('change', changed);
    this.leaveAnswer = () => {
      one.removeEventListener('change', changed);
      cancelAnimationFrame(drawn);
    };
  }

  leaveAnswer() {}

  over(one) {
    if (one.conversation !== open) return;
    if (one.full) say(t('no_room'));
    const stopping = this.stop === document.activeElement; // it goes
    this.show();
    if (stopping || document.activeElement === document.body) this.write();
    announce(one.message.error ? '' : t('answered'));
    live.refresh();
  }

  /** Where one writes gets the focus, except where that would bring up a keyboard on the screen. */
  write() {
    if (!touched()) this.input.focus();
  }

  key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || touched()) return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const text = this.input.value.trim();
    if (!text || this.busy || !open.model) return;
    this.input.value = '';
    open.messages.push({ role: 'user', content: text });
    this.ask();
  }

  /** Write message `index` anew: what came after it is gone. */
  resend(index, text) {
    open.messages.splice(index, Infinity, { role: 'user', content: text });
    this.ask();
  }

  regenerate() {
    if (open.messages.at(-1).role === 'assistant') open.messages.pop();
    this.ask();
  }

  ask() {
    answer(open);
    this.show();
    this.write();
  }
}

export function mount(main, tools) {
  const wanted = tools.state?.model;
  if (wanted) {
    open = conversations.begin();
    open.model = wanted;
    history.replaceState(null, '');
  }
  open ??= conversations.list()[0] ?? conversations.begin();
  const chat = new Chat(main, tools);
  chat.showModels();
  chat.show();
  const update = () => chat.showModels();
  live.addEventListener('change', update);
  return () => {
    live.removeEventListener('change', update);
    chat.leaveAnswer();
  };
}
