#!/usr/bin/env python3
"""What ggml's own library makes of a block of each tensor type: the table `golden` of
tests/unit/kernels_test.c.

    blocks.py LIBGGML-BASE.so

The library comes with the npm package that scripts/peer-install fetches. A block's byte i is
(i * i * 7 + i * 37 + 11) / 2; d is 0x2e66, and m or dmin, two bytes after it, is 0x2a3d. A row has
elements 0, 1, 15, 16, n/2 - 1, n/2 + 3, n - 2, n - 1, the sum of (i + 1) * element i in double, and
a hash of the elements of MANY blocks of random bytes with the same d and m, so that no index of a
codebook is left out."""
import ctypes
import sys

MANY = 512

# name, elements, bytes, where d stands (-1: it is no f16), whether m or dmin stands after it
TYPES = [('Q4_0', 32, 18, 0, False), ('Q4_1', 32, 20, 0, True), ('Q5_0', 32, 22, 0, False),
         ('Q5_1', 32, 24, 0, True), ('Q8_0', 32, 34, 0, False), ('IQ4_NL', 32, 18, 0, False),
         ('MXFP4', 32, 17, -1, False), ('Q2_K', 256, 84, 80, True), ('Q3_K', 256, 110, 108, False),
         ('Q4_K', 256, 144, 0, True), ('Q5_K', 256, 176, 0, True), ('Q6_K', 256, 210, 208, False),
         ('IQ4_XS', 256, 136, 0, False), ('IQ3_S', 256, 110, 0, False), ('IQ3_XXS', 256, 98, 0, False),
         ('IQ2_S', 256, 82, 0, False), ('IQ2_XS', 256, 74, 0, False), ('IQ2_XXS', 256, 66, 0, False)]


def dequantize(ggml, name, block, n):
    function = f'dequantize_row_{name.lower()}'.replace('_k', '_K')
    out = (ctypes.c_float * n)()
    getattr(ggml, function)(bytes(block), out, ctypes.c_int64(n))
    return list(out)


def with_scales(block, d, second):
    if d >= 0:
        block[d:d + 2] = (0x2e66).to_bytes(2, 'little')
    if second:
        block[d + 2:d + 4] = (0x2a3d).to_bytes(2, 'little')
    return block


def random_bytes(n, state=1):
    """Knuth's MMIX generator, its top bytes."""
    out = bytearray(n)
    for i in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out[i] = state >> 56
    return out


def hash_of_many(ggml, name, n, size, d, second):
    """FNV-1a of the floats as 32-bit words."""
    noise, blocks = random_bytes(MANY * size), bytearray()
    for i in range(MANY):
        blocks += with_scales(noise[i * size:(i + 1) * size], d, second)
    out = (ctypes.c_float * (MANY * n))(*dequantize(ggml, name, blocks, MANY * n))
    result = 0xcbf29ce484222325
    for word in (ctypes.c_uint32 * (MANY * n)).from_buffer(out):
        result = (result ^ word) * 0x100000001b3 % 2**64
    return result


def c_float(value):
    """As printf's %a has it, without zeros at the end."""
    mantissa, exponent = value.hex().split('p')
    return f'{mantissa.rstrip("0") if mantissa.rstrip("0")[-1] != "." else mantissa.rstrip("0") + "0"}p{exponent}'


def main():
    ggml = ctypes.CDLL(sys.argv[1])
    for name, n, size, d, second in TYPES:
        block = bytearray((i * i * 7 + i * 37 + 11) // 2 & 0xff for i in range(size))
        values = dequantize(ggml, name, with_scales(block, d, second), n)
        shown = [c_float(values[i]) + 'f' for i in (0, 1, 15, 16, n // 2 - 1, n // 2 + 3, n - 2, n - 1)]
        total = 0.0
        for i, value in enumerate(values):
            total += (i + 1) * value
        print(f'    {{ORI_{name}, "{name}", {d}, {{{", ".join(shown)}}}, {c_float(total)}, '
              f'{"true" if second else "false"}, 0x{hash_of_many(ggml, name, n, size, d, second):016x}}},')


if __name__ == '__main__':
    main()
