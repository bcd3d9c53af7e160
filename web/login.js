// The way in when the server wants a token.
import { ask } from './api.js';
import { button, h, setText } from './dom.js';
import { t } from './i18n.js';

export function loginView(main, done) {
  const token = h('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    'aria-describedby': 'token-help token-error',
  });
  const problem = h('p', { id: 'token-error', class: 'problem', role: 'alert' });
  const enter = async (event) => {
    event.preventDefault();
    try {
      await ask('POST', '/orion/v1/login', { token: token.value.trim() });
      done();
    } catch (error) {
      setText(problem, t(error.status === 'unreachable' ? 'error_unreachable' : 'token_wrong'));
      token.select();
    }
  };
  main.className = 'login';
  main.append(
    h(
      'form',
      { class: 'card', onSubmit: enter },
      h('h1', {}, t('log_in')),
      h('p', { id: 'token-help' }, t('token_help')),
      h('label', { class: 'field' }, h('span', {}, t('token')), token),
      problem,
      h(
        'div',
        { class: 'actions end' },
        button('filled', null, t('log_in'), () => {}, { type: 'submit' }),
      ),
    ),
  );
  token.focus();
}
