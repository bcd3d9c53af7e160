"""Templates that use each construct, for tests/golden/jinja.json.  Written for this."""

PEOPLE = [{'name': 'Bo', 'age': 30}, {'name': 'al', 'age': 25}, {'name': 'Cy', 'age': 30}]
TOOL = {'type': 'function', 'function': {
    'name': 'get_time', 'description': 'Tell "now" \u00e9\n<b>', 'parameters': {
        'type': 'object', 'required': ['zone'],
        'properties': {'zone': {'type': 'string', 'enum': ['a', 'b']}, 'n': {'type': 'integer', 'default': 1.5}}}}}
CONTEXT = {
    'n': 7, 'x': 2.5, 'word': 'heLLo wOrld', 'es': '\u00bfQu\u00e9 tal, ni\u00f1o?', 'empty': '', 'yes': True, 'none_': None,
    'items_': [3, 1, 2], 'people': PEOPLE, 'd': {'b': 1, 'a': [1, 'x', None, True], 'C': {'z': 0.1}},
    'tools': [TOOL], 'bos_token': '<s>', 'eos_token': '</s>', 'lines': 'one\ntwo\n\nthree\n', 'spaces': ' \t a  b c \n',
    'messages': [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': ' Hi <|end|> '},
                 {'role': 'assistant', 'content': '<think>\nhm\n</think>\n\nYo', 'tool_calls': [
                     {'id': 'c1', 'type': 'function', 'function': {'name': 'get_time', 'arguments': {'zone': 'a'}}}]},
                 {'role': 'tool', 'content': '12:00', 'tool_call_id': 'c1'}],
}

