/* Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 with Q8 activations.
 *
 * Quants are multiplied unsigned; the 8, 16 or 128 that this adds to those of
 * Q4_0, Q5_0 and Q8_0 comes out by the activations' sum.  Everything up to the
 * fold is an exact integer, once for 32 elements.
 *
 * A few columns: four rows by two blocks at a time, lanes along the row.  More
 * columns: panels of 32 rows by eight blocks (panel_avx512.h). */
#include "kernels/x86/x86.h"

#include "kernels/blocks.h"
#include "kernels/x86/panel_avx512.h"

struct kind {
    size_t block_bytes;
    int offset; /* log2 of what is added to q; 0 for nothing */
    bool has_m; /* m stands after d */
    /* The 64 quants of two blocks, unsigned: the first halves of both, then the
     * second halves. */
    __m512i (*quants)(const uint8_t *first, const uint8_t *second);
};

/* ---- quants ---- */

/* 16 bytes of nibbles of each block: low ones are the first half. */
ORI_INLINE __m512i nibbles(const uint8_t *first, const uint8_t *second)
{
    const __m256i packed = _mm256_loadu2_m128i((const __m128i *)(const void *)second,
                                               (const __m128i *)(const void *)first);
    const __m512i halves =
        _mm512_inserti64x4(_mm512_castsi256_si512(packed), _mm256_srli_epi16(packed, 4), 1);

    return _mm512_and_si512(halves, _mm512_set1_epi8(15));
}

/* Two times 32 bytes in the order of quants(). */
ORI_INLINE __m512i halves_of(const void *first, const void *second)
{
    const __m512i both = ori_load32x2(first, second);

    return _mm512_shuffle_i64x2(both, both, _MM_SHUFFLE(3, 1, 2, 0));
}

/* 32 bits of each block -> 16 in each byte whose bit is set. */
ORI_INLINE __m512i fifth_bits(const uint8_t *first, const uint8_t *second)
{
    const uint32_t low = ori_load_le16(first) | (uint32_t)ori_load_le16(second) << 16;
    const uint32_t high = ori_load_le16(first + 2) | (uint32_t)ori_load_le16(second + 2) << 16;

    return _mm512_maskz_set1_epi8(_cvtu64_mask64(low | (uint64_t)high << 32), 16);
}

ORI_INLINE __m512i quants_q4_0(const uint8_t *first, const uint8_t *second)
{
    const size_t at = offsetof(struct ori_block_q4_0, qs);

    return nibbles(first + at, second + at);
}

ORI_INLINE __m512i quants_q4_1(const uint8_t *first, const uint8_t *second)
{
    const size_t at = offsetof(struct ori_block_q4_1, qs);

    return nibbles(first + at, second + at);
}

ORI_INLINE __m512i quants_q5_0(const uint8_t *first, const uint8_t *second)
{
    const size_t at = offsetof(struct ori_block_q5_0, qs);
    const size_t high = offsetof(struct ori_block_q5_0, qh);

    return _mm512_or_si512(nibbles(first + at, second + at),
                           fifth_bits(first + high, second + high));
}

ORI_INLINE __m512i quants_q5_1(const uint8_t *first, const uint8_t *second)
{
    const size_t at = offsetof(struct ori_block_q5_1, qs);
    const size_t high = offsetof(struct ori_block_q5_1, qh);

    return _mm512_or_si512(nibbles(first + at, second + at),
                           fifth_bits(first + high, second + high));
}

ORI_INLINE __m512i quants_q8_0(const uint8_t *first, const uint8_t *second)
{
    const size_t at = offsetof(struct ori_block_q8_0, qs);

    return _mm512_xor_si512(halves_of(first + at, second + at), _mm512_set1_epi8(-128));
}

/* ---- a few columns: four rows by two blocks at a time ---- */

/* Two blocks of four rows. */
struct weights {
    __m512i quants[ORI_ROWS];
    __m256 d, m; /* of the first blocks, then of the second ones */
};

/* The f16 at `offset` of both blocks of four rows. */
ORI_INLINE __m256 load_units(const uint8_t *const w[ORI_ROWS], size_t second, size_t offset)
{
    __m128i four[2] = {_mm_setzero_si128(), _mm_setzero_si128()};

    ORI_UNROLL
    for (int i = 0; i < 2; i++) {
        const size_t at = (i ? second : 0) + offset;
        four[i] = _mm_cvtsi32_si128(ori_load_le16(w[0] + at));
        four[i] = _mm_insert_epi16(four[i], ori_load_le16(w[1] + at), 1);
        four[i] = _mm_insert_epi16(four[i], ori_load_le16(w[2] + at), 2);
        four[i] = _mm_insert_epi16(four[i], ori_load_le16(w[3] + at), 3);
    }
    return _mm256_cvtph_ps(_mm_unpacklo_epi64(four[0], four[1]));
}

