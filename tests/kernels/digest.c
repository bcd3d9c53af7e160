/* One number for everything the scalar tier computes. */
#include "checker.h"

#include <string.h>

#define N 512
#define COLS 3

/* FNV-1a, 64 bits. */
static uint64_t add_bytes(uint64_t hash, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t add_type(uint64_t hash, const struct ori_kernels *k, const struct stored_type *type,
                         struct rng *rng)
{
    static _Alignas(64) uint8_t acts[COLS * 4096];
    static uint8_t weights[3 * 4 * N];
    const size_t n_blocks = N / type->block_elems, row_bytes = n_blocks * type->block_bytes;
    const struct ori_type_kernels *t = &k->types[type->type];
    float x[N], out[COLS * 3];

    for (size_t c = 0; c < COLS; c++) {
        fill_floats(rng, c ? PATTERN_MIXED : PATTERN_NORMAL, x, N);
        k->quantize_act[t->act](x, acts + c * 4096, N);
    }
    fill_weights(rng, type, 0, weights, n_blocks);
    fill_weights(rng, type, 0, weights + row_bytes, n_blocks);
    fill_floats(rng, PATTERN_NORMAL, x, N); /* no scale that overflows: NaN have no one form */
    t->quantize(x, NULL, weights + 2 * row_bytes, N);
    hash = add_bytes(hash, weights, 3 * row_bytes);
    t->matmul(weights, row_bytes, 3, N, acts, 4096, COLS, out, 3);
    hash = add_bytes(hash, out, sizeof(out));
    t->dequantize(weights, x, N);
    return add_bytes(hash, x, sizeof(x));
}

static uint64_t add_rows(uint64_t hash, const struct ori_kernels *k, struct rng *rng)
{
    float x[N], y[N], out[N];
    uint16_t half[N];

    fill_floats(rng, PATTERN_MIXED, x, N);
    fill_floats(rng, PATTERN_NORMAL, y, N);
    k->rms_norm(x, y, out, N, 1e-6f);
    hash = add_bytes(hash, out, sizeof(out));
    k->layer_norm(x, y, out, out, N, 1e-6f);
    hash = add_bytes(hash, out, sizeof(out));
    k->gelu(out, N);
    hash = add_bytes(hash, out, sizeof(out));
    k->silu_mul(x, y, out, N);
    hash = add_bytes(hash, out, sizeof(out));
    k->gelu_mul(x, y, out, N);
    k->softcap(out, N, 30.0f);
    hash = add_bytes(hash, out, sizeof(out));
    k->clamped_swiglu(x, y, out, N);
    k->add_scaled(out, y, 0.3f, N);
    hash = add_bytes(hash, out, sizeof(out));
    k->rope(x, y, N, true);
    k->rope(x, y, N, false);
    k->add(x, y, N);
    hash = add_bytes(hash, x, sizeof(x));
    k->f32_to_f16(x, half, N);
    k->f16_to_f32(half, out, N);
    hash = add_bytes(hash, out, sizeof(out));
    const double lse = k->log_sum_exp(y, N);
    return add_bytes(hash, &lse, sizeof(lse));
}

static uint64_t add_attention(uint64_t hash, const struct ori_kernels *k, enum ori_kv_type type,
                              struct rng *rng)
{
    enum { dim = 96, positions = 192 };
    static _Alignas(64) uint8_t cache[2 * 4 * dim * positions];
    float q[dim], key[dim], value[dim], out[dim];
    const float sink = 0.5f;
    size_t block = 0;
    const struct ori_attn_query query = {q, out, 5, positions - 40, &sink};

    ori_kv_row_bytes(type, dim, &block);
    block *= 2 * ORI_ATTN_BLOCK; /* keys and values */
    for (size_t t = 0; t < positions; t++) {
        fill_floats(rng, PATTERN_NORMAL, key, dim);
        fill_floats(rng, PATTERN_NORMAL, value, dim);
        ori_kv_store(k, type, dim, &(struct ori_kv_rows){key, value, 0, 1}, t % ORI_ATTN_BLOCK,
                     cache + t / ORI_ATTN_BLOCK * block);
    }
    fill_floats(rng, PATTERN_NORMAL, q, dim);
    const struct ori_attn attn = {.cache = cache,
                                  .block_stride = block,
                                  .slots = positions,
                                  .head_dim = dim,
                                  .scale = 0.1f,
                                  .queries = &query,
                                  .n_queries = 1};
    k->attention[type](&attn);
    return add_bytes(hash, out, sizeof(out));
}

static uint64_t add_elementary(uint64_t hash, struct rng *rng)
{
    for (int i = 0; i < 1000; i++) {
        const double x = (double)(int64_t)rng_next(rng) * 0x1p-43; /* +-2^20 */
        double v[3];
        float angle[2];

        ori_rope_angle(x, &angle[0], &angle[1]);
        v[0] = ori_exp(x * 0x1p-11);
        v[1] = ori_log(x < 0 ? -x : x);
        v[2] = ori_rope_frequency(10000, x * 0x1p-20);
        hash = add_bytes(add_bytes(hash, v, sizeof(v)), angle, sizeof(angle));
    }
    return hash;
}

uint64_t digest(const struct ori_kernels *scalar)
{
    struct rng rng = {7};
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < N_STORED_TYPES; i++)
        hash = add_type(hash, scalar, &stored_types[i], &rng);
    hash = add_rows(hash, scalar, &rng);
    for (int type = 0; type < ORI_KV_COUNT; type++)
        hash = add_attention(hash, scalar, (enum ori_kv_type)type, &rng);
    return add_elementary(hash, &rng);
}
