/* Tensors: each looked up by name, checked for type and shape, and counted, so
 * that a tensor which the forward pass would ignore is refused instead. */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>

struct loader {
    struct ori_model *model;
    orion_error *err;
    bool *used; /* [tensors of the file], owned */
};

static void mark_used(struct loader *l, const struct ori_gguf_tensor *t)
{
    l->used[t - ori_gguf_tensor_at(l->model->gguf, 0)] = true;
}

static orion_status missing(const struct loader *l, const char *name)
{
    return ori_fail_at(l->err, ORION_E_FORMAT, ORION_NO_OFFSET, name,
                       "tensor '%s' is missing; the file is incomplete or not a %s model", name,
                       l->model->arch->name);
}

/* n_matrices is 1 but for the tensors that hold those of all experts. */
static orion_status misshapen(const struct loader *l, const struct ori_gguf_tensor *t, uint64_t n,
                              uint64_t n_rows, uint64_t n_matrices)
{
    char more[32] = "";

    if (n_matrices > 1)
        (void)snprintf(more, sizeof(more), " x %llu", (unsigned long long)n_matrices);
    return ori_fail_at(l->err, ORION_E_FORMAT, t->info_offset, t->name,
                       "tensor '%s' is %llu x %llu x %llu x %llu, expected %llu x %llu%s", t->name,
                       (unsigned long long)t->dims[0], (unsigned long long)t->dims[1],
                       (unsigned long long)t->dims[2], (unsigned long long)t->dims[3],
                       (unsigned long long)n, (unsigned long long)n_rows, more);
}

/* Matrices of n_rows rows of n elements, in any type of the table; *out is the
 * first. */
static orion_status take_matrices(struct loader *l, const char *name, uint32_t n, uint64_t n_rows,
                                  uint32_t n_matrices, struct ori_weight *out)
{
    const struct ori_gguf_tensor *t = ori_gguf_find_tensor(l->model->gguf, name);
    uint64_t row_bytes;

    if (!t)
        return missing(l, name);
    if (t->dims[0] != n || t->dims[1] != n_rows || t->dims[2] != n_matrices || t->dims[3] != 1)
        return misshapen(l, t, n, n_rows, n_matrices);
    if (!ori_type_row_bytes(t->type, n, &row_bytes) || n_rows > UINT32_MAX)
        return misshapen(l, t, n, n_rows, n_matrices);
    mark_used(l, t);
    l->model->n_params += n * n_rows * n_matrices; /* the reader has checked the product */
    *out = (struct ori_weight){
        .data = t->data,
        .row_bytes = (size_t)row_bytes,
        .n = n,
        .n_rows = (uint32_t)n_rows,
        .type = t->type,
    };
    return ORION_OK;
}

static orion_status take_matrix(struct loader *l, const char *name, uint32_t n, uint64_t n_rows,
                                struct ori_weight *out)
{
    return take_matrices(l, name, n, n_rows, 1, out);
}

/* Vectors of n floats: norms, biases and rope factors are kept in F32 by every tool. */
static orion_status take_vectors(struct loader *l, const char *name, uint32_t n, uint32_t n_vectors,
                                 const float **out)
{
    const struct ori_gguf_tensor *t = ori_gguf_find_tensor(l->model->gguf, name);

    if (!t)
        return missing(l, name);
    if (t->dims[0] != n || t->dims[1] != n_vectors || t->dims[2] != 1 || t->dims[3] != 1)
        return misshapen(l, t, n, n_vectors, 1);
    if (t->type != ORI_F32)
        return ori_fail_at(l->err, ORION_E_UNSUPPORTED, t->info_offset, name,
                           "tensor '%s' is %s; only F32 is supported for it", name,
                           ori_type_info(t->type)->name);
    mark_used(l, t);
    l->model->n_params += (uint64_t)n * n_vectors;
    *out = t->data; /* aligned: the container's alignment is at least 8 */
    return ORION_OK;
}

static orion_status take_vector(struct loader *l, const char *name, uint32_t n, const float **out)
{
    return take_vectors(l, name, n, 1, out);
}

