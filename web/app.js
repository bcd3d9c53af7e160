// The page: what stands around the views, which one is shown, and the way in.
import { regions, say } from './actions.js';
import { ask } from './api.js';
import { button, fill, h, icon, set } from './dom.js';
import { language, speak, t } from './i18n.js';
import { isFor, live } from './live.js';
import { loginView } from './login.js';

const VIEWS = [
  { path: '/', picture: 'models', name: 'models', load: () => import('./models.js') },
  { path: '/chat', picture: 'chat', name: 'chat', load: () => import('./chat.js') },
];

const main = h('main', { id: 'main', tabindex: -1 });
const banner = h('div', { class: 'banners', role: 'status' });
let leave = () => {};
let shown = 0; // counts views, so that one which loads slowly does not replace a later one

const viewAt = (path) => VIEWS.find((view) => view.path === path) ?? VIEWS[0];

/** Go to a view; `state` is for it to read. */
export function go(path, state = null) {
  history.pushState(state, '', path);
  show(true);
}

async function show(focus) {
  const view = viewAt(location.pathname);
  const turn = ++shown;
  const module = await view.load().catch(() => say(t('error_unreachable')));
  if (!module || turn !== shown) return;
  leave();
  document.title = `${t(view.name)} · Orion`;
  for (const link of document.querySelectorAll('nav a'))
    set(link, 'aria-current', link.getAttribute('href') === view.path && 'page');
  main.className = view.name;
  leave = module.mount(fill(main), { go, state: history.state }) ?? (() => {});
  if (focus) main.focus();
}

function follow(event, path) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (location.pathname !== path) go(path);
}

const destination = (view) =>
  h(
    'a',
    { href: view.path, onClick: (event) => follow(event, view.path) },
    h('span', { class: 'indicator' }, icon(view.picture)),
    h('span', {}, t(view.name)),
  );

function languageChoice() {
  const choice = h(
    'select',
    {
      'aria-label': t('language'),
      class: 'language',
      onChange: async () => {
        await speak(choice.value);
        frame();
        show(false);
        document.querySelector('.language').focus();
      },
    },
    [
      ['en', 'English'],
      ['es', 'Español'],
    ].map(([tag, name]) => h('option', { value: tag, lang: tag, selected: tag === language() }, name)),
  );
  return choice;
}

async function logOut() {
  await ask('DELETE', '/orion/v1/login').catch(() => {});
  location.reload();
}

/** All but what the view shows, in the reader's language. */
function frame(inside = true) {
  document.documentElement.lang = language();
  fill(
    document.body,
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onClick: (event) => {
          event.preventDefault();
          main.focus();
        },
      },
      t('skip'),
    ),
    h(
      'header',
      { class: 'bar' },
      h('span', { class: 'brand' }, h('img', { src: '/web/icon.svg', alt: '', width: 32, height: 32 }), 'Orion'),
      h(
        'span',
        { class: 'actions' },
        languageChoice(),
        inside && frame.login && button('text', null, t('log_out'), logOut),
      ),
    ),
    inside && h('nav', { 'aria-label': t('views') }, VIEWS.map(destination)),
    banner,
    main,
    regions,
  );
  if (inside) banners();
}

function banners() {
  const wanted = [
    !live.reachable && ['warn', t('unreachable')],
    live.reachable && live.server?.offline && ['offline', t('offline')],
  ];
  const key = JSON.stringify([wanted, language()]);
  if (banners.key === key) return; // said already
  banners.key = key;
  fill(
    banner,
    wanted.filter(Boolean).map(([picture, text]) => h('p', { class: 'banner' }, icon(picture), h('span', {}, text))),
  );
}

function finished({ detail: job }) {
  const name = live.models?.find((model) => isFor(job, model))?.name ?? job.file ?? job.model;
  const key = `${job.kind}_${job.stage}`;
  if (job.stage !== 'cancelled') say(t(key, { name }));
}

async function start() {
  const login = await ask('GET', '/orion/v1/login').catch(() => ({ needed: false, done: false }));
  frame.login = login.needed;
  if (login.needed && !login.done) {
    frame(false);
    document.title = `${t('log_in')} · Orion`;
    loginView(fill(main), start);
    return;
  }
  frame();
  show(false);
  live.start().catch(() => {
    live.reachable = false;
    banners();
    setTimeout(start, 3000);
  });
}

addEventListener('popstate', () => show(true));
document.addEventListener('visibilitychange', () => live.seen(!document.hidden));
live.addEventListener('change', banners);
live.addEventListener('finished', finished);
live.addEventListener('lost', () => {
  live.stop();
  start();
});
await speak();
start();
