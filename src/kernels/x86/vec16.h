/* The 16 lanes of the specification: one register in AVX-512, two in AVX2.
 * What is written over them is compiled once for each tier. */
#ifndef ORI_KERNELS_VEC16_H
#define ORI_KERNELS_VEC16_H

#include "kernels/scalar/lanes.h"
#include "kernels/x86/vec_avx2.h"

#if defined(__AVX512F__)

typedef __m512 ori_v16;

ORI_INLINE ori_v16 ori_v16_set1(float x)
{
    return _mm512_set1_ps(x);
}

ORI_INLINE ori_v16 ori_v16_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

ORI_INLINE void ori_v16_store(float *p, ori_v16 x)
{
    _mm512_storeu_ps(p, x);
}

ORI_INLINE __mmask16 ori_first_lanes(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}

/* The first n <= 16 lanes, the others 0; no other memory is touched. */
ORI_INLINE ori_v16 ori_v16_load_first(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps(ori_first_lanes(n), p);
}

ORI_INLINE void ori_v16_store_first(float *p, size_t n, ori_v16 x)
{
    _mm512_mask_storeu_ps(p, ori_first_lanes(n), x);
}

ORI_INLINE ori_v16 ori_v16_add(ori_v16 a, ori_v16 b)
{
    return _mm512_add_ps(a, b);
}

ORI_INLINE ori_v16 ori_v16_sub(ori_v16 a, ori_v16 b)
{
    return _mm512_sub_ps(a, b);
}

ORI_INLINE ori_v16 ori_v16_mul(ori_v16 a, ori_v16 b)
{
    return _mm512_mul_ps(a, b);
}

ORI_INLINE ori_v16 ori_v16_div(ori_v16 a, ori_v16 b)
{
    return _mm512_div_ps(a, b);
}

ORI_INLINE ori_v16 ori_v16_fma(ori_v16 a, ori_v16 b, ori_v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* x > max ? x : max */
ORI_INLINE ori_v16 ori_v16_max(ori_v16 x, ori_v16 max)
{
    return _mm512_max_ps(x, max);
}

/* min < x ? min : x */
ORI_INLINE ori_v16 ori_v16_min(ori_v16 min, ori_v16 x)
{
    return _mm512_min_ps(min, x);
}

/* The largest of all lanes, in every lane; none is NaN. */
ORI_INLINE ori_v16 ori_v16_max_lanes(ori_v16 x)
{
    x = _mm512_max_ps(x, _mm512_shuffle_f32x4(x, x, 0x4e));
    x = _mm512_max_ps(x, _mm512_shuffle_f32x4(x, x, 0xb1));
    x = _mm512_max_ps(x, _mm512_permute_ps(x, 0x4e));
    return _mm512_max_ps(x, _mm512_permute_ps(x, 0xb1));
}

ORI_INLINE float ori_v16_first(ori_v16 x)
{
    return _mm512_cvtss_f32(x);
}

ORI_INLINE ori_v16 ori_v16_from_f16(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

ORI_INLINE ori_v16 ori_v16_from_i8(const void *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

/* ori_expf step by step; the two multiplications by powers of two are one
 * here, and round once as they do. */
ORI_INLINE ori_v16 ori_v16_exp(ori_v16 x)
{
    const __m512 round = _mm512_set1_ps(ORI_EXP_ROUND);

    x = _mm512_min_ps(_mm512_set1_ps(ORI_EXP_MAX), x); /* both give x if it is NaN */
    x = _mm512_max_ps(_mm512_set1_ps(ORI_EXP_MIN), x);

    const __m512 whole =
        _mm512_sub_ps(_mm512_fmadd_ps(x, _mm512_set1_ps(ORI_EXP_LOG2E), round), round);
    __m512 r = _mm512_fnmadd_ps(whole, _mm512_set1_ps(ORI_EXP_LN2_HIGH), x);
    r = _mm512_fnmadd_ps(whole, _mm512_set1_ps(ORI_EXP_LN2_LOW), r);

    __m512 p = _mm512_set1_ps(ORI_EXP_C7);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(ORI_EXP_C6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(ORI_EXP_C5));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(ORI_EXP_C4));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(ORI_EXP_C3));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(ORI_EXP_C2));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, whole);
}

#else

typedef struct ori_lanes ori_v16;

ORI_INLINE ori_v16 ori_v16_set1(float x)
{
    const __m256 all = _mm256_set1_ps(x);

    return (ori_v16){all, all};
}

ORI_INLINE ori_v16 ori_v16_load(const float *p)
{
    return (ori_v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

ORI_INLINE void ori_v16_store(float *p, ori_v16 x)
{
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
}

/* All ones in the first n of eight lanes, counted from lane `from`. */
ORI_INLINE __m256i ori_first_lanes(size_t n, int from)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n - from), index);
}