/* What rope frequencies are divided by, if the file has it. */
static orion_status take_rope_divisors(struct loader *l, const char *name, uint32_t n,
                                       const float **out)
{
    *out = NULL;
    if (!ori_gguf_find_tensor(l->model->gguf, name))
        return ORION_OK;
    const orion_status status = take_vector(l, name, n, out);
    if (status != ORION_OK)
        return status;
    for (uint32_t i = 0; i < n; i++)
        if (!((*out)[i] >= ORI_MIN_ROPE_DIVISOR) || (*out)[i] > 1e30f)
            return ori_fail_at(l->err, ORION_E_FORMAT, ORION_NO_OFFSET, name,
                               "tensor '%s' holds %g; rope factors are from 0.001 to 1e30", name,
                               (double)(*out)[i]);
    return ORION_OK;
}

/* n_rows rows of a matrix, from row `first`. */
static struct ori_weight rows_of(const struct ori_weight *whole, uint32_t first, uint32_t n_rows)
{
    struct ori_weight part = *whole;
    part.data += (size_t)first * whole->row_bytes;
    part.bias = whole->bias ? whole->bias + first : NULL;
    part.n_rows = n_rows;
    return part;
}

struct name {
    char text[64];
};

static struct name layer_name(uint32_t layer, const char *what, const char *part)
{
    struct name name;
    (void)snprintf(name.text, sizeof(name.text), "blk.%u.%s.%s", layer, what, part);
    return name;
}

/* Matrices, and their biases where there are any; *out is the first. */
static orion_status layer_matrices(struct loader *l, uint32_t layer, const char *what, uint32_t n,
                                   uint64_t n_rows, uint32_t n_matrices, struct ori_weight *out)
{
    const struct name bias = layer_name(layer, what, "bias");
    const orion_status status =
        take_matrices(l, layer_name(layer, what, "weight").text, n, n_rows, n_matrices, out);

    if (status != ORION_OK || !ori_gguf_find_tensor(l->model->gguf, bias.text))
        return status;
    return take_vectors(l, bias.text, out->n_rows, n_matrices, &out->bias);
}

static orion_status layer_matrix(struct loader *l, uint32_t layer, const char *what, uint32_t n,
                                 uint64_t n_rows, struct ori_weight *out)
{
    return layer_matrices(l, layer, what, n, n_rows, 1, out);
}

static orion_status layer_vector(struct loader *l, uint32_t layer, const char *what, uint32_t n,
                                 const float **out)
{
    return take_vector(l, layer_name(layer, what, "weight").text, n, out);
}

/* A norm of the stream, with a bias where the architecture's have one. */
static orion_status take_norm(struct loader *l, const char *weight, const char *bias,
                              struct ori_norm *out)
{
    const uint32_t n = l->model->hp.n_embd;
    const orion_status status = take_vector(l, weight, n, &out->weight);

    return status == ORION_OK && l->model->arch->layer_norm ? take_vector(l, bias, n, &out->bias)
                                                            : status;
}

static orion_status layer_norm(struct loader *l, uint32_t layer, const char *what,
                               struct ori_norm *out)
{
    return take_norm(l, layer_name(layer, what, "weight").text,
                     layer_name(layer, what, "bias").text, out);
}

static orion_status take_attention(struct loader *l, uint32_t i, struct ori_layer *layer)
{
    const struct ori_hparams *hp = &l->model->hp;
    const uint32_t q_rows = hp->n_heads * hp->head_dim;
    const uint32_t kv_rows = hp->n_heads_kv * hp->head_dim;
    orion_status status;

    if (l->model->arch->fused_qkv) {
        struct ori_weight qkv;
        status = layer_matrix(l, i, "attn_qkv", hp->n_embd, q_rows + (uint64_t)2 * kv_rows, &qkv);
        if (status != ORION_OK)
            return status;
        layer->q = rows_of(&qkv, 0, q_rows);
        layer->k = rows_of(&qkv, q_rows, kv_rows);
        layer->v = rows_of(&qkv, q_rows + kv_rows, kv_rows);
    } else if ((status = layer_matrix(l, i, "attn_q", hp->n_embd, q_rows, &layer->q)) != ORION_OK ||
               (status = layer_matrix(l, i, "attn_k", hp->n_embd, kv_rows, &layer->k)) !=
                   ORION_OK ||
               (status = layer_matrix(l, i, "attn_v", hp->n_embd, kv_rows, &layer->v)) !=
                   ORION_OK) {
        return status;
    }
    return layer_matrix(l, i, "attn_output", q_rows, hp->n_embd, &layer->attn_out);
}