EXPRESSIONS = '''
1 + 2 * 3 - 4
(1 + 2) * 3
2 ** 3 ** 2
-2 ** 2
7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 / 2, 8 / 2
7.5 // 2, -7.5 % 2, 2 ** -1, 2.0 * 3
1e3, 1.5e-7, 123456789012345678.0, 0.1 + 0.2, 1e16, 1e22, 1/3, 100.0, 1e-5, 0.0001
1_000
"a" ~ 1 ~ none ~ true ~ 1.0
"a" "b" 'c'
"tab\\there\\nnew \\x41 \\u00e9 \\\\ \\' \\" \\q \\101"
'x' * 3 ~ 2 * 'ab'
[1, 2] + [3]
[1, 'a', none, true, 1.5, [2], (3,), (1, 2), {'k': 'v'}]
["it's", 'say "x"', 'both \\' "', 'nl\\n', 'é', '\\x07']
{}
{'a': 1, 2: 'b'}
not true, not none, not 0, not []
1 < 2 < 3, 1 < 3 < 2, 1 == 1.0, true == 1, 'a' < 'b', [1, 2] < [1, 3]
'a' in 'cat', 'z' not in 'cat', 1 in [1], 'b' in d, 'q' in d
'' or 'x', 'y' and 'z', none or false
'a' if yes else 'b', 'a' if not yes else 'b', ('a' if false)
n if n > 5 else 0 if n else 1
missing, missing is defined, missing == none, missing|length, missing|default('q'), none_|default('q'), none_|default('q', true)
d.a[1], d['b'], d.C.z, d.get('zz'), d.get('zz', 5), d.nope is defined
word[0], word[-1], word[1:4], word[::-1], word[:-2], word[-3:], word[::2], word[10:2:-3], word[100:], word[100] is defined
items_[0], items_[-1], items_[1:], items_[::-1], items_[5] is defined, items_[-9:2]
es[1], es[::-1], es|length, es|upper, es|lower, es|title, es|capitalize
1 is odd, 2 is even, 9 is divisibleby 3, 9 is divisibleby(2)
1 is number, 1.0 is float, 1 is integer, true is integer, true is boolean, 'a' is string, [] is sequence, {} is mapping, 'a' is iterable, 3 is iterable, none is none, missing is undefined
1 is eq 1, 1 is equalto(2), 2 is gt 1, 2 is lt 1, 2 is ge 2, 2 is le 1, 1 is ne 1, 1 is in [1, 2], 1 is not in [2]
true is true, false is false, 1 is true, 'a' is lower, 'A' is upper, range is callable, word is callable
1 is not none, missing is not defined and yes
spaces|trim, 'xxaxx'|trim('x')
word|upper, word|lower, word|title, word|capitalize, 'a-b (c) d_e'|title
[1, 2, 3]|join, [1, 2]|join(', '), people|join('; ', attribute='name'), 'abc'|join('-')
word|replace('l', '_'), word|replace('l', '_', 1), 'aaa'|replace('', '-')
items_|first, items_|last, []|first is defined, 'abc'|first, word|length, d|length, items_|count
items_|sort, items_|sort(reverse=true), people|sort(attribute='name')|map(attribute='name')|list, ['b', 'A', 'c']|sort, ['b', 'A', 'c']|sort(case_sensitive=true)
people|sort(attribute='age')|map(attribute='name')|join(','), people|sort(attribute='age', reverse=true)|map(attribute='name')|join(',')
items_|reverse|list, 'abc'|reverse
[1, 2, 1, 'a', 'A']|unique|list, people|unique(attribute='age')|map(attribute='name')|list
people|selectattr('age', 'equalto', 30)|map(attribute='name')|list, people|rejectattr('age', 'gt', 26)|list
[1, 0, 2]|select|list, [1, 2, 3]|select('odd')|list, [1, 2, 3]|reject('odd')|list, people|selectattr('nope')|list
['a', 'b']|map('upper')|list, people|map(attribute='nope', default='-')|list, [' a ']|map('trim')|first
d|items|list, d|dictsort, d|dictsort(true), {'a': 2, 'b': 1}|dictsort(false, 'value'), d|list
'5'|int, 'x'|int, 'x'|int(3), '5.7'|int, 5.9|int, '2.5'|float, 'x'|float, ' 7 '|int, -3|abs, '-4'|int
2.567|round(2), 2.5|round, 3.5|round, 2.1|round(0, 'ceil'), 2.9|round(method='floor'), 7|round
[1, 2, 3]|sum, people|sum(attribute='age'), [3, 1, 2]|min, [3, 1, 2]|max, people|max(attribute='age')
range(7)|batch(3)|list, range(4)|batch(3, 'x')|list
people|groupby('age')|list
'%s is %d'|format('x', 3), '%05d|%-4s|%4s|%.2f|%%' % (7, 'a', 'b', 1.005), 'v=%s' % 3, '%r' % 'a'
'%d %d %i' % (9007199254740993, -2.7, true), '%x %x %x' % (255, -255, 9223372036854775807), '%05d|%-5d|%5d|%07.2f|%05s' % (-7, -7, -7, -1.5, '-a')
42|string, 1.0|string, [1]|string, none|string
lines|indent, lines|indent(2, true), lines|indent(2, blank=true), lines|indent('> ')
'a b  c'|wordcount
d|tojson, d|tojson(indent=2), tools|tojson(indent=4), [1, [], {}, 'é\\n"\\\\/']|tojson, [[], {}]|tojson(indent=2), 'é🙂\x7f'|tojson(true)
d|tojson(sort_keys=true), d|tojson(separators=(',', ':'))
[1.0, 1e20, none, true]|tojson, 'x'|tojson
word.upper(), word.lower(), word.title(), word.capitalize(), "it's a x1y"|title, "it's x1y".title()
spaces.strip(), spaces.lstrip(), spaces.rstrip(), 'xyaxy'.strip('yx'), 'é é'.strip('é')
'a,b,,c'.split(','), 'a,b,c'.split(',', 1), spaces.split(), ' a  b c '.split(none, 1), 'a,b,c'.rsplit(',', 1), 'abc'.split('z'), ''.split(','), ''.split()
word.startswith('he'), word.endswith('ld'), word.startswith(('x', 'h')), 'abc'.removeprefix('a'), 'abc'.removesuffix('z')
word.replace('l', 'L', 1), ', '.join(['a', 'b']), word.find('w'), word.find('zz'), word.rfind('L'), word.count('l'), word.index('o')
'12'.isdigit(), 'ab'.isalpha(), 'a1'.isalnum(), ' '.isspace(), 'a1'.isalpha()
lines.splitlines(), lines.splitlines(true)
'{} {1} {k}'.format is callable, '{} {}'.format(1, 'b'), '{0}{0}{k}'.format('a', k=2), '{{}}'.format()
d.items()|list, d.keys()|list, d.values()|list
range(3)|list, range(1, 4)|list, range(5, 0, -2)|list, range(0)|list
dict(a=1, b=2), dict([('x', 1)]), namespace(a=1).a
strftime_now('%Y-%m-%d %H:%M:%S %d %b %B %A %a %j %y %p %I %%'), strftime_now('%-d/%-m')
messages[0]['role'], messages[-1].content, messages[1:]|length, messages|map(attribute='role')|list
messages[2].content.split('</think>')[-1].lstrip('\\n'), messages[2]['content'].split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n')
messages|selectattr('role', 'equalto', 'user')|list|length, (messages|last).role, messages[2].tool_calls[0].function.arguments|tojson
messages[0], tools[0].function.parameters.properties.keys()|list
n is defined and n is not none and n > 3, n == 7 or missing.foo
n|string ~ '!'|upper, -n|abs, (-n)|abs, not n == 7, 1 + 2 ~ 3 + 4
(1, 2), (1,), (), 1, 2
[1, 2, 3][1], {'a': {'b': [5]}}['a']['b'][0], 'abc'[1], items_.0
d.items is callable, word.nope is defined, n.foo is defined
'x' is in ['x'], 'x' in 'xyz' and 'y' in {'y': 1}
people|map(attribute='name')|map('lower')|join(' '), people[0]|attr('name') is defined
joiner(', ') is callable
'a\\
b'
'ñ' == 'ñ', 'ß', '日本語'[1], '日本語'[::-1], '🙂x'|length
'A'|lower == 'a' and ('b'|upper in ['B'])
[x for_ in []] if false else 1
'''.strip('\n').split('\n')

