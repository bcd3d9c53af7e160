"""A small GGUF version 3 writer and reader: enough for F32 and F16 models.

The file is: magic, version, counts; the keys; the table of tensors; then the tensor data, every
tensor at a multiple of the alignment.  Shapes are stored fastest dimension first, so a torch
weight [rows][row length] is written as (row length, rows).
"""
import os
import struct

import numpy as np

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
_FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?",
            U64: "Q", I64: "q", F64: "d"}
_TENSOR_TYPES = {np.dtype("float32"): 0, np.dtype("float16"): 1}
ALIGNMENT = 32


def _string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        item, values = value
        return struct.pack("<IQ", item, len(values)) + b"".join(_value(item, v) for v in values)
    return struct.pack("<" + _FORMATS[kind], value)


def _padding(length):
    return b"\0" * (-length % ALIGNMENT)


def write(path, keys, tensors):
    """keys: [(name, type, value)], an array's value being (item type, values).
    tensors: [(name, float32 or float16 array)].  The file appears whole or not at all."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(_string(name) + struct.pack("<I", kind) + _value(kind, value) for name, kind, value in keys)
    offset = 0
    for name, array in tensors:
        head += _string(name) + struct.pack("<I", array.ndim)
        head += struct.pack(f"<{array.ndim}Q", *reversed(array.shape))
        head += struct.pack("<IQ", _TENSOR_TYPES[array.dtype], offset)
        offset += array.nbytes + len(_padding(array.nbytes))
    head += _padding(len(head))
    new = f"{path}.new"
    with open(new, "wb") as out:
        out.write(head)
        for _, array in tensors:
            out.write(np.ascontiguousarray(array).tobytes())
            out.write(_padding(array.nbytes))
    os.replace(new, path)


def read(path):
    """(keys, tensors) as dicts.  For files this writer wrote: no defence against others."""
    data = open(path, "rb").read()
    at = 4

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value[0] if len(value) == 1 else value

    def string():
        nonlocal at
        length = take("Q")
        at += length
        return data[at - length:at].decode("utf-8")

    def value(kind):
        if kind == STRING:
            return string()
        if kind == ARRAY:
            item, count = take("I"), take("Q")
            return [value(item) for _ in range(count)]
        return take(_FORMATS[kind])

    assert data[:4] == b"GGUF"
    version, n_tensors, n_keys = take("I"), take("Q"), take("Q")
    assert version == 3
    keys = {}
    for _ in range(n_keys):
        name = string()
        keys[name] = value(take("I"))
    table = []
    for _ in range(n_tensors):
        name = string()
        shape = [take("Q") for _ in range(take("I"))]
        table.append((name, tuple(reversed(shape)), take("I"), take("Q")))
    start = at + len(_padding(at))
    tensors = {}
    for name, shape, kind, offset in table:
        dtype = {0: np.float32, 1: np.float16}[kind]
        count = int(np.prod(shape))
        tensors[name] = np.frombuffer(data, dtype, count, start + offset).reshape(shape)
    return keys, tensors
