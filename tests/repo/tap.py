"""Test cases that speak TAP, for meson: decorate functions, then call main()."""
import os
import sys
import traceback

SOURCE = os.environ.get('ORION_SOURCE') or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_cases = []


class Skip(Exception):
    """Raised by a case that can't be tried here; the text says why."""


def case(name):
    """Add a function as a case; it fails by raising, usually by assert."""
    def add(function):
        _cases.append((name, function))
        return function
    return add


def add_case(name, function):
    _cases.append((name, function))


def fail_if(findings, what):
    """Fail with every finding listed, one a line."""
    assert not findings, what + ':\n' + '\n'.join('  ' + str(f) for f in findings)


def main():
    failed = 0
    print(f'1..{len(_cases)}')
    for number, (name, function) in enumerate(_cases, 1):
        try:
            function()
            print(f'ok {number} - {name}')
        except Skip as why:
            print(f'ok {number} - {name} # SKIP {why}')
        except Exception as error:  # whatever it is, it is this case's failure
            failed += 1
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            for line in (text or traceback.format_exc()).splitlines():
                print('# ' + line)
            print(f'not ok {number} - {name}')
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
