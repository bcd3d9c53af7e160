// Which language the page speaks: the reader's choice, else the browser's, else English.
import { strings } from './strings.js';

const KEY = 'orion.language';
let current = null;

/** The first language of `wanted` ("es-MX") that the page has. */
export function choose(wanted) {
  return wanted.map((tag) => tag.toLowerCase().split('-')[0]).find((tag) => tag in strings) ?? 'en';
}

export function language() {
  current ??= choose([localStorage.getItem(KEY), ...navigator.languages].filter(Boolean));
  return current;
}

/** How its numbers and dates are written: as the browser says, if it says so of this language. */
export const locale = () => navigator.languages.find((tag) => tag.toLowerCase().split('-')[0] === language()) ?? language();

export function setLanguage(tag) {
  current = choose([tag]);
  localStorage.setItem(KEY, current);
}

/** A sentence; "{name}" in it is replaced by values.name. */
export function t(key, values = {}) {
  return strings[language()][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
