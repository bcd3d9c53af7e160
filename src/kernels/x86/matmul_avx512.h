/* What the AVX-512 products share. */
#ifndef ORI_KERNELS_MATMUL_AVX512_H
#define ORI_KERNELS_MATMUL_AVX512_H

#include "kernels/x86/matmul_x86.h"
#include "kernels/x86/vec16.h"

/* Two halves of 32 bytes from two places. */
ORI_INLINE __m512i ori_load32x2(const void *low, const void *high)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(ori_load32(low)), ori_load32(high), 1);
}

/* The codes that nibbles stand for, made unsigned by 2^offset. */
ORI_INLINE __m512i ori_decode64(const int8_t codes[16], int offset, __m512i q)
{
    const __m128i table = _mm_add_epi8(ori_load16(codes), _mm_set1_epi8((char)(1 << offset)));

    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), q);
}

/* v is loaded here, not where a compiler would rather: the CPU follows a stream best
 * that is read in order. */
#define ORI_LOADED_HERE(v) __asm__ volatile("" : "+v"(v))

/* The four bytes at p in every lane. */
ORI_INLINE __m512i ori_broadcast4(const void *p)
{
    int32_t x;

    memcpy(&x, p, sizeof(x));
    return _mm512_set1_epi32(x);
}

/* In each quarter, 4 by 4: out[i] becomes element 2 * half + i of the four. */
ORI_INLINE void ori_transpose4_half(const __m512i x[4], int half, __m512i out[2])
{
    const __m512i ab = half ? _mm512_unpackhi_epi32(x[0], x[1]) : _mm512_unpacklo_epi32(x[0], x[1]);
    const __m512i cd = half ? _mm512_unpackhi_epi32(x[2], x[3]) : _mm512_unpacklo_epi32(x[2], x[3]);

    out[0] = _mm512_unpacklo_epi64(ab, cd);
    out[1] = _mm512_unpackhi_epi64(ab, cd);
}

/* Both halves, in place. */
ORI_INLINE void ori_transpose4(__m512i x[4])
{
    __m512i out[4];

    ori_transpose4_half(x, 0, out);
    ori_transpose4_half(x, 1, out + 2);
    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        x[i] = out[i];
}

/* ---- a few columns: four or eight rows at a time ---- */

#define ORI_ROWS 4
#define ORI_FEW_GROUP 4   /* columns that one unpacking of the rows serves */
#define ORI_FEW_COLUMNS 8 /* beyond which unpacking panels pays */

/* The n rows from r, n a constant; past the end the last one again, whose
 * results nobody takes. */
ORI_INLINE void ori_rows(const struct ori_matmul *m, size_t r, size_t n, const uint8_t *rows[])
{
    ORI_UNROLL
    for (size_t i = 0; i < n; i++)
        rows[i] = m->weights + (r + i < m->n_rows ? r + i : m->n_rows - 1) * m->row_bytes;
}

/* How far ahead to ask for bytes: whole groups of n rows, at least 16 KiB, which
 * is what comes while memory answers.  Rows of no bytes are one row again and
 * again, or empty. */
ORI_INLINE size_t ori_ahead(const struct ori_matmul *m, size_t n)
{
    const size_t group = n * m->row_bytes;

    return group ? (((size_t)16 << 10) + group - 1) / group * group : 0;
}

/* Those of four rows that there are. */
ORI_INLINE __mmask8 ori_rows4(const struct ori_matmul *m, size_t r)
{
    const size_t left = m->n_rows - r;

    return (__mmask8)(left < ORI_ROWS ? (1u << left) - 1 : 15);
}

ORI_INLINE __m128 ori_load4(const struct ori_matmul *m, size_t r, size_t c)
{
    return _mm_maskz_loadu_ps(ori_rows4(m, r), m->out + c * m->out_stride + r);
}

ORI_INLINE void ori_store4(const struct ori_matmul *m, size_t r, size_t c, __m128 x)
{
    _mm_mask_storeu_ps(m->out + c * m->out_stride + r, ori_rows4(m, r), x);
}

ORI_INLINE void ori_store8(const struct ori_matmul *m, size_t r, size_t c, __m256 x)
{
    const size_t left = m->n_rows - r;

    _mm256_mask_storeu_ps(m->out + c * m->out_stride + r,
                          (__mmask8)(left < 8 ? (1u << left) - 1 : 255), x);
}

/* All rows by all columns; times(kind, m, r, c, n_cols) does n_rows rows by
 * n_cols columns and gets code of its own for each n_cols.  While it uses its
 * rows it asks for the bytes of some after them: the CPU's own prefetching
 * would find them only row by row. */
#define ORI_FEW_TIMES(m, n, times, kind)                                                           \
    for (size_t r = 0; r < (m)->n_rows; r += (n))                                                  \
        for (size_t c = 0; c < (m)->n_cols; c += ORI_FEW_GROUP)                                    \
            switch ((m)->n_cols - c) {                                                             \
            case 1:                                                                                \
                times(kind, m, r, c, 1);                                                           \
                break;                                                                             \
            case 2:                                                                                \
                times(kind, m, r, c, 2);                                                           \
                break;                                                                             \
            case 3:                                                                                \
                times(kind, m, r, c, 3);                                                           \
                break;                                                                             \
            default:                                                                               \
                times(kind, m, r, c, 4);                                                           \
            }

/* Lanes 8 apart. */
ORI_INLINE __m256i ori_join_to_8_i32(__m512i x)
{
    return _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
}

#endif
