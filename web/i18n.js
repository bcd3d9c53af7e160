// Which language the page speaks: the reader's choice, else the browser's, else English.

const KEY = 'orion.language';
const LANGUAGES = { en: () => import('./strings_en.js'), es: () => import('./strings_es.js') };

let current = 'en';
let strings = null;

/** The first language of `wanted` ("es-MX") that the page has. */
export function choose(wanted) {
  return wanted.map(base).find((tag) => tag in LANGUAGES) ?? 'en';
}

const base = (tag) => tag.toLowerCase().split('-')[0];

export const language = () => current;

/** How its numbers and dates are written: as the browser says, if it says so of this language. */
export const locale = () => navigator.languages.find((tag) => base(tag) === current) ?? current;

/** Speak a language from now on; without one, the reader's. */
export async function speak(tag = null) {
  const wanted = choose([tag, localStorage.getItem(KEY), ...navigator.languages].filter(Boolean));
  ({ strings } = await LANGUAGES[wanted]());
  current = wanted;
  if (tag) localStorage.setItem(KEY, current);
}

/** A sentence; "{name}" in it is replaced by values.name. */
export function t(key, values = {}) {
  return strings[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
