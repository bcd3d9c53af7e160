/* k-quants with Q8K activations.
 *
 * Quants come out of the file's blocks 64 at a time, unsigned (q + 4 for Q3_K,
 * q + 32 for Q6_K), as two runs of 32 that the type's `runs` names.
 *
 * A few columns of a type whose scales are for 32 elements: eight rows at a time,
 * a lane for a part of a sub-block of a row.  Of the others: four rows at a time,
 * lanes along the row.  A pair of products is at most 63 * 127 * 2 = 16,002, so
 * vpmaddubsw is exact, and vpdpwssd multiplies the pairs with their scales.
 *
 * More columns: panels of 32 rows (panel_avx512.h), lanes across the rows.
 *
 * The sums over 16 activations, times the minimums or (Q3_K, Q6_K) times the
 * scales, give the second term, or take the 4 or 32 out again.  Bounds of the
 * int32 sums: scalar/unpack.h. */
#include "kernels/x86/x86.h"

#define GROUP 6 /* two integer sums each of the superblock and of a sub-block */
#include "kernels/x86/kquant.h"
#include "kernels/x86/panel_avx512.h"

#define FEW_ROWS 8

struct kind {
    size_t block_bytes;
    size_t d;           /* offset of d; dmin stands after it */
    int offset;         /* log2 of what is added to q; 0 for a type with minimums */
    int sub;            /* elements that share a scale: 16 or 32 */
    uint8_t runs[4][2]; /* which runs of 32 elements chunk c holds */
    __m512i (*chunk)(const uint8_t *block, int c);
    struct ori_kquant_scales (*scales)(const uint8_t *block);
    /* Of a type whose scales are for 32 elements, else NULL: chunks 2h and 2h + 1 of
     * four rows.  out[.][i] has the i-th fours of each 16 elements, which are a
     * quarter, a row in each of its lanes. */
    void (*fours)(const uint8_t *const w[4], int h, __m512i out[2][4]);
};

/* ---- quants ---- */

ORI_INLINE __m512i load64(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

/* 32 bytes twice, to take bits for two runs from. */
ORI_INLINE __m512i load32_twice(const uint8_t *p)
{
    return _mm512_broadcast_i64x4(ori_load32(p));
}

/* Every byte's bits `low` and up (in the low 32 bytes) or `high` and up (in
 * the others) moved to `to`, then masked.  Shifting 16-bit lanes carries bits
 * of a neighbour only outside of the mask. */
ORI_INLINE __m512i move_bits(__m512i x, int low, int high, int to, char mask)
{
    const __m512i left = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_set1_epi16((short)(to > low ? to - low : 0))),
        _mm256_set1_epi16((short)(to > high ? to - high : 0)), 1);
    const __m512i right = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_set1_epi16((short)(low > to ? low - to : 0))),
        _mm256_set1_epi16((short)(high > to ? high - to : 0)), 1);

    if (to > low || to > high)
        x = _mm512_sllv_epi16(x, left);
    if (low > to || high > to)
        x = _mm512_srlv_epi16(x, right);
    return _mm512_and_si512(x, _mm512_set1_epi8(mask));
}

ORI_INLINE __m512i low_nibbles(__m512i x)
{
    return _mm512_and_si512(x, _mm512_set1_epi8(15));
}

ORI_INLINE __m512i high_nibbles(__m512i x)
{
    return low_nibbles(_mm512_srli_epi16(x, 4));
}

/* A constant fifth bit and the like, on top of the low ones. */
#define WITH_BITS(low, x, first, second, to, mask)                                                 \
    _mm512_or_si512((low), move_bits((x), (first), (second), (to), (mask)))

ORI_INLINE __m512i chunk_q2_k(const uint8_t *block, int c)
{
    const struct ori_block_q2_k *b = (const void *)block;

    return move_bits(load64(b->qs), 2 * c, 2 * c, 0, 3);
}

ORI_INLINE __m512i chunk_q3_k(const uint8_t *block, int c)
{
    const struct ori_block_q3_k *b = (const void *)block;

    return WITH_BITS(move_bits(load64(b->qs), 2 * c, 2 * c, 0, 3), load32_twice(b->hmask), c, 4 + c,
                     2, 4);
}

