/* A model of random weights in the shapes of a known one.  Blocks are drawn
 * piece by piece and written, so memory stays the same for any size. */
#include "mkmodel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((size_t)1 << 20)
#define MAX_TENSORS 1024
#define NAME_BYTES 64

struct tensor {
    char name[NAME_BYTES];
    uint32_t type;
    uint32_t n_dims;
    uint64_t dims[4]; /* unused are 1 */
    bool is_vector;   /* or several, of floats */
};

struct plan {
    const struct shape *shape;
    const struct ori_mix *recipe;
    struct ori_mix_model model;
    uint32_t n_vocab;
    struct tensor tensors[MAX_TENSORS];
    size_t n_tensors;
};

static struct tensor *add(struct plan *plan, const char *name)
{
    struct tensor *tensor = &plan->tensors[plan->n_tensors++]; /* MAX_TENSORS is ample */
    *tensor = (struct tensor){.dims = {1, 1, 1, 1}};
    (void)snprintf(tensor->name, sizeof(tensor->name), "%s", name);
    return tensor;
}

static void add_vectors(struct plan *plan, const char *name, uint64_t n, uint64_t n_vectors)
{
    struct tensor *tensor = add(plan, name);
    tensor->type = ORI_F32;
    tensor->n_dims = n_vectors > 1 ? 2 : 1;
    tensor->dims[0] = n;
    tensor->dims[1] = n_vectors;
    tensor->is_vector = true;
}

static void add_vector(struct plan *plan, const char *name, uint64_t n)
{
    add_vectors(plan, name, n, 1);
}

static void add_matrices(struct plan *plan, const char *name, uint64_t n, uint64_t n_rows,
                         uint64_t n_matrices)
{
    struct tensor *tensor = add(plan, name);
    tensor->n_dims = n_matrices > 1 ? 3 : 2;
    tensor->dims[0] = n;
    tensor->dims[1] = n_rows;
    tensor->dims[2] = n_matrices;
    tensor->type = recipe_type(plan->recipe, &plan->model, name, tensor->dims);
}

static void add_matrix(struct plan *plan, const char *name, uint64_t n, uint64_t n_rows)
{
    add_matrices(plan, name, n, n_rows, 1);
}

static void add_layer(struct plan *plan, uint32_t layer)
{
    const struct shape *s = plan->shape;
    const uint64_t q = (uint64_t)s->n_heads * s->head_dim;
    const uint64_t kv = (uint64_t)s->n_heads_kv * s->head_dim;
    const bool before = !s->no_norm_before && !s->norm_sum, split = !s->fused && !s->fused_qkv;
    const bool one_ffn = s->n_experts == 0;
    const struct {
        const char *what;
        uint64_t n, n_rows; /* n_rows 0: a vector */
        bool wanted;
    } parts[] = {
        {"attn_norm", s->n_embd, 0, before},
        {"attn_qkv", s->n_embd, q + 2 * kv, !split},
        {"attn_q", s->n_embd, q, split},
        {"attn_k", s->n_embd, kv, split},
        {"attn_v", s->n_embd, kv, split},
        {"attn_output", q, s->n_embd, true},
        {"attn_q_norm", s->qk_norm == 2 ? q : s->head_dim, 0, s->qk_norm > 0},
        {"attn_k_norm", s->qk_norm == 2 ? kv : s->head_dim, 0, s->qk_norm > 0},
        {"post_attention_norm", s->n_embd, 0, s->norm_after},
        {"attn_output_norm", s->n_embd, 0, s->norm_sum},
        {s->sinks ? "post_attention_norm" : "ffn_norm", s->n_embd, 0, before},
        {"attn_sinks", s->n_heads, 0, s->sinks},
        {"post_ffw_norm", s->n_embd, 0, s->norm_after},
        {"ffn_gate", s->n_embd, s->n_ff, one_ffn && !s->fused && !s->plain},
        {"ffn_up", s->n_embd, s->fused ? 2ull * s->n_ff : s->n_ff, one_ffn},
        {"ffn_down", s->n_ff, s->n_embd, one_ffn},
        {"ffn_gate_inp", s->n_embd, s->n_experts, !one_ffn},
        {"layer_output_norm", s->n_embd, 0, s->norm_sum},
    };
    const struct {
        const char *what;
        uint64_t n, n_rows;
    } experts[] = {{"ffn_gate_exps", s->n_embd, s->n_ff},
                   {"ffn_up_exps", s->n_embd, s->n_ff},
                   {"ffn_down_exps", s->n_ff, s->n_embd}};
    const struct {
        const char *what;
        uint64_t n, n_vectors;
        bool wanted;
    } biases[] = {
        {"attn_q", q, 1, s->qkv_bias},
        {"attn_k", kv, 1, s->qkv_bias},
        {"attn_v", kv, 1, s->qkv_bias},
        {"attn_output", s->n_embd, 1, s->biases || s->plain},
        {"ffn_up", s->n_ff, 1, s->plain},
        {"ffn_down", s->n_embd, 1, s->plain},
        {"attn_output_norm", s->n_embd, 1, s->norm_sum},
        {"layer_output_norm", s->n_embd, 1, s->norm_sum},
        {"ffn_gate_inp", s->n_experts, 1, s->biases},
        {"ffn_gate_exps", s->n_ff, s->n_experts, s->biases},
        {"ffn_up_exps", s->n_ff, s->n_experts, s->biases},
        {"ffn_down_exps", s->n_embd, s->n_experts, s->biases},
    };

    for (size_t i = 0; i < ORI_COUNT(parts); i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof(name), "blk.%u.%s.weight", layer, parts[i].what);
        if (parts[i].wanted && parts[i].n_rows > 0)
            add_matrix(plan, name, parts[i].n, parts[i].n_rows);
        else if (parts[i].wanted)
            add_vector(plan, name, parts[i].n);
    }
    for (size_t i = 0; i < ORI_COUNT(experts) && !one_ffn; i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof(name), "blk.%u.%s.weight", layer, experts[i].what);
        add_matrices(plan, name, experts[i].n, experts[i].n_rows, s->n_experts);
    }
    for (size_t i = 0; i < ORI_COUNT(biases); i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof(name), "blk.%u.%s.bias", layer, biases[i].what);
        if (biases[i].wanted)
            add_vectors(plan, name, biases[i].n, biases[i].n_vectors);
    }
}