STATEMENTS = [
    '{{ "<a href=\'x\'>&\'"|e }} {{ "<a>"|escape }} {{ "<b>"|safe }}',
    '{% if n > 5 %}big{% elif n > 2 %}mid{% else %}small{% endif %}',
    '{% if n > 50 %}big{% elif n > 2 %}mid{% else %}small{% endif %}',
    '{% if missing %}a{% else %}b{% endif %}',
    '{% for i in items_ %}{{ loop.index }}/{{ loop.length }}:{{ i }}{{ "," if not loop.last }}{% endfor %}',
    '{% for i in items_ %}{{ loop.index0, loop.first, loop.last, loop.revindex, loop.revindex0, loop.previtem, loop.nextitem, loop.depth }};{% endfor %}',
    '{% for i in [] %}x{% else %}none{% endfor %}',
    '{% for i in missing %}x{% else %}none{% endfor %}',
    '{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}',
    '{% for k in d %}{{ k }};{% endfor %}{% for c in "ab" %}{{ c }}.{% endfor %}',
    '{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}',
    '{% for i in range(9) if i is odd %}{{ i }}:{{ loop.index }}/{{ loop.length }} {% endfor %}',
    '{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}',
    '{% for i in range(2) %}{% for j in range(2) %}{{ loop.index }}{% endfor %}{{ loop.index }}|{% endfor %}',
    '{% for i in range(3) %}{{ loop.cycle("a", "b") }}{{ loop.changed(i // 2) }}{% endfor %}',
    '{% set y = 1 %}{% for i in range(3) %}{% set y = y + 1 %}{{ y }}{% endfor %}{{ y }}',
    '{% set ns = namespace(y=1) %}{% for i in range(3) %}{% set ns.y = ns.y + 1 %}{% endfor %}{{ ns.y }}',
    '{% if yes %}{% set q = 5 %}{% endif %}{{ q }}',
    '{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = 1, 2 %}{{ t }}',
    '{% set blk %}  <{{ n }}>  {% endset %}[{{ blk }}]{% set blk2 | trim | upper %}  abc  {% endset %}[{{ blk2 }}]',
    '{% macro m(a, b=2, c="x") %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }} {{ m() }}',
    '{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(3) }}',
    '{% set g = 1 %}{% macro m() %}{{ g }}{{ n }}{% endmacro %}{% set g = 2 %}{{ m() }}',
    '{% macro fact(k) %}{% if k > 1 %}{{ k * (fact(k - 1)|int) }}{% else %}1{% endif %}{% endmacro %}{{ fact(5) }}',
    '{% macro box(t) %}[{{ t }}:{{ caller() }}]{% endmacro %}{% call box("a") %}in{{ n }}{% endcall %}',
    '{% macro each(l) %}{% for i in l %}{{ caller(i, loop.index) }};{% endfor %}{% endmacro %}{% call(a, b) each(items_) %}{{ a }}@{{ b }}{% endcall %}',
    '{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}',
    '{% filter upper %}ab{{ word }}{% endfilter %}{% filter replace("l", "1")|trim %} {{ word }} {% endfilter %}',
    '{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}',
    'a{% generation %}b{{ n }}{% endgeneration %}c',
    '{% raw %}{{ not }} {% this %}{% endraw %}|',
    'a  {%- if yes -%}  b  {%- endif -%}  c',
    'a\n  {% if yes %}\n  b\n  {% endif %}\n  c\n',
    'a\n  {%+ if yes %}\n  b\n  {% endif +%}\n  c',
    '  {{ n }}  \n  {{- n -}}  \n x',
    'a {# c #} b\n  {# whole line #}\nc {#- d -#} e',
    '{# a #}\n{% if yes %}\n\n{% endif %}\n\nend\n\n',
    '\n\n{{ n }}\n',
    'x {% if yes %} y {% endif %} z\n {% if yes %}w{% endif %}\n',
    '{%- for m in messages -%}\n{{ m.role }}: {{ m.content }}\n{%- endfor -%}',
    "{% for m in messages %}\n{% if m['role'] == 'user' %}\nU {{ m['content'] | trim }}\n{% endif %}\n{% endfor %}",
    '{{ bos_token }}{% for message in messages %}{{ "<|" ~ message.role ~ "|>\n" ~ message.content ~ "<|end|>\n" }}{% endfor %}',
    '{% set ns = namespace(last=-1) %}{% for m in messages[::-1] %}{% set i = (messages|length - 1) - loop.index0 %}{% if ns.last < 0 and m.role == "user" %}{% set ns.last = i %}{% endif %}{% endfor %}{{ ns.last }}',
    '{% for t in tools %}{{ t | tojson }}\n{{ t.function | tojson(indent=4) }}{% endfor %}',
    '{% set j = joiner(", ") %}{% for i in items_ %}{{ j() }}{{ i }}{% endfor %}',
    '{{ "}}" }}{{ {"a": {"b": 1}}.a.b }}{{ "{%" }}{{ \'%}\' }}',
    '{% if "%}" == "%}" %}ok{% endif %}',
    '{% set l = [] %}{% set _ = l.append(1) %}{{ l }}',
    '{% set d2 = dict(d, e=5) %}{{ d2|length }}{{ d2.e }}',
    '{% for i in items_ %}{{ i }}{% if not loop.last %}, {% endif %}\n{% endfor %}\n!',
    'no tags\r\nat all\r\n',
    '{{ n }}{{\nn\n}}{{-n-}}',
    '{% set x %}{% for i in range(3) %}{{ i }}{% endfor %}{% endset %}{{ x * 2 }}',
    '{% macro a() %}A{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}',
    '{% for m in messages %}{% set content = m.content %}{% if m.role == "assistant" and "</think>" in content %}{% set content = content.split("</think>")[-1].lstrip("\\n") %}{% endif %}{{ content }}|{% endfor %}',
    '{% for k, v in {"a": 1, "b": 2}.items() if v > 1 %}{{ k }}{% else %}-{% endfor %}',
    '{% if not (n is defined and n) %}a{% endif %}{% if n is string %}s{% elif n is number %}n{% endif %}',
    '{%- if messages[0]["role"] == "system" %}\n    {%- set sys = messages[0]["content"] %}\n    {%- set rest = messages[1:] %}\n{%- else %}\n    {%- set rest = messages %}\n{%- endif %}\n{{- sys }}|{{ rest|length }}',
]

