/* What is going to be written, before anything is. */
#ifndef ORI_QUANTIZE_PLAN_H
#define ORI_QUANTIZE_PLAN_H

#include "gguf/writer.h"
#include "quantize/imatrix.h"
#include "quantize/mix.h"

/* What becomes of one tensor. */
struct ori_plan_tensor {
    const struct ori_gguf_tensor *from;
    uint32_t type;   /* in the new file; from->type: copied as it is */
    uint32_t wanted; /* by the mix; not `type` when rows are not whole blocks of it */
    bool measured;   /* its importance is known */
};

struct ori_plan {
    struct ori_plan_tensor *tensors; /* [n_tensors], in the order of the file */
    size_t n_tensors;
    uint64_t data_bytes; /* of all tensors in the new file */
    uint64_t n_weights;
};

/* Decide; imatrix may be NULL.  ORION_E_UNSUPPORTED when a tensor that would change is
 * quantized already and `requantize` is not set, ORION_E_ARGUMENT when one would get so few
 * bits that its importance must be known, and is not. */
orion_status ori_plan_init(struct ori_plan *plan, const struct ori_gguf *gguf,
                           const struct ori_mix *mix, const struct ori_imatrix *imatrix,
                           bool requantize, orion_error *err);
void ori_plan_release(struct ori_plan *plan);

#endif