static orion_status take_feed_forward(struct loader *l, uint32_t i, struct ori_layer *layer)
{
    const struct ori_hparams *hp = &l->model->hp;
    orion_status status;

    if (l->model->arch->no_gate) {
        status = layer_matrix(l, i, "ffn_up", hp->n_embd, hp->n_ff, &layer->up);
        if (status != ORION_OK)
            return status;
    } else if (l->model->arch->fused_gate_up) {
        struct ori_weight gate_up;
        status = layer_matrix(l, i, "ffn_up", hp->n_embd, 2u * (uint64_t)hp->n_ff, &gate_up);
        if (status != ORION_OK)
            return status;
        layer->gate = rows_of(&gate_up, 0, hp->n_ff);
        layer->up = rows_of(&gate_up, hp->n_ff, hp->n_ff);
    } else if ((status = layer_matrix(l, i, "ffn_gate", hp->n_embd, hp->n_ff, &layer->gate)) !=
                   ORION_OK ||
               (status = layer_matrix(l, i, "ffn_up", hp->n_embd, hp->n_ff, &layer->up)) !=
                   ORION_OK) {
        return status;
    }
    return layer_matrix(l, i, "ffn_down", hp->n_ff, hp->n_embd, &layer->down);
}

/* Matrix `index` of those whose first is given. */
static struct ori_weight nth_of(const struct ori_weight *first, size_t index)
{
    struct ori_weight nth = *first;
    nth.data += index * first->n_rows * first->row_bytes;
    nth.bias = first->bias ? first->bias + index * first->n_rows : NULL;
    return nth;
}

/* Files of before 2024 have a tensor for each expert and matrix. */
static orion_status take_lone_experts(struct loader *l, uint32_t i, struct ori_layer *layer)
{
    const struct ori_hparams *hp = &l->model->hp;
    orion_status status = ORION_OK;

    for (uint32_t x = 0; x < hp->n_experts && status == ORION_OK; x++) {
        struct ori_expert *expert = &layer->experts[x];
        struct name gate, up, down;
        (void)snprintf(gate.text, sizeof(gate.text), "ffn_gate.%u", x);
        (void)snprintf(up.text, sizeof(up.text), "ffn_up.%u", x);
        (void)snprintf(down.text, sizeof(down.text), "ffn_down.%u", x);
        if ((status = layer_matrix(l, i, gate.text, hp->n_embd, hp->n_ff, &expert->gate)) ==
                ORION_OK &&
            (status = layer_matrix(l, i, up.text, hp->n_embd, hp->n_ff, &expert->up)) == ORION_OK)
            status = layer_matrix(l, i, down.text, hp->n_ff, hp->n_embd, &expert->down);
    }
    return status;
}

static orion_status take_experts(struct loader *l, uint32_t i, struct ori_layer *layer)
{
    const struct ori_hparams *hp = &l->model->hp;
    const uint32_t n = hp->n_experts;
    struct ori_expert first;
    orion_status status = layer_matrix(l, i, "ffn_gate_inp", hp->n_embd, n, &layer->router);

    layer->experts = l->model->experts + (size_t)i * n;
    if (status != ORION_OK)
        return status;
    if (ori_gguf_find_tensor(l->model->gguf, layer_name(i, "ffn_gate.0", "weight").text))
        return take_lone_experts(l, i, layer);
    if ((status = layer_matrices(l, i, "ffn_gate_exps", hp->n_embd, hp->n_ff, n, &first.gate)) !=
            ORION_OK ||
        (status = layer_matrices(l, i, "ffn_up_exps", hp->n_embd, hp->n_ff, n, &first.up)) !=
            ORION_OK ||
        (status = layer_matrices(l, i, "ffn_down_exps", hp->n_ff, hp->n_embd, n, &first.down)) !=
            ORION_OK)
        return status;
    for (uint32_t x = 0; x < n; x++)
        layer->experts[x] = (struct ori_expert){nth_of(&first.gate, x), nth_of(&first.up, x),
                                                nth_of(&first.down, x)};
    return ORION_OK;
}