static bool is_longrope(const struct shape *shape)
{
    return shape->rope_type && strcmp(shape->rope_type, "longrope") == 0;
}

static void make_plan(struct plan *plan)
{
    const struct shape *shape = plan->shape;

    if (shape->rope_llama3)
        add_vector(plan, "rope_freqs.weight", shape->head_dim / 2);
    if (is_longrope(shape)) {
        const uint32_t n_rot = shape->n_rot > 0 ? shape->n_rot : shape->head_dim;
        add_vector(plan, "rope_factors_long.weight", n_rot / 2);
        add_vector(plan, "rope_factors_short.weight", n_rot / 2);
    }
    add_matrix(plan, "token_embd.weight", shape->n_embd, plan->n_vocab);
    if (shape->norm_sum) {
        add_matrix(plan, "token_types.weight", shape->n_embd, SHAPE_TOKEN_TYPES);
        add_vector(plan, "token_embd_norm.weight", shape->n_embd);
        add_vector(plan, "token_embd_norm.bias", shape->n_embd);
    }
    if (shape->plain)
        add_matrix(plan, "position_embd.weight", shape->n_embd, shape->context_tokens);
    for (uint32_t layer = 0; layer < shape->n_layers; layer++)
        add_layer(plan, layer);
    if (!shape->norm_sum)
        add_vector(plan, "output_norm.weight", shape->n_embd);
    if (shape->dense > 0) {
        add_matrix(plan, "dense_2.weight", shape->n_embd, shape->dense);
        add_matrix(plan, "dense_3.weight", shape->dense, shape->n_embd);
    }
    if (!shape->tied)
        add_matrix(plan, "output.weight", shape->n_embd, plan->n_vocab);
}

static void write_u32(struct ori_gguf_writer *w, const struct shape *shape, const char *name,
                      uint32_t value)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s.%s", shape->architecture, name);
    ori_gguf_write_u32(w, key, value);
}

static void write_f32(struct ori_gguf_writer *w, const struct shape *shape, const char *name,
                      float value)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s.%s", shape->architecture, name);
    ori_gguf_write_f32(w, key, value);
}