ORI_INLINE __m512i chunk_q4_k(const uint8_t *block, int c)
{
    const struct ori_block_q4_k *b = (const void *)block;
    const __m512i both = load64(b->qs + c / 2 * 64);

    return c % 2 ? high_nibbles(both) : low_nibbles(both);
}

ORI_INLINE __m512i chunk_q5_k(const uint8_t *block, int c)
{
    const struct ori_block_q5_k *b = (const void *)block;
    const __m512i both = load64(b->qs + c / 2 * 64);
    const int first = c / 2 * 4 + c % 2; /* of the two runs; the other is two further */

    return WITH_BITS(c % 2 ? high_nibbles(both) : low_nibbles(both), load32_twice(b->qh), first,
                     first + 2, 4, 16);
}

ORI_INLINE __m512i chunk_q6_k(const uint8_t *block, int c)
{
    const struct ori_block_q6_k *b = (const void *)block;
    const __m512i both = load64(b->ql + c / 2 * 64);
    const int first = c % 2 * 4; /* bit of the first run's high bits */

    return WITH_BITS(c % 2 ? high_nibbles(both) : low_nibbles(both),
                     load32_twice(b->qh + c / 2 * 32), first, first + 2, 4, 48);
}

/* ---- the same of four rows, by fours: nibbles are parted after the transposing ---- */

ORI_INLINE void fours_of_nibbles(const uint8_t *const w[4], size_t offset, __m512i out[2][4])
{
    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        out[0][r] = load64(w[r] + offset);
    ori_transpose4(out[0]);
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        out[1][i] = high_nibbles(out[0][i]);
        out[0][i] = low_nibbles(out[0][i]);
    }
}

ORI_INLINE void fours_q4_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    fours_of_nibbles(w, offsetof(struct ori_block_q4_k, qs) + 64 * (size_t)h, out);
}

ORI_INLINE void fours_q5_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    __m512i bits[4];

    fours_of_nibbles(w, offsetof(struct ori_block_q5_k, qs) + 64 * (size_t)h, out);
    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        bits[r] = load32_twice(w[r] + offsetof(struct ori_block_q5_k, qh));
    ori_transpose4(bits);
    ORI_UNROLL
    for (int odd = 0; odd < 2; odd++) {
        ORI_UNROLL
        for (int i = 0; i < 4; i++)
            out[odd][i] = WITH_BITS(out[odd][i], bits[i], 4 * h + odd, 4 * h + odd + 2, 4, 16);
    }
}

/* ---- a few columns: four rows at a time ---- */

/* For vpermw: word i becomes the scale of the 16s of chunk c that it lies in. */
ORI_INLINE __m512i scale_of_word(const struct kind *kind, int c)
{
    const int64_t word = 0x0001000100010001;
    const int64_t i = word * 2 * kind->runs[c][0], j = word * 2 * kind->runs[c][1];

    return _mm512_setr_epi64(i, i, i + word, i + word, j, j, j + word, j + word);
}

/* The second term of four rows with one column, not yet summed up. */
ORI_INLINE void second_term(const __m128i factors[ORI_ROWS], const struct ori_act_q8k *a,
                            __m256i out[ORI_ROWS])
{
    const __m256i sums = ori_load32(a->sums);

    ORI_UNROLL
    for (int r = 0; r < ORI_ROWS; r++)
        out[r] = _mm256_madd_epi16(_mm256_cvtepi8_epi16(factors[r]), sums);
}

