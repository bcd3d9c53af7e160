/* kernels - arithmetic on rows.
 *
 * One table of functions, filled for a CPU tier.  kernels/scalar/ is the
 * specification: every other tier returns the same bits (tests/kernels checks
 * with memcmp).  What is part of the specification, hence fixed:
 *
 *   - Activations are quantized in blocks: d = amax/127, q = nearest-even of
 *     x * (127/amax), never -128; an all-zero block has d = 0 and q = 0.
 *     amax below 2^-100 counts as zero; a block with an infinity or a NaN has
 *     d = NaN and q = 0, so that it shows.
 *     They stay float where the weights are F32, F16 or BF16.
 *   - A block-quantized dot product is, for each block in index order, an
 *     exact int32 folded by acc = fmaf(d_w * d_a, (float)isum, acc) and, for
 *     types with a minimum, acc = fmaf(-(dmin_w * d_a), (float)msum, acc)
 *     (k-quants) or acc = fmaf(m_w * d_a, (float)asum, acc) (Q4_1, Q5_1).
 *     One chain over all blocks, so rows may be put in lanes.
 *   - A float dot product, of a matrix or in a norm, has 16 lanes, element i
 *     into lane i mod 16 by fmaf, joined by the tree lane[j] += lane[j+8], then
 *     +4, +2, +1.  Attention's scores are one chain each, see below.
 *   - exp, silu and the rest are our own polynomials (approx.h and
 *     elementary.c of this room).
 *   - A result that is NaN is NaN in every tier; which one (sign, payload) is
 *     specified for f16 conversions only.
 *
 * All functions are pure, thread-safe and never allocate.  Lengths are in
 * elements.  No alignment is required of weights (they lie in a mapped file);
 * activations and scratch are 64-byte aligned.
 */
#ifndef ORI_KERNELS_H
#define ORI_KERNELS_H

#include "base/base.h"
#include "gguf/types.h"

/* How activations are laid out for a weight type. */
enum ori_act {
    ORI_ACT_F32 = 0, /* float[n] */
    ORI_ACT_Q8 = 1,  /* struct ori_act_q8[n/32] */
    ORI_ACT_Q8K = 2, /* struct ori_act_q8k[n/256] */
    ORI_ACT_COUNT = 3,
};

struct ori_act_q8 {
    float d;
    int32_t sum; /* of qs */
    int8_t qs[32];
};

struct ori_act_q8k {
    float d;
    int8_t qs[256];
    int16_t sums[16]; /* of each 16 qs */
};

/* Bytes of n activations in a layout; false when n does not divide. */
bool ori_act_bytes(enum ori_act act, size_t n, size_t *out);

/* The largest magnitude that every type can hold, f16 and f16 scales included. */
#define ORI_QUANTIZE_MAX 65504.0f

/* What a weight type can do. */
struct ori_type_kernels {
    enum ori_act act;
    /* row of n weights -> floats, exact */
    void (*dequantize)(const void *row, float *out, size_t n);
    /* floats -> row; scalar in every tier, so the same bytes everywhere.  x is finite
     * and below ORI_QUANTIZE_MAX in magnitude.  importance (NULL: unmeasured) is how
     * much each element counts, >= 0; types that leave no choice ignore it.  Block for
     * block, so rows may be cut at any.  NULL: not written by us */
    void (*quantize)(const float *x, const float *importance, void *row, size_t n);
    /* out[c * out_stride + r] = row r . column c, for n_rows rows of n weights
     * (row_bytes apart) and n_cols activation columns (act_bytes apart).
     * The same bits however rows and columns are cut into calls. */
    void (*matmul)(const void *weights, size_t row_bytes, size_t n_rows, size_t n, const void *acts,
                   size_t act_bytes, size_t n_cols, float *out, size_t out_stride);
};

