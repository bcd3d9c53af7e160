/* Norm, residual, gate, rope, f16.  Where no lanes meet, what is left over
 * from the vectors goes to the scalar kernel. */
#include "kernels/x86/x86.h"

#include "kernels/elementary.h"
#include "kernels/scalar/lanes.h"
#include "kernels/scalar/scalar.h"
#include "kernels/x86/vec16.h"

ORI_INLINE float mean_of(const float *x, size_t n)
{
    const size_t whole = n - n % ORI_LANES;
    ori_v16 acc = ori_v16_set1(0);
    float lanes[ORI_LANES];

    for (size_t i = 0; i < whole; i += ORI_LANES)
        acc = ori_v16_add(acc, ori_v16_load(x + i));
    ori_v16_store(lanes, acc);
    for (size_t i = whole; i < n; i++)
        lanes[i - whole] += x[i];
    return ori_join_lanes(lanes) / (float)n;
}

/* The mean of (x - center)^2. */
ORI_INLINE float spread_of(const float *x, size_t n, float center)
{
    const size_t whole = n - n % ORI_LANES;
    const ori_v16 center16 = ori_v16_set1(center);
    ori_v16 acc = ori_v16_set1(0);
    float lanes[ORI_LANES];

    for (size_t i = 0; i < whole; i += ORI_LANES) {
        const ori_v16 d = ori_v16_sub(ori_v16_load(x + i), center16);
        acc = ori_v16_fma(d, d, acc);
    }
    ori_v16_store(lanes, acc);
    for (size_t i = whole; i < n; i++) {
        const float d = x[i] - center;
        lanes[i - whole] = fmaf(d, d, lanes[i - whole]);
    }
    return ori_join_lanes(lanes) / (float)n;
}

void ori_rms_norm_avx2(const float *x, const float *weight, float *out, size_t n, float eps)
{
    const float inverse = 1.0f / sqrtf(spread_of(x, n, 0) + eps);
    const __m256 inverse8 = _mm256_set1_ps(inverse);
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + i), inverse8);
        _mm256_storeu_ps(out + i, _mm256_mul_ps(scaled, _mm256_loadu_ps(weight + i)));
    }
    for (; i < n; i++)
        out[i] = x[i] * inverse * weight[i];
}

void ori_layer_norm_avx2(const float *x, const float *weight, const float *bias, float *out,
                         size_t n, float eps)
{
    const float mean = mean_of(x, n);
    const float inverse = 1.0f / sqrtf(spread_of(x, n, mean) + eps);
    const ori_v16 mean16 = ori_v16_set1(mean), inverse16 = ori_v16_set1(inverse);
    size_t i = 0;

    for (; n - i >= ORI_LANES; i += ORI_LANES) {
        const ori_v16 normed = ori_v16_mul(ori_v16_sub(ori_v16_load(x + i), mean16), inverse16);
        ori_v16_store(out + i,
                      ori_v16_fma(normed, ori_v16_load(weight + i), ori_v16_load(bias + i)));
    }
    for (; i < n; i++)
        out[i] = fmaf((x[i] - mean) * inverse, weight[i], bias[i]);
}

void ori_add_avx2(float *x, const float *y, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8)
        _mm256_storeu_ps(x + i, _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    ori_add_scalar(x + i, y + i, n - i);
}

void ori_add_scaled_avx2(float *x, const float *y, float by, size_t n)
{
    const __m256 by8 = _mm256_set1_ps(by);
    size_t i = 0;

    for (; n - i >= 8; i += 8)
        _mm256_storeu_ps(x + i,
                         _mm256_fmadd_ps(by8, _mm256_loadu_ps(y + i), _mm256_loadu_ps(x + i)));
    ori_add_scaled_scalar(x + i, y + i, by, n - i);
}

void ori_silu_mul_avx2(const float *gate, const float *up, float *out, size_t n)
{
    const __m256 one = _mm256_set1_ps(1.0f);
    const __m256 sign = _mm256_set1_ps(-0.0f);
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        const __m256 g = _mm256_loadu_ps(gate + i);
        const __m256 e = ori_exp8(_mm256_xor_ps(g, sign));
        const __m256 silu = _mm256_div_ps(g, _mm256_add_ps(one, e));
        _mm256_storeu_ps(out + i, _mm256_mul_ps(silu, _mm256_loadu_ps(up + i)));
    }
    ori_silu_mul_scalar(gate + i, up + i, out + i, n - i);
}

void ori_gelu_avx2(float *x, size_t n)
{
    size_t i = 0;

    for (; n - i >= ORI_LANES; i += ORI_LANES)
        ori_v16_store(x + i, ori_v16_gelu(ori_v16_load(x + i)));
    ori_gelu_scalar(x + i, n - i);
}