/* One superblock of four rows with n_cols columns folded into acc. */
ORI_INLINE void fold4(const struct kind *kind, const uint8_t *const w[ORI_ROWS],
                      const struct ori_act_q8k *const a[ORI_FEW_GROUP], int n_cols,
                      __m128 acc[ORI_FEW_GROUP])
{
    __m512i scales[ORI_ROWS], dots[ORI_ROWS][ORI_FEW_GROUP];
    __m128i factors[ORI_ROWS];

    ORI_UNROLL
    for (int r = 0; r < ORI_ROWS; r++) {
        const struct ori_kquant_scales s = kind->scales(w[r]);
        scales[r] = _mm512_castsi256_si512(_mm256_cvtepi8_epi16(s.scale));
        factors[r] = s.sums;
        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            dots[r][i] = _mm512_setzero_si512();
    }
    ORI_UNROLL
    for (int c = 0; c < 4; c++) {
        __m512i x[ORI_FEW_GROUP];

        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            x[i] = ori_load32x2(a[i]->qs + 32 * kind->runs[c][0], a[i]->qs + 32 * kind->runs[c][1]);
        ORI_UNROLL
        for (int r = 0; r < ORI_ROWS; r++) {
            const __m512i q = kind->chunk(w[r], c);
            const __m512i scale = _mm512_permutexvar_epi16(scale_of_word(kind, c), scales[r]);
            ORI_UNROLL
            for (int i = 0; i < n_cols; i++)
                dots[r][i] = _mm512_dpwssd_epi32(dots[r][i], _mm512_maddubs_epi16(q, x[i]), scale);
        }
    }

    const __m128 d = ori_load4_f16(w, kind->d);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        const __m128 da = _mm_set1_ps(a[i]->d);
        __m256i dot[ORI_ROWS], second[ORI_ROWS];

        second_term(factors, a[i], second);
        ORI_UNROLL
        for (int r = 0; r < ORI_ROWS; r++) {
            dot[r] = ori_join_to_8_i32(dots[r][i]);
            if (kind->offset)
                dot[r] = _mm256_sub_epi32(dot[r], _mm256_slli_epi32(second[r], kind->offset));
        }
        const __m128i isum = ori_sum4_i32(dot[0], dot[1], dot[2], dot[3]);
        acc[i] = _mm_fmadd_ps(_mm_mul_ps(d, da), _mm_cvtepi32_ps(isum), acc[i]);
        if (!kind->offset) {
            const __m128 dmin = ori_load4_f16(w, kind->d + 2);
            const __m128i msum = ori_sum4_i32(second[0], second[1], second[2], second[3]);
            acc[i] = _mm_fnmadd_ps(_mm_mul_ps(dmin, da), _mm_cvtepi32_ps(msum), acc[i]);
        }
    }
}

/* Four rows from r by n_cols columns from c, n_cols a constant. */
ORI_INLINE void four_rows_times(const struct kind *kind, const struct ori_matmul *m, size_t r,
                                size_t c, int n_cols)
{
    const size_t ahead = ori_ahead(m, ORI_ROWS);
    const uint8_t *w[ORI_ROWS];
    const struct ori_act_q8k *a[ORI_FEW_GROUP];
    __m128 acc[ORI_FEW_GROUP];

    ori_rows(m, r, ORI_ROWS, w);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        a[i] = (const void *)(m->acts + (c + (size_t)i) * m->act_bytes);
        acc[i] = _mm_setzero_ps();
    }
    for (size_t b = 0; b < m->n / ORI_SUPERBLOCK; b++) {
        ORI_UNROLL
        for (int i = 0; i < ORI_ROWS; i++)
            for (size_t line = 0; line < kind->block_bytes; line += 64)
                ori_prefetch_far(w[i], ahead + line);
        fold4(kind, w, a, n_cols, acc);
        ORI_UNROLL
        for (int i = 0; i < ORI_ROWS; i++)
            w[i] += kind->block_bytes;
        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            a[i]++;
    }
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        ori_store4(m, r, c + (size_t)i, acc[i]);
}

/* ---- a few columns: eight rows at a time, where 32 elements share a scale ---- */

/* What four blocks' heads hold: lane r belongs to row r. */
struct heads {
    __m512i scales[2], mins[2]; /* [h] of sub-blocks 4h to 4h + 3, one in each quarter */
    __m128 d, dmin;
};

/* Bytes of four sub-blocks in each row's lane -> integers, a sub-block in each
 * quarter. */
ORI_INLINE __m512i by_sub_block(__m128i bytes)
{
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);

    return _mm512_cvtepu8_epi32(_mm_shuffle_epi8(bytes, order));
}

/* d, dmin and the 12 bytes of scales are the first 16 bytes of a block; how the six
 * bits lie is said in blocks.h. */
