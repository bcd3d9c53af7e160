#!/usr/bin/env python3
"""Record what Jinja2 makes of the cases of cases.py, as tests/golden/jinja.json.

Needs the jinja2 package (3.1).  Set up as Hugging Face's transformers set it up."""
import datetime
import json
import os

import jinja2
import jinja2.ext

import cases

NOW = datetime.datetime(2024, 7, 26, 13, 4, 5)
OUT = os.path.join(os.path.dirname(__file__), '..', '..', 'tests', 'golden', 'jinja.json')


class Generation(jinja2.ext.Extension):
    """{% generation %}: its body, in a scope of its own."""
    tags = {'generation'}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(['name:endgeneration'], drop_needle=True)
        call = self.call_method('support', [])
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    @staticmethod
    def support(caller):
        return caller()


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.TemplateError(message)


def environment():
    made = jinja2.Environment(trim_blocks=True, lstrip_blocks=True,
                              extensions=[Generation, jinja2.ext.loopcontrols])
    made.filters['tojson'] = tojson
    made.globals['raise_exception'] = raise_exception
    made.globals['strftime_now'] = NOW.strftime
    return made


def expected(template, context):
    """The text, or None where Jinja2 fails."""
    given = {'tools': None, 'documents': None, 'add_generation_prompt': False} | context
    try:
        return environment().from_string(template).render(**given)
    except (jinja2.TemplateError, SyntaxError, TypeError, ValueError, ZeroDivisionError, IndexError):
        return None


def main():
    rows = [{'name': c['name'], 'template': c['template'],
             'text': expected(c['template'], json.loads(json.dumps(c['context'])))}
            for c in cases.all_cases()]
    with open(OUT, 'w', encoding='utf-8') as out:
        json.dump({'context': cases.CONTEXT, 'cases': rows}, out, ensure_ascii=False, indent=1)
        out.write('\n')


if __name__ == '__main__':
    main()
