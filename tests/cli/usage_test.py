#!/usr/bin/env python3
"""Help, and what the command says to a mistake."""
import cli
from cli import tap

VERBS = ('pull search fit list show path rm run summarize embed tokenize perplexity bench verify df import '
         'prune config help').split()

# label, arguments, what standard error must hold; the exit code is always 2
MISTAKES = [
    ('no verb', '', 'Usage: orion VERB'),
    ('unknown verb', 'frobnicate', "unknown verb 'frobnicate'"),
    ('verb with a slip', 'lst', "did you mean 'list'"),
    ('letters swapped', 'rnu', "did you mean 'run'"),
    ('start of a verb', 'summ', "did you mean 'summarize'"),
    ('unknown option before the verb', '--frob list', "unknown option '--frob'"),
    ('unknown option', 'list --frob', "list: unknown option '--frob'"),
    ('option with a slip', 'list --avialable', "did you mean '--available'"),
    ('unknown letter', 'rm -x a', "unknown option '-x"),
    ('option of another verb', 'list --temp 0', "unknown option '--temp'"),
    ('value missing', 'run x --temp', '--temp needs a value'),
    ('global value missing', 'list --models-dir', '--models-dir needs a value'),
    ('flag with a value', 'list --json=yes', '--json takes no value'),
    ('not a number', 'run x --temp warm y', "--temp: 'warm' is not a number"),
    ('comma in a number', 'run x --temp 0,7 y', "--temp: '0,7' is not a number"),
    ('hexadecimal', 'run x --temp 0x1 y', "--temp: '0x1' is not a number"),
    ('infinity', 'run x --temp inf y', "--temp: 'inf' is not a number"),
    ('number out of range', 'run x --temp 1e9 y', '--temp: \'1e9\' is out of range'),
    ('negative temperature', 'run x --temp -1 y', 'it must be at least 0 and at most 100'),
    ('top-p of 0', 'run x --top-p 0 y', 'it must be above 0 and at most 1'),
    ('min-p of 1', 'run x --min-p 1 y', 'it must be at least 0 and below 1'),
    ('penalty of 0', 'run x --repeat-penalty 0 y', 'it must be above 0'),
    ('fraction for a whole number', 'run x --top-k 1.5 y', "--top-k: '1.5' is not a whole number"),
    ('negative count', 'run x --top-k -3 y', '--top-k: \'-3\' is out of range'),
    ('count too large', 'run x --threads 99999999999999999999 y', 'is out of range'),
    ('no threads', 'run x --threads 0 y', 'it must be at least 1'),
    ('too many threads', 'run x --threads 257 y', 'it must be at least 1 and at most 256'),
    ('too many threads to embed', 'embed x --threads 257 y', 'at most 256'),
    ('too many threads to serve', 'serve -t 257', 'at most 256'),
    ('too many threads to quantize', 'quantize x y.gguf Q8_0 -t 257', 'at most 256'),
    ('negative seed', 'run x --seed -1 y', 'it must be at least 0'),
    ('empty number', 'run x --seed= y', "--seed: '' is not a whole number"),
    ('language', 'summarize x --lang fr', "--lang: 'fr' is not one of es|en"),
    ('too many stops', 'run x y' + ' --stop z' * 17, '--stop can be given 16 times at most'),
    ('pull nothing', 'pull', 'Usage: orion pull [--dry-run] REF...'),
    ('rm nothing', 'rm', 'Usage: orion rm [-f] [--partials] REF...'),
    ('search for nothing', 'search', 'Usage: orion search WORD...'),
    ('rate without a number', 'list --limit-rate fast', "'fast' is not a number of bytes"),
    ('rate below nothing', 'list --limit-rate -1', "'-1' is not a number of bytes"),
    ('too many connections', 'list --connections 17', 'it must be at least 1 and at most 16'),
    ('two ways to import', 'import --copy --move x', 'exclude each other'),
    ('one name for a folder', 'import --as a/b/c.gguf .', '--as names one file'),
    ('one name for two', 'import --as a/b/c.gguf x y', '--as names one file'),
    ('no such configuration', 'list --config none.json', "no configuration file 'none.json'"),
    ('two models to show', 'show a b', 'too many arguments'),
    ('prompt without quotes', 'run x two words', 'put a text in quotes'),
    ('arguments for none', 'list x', 'too many arguments. Usage: orion list [--available]'),
    ('arguments for none at all', 'config x', 'too many arguments. Usage: orion config'),
    ('a chunk too large', 'run x --chunk 8193 y', 'at most 8192'),
    ('perplexity of nothing', 'perplexity x', 'Usage: orion perplexity REF FILE'),
    ('embed with no model', 'embed', 'Usage: orion embed REF [TEXT...]'),
    ('no texts', 'embed x', 'there are no texts'),
    ('empty prompt', 'run x', 'the prompt is empty'),
    ('help of an unknown verb', 'help lits', "did you mean 'list'"),
    ('not an id', 'tokenize x --decode 1 2 z', "'z' is not a token id"),
    ('negative id', 'tokenize x --decode -- -1', "'-1' is not a token id"),
]