ORI_INLINE struct heads load_heads(const uint8_t *const w[4])
{
    const __m512i by_row = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_set_m128i(ori_load16(w[1]), ori_load16(w[0]))),
        _mm256_set_m128i(ori_load16(w[3]), ori_load16(w[2])), 1);
    const __m512i words = _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), by_row);
    const __m128i units =
        _mm_shuffle_epi8(_mm512_castsi512_si128(words),
                         _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    const __m128i a = _mm512_extracti32x4_epi32(words, 1);
    const __m128i b = _mm512_extracti32x4_epi32(words, 2);
    const __m128i c = _mm512_extracti32x4_epi32(words, 3);
    const __m128i six = _mm_set1_epi8(0x3f), four = _mm_set1_epi8(0x0f);
    const __m128i two = _mm_set1_epi8(0x30);
    const __m256 d = _mm256_cvtph_ps(units);

    return (struct heads){
        .scales = {by_sub_block(_mm_and_si128(a, six)),
                   by_sub_block(_mm_or_si128(_mm_and_si128(c, four),
                                             _mm_and_si128(_mm_srli_epi16(a, 2), two)))},
        .mins = {by_sub_block(_mm_and_si128(b, six)),
                 by_sub_block(_mm_or_si128(_mm_and_si128(_mm_srli_epi16(c, 4), four),
                                           _mm_and_si128(_mm_srli_epi16(b, 2), two)))},
        .d = _mm256_castps256_ps128(d),
        .dmin = _mm256_extractf128_ps(d, 1),
    };
}

/* The fours of a chunk of activations, for all four rows. */
ORI_INLINE void spread_fours(const struct kind *kind, const struct ori_act_q8k *a, int c,
                             __m512i out[4])
{
    const __m512i x = ori_load32x2(a->qs + 32 * kind->runs[c][0], a->qs + 32 * kind->runs[c][1]);

    out[0] = _mm512_shuffle_epi32(x, 0x00);
    out[1] = _mm512_shuffle_epi32(x, 0x55);
    out[2] = _mm512_shuffle_epi32(x, 0xaa);
    out[3] = _mm512_shuffle_epi32(x, 0xff);
}

ORI_INLINE __m512i dot_fours(const __m512i w[4], const __m512i x[4])
{
    __m512i sum = _mm512_setzero_si512();

    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        sum = _mm512_dpbusd_epi32(sum, w[i], x[i]);
    return sum;
}

/* Sums of 16 elements, of sub-blocks 0, 0, 2, 2 and of 1, 1, 3, 3, to those of 32. */
ORI_INLINE __m512i sub_block_sums(__m512i even, __m512i odd)
{
    const __mmask16 other = 0xf0f0;
    const __m512i x = _mm512_mask_blend_epi32(other, even, odd);
    const __m512i y = _mm512_mask_blend_epi32(other, odd, even);

    return _mm512_add_epi32(x, _mm512_shuffle_i32x4(y, y, _MM_SHUFFLE(2, 3, 0, 1)));
}

ORI_INLINE __m128i sum_quarters(__m512i x)
{
    const __m256i y = ori_join_to_8_i32(x);

    return _mm_add_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
}

/* The activations' sums of sub-blocks 4h to 4h + 3, one in each quarter. */
ORI_INLINE __m512i spread_sums(const struct ori_act_q8k *a, int h)
{
    const __m256i sums = _mm256_madd_epi16(ori_load32(a->sums), _mm256_set1_epi16(1));
    const __m512i quarter = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);

    return _mm512_permutexvar_epi32(_mm512_add_epi32(quarter, _mm512_set1_epi32(4 * h)),
                                    _mm512_castsi256_si512(sums));
}

/* One superblock of four rows with one column folded into acc. */
ORI_INLINE __m128 fold_heads(const struct heads *w, __m512i dots, const struct ori_act_q8k *a,
                             const __m512i sums[2], __m128 acc)
{
    const __m128 da = _mm_set1_ps(a->d);
    const __m512i second = _mm512_add_epi32(_mm512_mullo_epi32(w->mins[0], sums[0]),
                                            _mm512_mullo_epi32(w->mins[1], sums[1]));

    acc = _mm_fmadd_ps(_mm_mul_ps(w->d, da), _mm_cvtepi32_ps(sum_quarters(dots)), acc);
    return _mm_fnmadd_ps(_mm_mul_ps(w->dmin, da), _mm_cvtepi32_ps(sum_quarters(second)), acc);
}