void ori_gelu_mul_avx2(const float *gate, const float *up, float *out, size_t n)
{
    size_t i = 0;

    for (; n - i >= ORI_LANES; i += ORI_LANES)
        ori_v16_store(out + i,
                      ori_v16_mul(ori_v16_gelu(ori_v16_load(gate + i)), ori_v16_load(up + i)));
    ori_gelu_mul_scalar(gate + i, up + i, out + i, n - i);
}

void ori_clamped_swiglu_avx2(const float *gate, const float *up, float *out, size_t n)
{
    size_t i = 0;

    for (; n - i >= ORI_LANES; i += ORI_LANES)
        ori_v16_store(out + i,
                      ori_v16_clamped_swiglu(ori_v16_load(gate + i), ori_v16_load(up + i)));
    ori_clamped_swiglu_scalar(gate + i, up + i, out + i, n - i);
}

void ori_softcap_avx2(float *x, size_t n, float cap)
{
    const ori_v16 cap16 = ori_v16_set1(cap), twice = ori_v16_set1(2.0f / cap);
    size_t i = 0;

    for (; n - i >= ORI_LANES; i += ORI_LANES)
        ori_v16_store(x + i, ori_v16_softcap(ori_v16_load(x + i), cap16, twice));
    ori_softcap_scalar(x + i, n - i, cap);
}

/* Pairs (i, i + half): cosines and sines are taken apart from the angles. */
static void rope_neox(float *head, const float *angles, size_t half)
{
    size_t i = 0;

    for (; half - i >= 8; i += 8) {
        const __m256 a = _mm256_loadu_ps(angles + 2 * i);
        const __m256 b = _mm256_loadu_ps(angles + 2 * i + 8);
        const __m256 low = _mm256_permute2f128_ps(a, b, 0x20);
        const __m256 high = _mm256_permute2f128_ps(a, b, 0x31);
        const __m256 cosine = _mm256_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0));
        const __m256 sine = _mm256_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1));
        const __m256 x = _mm256_loadu_ps(head + i);
        const __m256 y = _mm256_loadu_ps(head + half + i);

        _mm256_storeu_ps(head + i, _mm256_fmsub_ps(x, cosine, _mm256_mul_ps(y, sine)));
        _mm256_storeu_ps(head + half + i, _mm256_fmadd_ps(x, sine, _mm256_mul_ps(y, cosine)));
    }
    for (; i < half; i++) {
        const float x = head[i], y = head[half + i];
        const float cosine = angles[2 * i], sine = angles[2 * i + 1];

        head[i] = fmaf(x, cosine, -(y * sine));
        head[half + i] = fmaf(x, sine, y * cosine);
    }
}

/* Pairs (2i, 2i + 1), four a register: x c - y s in even lanes, x s + y c in odd. */
static void rope_adjacent(float *head, const float *angles, size_t n_rot)
{
    size_t i = 0;

    for (; n_rot - i >= 8; i += 8) {
        const __m256 pairs = _mm256_loadu_ps(head + i);
        const __m256 angle = _mm256_loadu_ps(angles + i);
        const __m256 x = _mm256_moveldup_ps(pairs);
        const __m256 y = _mm256_movehdup_ps(pairs);
        const __m256 crossed = _mm256_mul_ps(y, _mm256_permute_ps(angle, 0xb1));

        _mm256_storeu_ps(head + i, _mm256_fmaddsub_ps(x, angle, crossed));
    }
    ori_rope_scalar(head + i, angles + i, n_rot - i, false);
}

void ori_rope_avx2(float *head, const float *angles, size_t n_rot, bool neox)
{
    if (neox)
        rope_neox(head, angles, n_rot / 2);
    else
        rope_adjacent(head, angles, n_rot / 2 * 2);
}

void ori_f32_to_f16_avx2(const float *x, uint16_t *out, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8)
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    ori_f32_to_f16_scalar(x + i, out + i, n - i);
}

void ori_f16_to_f32_avx2(const uint16_t *x, float *out, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        const __m128i half = _mm_loadu_si128((const __m128i *)(const void *)(x + i));
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(half));
    }
    ori_f16_to_f32_scalar(x + i, out + i, n - i);
}

/* 8 by 8. */
ORI_INLINE void transpose8(__m256 x[8])
{
    __m256 pairs[8], fours[8];

    ORI_UNROLL
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    ORI_UNROLL
    for (int i = 0; i < 8; i += 4) {
        fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
        fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
        fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
        fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
    }
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
    }
}

