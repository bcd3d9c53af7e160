// The ids that @huggingface/tokenizers gives for many texts.
//
//   node encode.mjs PACKAGES-FOLDER TOKENIZER-PACKAGE < texts.json > ids.json
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [packages, name] = process.argv.slice(2);
const require = createRequire(join(packages, 'package.json'));
const { Tokenizer } = require('@huggingface/tokenizers');
const read = (file) => JSON.parse(readFileSync(join(packages, 'node_modules', name, 'models', file), 'utf8'));
const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
const texts = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(texts.map((text) => tokenizer.encode(text, { add_special_tokens: false }).ids)));