/* One superblock of eight rows with n_cols columns folded into acc. */
ORI_INLINE void fold8(const struct kind *kind, const uint8_t *const w[FEW_ROWS],
                      const struct ori_act_q8k *const a[ORI_FEW_GROUP], int n_cols,
                      __m128 acc[ORI_FEW_GROUP][2])
{
    const struct heads heads[2] = {load_heads(w), load_heads(w + 4)};
    __m512i dots[ORI_FEW_GROUP][2];

    ORI_UNROLL
    for (int h = 0; h < 2; h++) {
        __m512i part[ORI_FEW_GROUP][2][2];

        __m512i fours[2][2][4]; /* of each four rows, of even and odd sub-blocks */

        kind->fours(w, h, fours[0]);
        kind->fours(w + 4, h, fours[1]);
        ORI_UNROLL
        for (int odd = 0; odd < 2; odd++) {
            ORI_UNROLL
            for (int i = 0; i < n_cols; i++) {
                __m512i x[4];
                spread_fours(kind, a[i], 2 * h + odd, x);
                part[i][0][odd] = dot_fours(fours[0][odd], x);
                part[i][1][odd] = dot_fours(fours[1][odd], x);
            }
        }
        ORI_UNROLL
        for (int i = 0; i < n_cols; i++) {
            ORI_UNROLL
            for (int g = 0; g < 2; g++) {
                const __m512i sums = sub_block_sums(part[i][g][0], part[i][g][1]);
                const __m512i scaled = _mm512_mullo_epi32(sums, heads[g].scales[h]);
                dots[i][g] = h ? _mm512_add_epi32(dots[i][g], scaled) : scaled;
            }
        }
    }
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        const __m512i sums[2] = {spread_sums(a[i], 0), spread_sums(a[i], 1)};
        acc[i][0] = fold_heads(&heads[0], dots[i][0], a[i], sums, acc[i][0]);
        acc[i][1] = fold_heads(&heads[1], dots[i][1], a[i], sums, acc[i][1]);
    }
}

/* Eight rows from r by n_cols columns from c, n_cols a constant. */
ORI_INLINE void eight_rows_times(const struct kind *kind, const struct ori_matmul *m, size_t r,
                                 size_t c, int n_cols)
{
    const size_t ahead = ori_ahead(m, FEW_ROWS);
    const uint8_t *w[FEW_ROWS];
    const struct ori_act_q8k *a[ORI_FEW_GROUP];
    __m128 acc[ORI_FEW_GROUP][2];

    ori_rows(m, r, FEW_ROWS, w);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        a[i] = (const void *)(m->acts + (c + (size_t)i) * m->act_bytes);
        acc[i][0] = acc[i][1] = _mm_setzero_ps();
    }
    for (size_t b = 0; b < m->n / ORI_SUPERBLOCK; b++) {
        fold8(kind, w, a, n_cols, acc);
        ORI_UNROLL
        for (int i = 0; i < FEW_ROWS; i++) {
            for (size_t line = 0; line < kind->block_bytes; line += 64)
                ori_prefetch_far(w[i], ahead + line);
            w[i] += kind->block_bytes;
        }
        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            a[i]++;
    }
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        ori_store8(m, r, c + (size_t)i, _mm256_set_m128(acc[i][1], acc[i][0]));
}

ORI_INLINE void rows_times(const struct kind *kind, const struct ori_matmul *m, size_t r, size_t c,
                           int n_cols)
{
    if (kind->fours) {
        eight_rows_times(kind, m, r, c, n_cols);
        return;
    }
    four_rows_times(kind, m, r, c, n_cols);
    if (r + ORI_ROWS < m->n_rows)
        four_rows_times(kind, m, r + ORI_ROWS, c, n_cols);
}

/* ---- many columns: panels ---- */

struct panel {
    struct ori_panel_quants quants;
    _Alignas(64) int32_t scale[16][2][16]; /* of each sub-block */
    int16_t sums[8][2][32];                /* factors of the sums of two sub-blocks */
    float d[2][16], dmin[2][16];
};

/* The 16 bytes of each of 16 rows -> dwords of four consecutive bytes, with
 * the rows in lanes. */
