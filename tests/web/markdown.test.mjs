// markdown.js: what it makes of good text, of hostile text, and of text that grows.
import assert from 'node:assert/strict';
import test from 'node:test';
import { parse, safeUrl } from '../../web/markdown.js';

const bare = (text) => parse(text).map(({ source, ...block }) => block);
const p = (...inline) => ({ type: 'paragraph', inline });
const em = (...inline) => ({ type: 'em', inline });
const strong = (...inline) => ({ type: 'strong', inline });
const link = (url, ...inline) => ({ type: 'link', url, inline });
const code = (text) => ({ type: 'code', text });
const br = { type: 'break' };

const CASES = [
  ['nothing', '', []],
  ['a paragraph of two lines', 'one\ntwo', [p('one', br, 'two')]],
  ['two paragraphs', 'one\n\n\ntwo', [p('one'), p('two')]],
  [
    'emphasis',
    'a *b* **c** __d__ ~~e~~',
    [p('a ', em('b'), ' ', strong('c'), ' ', strong('d'), ' ', { type: 'del', inline: ['e'] })],
  ],
  ['strong in emphasis', '***a***', [p(strong(em('a')))]],
  ['a product is no emphasis', '2 * 3 * 4', [p('2 * 3 * 4')]],
  ['snake_case_name', 'snake_case_name', [p('snake_case_name')]],
  ['emphasis that never ends', '**a *b', [p('**a *b')]],
  ['marks without anything inside', 'a ****', [p('a ****')]],
  ['code', 'a `b*c*` ``d`e``', [p('a ', code('b*c*'), ' ', code('d`e'))]],
  ['a backtick alone', 'a ` b', [p('a ` b')]],
  ['escapes', '\\*a\\* \\q', [p('*a* \\q')]],
  [
    'headings',
    '# a #\n### b',
    [
      { type: 'heading', level: 1, inline: ['a'] },
      { type: 'heading', level: 2, inline: ['b'] },
    ],
  ],
  ['no heading without a space', '#a', [p('#a')]],
  ['a rule', 'a\n\n---', [p('a'), { type: 'rule' }]],
  ['a fence', '```c\nint x;\n```\nafter', [{ type: 'code', language: 'c', text: 'int x;' }, p('after')]],
  ['a fence that is still open', '```\nint x;', [{ type: 'code', language: '', text: 'int x;' }]],
  ['fences within a longer one', '````\n```\n````', [{ type: 'code', language: '', text: '```' }]],
  ['a quote', '> a\n> > b', [{ type: 'quote', blocks: [p('a'), { type: 'quote', blocks: [p('b')] }] }]],
  ['a list', '- a\n- b\n  c', [{ type: 'list', start: null, items: [[p('a')], [p('b', br, 'c')]] }]],
  ['a list that counts', '3. a\n4. b', [{ type: 'list', start: 3, items: [[p('a')], [p('b')]] }]],
  [
    'a list in a list',
    '1. a\n   - b\n2. c',
    [{ type: 'list', start: 1, items: [[p('a'), { type: 'list', start: null, items: [[p('b')]] }], [p('c')]] }],
  ],
  ['a list ends', '- a\n\nb', [{ type: 'list', start: null, items: [[p('a')]] }, p('b')]],
  [
    'a table',
    '|a|b|\n|-|-:|\n|1|2|\n|3|',
    [
      {
        type: 'table',
        align: ['start', 'end'],
        head: [['a'], ['b']],
        rows: [
          [['1'], ['2']],
          [['3'], []],
        ],
      },
    ],
  ],
  ['a link', '[a *b*](https://x.example/y)', [p(link('https://x.example/y', 'a ', em('b')))]],
  ['an address', 'see https://x.example/y.', [p('see ', link('https://x.example/y', 'https://x.example/y'), '.')]],
  ['brackets that are no link', '[a] (b)', [p('[a] (b)')]],
];

for (const [label, text, expected] of CASES) {
  test(label, () => assert.deepEqual(bare(text), expected));
}