static orion_status need_biases(const struct loader *l, uint32_t i, const struct ori_layer *layer)
{
    const struct {
        const char *what;
        const struct ori_weight *weight;
    } rows[] = {{"attn_q", &layer->q}, {"attn_k", &layer->k}, {"attn_v", &layer->v}};

    for (size_t r = 0; r < ORI_COUNT(rows); r++)
        if (!rows[r].weight->bias)
            return missing(l, layer_name(i, rows[r].what, "bias").text);
    return ORION_OK;
}

static orion_status take_qk_norms(struct loader *l, uint32_t i, struct ori_layer *layer)
{
    const struct ori_hparams *hp = &l->model->hp;
    const bool rows = l->model->arch->qk_norm == ORI_QK_NORM_ROWS;
    const orion_status status = layer_vector(
        l, i, "attn_q_norm", rows ? hp->n_heads * hp->head_dim : hp->head_dim, &layer->q_norm);

    if (status != ORION_OK)
        return status;
    return layer_vector(l, i, "attn_k_norm", rows ? hp->n_heads_kv * hp->head_dim : hp->head_dim,
                        &layer->k_norm);
}

/* The norms of the stream, before blocks and after them. */
static orion_status take_norms(struct loader *l, uint32_t i, struct ori_layer *layer)
{
    const struct ori_arch *arch = l->model->arch;
    orion_status status = ORION_OK;

    if (!arch->no_norm_before &&
        ((status = layer_norm(l, i, "attn_norm", &layer->attn_norm)) != ORION_OK ||
         (status = layer_norm(l, i, arch->ffn_norm ? arch->ffn_norm : "ffn_norm",
                              &layer->ffn_norm)) != ORION_OK))
        return status;
    if (arch->norm_after &&
        (status = layer_norm(l, i, "post_attention_norm", &layer->attn_post_norm)) == ORION_OK)
        status = layer_norm(l, i, "post_ffw_norm", &layer->ffn_post_norm);
    if (arch->norm_sum &&
        (status = layer_norm(l, i, "attn_output_norm", &layer->attn_post_norm)) == ORION_OK)
        status = layer_norm(l, i, "layer_output_norm", &layer->ffn_post_norm);
    return status;
}

static orion_status take_layer(struct loader *l, uint32_t i, struct ori_layer *layer)
{
    const struct ori_arch *arch = l->model->arch;
    orion_status status;

    if ((status = take_norms(l, i, layer)) != ORION_OK ||
        (status = take_attention(l, i, layer)) != ORION_OK ||
        (arch->qkv_bias && (status = need_biases(l, i, layer)) != ORION_OK) ||
        (arch->qk_norm != ORI_QK_NORM_NONE && (status = take_qk_norms(l, i, layer)) != ORION_OK) ||
        (arch->attn_sinks && (status = layer_vector(l, i, "attn_sinks", l->model->hp.n_heads,
                                                    &layer->sinks)) != ORION_OK))
        return status;
    return l->model->hp.n_experts > 0 ? take_experts(l, i, layer) : take_feed_forward(l, i, layer);
}

static orion_status take_rope_factors(struct loader *l)
{
    struct ori_model *model = l->model;
    const uint32_t n_pairs = model->hp.n_rot / 2;
    orion_status status = take_rope_divisors(l, "rope_freqs.weight", n_pairs, &model->rope_factors);

    if (status != ORION_OK || !model->arch->rope_long_short)
        return status;
    if ((status = take_rope_divisors(l, "rope_factors_long.weight", n_pairs,
                                     &model->rope_factors_long)) != ORION_OK ||
        (status = take_rope_divisors(l, "rope_factors_short.weight", n_pairs,
                                     &model->rope_factors_short)) != ORION_OK)
        return status;
    if (model->hp.longrope && !model->rope_factors_long)
        return missing(l, "rope_factors_long.weight");
    if (!model->rope_factors_long != !model->rope_factors_short)
        return ori_fail_at(l->err, ORION_E_FORMAT, ORION_NO_OFFSET,
                           model->rope_factors_long ? "rope_factors_short.weight"
                                                    : "rope_factors_long.weight",
                           "the file has only one of rope_factors_long and rope_factors_short");
    return ORION_OK;
}

static orion_status refuse_leftovers(const struct loader *l)
{
    const struct ori_gguf *gguf = l->model->gguf;

    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        if (!l->used[i])
            return ori_fail_at(l->err, ORION_E_UNSUPPORTED, t->info_offset, t->name,
                               "tensor '%s' is not part of a %s model as we know it; running "
                               "without it would give wrong answers",
                               t->name, l->model->arch->name);
    }
    return ORION_OK;
}