/* ---- the KV cache of one layer ----
 *
 * Keys and values of a ring of slots; position t lies in slot t mod slots.
 * Slots come in blocks of ORI_ATTN_BLOCK, at any distance from each other; a block has its
 * heads one after the other, each first with its keys, then with its values.  Values lie
 * row by row, keys side by side, so that a vector of scores needs no sum across its lanes:
 *
 *   keys    f16, f32   [head_dim][64]
 *           q8_0       [head_dim/32] struct ori_kv_q8_keys
 *   values  f16, f32   [64][head_dim]
 *           q8_0       [64][head_dim/32] struct ori_block_q8_0
 *
 * A position takes ori_kv_row_bytes() in either, hence a block of keys 64
 * times that: head_dim is rounded up to 16, and what is beyond it is read but
 * never used.  q8_0 is quantized as ORI_ACT_Q8, its d rounded to f16; what a
 * cache holds means exactly d * q. */
#define ORI_ATTN_BLOCK 64
#define ORI_HEAD_DIM_MAX 1024

enum ori_kv_type {
    ORI_KV_F16 = 0,
    ORI_KV_Q8_0 = 1, /* head_dim must be a multiple of 32 */
    ORI_KV_F32 = 2,
    ORI_KV_COUNT = 3,
};

/* Bytes of one position; false when the type can't hold such a head. */
bool ori_kv_row_bytes(enum ori_kv_type type, size_t head_dim, size_t *out);

/* Attention of queries over the cache of the heads that they belong to.
 *
 * Each query is computed by itself: what comes out does not depend on those it
 * shares a call with, which only save loading keys and values again, and let blocks
 * be read in the order in which heads lie in them.
 *
 * It walks blocks of ORI_ATTN_BLOCK absolute positions: block b holds
 * positions [b*B, (b+1)*B).  For each block in order:
 *   scores s = (fmaf chain over i of q[i] * k[i], from 0) * scale, softcapped;
 *   m' = max(m, scores), NaN passed over;  correction c = exp(m - m');
 *   acc[i] *= c, and 16 lanes of sum *= c;
 *   for positions t in order, with p = exp(s - m'): sum[t mod 16] += p and
 *   acc[i] = fmaf(p, v[i], acc[i]).
 * Finally out[i] = acc[i] / (the lanes of sum, joined).
 *
 * It begins with m = -infinity and sums of 0; with a sink, which is a score that
 * has no value, m is the sink and sum[0] is 1. */
struct ori_attn_query {
    const float *q;    /* [head_dim] */
    float *out;        /* [head_dim]; no other query's, and not q */
    size_t begin, end; /* positions attended to, begin < end */
    const float *sink; /* NULL: none */
    size_t head;       /* of a block's; queries of one head stand together */
};

struct ori_attn {
    const uint8_t *cache; /* block 0, head 0 */
    size_t block_stride;  /* bytes from a block to the next one */
    size_t slots;         /* a multiple of ORI_ATTN_BLOCK */
    size_t head_dim;      /* multiple of 2, <= ORI_HEAD_DIM_MAX */
    float scale;          /* > 0 */
    float softcap;        /* scaled scores become softcap * tanh(score / softcap); 0: they stay */
    const struct ori_attn_query *queries; /* best in order of position */
    size_t n_queries;
};
/* So many queries share what is loaded; more are served in turn. */
#define ORI_ATTN_TILE 24

