"""Where a measurement was made, and the file that its results go to."""
import csv
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, 'results')


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def cpu_model():
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        for line in f:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return ''


def facts(**more):
    """What a reader has to know to judge the figures, in the order it is printed."""
    changed = output('git', '-C', HERE, 'status', '--porcelain', '--untracked-files=no')
    return {
        'commit': output('git', '-C', HERE, 'rev-parse', '--short', 'HEAD') +
                  (' (changed)' if changed else ''),
        'date': time.strftime('%Y-%m-%d %H:%M', time.gmtime()) + ' UTC',
        'cpu': cpu_model(), 'cores': os.cpu_count(), 'kernel': os.uname().release,
        'load before': f'{os.getloadavg()[0]:.1f}', **more,
    }


def print_facts(about):
    print('\n'.join(f'{name}: {value}' for name, value in about.items()), flush=True)


def write_csv(name, about, columns, rows):
    """bench/results/NAME-DATE.csv; its path."""
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, time.strftime(f'{name}-%Y%m%d-%H%M.csv', time.gmtime()))
    with open(path, 'w', newline='', encoding='utf-8') as f:
        for fact, value in about.items():
            f.write(f'# {fact}: {value}\n')
        table = csv.writer(f, lineterminator='\n')
        table.writerow(columns)
        table.writerows(rows)
    return os.path.relpath(path)
