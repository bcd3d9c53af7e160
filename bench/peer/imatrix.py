"""An importance matrix, measured by llama.cpp's library: for each matrix of a model's layers, the
mean square of each of its inputs over a text. What its tool llama-imatrix does, which the npm
package does not bring.

The library is asked by ctypes. Structures that it takes by value have fields that come and go, so
they are passed as bytes, more than enough of them, and the one field that is set is looked for."""
import array
import collections
import ctypes
import struct

PARAMS_BYTES = 1024
NAME_AT, SRC_AT, NE_AT = 256, 152, 16  # in a ggml_tensor
MUL_MAT = 'MUL_MAT'

Callback = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_bool, ctypes.c_void_p)


class Params(ctypes.Structure):
    _fields_ = [('bytes', ctypes.c_uint8 * PARAMS_BYTES)]


class Batch(ctypes.Structure):
    _fields_ = [('n_tokens', ctypes.c_int32), ('pointers', ctypes.c_void_p * 6)]


def callback_offset(params):
    """Where cb_eval stands: two pointers that are NULL, then the types of keys and values, F16."""
    default = bytes(16) + struct.pack('<ii', 1, 1)
    return next(at for at in range(0, PARAMS_BYTES, 8) if bytes(params.bytes)[at:].startswith(default))


class Squares:
    """Sums of squares by the name of a matrix."""

    def __init__(self, base):
        self.base, self.sums, self.counts = base, {}, collections.Counter()
        base.ggml_op_desc.restype = base.ggml_get_name.restype = ctypes.c_char_p
        base.ggml_get_data.restype = ctypes.c_void_p
        self.callback = Callback(self.see)

    def see(self, tensor, ask, _user):
        if self.base.ggml_op_desc(ctypes.c_void_p(tensor)).decode() != MUL_MAT:
            return not ask
        matrix, inputs = (ctypes.c_void_p.from_address(tensor + SRC_AT + 8 * i).value for i in (0, 1))
        name = self.base.ggml_get_name(ctypes.c_void_p(matrix)).decode()
        wanted = name.startswith('blk.') and name.endswith('.weight')
        if wanted and not ask:
            self.add(name, inputs)
        return wanted or not ask

    def add(self, name, inputs):
        n_cols, n_rows = (ctypes.c_int64 * 2).from_address(inputs + NE_AT)
        data = self.base.ggml_get_data(ctypes.c_void_p(inputs))
        values = array.array('f', ctypes.string_at(data, 4 * n_cols * n_rows))
        before = self.sums.get(name) or [0.0] * n_cols
        self.sums[name] = [total + sum(x * x for x in values[column::n_cols])
                           for column, total in enumerate(before)]
        self.counts[name] += n_rows


def measure(base, llama, path, tokens, n_context=256):
    """{matrix: [mean square of each input]}"""
    squares = Squares(base)
    for name in ('llama_model_default_params', 'llama_context_default_params'):
        getattr(llama, name).restype = Params
    for name in ('llama_model_load_from_file', 'llama_init_from_model'):
        getattr(llama, name).restype = ctypes.c_void_p
    llama.llama_batch_get_one.restype = Batch
    model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
    params = llama.llama_context_default_params()
    struct.pack_into('<II', params.bytes, 0, n_context, n_context)
    ctypes.c_void_p.from_buffer(params, callback_offset(params)).value = \
        ctypes.cast(squares.callback, ctypes.c_void_p).value
    for at in range(0, len(tokens) - n_context, n_context):
        context = llama.llama_init_from_model(ctypes.c_void_p(model), params)
        part = (ctypes.c_int32 * n_context)(*tokens[at:at + n_context])
        if llama.llama_decode(ctypes.c_void_p(context), llama.llama_batch_get_one(part, n_context)) != 0:
            raise SystemExit('check-quantize: llama.cpp cannot run the model')
        llama.llama_free(ctypes.c_void_p(context))
    llama.llama_model_free(ctypes.c_void_p(model))
    return {name: [x / squares.counts[name] for x in sums] for name, sums in squares.sums.items()}


def write(path, means):
    """The older form, which src/quantize/imatrix.h shows."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<i', len(means)))
        for name, values in means.items():
            f.write(struct.pack('<i', len(name)) + name.encode() + struct.pack('<ii', 1, len(values)))
            f.write(array.array('f', values).tobytes())