/* `second` is how far the second block stands from the first. */
ORI_INLINE struct weights load_weights(const struct kind *kind, const uint8_t *const w[ORI_ROWS],
                                       size_t second)
{
    struct weights out = {.m = _mm256_setzero_ps()};

    ORI_UNROLL
    for (int r = 0; r < ORI_ROWS; r++)
        out.quants[r] = kind->quants(w[r], w[r] + second);
    out.d = load_units(w, second, 0);
    if (kind->has_m)
        out.m = load_units(w, second, 2);
    return out;
}

/* The sums over the first blocks of four vectors, then those over the second. */
ORI_INLINE __m256i sum_blocks(const __m512i x[ORI_ROWS])
{
    const __m512i ab =
        _mm512_add_epi32(_mm512_unpacklo_epi32(x[0], x[1]), _mm512_unpackhi_epi32(x[0], x[1]));
    const __m512i cd =
        _mm512_add_epi32(_mm512_unpacklo_epi32(x[2], x[3]), _mm512_unpackhi_epi32(x[2], x[3]));
    const __m512i abcd =
        _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));

    return ori_join_to_8_i32(abcd);
}

/* x in the low lanes, y in the high ones. */
ORI_INLINE __m256 halves_ps(float x, float y)
{
    return _mm256_insertf128_ps(_mm256_set1_ps(x), _mm_set1_ps(y), 1);
}

ORI_INLINE __m256i halves_i32(int32_t x, int32_t y)
{
    return _mm256_inserti128_si256(_mm256_set1_epi32(x), _mm_set1_epi32(y), 1);
}

/* Two blocks of four rows with one column folded into acc, or only the first
 * of them. */
ORI_INLINE __m128 fold2(const struct kind *kind, const struct weights *w,
                        const struct ori_act_q8 *first, const struct ori_act_q8 *second, bool both,
                        __m128 acc)
{
    const __m512i x = halves_of(first->qs, second->qs);
    const __m256i asum = halves_i32(first->sum, second->sum);
    const __m256 da = halves_ps(first->d, second->d);
    __m512i dots[ORI_ROWS];

    ORI_UNROLL
    for (int r = 0; r < ORI_ROWS; r++)
        dots[r] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), w->quants[r], x);
    __m256i isum = sum_blocks(dots);
    if (kind->offset)
        isum = _mm256_sub_epi32(isum, _mm256_slli_epi32(asum, kind->offset));

    const __m256 d = _mm256_mul_ps(w->d, da), dot = _mm256_cvtepi32_ps(isum);
    const __m256 m = _mm256_mul_ps(w->m, da), sum = _mm256_cvtepi32_ps(asum);
    acc = _mm_fmadd_ps(_mm256_castps256_ps128(d), _mm256_castps256_ps128(dot), acc);
    if (kind->has_m)
        acc = _mm_fmadd_ps(_mm256_castps256_ps128(m), _mm256_castps256_ps128(sum), acc);
    if (!both)
        return acc;
    acc = _mm_fmadd_ps(_mm256_extractf128_ps(d, 1), _mm256_extractf128_ps(dot, 1), acc);
    if (kind->has_m)
        acc = _mm_fmadd_ps(_mm256_extractf128_ps(m, 1), _mm256_extractf128_ps(sum, 1), acc);
    return acc;
}

/* Four rows from r by n_cols columns from c, n_cols a constant. */
ORI_INLINE void rows_times(const struct kind *kind, const struct ori_matmul *m, size_t r, size_t c,
                           int n_cols)
{
    const size_t n_blocks = m->n / ORI_BLOCK;
    const size_t ahead = ori_ahead(m);
    const uint8_t *w[ORI_ROWS];
    const struct ori_act_q8 *a[ORI_FEW_GROUP];
    __m128 acc[ORI_FEW_GROUP];

    ori_rows4(m, r, w);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        a[i] = (const void *)(m->acts + (c + (size_t)i) * m->act_bytes);
        acc[i] = _mm_setzero_ps();
    }
    for (size_t b = 0; b + 1 < n_blocks; b += 2) {
        const struct weights weights = load_weights(kind, w, kind->block_bytes);

        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            acc[i] = fold2(kind, &weights, a[i] + b, a[i] + b + 1, true, acc[i]);
        ORI_UNROLL
        for (int j = 0; j < ORI_ROWS; j++) {
            ori_prefetch_far(w[j], ahead); /* two blocks are about a line */
            w[j] += 2 * kind->block_bytes;
        }
    }
    if (n_blocks % 2) {
        const struct weights weights = load_weights(kind, w, 0);

        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            acc[i] = fold2(kind, &weights, a[i] + n_blocks - 1, a[i] + n_blocks - 1, false, acc[i]);
    }
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        ori_store4(m, r, c + (size_t)i, acc[i]);
}

/* ---- many columns: panels ---- */

#define PANEL_BLOCKS (ORI_PANEL_N / ORI_BLOCK)
#define LINES (ORI_BLOCK / 4) /* of a block */

struct panel {
    struct ori_panel_quants quants;
    _Alignas(64) float d[PANEL_BLOCKS][2][16];
    float m[PANEL_BLOCKS][2][16];
};