struct ori_kernels {
    const char *name;                            /* "scalar", "avx2", "avxvnni", "avx512" */
    struct ori_type_kernels types[ORI_TYPE_END]; /* matmul NULL for unknown types */
    /* floats -> activations in each layout */
    void (*quantize_act[ORI_ACT_COUNT])(const float *x, void *out, size_t n);
    /* out[i] = x[i] * (1/sqrt(mean(x^2) + eps)) * weight[i]; out may be x */
    void (*rms_norm)(const float *x, const float *weight, float *out, size_t n, float eps);
    /* out[i] = (x[i] - mean(x)) * (1/sqrt(mean((x - mean)^2) + eps)) * weight[i] + bias[i],
     * the last step fused; out may be x */
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float *out, size_t n,
                       float eps);
    void (*add)(float *x, const float *y, size_t n);                  /* x += y */
    void (*add_scaled)(float *x, const float *y, float by, size_t n); /* x = fmaf(by, y, x) */
    void (*gelu)(float *x, size_t n);                                 /* x = gelu(x) */
    void (*silu_mul)(const float *gate, const float *up, float *out, size_t n); /* silu(gate)*up */
    void (*gelu_mul)(const float *gate, const float *up, float *out, size_t n); /* gelu(gate)*up */
    /* the gate of gpt-oss, as ori_clamped_swigluf() in approx.h has it */
    void (*clamped_swiglu)(const float *gate, const float *up, float *out, size_t n);
    void (*softcap)(float *x, size_t n, float cap); /* x = cap * tanh(x / cap), cap > 0 */
    /* rotate pairs of one head in place; angles[2*i] = cos, [2*i+1] = sin for
     * pair i < n_rot/2.  neox: pair (i, i + n_rot/2); else (2i, 2i+1). */
    void (*rope)(float *head, const float *angles, size_t n_rot, bool neox);
    void (*f32_to_f16)(const float *x, uint16_t *out, size_t n); /* nearest even */
    void (*f16_to_f32)(const uint16_t *x, float *out, size_t n);
    /* n_rows rows of n floats, `stride` apart, become columns, rounded as above:
     * out[i * ORI_ATTN_BLOCK + r] = element i of row r; n_rows <= ORI_ATTN_BLOCK,
     * n <= ORI_HEAD_DIM_MAX */
    void (*f32_to_f16_columns)(const float *rows, size_t stride, size_t n_rows, uint16_t *out,
                               size_t n);
    void (*attention[ORI_KV_COUNT])(const struct ori_attn *attn);
    /* log(sum(exp(x))) in double over 16 lanes, max taken out first */
    double (*log_sum_exp)(const float *x, size_t n);

    /* To measure what a core gives, for others to be compared with: */
    /* the sum modulo 2^64, read as fast as memory delivers; n is a multiple of
     * 16, words are 64-byte aligned */
    uint64_t (*sum_words)(const uint64_t *words, size_t n);
    /* multiply and add bytes, as fast as the tier's instructions can; how many
     * were multiplied, which differs from tier to tier */
    uint64_t (*spin_int8)(uint64_t rounds);
};

/* CPU features that a tier needs, as bits. */
#define ORI_CPU_AVX2 1u    /* AVX2, FMA and F16C, and the OS saves the registers */
#define ORI_CPU_AVX512 2u  /* AVX-512 F, BW, DQ, VL and VNNI, and the OS saves the registers */
#define ORI_CPU_AVXVNNI 4u /* AVX-VNNI: VNNI for 256 bits where there is no AVX-512 */
/* A product of one column does best to ask for a line of weights once, some way ahead; else
 * more than once, since the CPU forgets requests that find no place.  Measured: Zen 5 does,
 * Zen 4 does not (docs/internals/kernels.md).  Counts together with AVX-512. */
#define ORI_CPU_ASKS_ONCE 8u

uint32_t ori_cpu_detect(void);

/* Fill the table for the best tier that `cpu` allows: scalar, AVX2, AVX-VNNI,
 * AVX-512.  The last two count only together with AVX2, on which they stand. */
void ori_kernels_init(struct ori_kernels *kernels, uint32_t cpu);

/* What this process should use: ori_cpu_detect(), lowered by the environment
 * variable ORION_CPU=scalar|avx2|avxvnni|avx512.  ORION_E_ARGUMENT for any other
 * value and for a tier that this CPU lacks. */
orion_status ori_kernels_choose(struct ori_kernels *kernels, orion_error *err);

/* Keys and values of n positions, `stride` floats from one's to the next one's. */
struct ori_kv_rows {
    const float *keys, *values;
    size_t stride, n;
};

/* Put them into slots [lane, lane + n) of a head of a block. */
void ori_kv_store(const struct ori_kernels *kernels, enum ori_kv_type type, size_t head_dim,
                  const struct ori_kv_rows *rows, size_t lane, uint8_t *head);

/* cos and sin of position * freq in double, our own polynomials after an exact
 * range reduction; same bits on every machine. */
void ori_rope_angle(double radians, float *cosine, float *sine);
/* base^(-exponent) for rope frequencies, same bits everywhere (no libm). */
double ori_rope_frequency(double base, double exponent);
/* exp in double for samplers, deterministic, no libm. */
double ori_exp(double x);
/* natural logarithm in double, deterministic, no libm; x > 0. */
double ori_log(double x);

/* Goes up whenever any kernel, or the order in which they are called, returns
 * other bits than before, or the cache lies otherwise: what was computed and
 * kept on disk is of no use then. */
#define ORI_RESULTS_VERSION 1

#endif
