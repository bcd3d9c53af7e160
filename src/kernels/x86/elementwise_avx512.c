/* What gains from 16 lanes and from scaling by powers of two in one step: what
 * is made of exp.  Norms, sums, rope, f16 and the quantization of activations
 * are bound by memory or by their one chain, and stay AVX2's.  What is left
 * over from the vectors is one more, masked: masked loads and stores touch no
 * other memory. */
#include "kernels/x86/x86.h"

#include "kernels/elementary.h"
#include "kernels/x86/vec16.h"

ORI_INLINE __m512 silu_mul(__m512 gate, __m512 up)
{
    const __m512 e = ori_v16_exp(_mm512_xor_ps(gate, _mm512_set1_ps(-0.0f)));

    return _mm512_mul_ps(_mm512_div_ps(gate, _mm512_add_ps(_mm512_set1_ps(1.0f), e)), up);
}

void ori_silu_mul_avx512(const float *gate, const float *up, float *out, size_t n)
{
    size_t i = 0;

    for (; n - i >= 16; i += 16)
        _mm512_storeu_ps(out + i, silu_mul(_mm512_loadu_ps(gate + i), _mm512_loadu_ps(up + i)));
    ori_v16_store_first(
        out + i, n - i,
        silu_mul(ori_v16_load_first(gate + i, n - i), ori_v16_load_first(up + i, n - i)));
}

void ori_gelu_avx512(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t k = n - i < 16 ? n - i : 16;
        ori_v16_store_first(x + i, k, ori_v16_gelu(ori_v16_load_first(x + i, k)));
    }
}

void ori_gelu_mul_avx512(const float *gate, const float *up, float *out, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t k = n - i < 16 ? n - i : 16;
        const ori_v16 gelu = ori_v16_gelu(ori_v16_load_first(gate + i, k));
        ori_v16_store_first(out + i, k, ori_v16_mul(gelu, ori_v16_load_first(up + i, k)));
    }
}

void ori_clamped_swiglu_avx512(const float *gate, const float *up, float *out, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t k = n - i < 16 ? n - i : 16;
        ori_v16_store_first(
            out + i, k,
            ori_v16_clamped_swiglu(ori_v16_load_first(gate + i, k), ori_v16_load_first(up + i, k)));
    }
}

void ori_softcap_avx512(float *x, size_t n, float cap)
{
    const ori_v16 cap16 = ori_v16_set1(cap), twice = ori_v16_set1(2.0f / cap);

    for (size_t i = 0; i < n; i += 16) {
        const size_t k = n - i < 16 ? n - i : 16;
        ori_v16_store_first(x + i, k, ori_v16_softcap(ori_v16_load_first(x + i, k), cap16, twice));
    }
}

/* ---- log_sum_exp ---- */

/* ori_exp in eight lanes, step by step; one multiplication by a power of two
 * rounds as its two do. */
ORI_INLINE __m512d exp8(__m512d x)
{
    const __m512d round = _mm512_set1_pd(ORI_F64_ROUND);

    x = _mm512_min_pd(_mm512_set1_pd(ORI_F64_EXP_MAX), x); /* both give x if it is NaN */
    x = _mm512_max_pd(_mm512_set1_pd(ORI_F64_EXP_MIN), x);
    const __m512d scaled = _mm512_mul_pd(x, _mm512_set1_pd(ORI_F64_LOG2E));
    const __m512d whole = _mm512_sub_pd(_mm512_add_pd(scaled, round), round);
    __m512d r = _mm512_fnmadd_pd(whole, _mm512_set1_pd(ORI_F64_LN2_HIGH), x);
    r = _mm512_fnmadd_pd(whole, _mm512_set1_pd(ORI_F64_LN2_LOW), r);

    __m512d p = _mm512_set1_pd(ori_f64_exp_terms[0]);
    ORI_UNROLL
    for (int i = 1; i < ORI_F64_EXP_TERMS; i++)
        p = _mm512_fmadd_pd(p, r, _mm512_set1_pd(ori_f64_exp_terms[i]));
    return _mm512_scalef_pd(p, whole);
}

/* The largest, NaN passed over; -infinity when there is none. */
static float max_of(const float *x, size_t n)
{
    const __m512 none = _mm512_set1_ps(-INFINITY);
    __m512 max = none;
    size_t i = 0;

    for (; n - i >= 16; i += 16)
        max = _mm512_max_ps(_mm512_loadu_ps(x + i), max);
    max = _mm512_max_ps(_mm512_mask_loadu_ps(none, ori_first_lanes(n - i), x + i), max);
    return ori_v16_first(ori_v16_max_lanes(max));
}

ORI_INLINE void add_exps(__m512 x, __m512d max, __m512d sum[2])
{
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(x));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));

    sum[0] = _mm512_add_pd(sum[0], exp8(_mm512_sub_pd(low, max)));
    sum[1] = _mm512_add_pd(sum[1], exp8(_mm512_sub_pd(high, max)));
}

double ori_log_sum_exp_avx512(const float *x, size_t n)
{
    const double max = max_of(x, n);
    const __m512d max8 = _mm512_set1_pd(max);
    const __m512 none = _mm512_set1_ps(-INFINITY); /* whose exp adds a zero */
    __m512d sum[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
    double lanes[ORI_LANES];
    size_t i = 0;

    for (; n - i >= 16; i += 16)
        add_exps(_mm512_loadu_ps(x + i), max8, sum);
    if (i < n)
        add_exps(_mm512_mask_loadu_ps(none, ori_first_lanes(n - i), x + i), max8, sum);
    _mm512_storeu_pd(lanes, sum[0]);
    _mm512_storeu_pd(lanes + 8, sum[1]);
    return max + ori_log(ori_join_lanes_f64(lanes));
}