/* Eight rows. */
ORI_INLINE void rows_to_f16_columns(const float *rows, size_t stride, uint16_t *out, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        __m256 x[8];

        ORI_UNROLL
        for (size_t r = 0; r < 8; r++)
            x[r] = _mm256_loadu_ps(rows + r * stride + i);
        transpose8(x);
        ORI_UNROLL
        for (size_t k = 0; k < 8; k++)
            _mm_storeu_si128((__m128i *)(void *)(out + (i + k) * ORI_ATTN_BLOCK),
                             _mm256_cvtps_ph(x[k], _MM_FROUND_TO_NEAREST_INT));
    }
    ori_f32_to_f16_columns_scalar(rows + i, stride, 8, out + i * ORI_ATTN_BLOCK, n - i);
}

void ori_f32_to_f16_columns_avx2(const float *rows, size_t stride, size_t n_rows, uint16_t *out,
                                 size_t n)
{
    size_t r = 0;

    for (; n_rows - r >= 8; r += 8)
        rows_to_f16_columns(rows + r * stride, stride, out + r, n);
    for (; r < n_rows; r++) {
        uint16_t half[ORI_HEAD_DIM_MAX];

        ori_f32_to_f16_avx2(rows + r * stride, half, n);
        for (size_t i = 0; i < n; i++)
            out[i * ORI_ATTN_BLOCK + r] = half[i];
    }
}

/* ---- log_sum_exp ---- */

ORI_INLINE __m256d pow2_4(__m128i n)
{
    const __m256i biased = _mm256_cvtepi32_epi64(_mm_add_epi32(n, _mm_set1_epi32(1023)));

    return _mm256_castsi256_pd(_mm256_slli_epi64(biased, 52));
}

/* ori_exp in four lanes, step by step. */
ORI_INLINE __m256d exp4(__m256d x)
{
    const __m256d round = _mm256_set1_pd(ORI_F64_ROUND);

    x = _mm256_min_pd(_mm256_set1_pd(ORI_F64_EXP_MAX), x);
    x = _mm256_max_pd(_mm256_set1_pd(ORI_F64_EXP_MIN), x);

    const __m256d scaled = _mm256_mul_pd(x, _mm256_set1_pd(ORI_F64_LOG2E));
    const __m256d whole = _mm256_sub_pd(_mm256_add_pd(scaled, round), round);
    __m256d r = _mm256_fnmadd_pd(whole, _mm256_set1_pd(ORI_F64_LN2_HIGH), x);
    r = _mm256_fnmadd_pd(whole, _mm256_set1_pd(ORI_F64_LN2_LOW), r);

    __m256d p = _mm256_set1_pd(ori_f64_exp_terms[0]);
    ORI_UNROLL
    for (int i = 1; i < ORI_F64_EXP_TERMS; i++)
        p = _mm256_fmadd_pd(p, r, _mm256_set1_pd(ori_f64_exp_terms[i]));

    const __m128i n = _mm256_cvtpd_epi32(whole);
    const __m128i half = _mm_srai_epi32(n, 1);
    p = _mm256_mul_pd(p, pow2_4(half));
    return _mm256_mul_pd(p, pow2_4(_mm_sub_epi32(n, half)));
}

ORI_INLINE float max_of(const float *x, size_t n)
{
    __m256 top = _mm256_set1_ps(-INFINITY);
    float lanes[8], max = -INFINITY;
    size_t i = 0;

    for (; n - i >= 8; i += 8) /* a NaN in x leaves top as it was */
        top = _mm256_max_ps(_mm256_loadu_ps(x + i), top);
    _mm256_storeu_ps(lanes, top);
    for (int j = 0; j < 8; j++)
        max = lanes[j] > max ? lanes[j] : max;
    for (; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

ORI_INLINE void add_exps(const float x[ORI_LANES], __m256d max, __m256d acc[4])
{
    ORI_UNROLL
    for (int j = 0; j < 4; j++) {
        const __m256d v = _mm256_cvtps_pd(_mm_loadu_ps(x + 4 * j));
        acc[j] = _mm256_add_pd(acc[j], exp4(_mm256_sub_pd(v, max)));
    }
}

double ori_log_sum_exp_avx2(const float *x, size_t n)
{
    const double max = max_of(x, n);
    const __m256d max4 = _mm256_set1_pd(max);
    const size_t whole = n - n % ORI_LANES;
    __m256d acc[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(),
                      _mm256_setzero_pd()};
    double lanes[ORI_LANES];
    float tail[ORI_LANES];

    for (size_t i = 0; i < whole; i += ORI_LANES)
        add_exps(x + i, max4, acc);
    if (whole < n) { /* exp(-infinity) adds a zero to lanes that are not there */
        for (size_t i = 0; i < ORI_LANES; i++)
            tail[i] = whole + i < n ? x[whole + i] : -INFINITY;
        add_exps(tail, max4, acc);
    }
    ORI_UNROLL
    for (int j = 0; j < 4; j++)
        _mm256_storeu_pd(lanes + 4 * j, acc[j]);
    return max + ori_log(ori_join_lanes_f64(lanes));
}
