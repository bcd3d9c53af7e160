// strings_*.js: the languages say the same things, and each of them is said somewhere.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { strings as en } from '../../web/strings_en.js';
import { strings as es } from '../../web/strings_es.js';

const web = new URL('../../web/', import.meta.url);
const code = readdirSync(web)
  .filter((name) => name.endsWith('.js') && !name.startsWith('strings_'))
  .map((name) => readFileSync(new URL(name, web), 'utf8'))
  .join('\n');
const blanks = (sentence) => [...sentence.matchAll(/\{\w+\}/g)].map(String).sort();

test('both languages have the same keys, in the same order', () => {
  assert.deepEqual(Object.keys(es), Object.keys(en));
});

test('a sentence has the same blanks in both, and is none without words', () => {
  for (const [key, sentence] of Object.entries(en)) {
    assert.deepEqual(blanks(es[key]), blanks(sentence), key);
    assert.ok(sentence.trim() && es[key].trim(), key);
  }
});

test('every key that the page asks for is there', () => {
  for (const [, key] of code.matchAll(/\bt\('(\w+)'/g)) assert.ok(key in en, key);
});

// Keys that are put together: `fit_${verdict}`.
const MADE = /^(?:error|fit|verified|link|part|progress|download|verify|repair)_|_help$/;

test('every key is used', () => {
  const unused = Object.keys(en).filter((key) => !MADE.test(key) && !new RegExp(`'${key}'`).test(code));
  assert.deepEqual(unused, []);
});