def add_mistake(label, args, sentence):
    def check():
        with cli.Home() as home:
            result = home.orion(*args.split()).expect(code=2, err=sentence)
            assert result.out == '', f'nothing belongs on standard output\n{result}'
    tap.add_case(f'usage: {label}', check)


for mistake in MISTAKES:
    add_mistake(*mistake)


def add_help(verb):
    def check():
        with cli.Home() as home:
            by_verb = home.orion('help', verb).expect(out=f'orion {verb} - ')
            assert f'Usage: orion {verb}' in by_verb.out and by_verb.err == '', str(by_verb)
            by_option = home.orion(verb, '--help').expect()
            assert by_option.out == by_verb.out, 'help VERB and VERB --help differ'
            assert max(map(len, by_verb.out.splitlines())) <= 100, 'a line is too long'
    tap.add_case(f'help: {verb}', check)


for name in VERBS:
    add_help(name)


@tap.case('help: the overview names every verb')
def overview():
    with cli.Home() as home:
        page = home.orion('--help').expect().out
        assert page == home.orion('help').expect().out
        missing = [verb for verb in VERBS if f'\n  {verb} ' not in page]
        assert not missing, missing


@tap.case('help: defaults come from the library')
def defaults():
    with cli.Home() as home:
        home.orion('help', 'run').expect(out='(default 0.7)')
        home.orion('help', 'summarize').expect(out='(default 0)')


@tap.case('version: before and after a verb')
def version():
    with cli.Home() as home:
        first = home.orion('--version').expect(out='orion ').out
        assert first == home.orion('list', '-V').expect().out


@tap.case('options: before and after the verb, and after --')
def placement():
    with cli.Home() as home:
        assert home.orion('--json', 'list').expect().json() == []
        assert home.orion('list', '--json').expect().json() == []
        home.orion('path', '--', '--json').expect(code=3, err='--json')
        other = home.path + '/other'
        home.orion('list', f'--models-dir={other}').expect()
        home.orion('--models-dir', other, 'list').expect()


@tap.case('output: a full disk is said, with exit code 1')
def full_disk():
    with cli.Home() as home, open('/dev/full', 'wb') as full:
        done = cli.subprocess.run([cli.ORION, 'help'], stdout=full, stderr=cli.subprocess.PIPE,
                                  env=home.environment(), timeout=cli.DEADLINE, check=False)
        assert done.returncode == 1 and b'cannot write to standard output' in done.stderr, done


@tap.case('output: a full disk is said once, also where it ended an answer')
def full_disk_once():
    with cli.Home() as home, open('/dev/full', 'wb') as full:
        done = cli.subprocess.run([cli.ORION, 'run', cli.TINY, 'hi', '--max-tokens', '2'], stdout=full,
                                  stderr=cli.subprocess.PIPE, env=home.environment(),
                                  timeout=cli.DEADLINE, check=False)
        assert done.returncode == 1, done
        assert done.stderr.count(b'cannot write to standard output') == 1, done


@tap.case('names: a folder is no model, and an empty name says where names are')
def no_files():
    with cli.Home() as home:
        home.orion('show', home.path).expect(code=3, err='is not a file; name a model')
        home.orion('path', '').expect(code=2, err='orion list --available')
        home.orion('quantize', cli.TINY, '', 'Q4_0').expect(code=2, err='new file is empty')


@tap.case('verify: nothing to verify is said')
def nothing_to_verify():
    with cli.Home() as home:
        home.orion('verify').expect(err='no models here to verify')


@tap.case('errors: what comes from outside cannot steer the terminal')
def escapes():
    with cli.Home() as home:
        result = home.orion('path', 'a\x1b[31mb\x9b\u202e').expect(code=3)
        assert '\x1b' not in result.err and '\u202e' not in result.err, repr(result.err)
        result = home.orion('\x1b[31m\u202e\u009b\r').expect(code=2)
        assert "'?[31m???'" in result.err, repr(result.err)


if __name__ == '__main__':
    tap.main()
