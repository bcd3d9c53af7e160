#include "quantize/plan.h"

#include <stdlib.h>

static bool is_float(uint32_t type)
{
    return ori_type_info(type)->block_elems == 1;
}

static orion_status refuse_quantized(const struct ori_plan_tensor *t, orion_error *err)
{
    return ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, t->from->name,
                       "'%s' is %s already, and as %s it would lose more than from the original; "
                       "take a file in F16, BF16 or F32, or allow it (--requantize)",
                       t->from->name, ori_type_info(t->from->type)->name,
                       ori_type_info(t->type)->name);
}

static orion_status refuse_unmeasured(const struct ori_plan_tensor *t, const struct ori_mix *mix,
                                      bool imatrix, orion_error *err)
{
    return ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, t->from->name,
                       "'%s' would be %s in %s, too few bits to do without an importance "
                       "matrix%s; take one that llama.cpp measured on this model (--imatrix), or "
                       "a larger type, such as Q2_K or IQ3_S",
                       t->from->name, ori_type_info(t->type)->name, mix->name,
                       imatrix ? ", and the one given does not have it" : "");
}

static orion_status plan_tensor(struct ori_plan_tensor *t, const struct ori_mix *mix,
                                const struct ori_mix_model *model, bool requantize,
                                orion_error *err)
{
    const struct ori_gguf_tensor *from = t->from;

    t->type = t->wanted = from->type;
    if (!ori_mix_is_matrix(from->name, from->dims))
        return ORION_OK;
    t->type = ori_mix_type(mix, model, from->name, from->dims[0], &t->wanted);
    if (t->type == from->type)
        return ORION_OK;
    if (!is_float(from->type) && !requantize)
        return refuse_quantized(t, err);
    if (!t->measured && ori_mix_needs_importance(mix, t->type, from->name))
        return refuse_unmeasured(t, mix, model->measured, err);
    return ORION_OK;
}

/* Sizes of what the reader accepted fit into 64 bits; in another type they may not. */
static bool add_bytes(struct ori_plan *plan, const struct ori_plan_tensor *t)
{
    const uint64_t *dims = t->from->dims;
    uint64_t bytes = 0;

    plan->n_weights += dims[0] * dims[1] * dims[2] * dims[3];
    return ori_type_row_bytes(t->type, dims[0], &bytes) && ori_mul_u64(bytes, dims[1], &bytes) &&
           ori_mul_u64(bytes, dims[2], &bytes) && ori_mul_u64(bytes, dims[3], &bytes) &&
           ori_add_u64(plan->data_bytes, bytes, &plan->data_bytes);
}

orion_status ori_plan_init(struct ori_plan *plan, const struct ori_gguf *gguf,
                           const struct ori_mix *mix, const struct ori_imatrix *imatrix,
                           bool requantize, orion_error *err)
{
    struct ori_mix_model model;
    orion_status status = ORION_OK;

    *plan = (struct ori_plan){.n_tensors = ori_gguf_n_tensors(gguf)};
    plan->tensors = ori_calloc_array(plan->n_tensors, sizeof(*plan->tensors));
    if (!plan->tensors)
        return ori_fail_nomem(err, "a list of tensors");
    ori_mix_model_init(&model, gguf, imatrix != NULL);
    for (size_t i = 0; i < plan->n_tensors && status == ORION_OK; i++) {
        struct ori_plan_tensor *t = &plan->tensors[i];
        t->from = ori_gguf_tensor_at(gguf, i);
        t->measured = imatrix && ori_imatrix_has(imatrix, t->from->name);
        status = plan_tensor(t, mix, &model, requantize, err);
        if (status == ORION_OK && !add_bytes(plan, t))
            status = ori_fail(err, ORION_E_UNSUPPORTED, "'%s' would be too large", t->from->name);
    }
    if (status != ORION_OK)
        ori_plan_release(plan);
    return status;
}

void ori_plan_release(struct ori_plan *plan)
{
    free(plan->tensors);
    *plan = (struct ori_plan){0};
}