/* What programs can't work out for themselves is written, as converters do. */
static void write_rope_scaling(struct ori_gguf_writer *w, const struct shape *s)
{
    const float stretch = (float)s->context_tokens / (float)s->original_tokens;
    char key[96];

    (void)snprintf(key, sizeof(key), "%s.rope.scaling.type", s->architecture);
    ori_gguf_write_str(w, key, s->rope_type);
    write_u32(w, s, "rope.scaling.original_context_length", s->original_tokens);
    if (is_longrope(s))
        write_f32(w, s, "rope.scaling.attn_factor",
                  sqrtf(1.0f + logf(stretch) / logf((float)s->original_tokens)));
    else
        write_f32(w, s, "rope.scaling.factor", stretch);
}

static void write_embedding_keys(struct ori_gguf_writer *w, const struct shape *s)
{
    if (s->pooling > 0)
        write_u32(w, s, "pooling_type", s->pooling);
    if (s->norm_sum) {
        char key[96];
        (void)snprintf(key, sizeof(key), "%s.attention.causal", s->architecture);
        ori_gguf_write_bool(w, key, false);
    }
    if (s->dense > 0) {
        write_u32(w, s, "dense_2_feat_in", s->n_embd);
        write_u32(w, s, "dense_2_feat_out", s->dense);
        write_u32(w, s, "dense_3_feat_in", s->dense);
        write_u32(w, s, "dense_3_feat_out", s->n_embd);
    }
}

static void write_model_keys(struct ori_gguf_writer *w, const struct plan *plan)
{
    const struct shape *s = plan->shape;
    char name[96];

    (void)snprintf(name, sizeof(name), "random %s", s->name);
    ori_gguf_write_str(w, "general.architecture", s->architecture);
    ori_gguf_write_str(w, "general.name", name);
    ori_gguf_write_u32(w, "general.file_type", plan->recipe->file_type);
    ori_gguf_write_u32(w, "general.quantization_version", 2);
    write_u32(w, s, "context_length", s->context_tokens);
    write_u32(w, s, "embedding_length", s->n_embd);
    write_u32(w, s, "block_count", s->n_layers);
    write_u32(w, s, "feed_forward_length", s->n_ff);
    write_u32(w, s, "attention.head_count", s->n_heads);
    write_u32(w, s, "attention.head_count_kv", s->n_heads_kv);
    if (!s->plain)
        write_u32(w, s, "rope.dimension_count", s->n_rot > 0 ? s->n_rot : s->head_dim);
    write_u32(w, s, "attention.key_length", s->head_dim);
    write_u32(w, s, "attention.value_length", s->head_dim);
    if (s->window_tokens > 0)
        write_u32(w, s, "attention.sliding_window", s->window_tokens);
    if (s->n_experts > 0) {
        write_u32(w, s, "expert_count", s->n_experts);
        write_u32(w, s, "expert_used_count", s->n_experts_used);
        write_u32(w, s, "expert_feed_forward_length", s->n_ff);
    }
    if (s->softcap > 0) {
        write_f32(w, s, "attn_logit_softcapping", s->softcap);
        write_f32(w, s, "final_logit_softcapping", s->softcap / 3);
    }
    if (s->scales) {
        write_f32(w, s, "embedding_scale", 12.0f);
        write_f32(w, s, "residual_scale", 0.22f);
        write_f32(w, s, "attention.scale", 0.03125f);
        write_f32(w, s, "logit_scale", 8.0f);
    }
    write_f32(w, s,
              s->norm_sum ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
              s->rms_eps);
    if (!s->plain)
        write_f32(w, s, "rope.freq_base", s->rope_base);
    if (s->rope_type)
        write_rope_scaling(w, s);
    write_embedding_keys(w, s);
    write_u32(w, s, "vocab_size", plan->n_vocab);
}

static void describe(struct ori_gguf_writer *w, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_tensors; i++) {
        const struct tensor *t = &plan->tensors[i];
        ori_gguf_write_tensor(w, t->name, t->type, t->n_dims, t->dims);
    }
}

/* Llama 3's factors: slow pairs turn 32 times slower, fast ones as they did,
 * and those between by a share of both. */
static float llama3_factor(const struct shape *shape, uint64_t pair)
{
    const float factor = 32.0f, low = 1.0f, high = 4.0f, old_context = 8192.0f;
    const float wavelength =
        6.2831853f * powf(shape->rope_base, 2.0f * (float)pair / (float)shape->head_dim);

    if (wavelength < old_context / high)
        return 1.0f;
    if (wavelength > old_context / low)
        return factor;
    const float share = (old_context / wavelength - low) / (high - low);
    return 1.0f / ((1.0f - share) / factor + share);
}

