"""The tables of docs/models.md that comparisons with llama.cpp write."""
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


def record(table, rows):
    """Put rows (lists of columns) into a table: in the place of a model's last one if it has
    one, and beside those of its architecture."""
    with open(PAGE, encoding='utf-8') as f:
        before, rest = f.read().split(MARK.format(table))
    old, after = rest.split(END, 1)
    head = ''.join(old.splitlines(True)[:2])
    lines = {column(line, 2): line for line in old.splitlines(True)[2:]}
    lines.update({row[1]: f'| {" | ".join(row)} |\n' for row in rows})
    order = list(dict.fromkeys(column(line, 1) for line in lines.values()))
    body = ''.join(sorted(lines.values(), key=lambda line: order.index(column(line, 1))))
    with open(PAGE, 'w', encoding='utf-8') as f:
        f.write(before + MARK.format(table) + head + body + END + after)