/* A matrix of as many rows as it has, if the file has it. */
static orion_status take_optional_matrix(struct loader *l, const char *name, uint32_t n,
                                         struct ori_weight *out)
{
    const struct ori_gguf_tensor *t = ori_gguf_find_tensor(l->model->gguf, name);

    if (t && (t->dims[1] == 0 || t->dims[1] > ORI_MAX_EMBD))
        return misshapen(l, t, n, ORI_MAX_EMBD, 1);
    return t ? take_matrix(l, name, n, t->dims[1], out) : ORION_OK;
}

/* What comes into the first layer. */
static orion_status take_inputs(struct loader *l)
{
    struct ori_model *model = l->model;
    const struct ori_arch *arch = model->arch;
    const struct ori_hparams *hp = &model->hp;
    orion_status status =
        take_matrix(l, "token_embd.weight", hp->n_embd, hp->n_vocab, &model->token_embd);

    if (status == ORION_OK && arch->token_types)
        status = take_optional_matrix(l, "token_types.weight", hp->n_embd, &model->token_types);
    if (status == ORION_OK && arch->learned_positions)
        status = take_matrix(l, "position_embd.weight", hp->n_embd, hp->context_tokens,
                             &model->positions);
    if (status == ORION_OK && arch->norm_sum)
        status =
            take_norm(l, "token_embd_norm.weight", "token_embd_norm.bias", &model->embedding_norm);
    return status;
}

/* What pooled vectors go through, one after the other. */
static orion_status take_dense(struct loader *l)
{
    struct ori_model *model = l->model;
    static const char *const names[ORI_COUNT(model->dense)] = {"dense_2.weight", "dense_3.weight"};
    uint32_t n = model->hp.n_embd;
    orion_status status = ORION_OK;

    for (size_t i = 0; i < ORI_COUNT(names) && status == ORION_OK; i++) {
        status = take_optional_matrix(l, names[i], n, &model->dense[i]);
        if (model->dense[i].n_rows > 0)
            n = model->dense[i].n_rows;
    }
    return status;
}

/* What comes out of the last layer. */
static orion_status take_outputs(struct loader *l)
{
    struct ori_model *model = l->model;
    const struct ori_hparams *hp = &model->hp;
    orion_status status = ORION_OK;

    if (!model->arch->norm_sum)
        status = take_norm(l, "output_norm.weight", "output_norm.bias", &model->output_norm);
    if (status == ORION_OK && hp->pooling != ORI_POOLING_NONE)
        status = take_dense(l);
    if (status != ORION_OK || model->arch->encoder)
        return status;
    if (ori_gguf_find_tensor(model->gguf, "output.weight"))
        return take_matrix(l, "output.weight", hp->n_embd, hp->n_vocab, &model->output);
    model->output = model->token_embd; /* tied */
    return ORION_OK;
}

static orion_status take_all(struct loader *l)
{
    struct ori_model *model = l->model;
    const struct ori_hparams *hp = &model->hp;
    orion_status status;

    if ((status = take_inputs(l)) != ORION_OK || (status = take_outputs(l)) != ORION_OK ||
        (status = take_rope_factors(l)) != ORION_OK)
        return status;
    for (uint32_t i = 0; i < hp->n_layers && status == ORION_OK; i++)
        status = take_layer(l, i, &model->layers[i]);
    return status == ORION_OK ? refuse_leftovers(l) : status;
}

orion_status ori_weights_read(struct ori_model *model, orion_error *err)
{
    const struct ori_hparams *hp = &model->hp;
    const size_t n_experts = (size_t)hp->n_layers * hp->n_experts;
    struct loader l = {.model = model, .err = err};

    model->layers = ori_calloc_array(hp->n_layers, sizeof(*model->layers));
    if (n_experts > 0)
        model->experts = ori_calloc_array(n_experts, sizeof(*model->experts));
    l.used = ori_calloc_array(ori_gguf_n_tensors(model->gguf), sizeof(*l.used));
    const orion_status status = model->layers && l.used && (n_experts == 0 || model->experts)
                                    ? take_all(&l)
                                    : ori_fail_nomem(err, "the tables of layers and tensors");
    free(l.used);
    return status;
}