/* The f16 at `offset` of a block of each of 32 rows as floats. */
ORI_INLINE void put_units(const uint8_t *const rows[ORI_PANEL_ROWS], size_t offset,
                          float out[2][16])
{
    uint16_t h[ORI_PANEL_ROWS];

    for (size_t r = 0; r < ORI_PANEL_ROWS; r++)
        h[r] = ori_load_le16(rows[r] + offset);
    _mm512_store_ps(out[0], _mm512_cvtph_ps(ori_load32(h)));
    _mm512_store_ps(out[1], _mm512_cvtph_ps(ori_load32(h + 16)));
}

ORI_INLINE void build(const struct kind *kind, const uint8_t *const rows[ORI_PANEL_ROWS],
                      size_t n_blocks, struct panel *panel)
{
    for (size_t b = 0; b < n_blocks; b += 2) {
        const uint8_t line = (uint8_t)(LINES * b);
        const uint8_t at[4] = {line, (uint8_t)(line + LINES), (uint8_t)(line + LINES / 2),
                               (uint8_t)(line + LINES + LINES / 2)};
        const size_t first = b * kind->block_bytes;
        const size_t second = b + 1 < n_blocks ? first + kind->block_bytes : first;

        for (size_t r = 0; r < ORI_PANEL_ROWS; r += 4) {
            __m512i q[4];
            ORI_UNROLL
            for (size_t i = 0; i < 4; i++) {
                q[i] = kind->quants(rows[r + i] + first, rows[r + i] + second);
                ori_prefetch_soon(rows[r + i], first + PANEL_BLOCKS * kind->block_bytes);
            }
            ori_panel_put4(&panel->quants, r / 16, r % 16, q, at);
        }
    }
    for (size_t b = 0; b < n_blocks; b++) {
        put_units(rows, b * kind->block_bytes, panel->d[b]);
        if (kind->has_m)
            put_units(rows, b * kind->block_bytes + 2, panel->m[b]);
    }
}

/* The panel times n columns, n a constant. */
ORI_INLINE void times(const struct kind *kind, const struct panel *panel, size_t n_blocks,
                      const uint8_t *acts, size_t act_bytes, float *acc, int n)
{
    const struct ori_act_q8 *a[ORI_GROUP];
    __m512 sum[ORI_GROUP][2];

    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        a[i] = (const void *)(acts + (size_t)i * act_bytes);
        sum[i][0] = _mm512_load_ps(acc + i * ORI_PANEL_ROWS);
        sum[i][1] = _mm512_load_ps(acc + i * ORI_PANEL_ROWS + 16);
    }
    for (size_t b = 0; b < n_blocks; b++) {
        const uint8_t(*lines)[2][64] = panel->quants.line + b * LINES;
        __m512i part[ORI_GROUP][2];

        ORI_UNROLL
        for (int i = 0; i < n; i++)
            part[i][0] = part[i][1] =
                _mm512_set1_epi32(kind->offset ? -(a[i][b].sum * (1 << kind->offset)) : 0);
        ORI_UNROLL
        for (int k = 0; k < LINES; k++) {
            const __m512i low = _mm512_load_si512(lines[k][0]);
            const __m512i high = _mm512_load_si512(lines[k][1]);
            ORI_UNROLL
            for (int i = 0; i < n; i++) {
                const __m512i x = ori_broadcast4(a[i][b].qs + 4 * k);
                part[i][0] = _mm512_dpbusd_epi32(part[i][0], low, x);
                part[i][1] = _mm512_dpbusd_epi32(part[i][1], high, x);
            }
        }
        ORI_UNROLL
        for (int half = 0; half < 2; half++) {
            const __m512 d = _mm512_load_ps(panel->d[b][half]);
            ORI_UNROLL
            for (int i = 0; i < n; i++) {
                const __m512 da = _mm512_set1_ps(a[i][b].d);
                sum[i][half] = _mm512_fmadd_ps(_mm512_mul_ps(d, da),
                                               _mm512_cvtepi32_ps(part[i][half]), sum[i][half]);
                if (kind->has_m)
                    sum[i][half] =
                        _mm512_fmadd_ps(_mm512_mul_ps(_mm512_load_ps(panel->m[b][half]), da),
                                        _mm512_set1_ps((float)a[i][b].sum), sum[i][half]);
            }
        }
    }
    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        _mm512_store_ps(acc + i * ORI_PANEL_ROWS, sum[i][0]);
        _mm512_store_ps(acc + i * ORI_PANEL_ROWS + 16, sum[i][1]);
    }
}

/* ---- the types ---- */

#define DEFINE_TYPE(type, offset, has_m)                                                           \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type), offset, has_m,        \
                                            quants_##type};                                        \
    ORI_DEFINE_MATMUL_AVX512(type, ORI_BLOCK, struct ori_act_q8)

DEFINE_TYPE(q4_0, 3, false)
DEFINE_TYPE(q4_1, 0, true)
DEFINE_TYPE(q5_0, 4, false)
DEFINE_TYPE(q5_1, 0, true)
DEFINE_TYPE(q8_0, 7, false)
