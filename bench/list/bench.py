#!/usr/bin/env python3
"""What listing models costs, in heap and in time.

    bench.py LIST

Makes folders of 200 and of 1,000 small models with their records, as pulls leave
them, and lets list.c list them."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

TIMES = 51


def make(folder, count):
    for number in range(count):
        repo = f'org{number % 20}/model-{number // 4}-GGUF'
        name = f'model-{number // 4}.{("Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")[number % 4]}.gguf'
        home = os.path.join(folder, repo)
        os.makedirs(home, mode=0o700, exist_ok=True)
        data = b'GGUF' + number.to_bytes(4, 'little') * 1024
        path = os.path.join(home, name)
        with open(path, 'wb') as f:
            f.write(data)
        st = os.stat(path)
        with open(os.path.join(home, f'.{name}.json'), 'w') as f:
            json.dump({'orion_record': 1, 'hub': 'https://huggingface.co', 'repo': repo,
                       'file': name, 'revision': '0' * 40,
                       'sha256': hashlib.sha256(data).hexdigest(), 'size_bytes': len(data),
                       'verified_unix': int(st.st_mtime), 'inode': st.st_ino,
                       'modified_ns': st.st_mtime_ns}, f, indent=2)


def measure(program, count):
    with tempfile.TemporaryDirectory(prefix='orion-list-') as home:
        models = os.path.join(home, 'models')
        os.mkdir(models, 0o700)
        make(models, count)
        done = subprocess.run([program, models, str(TIMES)], stdout=subprocess.PIPE, check=True,
                              env={'HOME': home, 'PATH': os.environ['PATH']}, timeout=120)
    facts = json.loads(done.stdout)
    if facts['models'] != count:
        raise SystemExit(f'bench-list: {facts["models"]} of {count} models were listed')
    return facts


def goal(text, met):
    print(f'  {"met   " if met else "MISSED"} {text}')


def main():
    few, many = measure(sys.argv[1], 200), measure(sys.argv[1], 1000)
    print('\nlisting models')
    goal(f'heap of a manager and a list of 200 < 1 MB: {few["with_list"] / 1e6:.3f} MB '
         f'({few["at_rest"] / 1e6:.3f} MB without the list)', few['with_list'] < 1e6)
    goal(f'listing 1,000, warm, < 50 ms: {many["median_ms"]:.1f} ms, '
         f'at worst {many["worst_ms"]:.1f} ms of {TIMES}', many['median_ms'] < 50)


if __name__ == '__main__':
    main()
