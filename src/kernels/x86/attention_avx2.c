/* Attention.  Scores: four positions at a time, 16 lanes each.  Values: 64
 * dimensions at a time in eight accumulators, one chain over the positions. */
#include "kernels/x86/x86.h"

#include "kernels/scalar/lanes.h"
#include "kernels/x86/vec_avx2.h"

ORI_INLINE __m256 load_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

ORI_INLINE struct ori_lanes score_tail(const float *q, const uint16_t *k, size_t count,
                                       struct ori_lanes acc)
{
    float x[ORI_LANES] = {0}, y[ORI_LANES] = {0};

    for (size_t i = 0; i < count; i++) {
        x[i] = q[i];
        y[i] = ori_f16_to_f32(k[i]);
    }
    return ori_fma_partial(x, y, count, acc);
}

/* q . k for four positions. */
ORI_INLINE __m128 score4(const float *q, const uint16_t *const k[4], size_t head_dim)
{
    const size_t whole = head_dim - head_dim % ORI_LANES;
    struct ori_lanes acc[4];

    ORI_UNROLL
    for (int j = 0; j < 4; j++)
        acc[j] = (struct ori_lanes){_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t i = 0; i < whole; i += ORI_LANES) {
        const __m256 low = _mm256_loadu_ps(q + i);
        const __m256 high = _mm256_loadu_ps(q + i + 8);
        ORI_UNROLL
        for (int j = 0; j < 4; j++) {
            acc[j].low = _mm256_fmadd_ps(low, load_f16(k[j] + i), acc[j].low);
            acc[j].high = _mm256_fmadd_ps(high, load_f16(k[j] + i + 8), acc[j].high);
        }
    }
    if (whole < head_dim) {
        ORI_UNROLL
        for (int j = 0; j < 4; j++)
            acc[j] = score_tail(q + whole, k[j] + whole, head_dim - whole, acc[j]);
    }
    return ori_join4(acc);
}

/* Scaled scores of positions [begin, end) of a block, at their place in s. */
static void scores(const struct ori_attn *a, size_t begin, size_t end, float s[ORI_ATTN_BLOCK])
{
    const __m128 scale = _mm_set1_ps(a->scale);
    const uint16_t *keys = a->k + (begin % a->slots) * a->stride;

    for (size_t t = begin; t < end; t += 4) {
        const uint16_t *k[4];
        float four[4];

        for (size_t j = 0; j < 4; j++) /* the last stands in for those not there */
            k[j] = keys + ((t + j < end ? t + j : end - 1) - begin) * a->stride;
        _mm_storeu_ps(four, _mm_mul_ps(score4(a->q, k, a->head_dim), scale));
        for (size_t j = 0; j < 4 && t + j < end; j++)
            s[(t + j) % ORI_ATTN_BLOCK] = four[j];
    }
}

/* The larger of max and the scores; NaN passed over. */
static float max_score(const float s[ORI_ATTN_BLOCK], float max)
{
    __m256 top = _mm256_set1_ps(max);
    float lanes[8];

    for (int i = 0; i < ORI_ATTN_BLOCK; i += 8)
        top = _mm256_max_ps(_mm256_loadu_ps(s + i), top);
    _mm256_storeu_ps(lanes, top);
    for (int j = 0; j < 8; j++)
        max = lanes[j] > max ? lanes[j] : max;
    return max;
}

/* Scores -> weights in place; returns their sum.  A position that takes no
 * part has score -infinity, hence weight 0, and adding 0 changes nothing. */
static float weights(float s[ORI_ATTN_BLOCK], float max)
{
    const __m256 max8 = _mm256_set1_ps(max);
    __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
    float lanes[ORI_LANES];

    for (int i = 0; i < ORI_ATTN_BLOCK; i += ORI_LANES) {
        const __m256 p = ori_exp8(_mm256_sub_ps(_mm256_loadu_ps(s + i), max8));
        const __m256 p_high = ori_exp8(_mm256_sub_ps(_mm256_loadu_ps(s + i + 8), max8));
        _mm256_storeu_ps(s + i, p);
        _mm256_storeu_ps(s + i + 8, p_high);
        low = _mm256_add_ps(low, p);
        high = _mm256_add_ps(high, p_high);
    }
    _mm256_storeu_ps(lanes, low);
    _mm256_storeu_ps(lanes + 8, high);
    return ori_join_lanes(lanes);
}

/* acc = acc * correction + sum of p[t] v[t], for 8 * vectors dimensions from i. */
ORI_INLINE void add_values(const struct ori_attn *a, size_t begin, size_t end, const float *p,
                           float correction, size_t i, int vectors, float *acc)
{
    const uint16_t *values = a->v + (begin % a->slots) * a->stride;
    const __m256 factor = _mm256_set1_ps(correction);
    __m256 sums[8];

    ORI_UNROLL
    for (int j = 0; j < vectors; j++)
        sums[j] = _mm256_mul_ps(_mm256_loadu_ps(acc + i + 8 * (size_t)j), factor);
    for (size_t t = begin; t < end; t++) {
        const uint16_t *v = values + (t - begin) * a->stride + i;
        const __m256 weight = _mm256_set1_ps(p[t % ORI_ATTN_BLOCK]);
        ORI_UNROLL
        for (int j = 0; j < vectors; j++)
            sums[j] = _mm256_fmadd_ps(weight, load_f16(v + 8 * j), sums[j]);
    }
    ORI_UNROLL
    for (int j = 0; j < vectors; j++)
        _mm256_storeu_ps(acc + i + 8 * (size_t)j, sums[j]);
}

static void add_block(const struct ori_attn *a, size_t begin, size_t end, const float *p,
                      float correction, float *acc)
{
    const uint16_t *values = a->v + (begin % a->slots) * a->stride;
    const size_t n = a->head_dim;
    size_t i = 0;

    for (; n - i >= 64; i += 64)
        add_values(a, begin, end, p, correction, i, 8, acc);
    for (; n - i >= 32; i += 32)
        add_values(a, begin, end, p, correction, i, 4, acc);
    for (; n - i >= 8; i += 8)
        add_values(a, begin, end, p, correction, i, 1, acc);
    for (; i < n; i++) {
        acc[i] *= correction;
        for (size_t t = begin; t < end; t++)
            acc[i] = fmaf(p[t % ORI_ATTN_BLOCK],
                          ori_f16_to_f32(values[(t - begin) * a->stride + i]), acc[i]);
    }
}

void ori_attention_avx2(const struct ori_attn *a)
{
    float acc[ORI_HEAD_DIM_MAX];
    float max = -INFINITY, sum = 0;

    memset(acc, 0, a->head_dim * sizeof(acc[0]));
    for (size_t t = a->begin; t < a->end;) {
        const size_t next = t - t % ORI_ATTN_BLOCK + ORI_ATTN_BLOCK;
        const size_t stop = next < a->end ? next : a->end;
        float s[ORI_ATTN_BLOCK];

        for (size_t j = 0; j < ORI_ATTN_BLOCK; j++)
            s[j] = -INFINITY;
        scores(a, t, stop, s);
        const float new_max = max_score(s, max);
        const float correction = ori_expf(max - new_max);
        sum = fmaf(sum, correction, weights(s, new_max));
        add_block(a, t, stop, s, correction, acc);
        max = new_max;
        t = stop;
    }
    for (size_t i = 0; i < a->head_dim; i++)
        a->out[i] = acc[i] / sum;
}
