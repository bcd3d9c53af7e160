/* quantize - a model again, in another type.
 *
 * Reads a GGUF file, gives each tensor the type that a mix says (mix.h), and
 * writes the result beside its name until it is complete.  Tensor by tensor, in
 * pieces: memory does not grow with the model.  A piece is cut among threads by
 * blocks, and every block is computed by the same scalar code, so the bytes are
 * the same whatever the threads and the CPU. */
#ifndef ORI_QUANTIZE_H
#define ORI_QUANTIZE_H

#include "base/base.h"

/* As orion_quantize(); params are checked here. */
orion_status ori_quantize(const char *in, const char *out, const orion_quantize_params *params,
                          orion_quantize_result *result, orion_error *err);

#endif