ORI_INLINE void across_rows(const __m128i bytes[16], __m512i fours[4])
{
    _Alignas(64) __m128i parts[4][4];

    for (int r = 0; r < 16; r += 4) {
        const __m128i ab_low = _mm_unpacklo_epi32(bytes[r], bytes[r + 1]);
        const __m128i ab_high = _mm_unpackhi_epi32(bytes[r], bytes[r + 1]);
        const __m128i cd_low = _mm_unpacklo_epi32(bytes[r + 2], bytes[r + 3]);
        const __m128i cd_high = _mm_unpackhi_epi32(bytes[r + 2], bytes[r + 3]);
        parts[0][r / 4] = _mm_unpacklo_epi64(ab_low, cd_low);
        parts[1][r / 4] = _mm_unpackhi_epi64(ab_low, cd_low);
        parts[2][r / 4] = _mm_unpacklo_epi64(ab_high, cd_high);
        parts[3][r / 4] = _mm_unpackhi_epi64(ab_high, cd_high);
    }
    for (int j = 0; j < 4; j++)
        fours[j] = _mm512_load_si512(parts[j]);
}

/* Bytes `first` and `second` of every dword as two int16. */
ORI_INLINE __m512i widen(__m512i x, int first, int second)
{
    const __m128i to_high =
        _mm_add_epi8(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12),
                     _mm_set1_epi32((int)((uint32_t)first << 8 | (uint32_t)second << 24)));

    return _mm512_srai_epi16(_mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(to_high)), 8);
}

ORI_INLINE void put_scales(const struct kind *kind, const struct ori_kquant_scales s[16], int half,
                           struct panel *panel)
{
    const int step = kind->sub / 16; /* scales of 32 elements stand twice */
    __m128i scale[16], sums[16];
    __m512i fours[4];

    for (int r = 0; r < 16; r++) {
        scale[r] = s[r].scale;
        sums[r] = s[r].sums;
    }
    across_rows(scale, fours);
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 4; i += step)
            _mm512_store_si512(
                panel->scale[(4 * j + i) / step][half],
                _mm512_srai_epi32(_mm512_sll_epi32(fours[j], _mm_cvtsi32_si128(24 - 8 * i)), 24));
    across_rows(sums, fours);
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 4; i += 2 * step)
            _mm512_store_si512(panel->sums[(4 * j + i) / step / 2][half],
                               widen(fours[j], i, i + step));
}

ORI_INLINE void build(const struct kind *kind, const uint8_t *const rows[ORI_PANEL_ROWS],
                      size_t n_blocks, struct panel *panel)
{
    (void)n_blocks; /* one superblock is a panel */
    ORI_UNROLL
    for (int half = 0; half < 2; half++) {
        const uint8_t *const *w = rows + 16 * half;
        struct ori_kquant_scales scales[16];
        uint16_t d[16], dmin[16];

        for (size_t r = 0; r < 16; r += 4) {
            ORI_UNROLL
            for (int c = 0; c < 4; c++) {
                const uint8_t first = (uint8_t)(8 * kind->runs[c][0]);
                const uint8_t second = (uint8_t)(8 * kind->runs[c][1]);
                const uint8_t at[4] = {first, (uint8_t)(first + 4), second, (uint8_t)(second + 4)};
                const __m512i q[4] = {kind->chunk(w[r], c), kind->chunk(w[r + 1], c),
                                      kind->chunk(w[r + 2], c), kind->chunk(w[r + 3], c)};
                ori_panel_put4(&panel->quants, (size_t)half, r, q, at);
            }
        }
        for (int r = 0; r < 16; r++) {
            scales[r] = kind->scales(w[r]);
            d[r] = ori_load_le16(w[r] + kind->d);
            dmin[r] = kind->offset ? 0 : ori_load_le16(w[r] + kind->d + 2);
        }
        put_scales(kind, scales, half, panel);
        _mm512_store_ps(panel->d[half], _mm512_cvtph_ps(ori_load32(d)));
        _mm512_store_ps(panel->dmin[half], _mm512_cvtph_ps(ori_load32(dmin)));
    }
}

/* The sums of the activations of each sub-block, in pairs. */
ORI_INLINE void sub_sums(const struct kind *kind, const struct ori_act_q8k *a, int16_t out[16])
{
    __m256i sums = ori_load32(a->sums);

    if (kind->sub == 32) { /* at most 32 * 127: int16 holds it */
        sums = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
        sums = _mm256_castsi128_si256(_mm256_cvtepi32_epi16(sums));
    }
    _mm256_store_si256((__m256i *)(void *)out, sums);
}

/* The panel times n columns, n a constant.  Everything that is indexed by a
 * column lives in registers: 2 n integer sums, as many of the sub-block at
 * hand, two lines of the panel, a broadcast and a scale. */