/* The first n <= 16 lanes, the others 0; no other memory is touched. */
ORI_INLINE ori_v16 ori_v16_load_first(const float *p, size_t n)
{
    return (ori_v16){_mm256_maskload_ps(p, ori_first_lanes(n, 0)),
                     _mm256_maskload_ps(p + 8, ori_first_lanes(n, 8))};
}

ORI_INLINE void ori_v16_store_first(float *p, size_t n, ori_v16 x)
{
    _mm256_maskstore_ps(p, ori_first_lanes(n, 0), x.low);
    _mm256_maskstore_ps(p + 8, ori_first_lanes(n, 8), x.high);
}

ORI_INLINE ori_v16 ori_v16_add(ori_v16 a, ori_v16 b)
{
    return (ori_v16){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

ORI_INLINE ori_v16 ori_v16_sub(ori_v16 a, ori_v16 b)
{
    return (ori_v16){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}

ORI_INLINE ori_v16 ori_v16_mul(ori_v16 a, ori_v16 b)
{
    return (ori_v16){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}

ORI_INLINE ori_v16 ori_v16_div(ori_v16 a, ori_v16 b)
{
    return (ori_v16){_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}

ORI_INLINE ori_v16 ori_v16_fma(ori_v16 a, ori_v16 b, ori_v16 c)
{
    return (ori_v16){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

/* x > max ? x : max */
ORI_INLINE ori_v16 ori_v16_max(ori_v16 x, ori_v16 max)
{
    return (ori_v16){_mm256_max_ps(x.low, max.low), _mm256_max_ps(x.high, max.high)};
}

/* min < x ? min : x */
ORI_INLINE ori_v16 ori_v16_min(ori_v16 min, ori_v16 x)
{
    return (ori_v16){_mm256_min_ps(min.low, x.low), _mm256_min_ps(min.high, x.high)};
}

/* The largest of all lanes, in every lane; none is NaN. */
ORI_INLINE ori_v16 ori_v16_max_lanes(ori_v16 x)
{
    __m256 top = _mm256_max_ps(x.low, x.high);

    top = _mm256_max_ps(top, _mm256_permute2f128_ps(top, top, 1));
    top = _mm256_max_ps(top, _mm256_permute_ps(top, 0x4e));
    top = _mm256_max_ps(top, _mm256_permute_ps(top, 0xb1));
    return (ori_v16){top, top};
}

ORI_INLINE float ori_v16_first(ori_v16 x)
{
    return _mm256_cvtss_f32(x.low);
}

ORI_INLINE ori_v16 ori_v16_from_f16(const void *p)
{
    const __m128i *half = p;

    return (ori_v16){_mm256_cvtph_ps(_mm_loadu_si128(half)),
                     _mm256_cvtph_ps(_mm_loadu_si128(half + 1))};
}

ORI_INLINE ori_v16 ori_v16_from_i8(const void *p)
{
    const __m128i q = _mm_loadu_si128((const __m128i *)p);

    return (ori_v16){_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)),
                     _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(q, q)))};
}

ORI_INLINE ori_v16 ori_v16_exp(ori_v16 x)
{
    return (ori_v16){ori_exp8(x.low), ori_exp8(x.high)};
}

#endif

ORI_INLINE float ori_v16_join(ori_v16 x)
{
    float lanes[16];

    ori_v16_store(lanes, x);
    return ori_join_lanes(lanes);
}

/* ori_geluf, ori_clamped_swigluf and ori_softcapf, step by step. */
ORI_INLINE ori_v16 ori_v16_gelu(ori_v16 x)
{
    const ori_v16 slope = ori_v16_fma(ori_v16_mul(x, x), ori_v16_set1(-ORI_GELU_CUBIC),
                                      ori_v16_set1(-ORI_GELU_LINEAR));
    const ori_v16 e = ori_v16_exp(ori_v16_mul(x, slope));

    return ori_v16_div(x, ori_v16_add(ori_v16_set1(1.0f), e));
}

ORI_INLINE ori_v16 ori_v16_clamped_swiglu(ori_v16 gate, ori_v16 up)
{
    const ori_v16 limit = ori_v16_set1(ORI_SWIGLU_LIMIT), one = ori_v16_set1(1.0f);

    gate = ori_v16_min(limit, gate);
    up = ori_v16_max(ori_v16_set1(-ORI_SWIGLU_LIMIT), ori_v16_min(limit, up));
    const ori_v16 e = ori_v16_exp(ori_v16_mul(ori_v16_set1(-ORI_SWIGLU_ALPHA), gate));
    return ori_v16_mul(ori_v16_div(gate, ori_v16_add(one, e)), ori_v16_add(up, one));
}

ORI_INLINE ori_v16 ori_v16_softcap(ori_v16 x, ori_v16 cap, ori_v16 twice)
{
    const ori_v16 e = ori_v16_exp(ori_v16_mul(x, twice));
    const ori_v16 part = ori_v16_div(ori_v16_set1(2.0f), ori_v16_add(ori_v16_set1(1.0f), e));

    return ori_v16_fma(ori_v16_mul(cap, ori_v16_set1(-1.0f)), part, cap);
}

#endif