FAILURES = [
    '{{ missing.foo }}', '{{ missing[0] }}', '{{ missing + 1 }}', '{{ missing() }}', '{{ 1 + "a" }}', '{{ "a" + 1 }}', '{{ 1 / 0 }}', '{{ 1 < "a" }}',
    '{{ n() }}', '{% for i in 5 %}{% endfor %}', '{{ raise_exception("No " ~ n) }}', '{% set d.q = 1 %}', '{{ [1] + (2,) }}',
    '{{ 1 | nofilter }}', '{{ 1 is notest }}', '{% nostatement %}', '{% if %}{% endif %}', '{% if 1 %}', '{{ 1', '{% for %}{% endfor %}', '{{ (1 }}', '{{ "a }}',
    '{% endif %}', '{{ 1 + }}', '{{ a b }}', '{# open', '{% raw %} x', '{{ [1, }}', '{% set = 1 %}', '{{ {1 2} }}', '{% macro %}{% endmacro %}', '{% break %}',
    '{% else %}', '{{ missing.a.b is defined }}', '{{ d.nope.more }}', '{{ items_|nope }}', '{% set a, b = 1, 2, 3 %}', '{{ "a" in 5 }}', '{{ missing|tojson }}',
    '{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}', '{% macro m(a) %}{% endmacro %}{{ m(q=2) }}', '{{ ""|join.x }}', '{{ 1 is divisibleby 0 }}', '{{ f(a=1, 2) }}', '{{ $ }}', '{{ a..b }}',
    '{{ "%d" % "x" }}', '{{ "%x" % 1.5 }}', '{{ "%s" % (1, 2) }}', '{{ "%s %s" % 1 }}', '{{ word.index("zz") }}',
]


def all_cases():
    cases = [('expression: ' + e, '{{ ' + e + ' }}') for e in EXPRESSIONS if 'for_' not in e]
    cases += [(f'statement {i}', s) for i, s in enumerate(STATEMENTS)]
    cases += [(f'failure {i}', s) for i, s in enumerate(FAILURES)]
    return [{'name': name, 'template': template, 'context': CONTEXT} for name, template in cases]
