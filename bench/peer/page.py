"""The tables of docs/models.md that comparisons with llama.cpp write, where RECORD is set in the
environment; RECORD=missing leaves out the models that have their row."""
import json
import os
import subprocess

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'models.md')
MARK = '<!-- check-peer: {} -->\n'
END = '<!-- end -->\n'


def facts(orion, model):
    """The first three columns: architecture, name, and the type that most of the bytes have."""
    shown = json.loads(subprocess.run([orion, 'show', model, '--json'], capture_output=True, text=True,
                                      check=True).stdout)['model']
    return [f'`{shown["architecture"]}`', os.path.basename(model).removesuffix('.gguf'), shown['quantization']]


def column(line, index):
    return line.split('|')[index].strip()


def parts(table):
    """The page before a table, the lines of its head, those of its rows, and the page behind."""
    with open(PAGE, encoding='utf-8') as f:
        before, rest = f.read().split(MARK.format(table))
    old, after = rest.split(END, 1)
    lines = old.splitlines(True)
    return before + MARK.format(table), lines[:2], lines[2:], END + after


def record(table, row):
    """Put a row (a list of columns) into a table: in the place of the model's last one if it
    has one, and beside those of its architecture."""
    before, head, body, after = parts(table)
    lines = {column(line, 2): line for line in body}
    lines[row[1]] = f'| {" | ".join(row)} |\n'
    order = list(dict.fromkeys(column(line, 1) for line in lines.values()))
    body = sorted(lines.values(), key=lambda line: order.index(column(line, 1)))
    with open(PAGE, 'w', encoding='utf-8') as f:
        f.write(before + ''.join([*head, *body]) + after)


def wanted(table, models):
    """The models to compare: all, or with RECORD=missing those without a row."""
    if os.environ.get('RECORD') != 'missing':
        return models
    found = {column(line, 2) for line in parts(table)[2]}
    return [model for model in models if os.path.basename(model).removesuffix('.gguf') not in found]


def compare_all(table, models, compare):
    """How many of the models agree, and how many do not; compare() says so of one, and gives its
    row.  With RECORD each row that agrees is written at once: a run may be broken off."""
    models = wanted(table, models)
    bad = 0
    for model in models:
        try:
            good, row = compare(model)
        except SystemExit as why:  # one that can't be computed does not stop the others
            print(f'FAIL {os.path.basename(model)}: {why}', flush=True)
            good = False
        bad += not good
        if good and os.environ.get('RECORD'):
            record(table, row)
    return len(models) - bad, bad
