/* F32, F16, BF16 with float activations: 16 lanes along the row, four products
 * at a time in eight accumulators. */
#include "kernels/x86/x86.h"

#include "kernels/scalar/lanes.h"
#include "kernels/x86/tiles_avx2.h"

/* How a type's weights become floats. */
struct kind {
    size_t bytes; /* of a weight */
    __m256 (*load8)(const uint8_t *p);
    float (*load1)(const uint8_t *p);
};

ORI_INLINE __m256 load8_f32(const uint8_t *p)
{
    return _mm256_loadu_ps((const float *)(const void *)p);
}

ORI_INLINE float load1_f32(const uint8_t *p)
{
    return ori_f32_of_bits(ori_load_le32(p));
}

ORI_INLINE __m256 load8_f16(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

ORI_INLINE float load1_f16(const uint8_t *p)
{
    return ori_load_f16(p);
}

ORI_INLINE __m256 load8_bf16(const uint8_t *p)
{
    const __m128i half = _mm_loadu_si128((const __m128i *)(const void *)p);

    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

ORI_INLINE float load1_bf16(const uint8_t *p)
{
    return ori_bf16_to_f32(ori_load_le16(p));
}

/* The last n % 16 elements of one product. */
ORI_INLINE struct ori_lanes dot_tail(const struct kind *kind, const uint8_t *w, const float *a,
                                     size_t count, struct ori_lanes acc)
{
    float x[ORI_LANES] = {0}, y[ORI_LANES] = {0};

    for (size_t i = 0; i < count; i++) {
        x[i] = kind->load1(w + i * kind->bytes);
        y[i] = a[i];
    }
    return ori_fma_partial(x, y, count, acc);
}

ORI_INLINE __m128 dot4(const void *info, const uint8_t *const w[4], const uint8_t *const a[4],
                       size_t n, bool across, size_t ahead)
{
    const struct kind *kind = info;
    const float *const x[4] = {(const void *)a[0], (const void *)a[1], (const void *)a[2],
                               (const void *)a[3]};
    const size_t whole = n - n % ORI_LANES;
    struct ori_lanes acc[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        acc[i] = (struct ori_lanes){_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t k = 0; k < whole; k += ORI_LANES) {
        ORI_UNROLL
        for (int i = 0; i < 4; i++) {
            const uint8_t *p = w[i] + k * kind->bytes;

            if (!across)
                ori_prefetch(p, ahead);
            acc[i].low = _mm256_fmadd_ps(kind->load8(p), _mm256_loadu_ps(x[i] + k), acc[i].low);
            acc[i].high = _mm256_fmadd_ps(kind->load8(p + 8 * kind->bytes),
                                          _mm256_loadu_ps(x[i] + k + 8), acc[i].high);
        }
    }
    if (whole < n) {
        ORI_UNROLL
        for (int i = 0; i < 4; i++)
            acc[i] = dot_tail(kind, w[i] + whole * kind->bytes, x[i] + whole, n - whole, acc[i]);
    }
    return ori_join4(acc);
}

#define DEFINE_TYPE(type, bytes)                                                                   \
    static const struct kind kind_##type = {bytes, load8_##type, load1_##type};                    \
    ORI_DEFINE_MATMUL_AVX2(type, dot4, &kind_##type)

DEFINE_TYPE(f32, 4)
DEFINE_TYPE(f16, 2)
DEFINE_TYPE(bf16, 2)
