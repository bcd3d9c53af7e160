/* Superblocks (k-quants, IQ4_XS, IQ3 and IQ2) with Q8K activations: what their
 * products share.  A type is a struct kind, which says how its blocks come apart.
 *
 * Quants come out of the file's blocks 64 at a time, unsigned (4 is added for Q3_K,
 * 32 for Q6_K, 16 to 128 for the others), as two runs of 32 that the type's `runs`
 * names.
 *
 * A few columns: eight rows at a time.  Four rows' quants are transposed by fours,
 * so that a lane has those of one row and 16 elements, all of which share a scale.
 *
 * More columns: panels of 32 rows (panel_avx512.h), lanes across the rows.
 *
 * The sums over 16 activations, times the minimums or (types without) times the
 * scales, give the second term, or take out again what was added.  Bounds of the
 * int32 sums: scalar/unpack.h. */
#ifndef ORI_KERNELS_SUPERBLOCK_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_AVX512_H

#include "kernels/kernels.h"
#include "kernels/x86/kquant.h"
#include "kernels/x86/panel_avx512.h"

#define FEW_ROWS 8

/* What four blocks say beside their quants: lane r of a quarter belongs to row r. */
struct heads {
    __m512i scales[4]; /* [c], of the four 16s of chunk c, one in each quarter */
    __m512i sums[2];   /* int16: the factors of two of the activations' sums; the second
                        * for a type whose scales are for 16 elements */
    __m128 d, dmin;
};

struct kind {
    size_t block_bytes;
    size_t d;           /* offset of d; dmin stands after it */
    float unit;         /* what d counts, 1 over a power of two */
    int offset;         /* log2 of what is added to q; 0 for a type with minimums */
    int sub;            /* elements that share a scale: 16 or 32 */
    uint8_t runs[4][2]; /* which runs of 32 elements chunk c holds */
    __m512i (*chunk)(const uint8_t *block, int c);
    struct ori_kquant_scales (*scales)(const uint8_t *block);
    /* Chunks 2h and 2h + 1 of four rows: out[.][i] has the i-th fours of each 16
     * elements, which are a quarter, a row in each of its lanes. */
    void (*fours)(const uint8_t *const w[4], int h, __m512i out[2][4]);
    struct heads (*heads)(const uint8_t *const w[4]);
};

/* ---- a few columns: eight rows at a time ---- */

/* Of any type. */
ORI_INLINE void fours_of_chunks(__m512i (*chunk)(const uint8_t *block, int c),
                                const uint8_t *const w[4], int h, __m512i out[2][4])
{
    ORI_UNROLL
    for (int odd = 0; odd < 2; odd++) {
        ORI_UNROLL
        for (int r = 0; r < 4; r++)
            out[odd][r] = chunk(w[r], 2 * h + odd);
        ori_transpose4(out[odd]);
    }
}

/* 16 bytes of each of four rows -> four bytes after the other, a row in each lane. */
ORI_INLINE void rows_to_lanes(const __m128i rows[4], __m128i out[4])
{
    const __m512i by_row =
        _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(rows[1], rows[0])),
                           _mm256_set_m128i(rows[3], rows[2]), 1);
    const __m512i by_word = _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), by_row);

    out[0] = _mm512_castsi512_si128(by_word);
    out[1] = _mm512_extracti32x4_epi32(by_word, 1);
    out[2] = _mm512_extracti32x4_epi32(by_word, 2);
    out[3] = _mm512_extracti32x4_epi32(by_word, 3);
}

ORI_INLINE void load_to_lanes(const uint8_t *const w[4], size_t offset, __m128i out[4])
{
    const __m128i rows[4] = {ori_load16(w[0] + offset), ori_load16(w[1] + offset),
                             ori_load16(w[2] + offset), ori_load16(w[3] + offset)};

    rows_to_lanes(rows, out);
}

/* Bytes of four sub-blocks in each row's lane -> integers: those of sub-blocks
 * a, b, c, d in the quarters. */