static float vector_element(const struct shape *shape, const struct tensor *t, uint64_t i,
                            struct random *random)
{
    const float noise = (float)(random_next(random) >> 40) / 16777216.0f; /* [0, 1) */

    if (strcmp(t->name, "rope_freqs.weight") == 0)
        return llama3_factor(shape, i);
    if (strcmp(t->name, "rope_factors_long.weight") == 0)
        return 1.0f + 5.0f * (float)i / (float)t->dims[0]; /* slow pairs are slowed down most */
    if (strstr(t->name, ".bias") || strstr(t->name, "_sinks"))
        return noise - 0.5f;
    return 0.9f + 0.2f * noise;
}

static void write_vector(struct ori_gguf_writer *w, const struct shape *shape,
                         const struct tensor *t, struct random *random)
{
    for (uint64_t i = 0; i < t->dims[0] * t->dims[1]; i++) {
        const float value = vector_element(shape, t, i, random);
        ori_gguf_write_data(w, &value, sizeof(value));
    }
}

static void write_matrix(struct ori_gguf_writer *w, const struct tensor *t, struct random *random,
                         void *piece)
{
    const struct ori_type_info *info = ori_type_info(t->type);
    uint64_t left = t->dims[0] / info->block_elems * t->dims[1] * t->dims[2];

    while (left > 0) {
        const size_t most = PIECE_BYTES / info->block_bytes;
        const size_t n_blocks = left < most ? (size_t)left : most;
        blocks_fill(random, t->type, piece, n_blocks);
        ori_gguf_write_data(w, piece, n_blocks * info->block_bytes);
        left -= n_blocks;
    }
}

static orion_status write_weights(struct ori_gguf_writer *w, const struct plan *plan, uint64_t seed,
                                  orion_error *err)
{
    struct random random = {seed};
    void *piece = ori_alloc_aligned(PIECE_BYTES, 1);

    if (!piece)
        return ori_fail_nomem(err, "a piece of the weights");
    for (size_t i = 0; i < plan->n_tensors; i++) {
        if (plan->tensors[i].is_vector)
            write_vector(w, plan->shape, &plan->tensors[i], &random);
        else
            write_matrix(w, &plan->tensors[i], &random, piece);
    }
    free(piece);
    return ORION_OK;
}

static orion_status write_vocab(struct ori_gguf_writer *w, struct plan *plan,
                                const char *vocab_path, orion_error *err)
{
    struct ori_gguf *vocab = NULL;

    if (!vocab_path)
        return vocab_write_made_up(w, plan->shape, err);
    orion_status status = ori_gguf_open(vocab_path, &vocab, err);
    if (status != ORION_OK)
        return status;
    status = vocab_copy(w, vocab, &plan->n_vocab, err);
    ori_gguf_close(vocab);
    if (status == ORION_OK && plan->n_vocab != plan->shape->n_vocab)
        (void)fprintf(stderr, "mkmodel: the vocabulary of %s has %u tokens where %s has %u\n",
                      vocab_path, plan->n_vocab, plan->shape->name, plan->shape->n_vocab);
    return status;
}

static orion_status write_all(struct ori_gguf_writer *w, struct plan *plan, const char *vocab_path,
                              uint64_t seed, orion_error *err)
{
    orion_status status = write_vocab(w, plan, vocab_path, err);
    if (status != ORION_OK)
        return status;
    write_model_keys(w, plan);
    make_plan(plan);
    describe(w, plan);
    status = write_weights(w, plan, seed, err);
    return status == ORION_OK ? ori_gguf_writer_finish(w, err) : status;
}

orion_status random_model(const struct shape *shape, const char *to, const struct ori_mix *recipe,
                          const char *vocab_path, uint64_t seed, orion_error *err)
{
    struct ori_gguf_writer *w = NULL;
    struct plan *plan = ori_calloc_array(1, sizeof(*plan));
    orion_status status;

    if (!plan)
        return ori_fail_nomem(err, "the list of tensors");
    *plan = (struct plan){.shape = shape,
                          .recipe = recipe,
                          .model = {.n_layers = shape->n_layers, .tied = shape->tied},
                          .n_vocab = shape->n_vocab};
    status = ori_gguf_writer_new(to, &w, err);
    if (status == ORION_OK)
        status = write_all(w, plan, vocab_path, seed, err);
    ori_gguf_writer_free(w);
    free(plan);
    return status;
}