const HOSTILE = [
  ['script', '<script>alert(1)</script>', [p('<script>alert(1)</script>')]],
  ['an image with a handler', '<img src=x onerror=alert(1)>', [p('<img src=x onerror=alert(1)>')]],
  ['a javascript: link', '[a](javascript:alert(1))', [p('[a](javascript:alert(1))')]],
  ['one in capitals', '[a](JaVaScRiPt:alert(1))', [p('[a](JaVaScRiPt:alert(1))')]],
  ['one with a tab', '[a](java\tscript:alert(1))', [p('[a](java\tscript:alert(1))')]],
  ['a data: link', '[a](data:text/html,x)', [p('[a](data:text/html,x)')]],
  ['a link into this server', '[a](/orion/v1/models)', [p('[a](/orion/v1/models)')]],
  ['one without a scheme', '[a](//x.example)', [p('[a](//x.example)')]],
  ['an image is a link', '![a](http://x.example/y.png)', [p(link('http://x.example/y.png', 'a'))]],
  ['names of our own objects', '__proto__ constructor', [p(strong('proto'), ' constructor')]],
];

for (const [label, text, expected] of HOSTILE) {
  test(`hostile: ${label}`, () => assert.deepEqual(bare(text), expected));
}

test('an address of another kind is none', () => {
  for (const url of [
    'javascript:1',
    'data:,',
    'file:///etc/passwd',
    'blob:http://x/',
    'about:blank',
    'x',
    '',
    ' javascript:1',
  ])
    assert.equal(safeUrl(url), null, url);
});

test('an address is shown as it will be used', () => {
  assert.equal(safeUrl('https://ex\u0430mple.com/'), 'https://xn--exmple-4nf.com/');
});

function depth(node) {
  if (node === null || typeof node !== 'object') return 0;
  const own = Array.isArray(node) ? 0 : 1;
  return own + Object.values(node).reduce((deepest, inside) => Math.max(deepest, depth(inside)), 0);
}

const N = 100_000;
const LONG = {
  quotes: '>'.repeat(N),
  lists: '- '.repeat(N),
  'deeper lists': Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}- a`).join('\n'),
  stars: '*a '.repeat(N),
  'stars that close': 'a* '.repeat(N),
  'only stars': '*'.repeat(N),
  brackets: '['.repeat(N),
  'closing brackets': ']'.repeat(N),
  'links that never end': '[a]('.repeat(N),
  'links in links': `${'['.repeat(N)}a${'](http://x.example)'.repeat(N)}`,
  backticks: Array.from({ length: 400 }, (_, i) => '`'.repeat(i + 1)).join(' '),
  bars: `${'|'.repeat(N)}\n${'|-'.repeat(N)}`,
  spaces: `# a${' '.repeat(N)}#${' '.repeat(N)}b`,
  hashes: `# ${'# '.repeat(N)}`,
  'lines with a bar': '|\n'.repeat(N),
  breaks: 'a\\\n'.repeat(N),
  addresses: 'http://'.repeat(N),
  dots: `http://x.example/${'.'.repeat(N)}`,
};

for (const [label, text] of Object.entries(LONG)) {
  // The runner's limit is what a pattern that goes back for ever would meet.
  test(`long: ${label}`, { timeout: 20_000 }, () => assert.ok(depth(parse(text)) < 60));
}

test('a block has its lines as its source', () => {
  assert.deepEqual(
    parse('# a\n\nb\nc\n```\nd\n').map((block) => block.source),
    ['# a', 'b\nc', '```\nd\n'],
  );
});

test('what is complete has the same source when more comes', () => {
  const text = '# a\n\nb *c*\n\n- d\n- e\n\n```\nf\n```\n\nlast';
  const whole = parse(text).map((block) => block.source);
  for (let end = 0; end < text.length; end++) {
    const part = parse(text.slice(0, end)).map((block) => block.source);
    part.pop(); // the one that may grow
    assert.deepEqual(part, whole.slice(0, part.length));
  }
});