ORI_INLINE __m512i in_quarters(__m128i bytes, char a, char b, char c, char d)
{
    const __m128i rows = _mm_setr_epi8(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    const __m128i sub_blocks = _mm_setr_epi8(a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d);

    return _mm512_cvtepi8_epi32(_mm_shuffle_epi8(bytes, _mm_add_epi8(rows, sub_blocks)));
}

/* For pairs of int16 out of each row's lane of four bytes: the first pair of all
 * rows, then the second. */
ORI_INLINE __m128i by_pairs(__m128i bytes)
{
    return _mm_shuffle_epi8(bytes,
                            _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
}

ORI_INLINE __m512i pairs_in_quarters(__m128i first, __m128i second)
{
    return _mm512_cvtepi8_epi16(_mm256_set_m128i(by_pairs(second), by_pairs(first)));
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

/* The quarters of each of four vectors added up: a sum in each quarter. */
ORI_INLINE __m512i sum_quarters(__m512i a, __m512i b, __m512i c, __m512i d)
{
    const __m512i ab = _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(1, 0, 1, 0)),
                                        _mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(3, 2, 3, 2)));
    const __m512i cd = _mm512_add_epi32(_mm512_shuffle_i32x4(c, d, _MM_SHUFFLE(1, 0, 1, 0)),
                                        _mm512_shuffle_i32x4(c, d, _MM_SHUFFLE(3, 2, 3, 2)));

    return _mm512_add_epi32(_mm512_shuffle_i32x4(ab, cd, _MM_SHUFFLE(2, 0, 2, 0)),
                            _mm512_shuffle_i32x4(ab, cd, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* The activations' sums of each scale's elements, int16, two in each lane: the first
 * two of sub-blocks in quarter 0 and so on. */
struct spread_sums {
    __m512i pairs[2];
};

ORI_INLINE struct spread_sums spread_sums(const struct kind *kind, const struct ori_act_q8k *a)
{
    const __m512i quarter = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m512i further = _mm512_add_epi32(quarter, _mm512_set1_epi32(4));
    __m256i sums = ori_load32(a->sums);

    if (kind->sub == 32) { /* at most 32 * 127: int16 holds it */
        sums = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
        sums = _mm256_castsi128_si256(_mm256_cvtepi32_epi16(sums));
    }
    const __m512i all = _mm512_castsi256_si512(sums);
    return (struct spread_sums){
        {_mm512_permutexvar_epi32(quarter, all), _mm512_permutexvar_epi32(further, all)}};
}

/* The second term of four rows, in quarters. */
ORI_INLINE __m512i second_term(const struct kind *kind, const struct heads *w,
                               const struct spread_sums *sums)
{
    const __m512i first = _mm512_dpwssd_epi32(_mm512_setzero_si512(), w->sums[0], sums->pairs[0]);

    return kind->sub == 32 ? first : _mm512_dpwssd_epi32(first, w->sums[1], sums->pairs[1]);
}

/* One superblock of eight rows with one column folded into acc. */
ORI_INLINE __m256 fold_heads(const struct kind *kind, const struct heads w[2],
                             const __m512i dots[2], const struct ori_act_q8k *a, __m256 acc)
{
    const __m256 da = _mm256_set1_ps(a->d);
    const __m256 units = _mm256_set_m128(w[1].d, w[0].d);
    const __m256 d = _mm256_mul_ps(_mm256_mul_ps(units, _mm256_set1_ps(kind->unit)), da);
    const struct spread_sums sums = spread_sums(kind, a);
    const __m512i both = sum_quarters(dots[0], dots[1], second_term(kind, &w[0], &sums),
                                      second_term(kind, &w[1], &sums));
    const __m256i dot = _mm512_castsi512_si256(both), second = _mm512_extracti64x4_epi64(both, 1);

    if (kind->offset) {
        const __m256i without = _mm256_sub_epi32(dot, _mm256_slli_epi32(second, kind->offset));
        return _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(without), acc);
    }
    const __m256 dmin = _mm256_mul_ps(_mm256_set_m128(w[1].dmin, w[0].dmin), da);
    acc = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(dot), acc);
    return _mm256_fnmadd_ps(dmin, _mm256_cvtepi32_ps(second), acc);
}

/* One superblock of eight rows with n_cols columns folded into acc. */
ORI_INLINE void fold8(const struct kind *kind, const uint8_t *const w[FEW_ROWS],
                      const struct ori_act_q8k *const a[ORI_FEW_GROUP], int n_cols,
                      __m256 acc[ORI_FEW_GROUP])
{
    const struct heads heads[2] = {kind->heads(w), kind->heads(w + 4)};
    __m512i dots[ORI_FEW_GROUP][2];

    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        dots[i][0] = dots[i][1] = _mm512_setzero_si512();
    ORI_UNROLL
    for (int h = 0; h < 2; h++) {
        __m512i fours[2][2][4]; /* of each four rows, of both chunks */

        kind->fours(w, h, fours[0]);
        kind->fours(w + 4, h, fours[1]);
        ORI_UNROLL
        for (int odd = 0; odd < 2; odd++) {
            const int c = 2 * h + odd;
            ORI_UNROLL
            for (int i = 0; i < n_cols; i++) {
                __m512i x[4];

                spread_fours(kind, a[i], c, x);
                ORI_UNROLL
                for (int g = 0; g < 2; g++) {
                    const __m512i part = dot_fours(fours[g][odd], x);
                    dots[i][g] =
                        _mm512_add_epi32(dots[i][g], _mm512_mullo_epi32(part, heads[g].scales[c]));
                }
            }
        }
    }
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        acc[i] = fold_heads(kind, heads, dots[i], a[i], acc[i]);
}

/* Eight rows from r by n_cols columns from c, n_cols a constant. */
ORI_INLINE void rows_times(const struct kind *kind, const struct ori_matmul *m, size_t r, size_t c,
                           int n_cols)
{
    const size_t ahead = ori_ahead(m, FEW_ROWS);
    const uint8_t *w[FEW_ROWS];
    const struct ori_act_q8k *a[ORI_FEW_GROUP];
    __m256 acc[ORI_FEW_GROUP];

    ori_rows(m, r, FEW_ROWS, w);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        a[i] = (const void *)(m->acts + (c + (size_t)i) * m->act_bytes);
        acc[i] = _mm256_setzero_ps();
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
        ori_store8(m, r, c + (size_t)i, acc[i]);
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
        _mm512_store_ps(panel->d[half],
                        _mm512_mul_ps(_mm512_cvtph_ps(ori_load32(d)), _mm512_set1_ps(kind->unit)));
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
    _Alignas(32) int16_t sums[ORI_GROUP][16];
    const struct ori_act_q8k *a[ORI_GROUP];
    __m512i total[ORI_GROUP][2], second[ORI_GROUP][2];

    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        a[i] = (const void *)(acts + (size_t)i * act_bytes);
        sub_sums(kind, a[i], sums[i]);
        total[i][0] = total[i][1] = _mm512_setzero_si512();
    }
    for (int s = 0; s < ORI_SUPERBLOCK / kind->sub; s++) {
        const uint8_t(*lines)[2][64] = panel->quants.line + s * steps;
        __m512i part[ORI_GROUP][2];

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

/* ---- a type ---- */

#define DEFINE_TYPE(type, unit, offset, sub, heads, ...)                                           \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type),                       \
                                            offsetof(struct ori_block_##type, d),                  \
                                            unit,                                                  \
                                            offset,                                                \
                                            sub,                                                   \
                                            __VA_ARGS__,                                           \
                                            chunk_##type,                                          \
                                            ori_scales_##type,                                     \
                                            fours_##type,                                          \
                                            heads};                                                \
    ORI_DEFINE_MATMUL_AVX512(type, ORI_SUPERBLOCK, struct ori_act_q8k)

#endif
