// The ids that a library of Hugging Face's gives for many texts.
//
//   node encode.mjs PACKAGES-FOLDER js|rust TOKENIZER-FOLDER < texts.json > ids.json
//
// js is @huggingface/tokenizers; rust the library that models are trained with, as
// @anush008/tokenizers builds it.  Prints {"plain": [ids...], "whole": [ids...]}: whole
// are the first 200 texts with the model's own tokens around them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [packages, library, folder] = process.argv.slice(2);
const require = createRequire(join(packages, 'package.json'));

function js() {
  const { Tokenizer } = require('@huggingface/tokenizers');
  const read = (file) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  return (text, whole) => tokenizer.encode(text, { add_special_tokens: whole }).ids;
}

function rust() {
  const { Tokenizer } = require('@anush008/tokenizers');
  const tokenizer = Tokenizer.fromFile(join(folder, 'tokenizer.json'));
  return async (text, whole) => (await tokenizer.encode(text, null, { addSpecialTokens: whole })).getIds();
}

const encode = { js, rust }[library]();
const texts = JSON.parse(readFileSync(0, 'utf8'));
const all = async (some, whole) => {
  const out = [];
  for (const text of some) out.push(await encode(text, whole));
  return out;
};
process.stdout.write(JSON.stringify({ plain: await all(texts, false), whole: await all(texts.slice(0, 200), true) }));
