#!/usr/bin/env python3
"""The codebooks of IQ2 and IQ3, as ggml's own library decodes them: writes src/kernels/grids.c.

    codebooks.py LIBGGML-BASE.so

The library comes with the npm package that scripts/peer-install fetches. A codebook is data of the
format, found by training, so it can't be computed; but a block can be made for each index in turn,
with signs of plus and the scale 1, whose first 8 (IQ2) or 4 (IQ3) elements are what the index means."""
import ctypes
import os
import struct
import sys

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'src', 'kernels', 'grids.c')

# name, entries, elements of each, bytes of a block, d that makes the scale 1, where the index's high
# bits stand (0: in the byte after the low ones), magnitudes of the levels
GRIDS = [('iq2_xxs', 256, 8, 66, 8.0, 0, (8, 25, 43)),
         ('iq2_xs', 512, 8, 74, 8.0, 0, (8, 25, 43)),
         ('iq2_s', 1024, 8, 82, 8.0, 66, (8, 25, 43)),
         ('iq3_xxs', 256, 4, 98, 4.0, 0, (4, 12, 20, 28, 36, 44, 52, 62)),
         ('iq3_s', 512, 4, 110, 1.0, 66, (1, 3, 5, 7, 9, 11, 13, 15))]

HEAD = '''/* The codebooks of IQ2 and IQ3: written by tools/golden/codebooks.py.
 *
 * A figure is the levels of neighbouring elements, the first in the lowest bits:
 * two bits each of eight (IQ2), or three bits each of four (IQ3). */
#include "kernels/codebook.h"

/* 8, 25, 43;  4, 12, ... 52, 62;  1, 3, ... 15 */
#define MAGNITUDE_IQ2(level) (8 + 17 * (level) + (level) / 2)
#define MAGNITUDE_IQ3_XXS(level) (4 + 8 * (level) + (level) / 7 * 2)
#define MAGNITUDE_IQ3_S(level) (1 + 2 * (level))

#define LEVEL2(x, i) ((uint64_t)(x) >> 2 * (i)&3)
#define LEVEL3(x, i) ((uint32_t)(x) >> 3 * (i)&7)
#define BYTE2(x, i) (MAGNITUDE_IQ2(LEVEL2(x, i)) << 8 * (i))
#define EIGHT(x)                                                                                   \\
    (BYTE2(x, 0) | BYTE2(x, 1) | BYTE2(x, 2) | BYTE2(x, 3) | BYTE2(x, 4) | BYTE2(x, 5) |           \\
     BYTE2(x, 6) | BYTE2(x, 7))
#define FOUR(magnitude, x)                                                                         \\
    (magnitude(LEVEL3(x, 0)) | magnitude(LEVEL3(x, 1)) << 8 | magnitude(LEVEL3(x, 2)) << 16 |      \\
     magnitude(LEVEL3(x, 3)) << 24)
#define FOUR_XXS(x) FOUR(MAGNITUDE_IQ3_XXS, x)
#define FOUR_S(x) FOUR(MAGNITUDE_IQ3_S, x)

// clang-format off
'''


def entry(ggml, name, index, n, size, d, high):
    block = bytearray(size)
    block[0:2] = struct.pack('<e', d)
    block[2] = index & 255
    block[high or 3] |= index >> 8
    out = (ctypes.c_float * 256)()
    getattr(ggml, f'dequantize_row_{name}')(bytes(block), out, ctypes.c_int64(256))
    return [int(x) for x in out[:n]]


def grid(ggml, name, count, n, size, d, high, magnitudes):
    bits, each = (2, 'EIGHT') if n == 8 else (3, 'FOUR_XXS' if name == 'iq3_xxs' else 'FOUR_S')
    yield f'const uint{8 * n}_t ori_grid_{name}[{count}] = {{\n'
    for i in range(count):
        levels = [magnitudes.index(x) for x in entry(ggml, name, i, n, size, d, high)]
        figure = sum(level << bits * k for k, level in enumerate(levels))
        figure = f'0x{figure:04x}' if n == 8 else f'0{figure:04o}'
        yield f'{"    " if i % 8 == 0 else ""}{each}({figure}),{chr(10) if i % 8 == 7 else " "}'
    yield '};\n'


def main():
    ggml = ctypes.CDLL(sys.argv[1])
    with open(OUT, 'w', encoding='ascii') as f:
        f.write(HEAD)
        for number, args in enumerate(GRIDS):
            f.write('\n' if number else '')
            f.writelines(grid(ggml, *args))


if __name__ == '__main__':
    main()