ORI_INLINE void times(const struct kind *kind, const struct panel *panel, size_t n_blocks,
                      const uint8_t *acts, size_t act_bytes, float *acc, int n)
{
    (void)n_blocks;
    const __m128i shift = _mm_cvtsi32_si128(kind->offset);
    const int steps = kind->sub / 4;
    _Alignas(32) int16_t sums[GROUP][16];
    const struct ori_act_q8k *a[GROUP];
    __m512i total[GROUP][2], second[GROUP][2];

    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        a[i] = (const void *)(acts + (size_t)i * act_bytes);
        sub_sums(kind, a[i], sums[i]);
        total[i][0] = total[i][1] = _mm512_setzero_si512();
    }
    for (int s = 0; s < ORI_SUPERBLOCK / kind->sub; s++) {
        const uint8_t(*lines)[2][64] = panel->quants.line + s * steps;
        __m512i part[GROUP][2];

        ORI_UNROLL
        for (int i = 0; i < n; i++)
            part[i][0] = part[i][1] = _mm512_setzero_si512();
        ORI_UNROLL
        for (int k = 0; k < steps; k++) {
            const __m512i low = _mm512_load_si512(lines[k][0]);
            const __m512i high = _mm512_load_si512(lines[k][1]);
            ORI_UNROLL
            for (int i = 0; i < n; i++) {
                const __m512i x = ori_broadcast4(a[i]->qs + 4 * (s * steps + k));
                part[i][0] = _mm512_dpbusd_epi32(part[i][0], low, x);
                part[i][1] = _mm512_dpbusd_epi32(part[i][1], high, x);
            }
        }
        ORI_UNROLL
        for (int half = 0; half < 2; half++) {
            const __m512i scale = _mm512_load_si512(panel->scale[s][half]);
            ORI_UNROLL
            for (int i = 0; i < n; i++)
                total[i][half] =
                    _mm512_add_epi32(total[i][half], _mm512_mullo_epi32(part[i][half], scale));
        }
    }

    ORI_UNROLL
    for (int i = 0; i < n; i++)
        second[i][0] = second[i][1] = _mm512_setzero_si512();
    for (int j = 0; j < ORI_SUPERBLOCK / kind->sub / 2; j++) {
        const __m512i low = _mm512_load_si512(panel->sums[j][0]);
        const __m512i high = _mm512_load_si512(panel->sums[j][1]);
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            const __m512i x = ori_broadcast4(sums[i] + 2 * j);
            second[i][0] = _mm512_dpwssd_epi32(second[i][0], low, x);
            second[i][1] = _mm512_dpwssd_epi32(second[i][1], high, x);
        }
    }
    ORI_UNROLL
    for (int half = 0; half < 2; half++) {
        const __m512 d = _mm512_load_ps(panel->d[half]);
        const __m512 dmin = _mm512_load_ps(panel->dmin[half]);
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            const __m512 da = _mm512_set1_ps(a[i]->d);
            float *const at = acc + (size_t)i * ORI_PANEL_ROWS + 16 * half;
            __m512 sum = _mm512_load_ps(at);

            if (kind->offset)
                total[i][half] =
                    _mm512_sub_epi32(total[i][half], _mm512_sll_epi32(second[i][half], shift));
            sum = _mm512_fmadd_ps(_mm512_mul_ps(d, da), _mm512_cvtepi32_ps(total[i][half]), sum);
            if (!kind->offset)
                sum = _mm512_fnmadd_ps(_mm512_mul_ps(dmin, da), _mm512_cvtepi32_ps(second[i][half]),
                                       sum);
            _mm512_store_ps(at, sum);
        }
    }
}

/* ---- the types ---- */

#define DEFINE_TYPE(type, offset, sub, fours, ...)                                                 \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type),                       \
                                            offsetof(struct ori_block_##type, d),                  \
                                            offset,                                                \
                                            sub,                                                   \
                                            __VA_ARGS__,                                           \
                                            chunk_##type,                                          \
                                            ori_scales_##type,                                     \
                                            fours};                                                \
    ORI_DEFINE_MATMUL_AVX512(type, ORI_SUPERBLOCK, struct ori_act_q8k)

DEFINE_TYPE(q2_k, 0, 16, NULL, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q3_k, 2, 16, NULL, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q4_k, 0, 32, fours_q4_k, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q5_k, 0, 32, fours_q5_k, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q6_k, 5, 16, NULL, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
