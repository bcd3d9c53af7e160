/* Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4 with Q8 activations.
 *
 * 4- and 5-bit quants, and MXFP4's codes, are multiplied unsigned; the 8 or 16
 * that is added to those of Q4_0, Q5_0 and MXFP4 comes out by the activations' sum.
 *
 * Few columns: tiles of four outputs, lanes along the row.  Q8_0 and IQ4_NL
 * move the weight's sign to the activation: |w| <= 128 as unsigned, the activation is
 * never -128, and a pair sums to at most 2 * 128 * 127 = 32,512, which int16
 * holds.
 *
 * More columns: panels of 16 rows, lanes across the rows.  Those two are unsigned
 * there, w + 128.  VNNI multiplies that as it is; without, two such products
 * don't fit int16, and it becomes two panels of nibbles, 16 * high + low. */
#include "kernels/x86/x86.h"

#include "kernels/blocks.h"
#include "kernels/codebook.h"
#include "kernels/x86/panel_avx2.h"
#include "kernels/x86/tiles_avx2.h"

struct kind {
    size_t block_bytes;
    int offset;     /* log2 of what is added to q; 0 for nothing */
    bool has_m;     /* m stands after d */
    bool is_signed; /* quants() gives signed bytes, to which the offset is yet to be added */
    int gather;     /* fours of products that int16 holds: 32767 / (max q * 127 * 2) */
    bool e8m0;      /* d is a byte, a power of two; else f16 */
    __m256i (*quants)(const uint8_t *block);
};

/* ---- quants ---- */

/* 32 bits -> 16 in each byte whose bit is set. */
ORI_INLINE __m256i fifth_bits(const uint8_t qh[4])
{
    return _mm256_and_si256(ori_spread_bits(ori_load_le32(qh)), _mm256_set1_epi8(16));
}

ORI_INLINE __m256i quants_q4_0(const uint8_t *block)
{
    return ori_nibbles32(((const struct ori_block_q4_0 *)(const void *)block)->qs);
}

ORI_INLINE __m256i quants_q4_1(const uint8_t *block)
{
    return ori_nibbles32(((const struct ori_block_q4_1 *)(const void *)block)->qs);
}

ORI_INLINE __m256i quants_q5_0(const uint8_t *block)
{
    const struct ori_block_q5_0 *b = (const void *)block;

    return _mm256_or_si256(ori_nibbles32(b->qs), fifth_bits(b->qh));
}

ORI_INLINE __m256i quants_q5_1(const uint8_t *block)
{
    const struct ori_block_q5_1 *b = (const void *)block;

    return _mm256_or_si256(ori_nibbles32(b->qs), fifth_bits(b->qh));
}

ORI_INLINE __m256i quants_q8_0(const uint8_t *block)
{
    return ori_load32(((const struct ori_block_q8_0 *)(const void *)block)->qs);
}

ORI_INLINE __m256i quants_iq4_nl(const uint8_t *block)
{
    const struct ori_block_iq4_nl *b = (const void *)block;

    return ori_decode32(ori_codes_iq4, ori_nibbles32(b->qs));
}

ORI_INLINE __m256i quants_mxfp4(const uint8_t *block)
{
    const struct ori_block_mxfp4 *b = (const void *)block;

    return _mm256_add_epi8(ori_decode32(ori_codes_mxfp4, ori_nibbles32(b->qs)),
                           _mm256_set1_epi8(16));
}

/* ---- few columns: tiles of four outputs ---- */

/* d of the block of each of the four. */
ORI_INLINE __m128 tile_d(const struct kind *kind, const uint8_t *const w[ORI_TILE], int cols)
{
    if (!kind->e8m0)
        return ori_tile_f16(w, 0, cols);
    return _mm256_castps256_ps128(
        ori_half_e8m0_8(_mm256_setr_epi32(w[0][0], w[1][0], w[2][0], w[3][0], 0, 0, 0, 0)));
}

/* One block of four products folded into acc. */
ORI_INLINE __m128 fold(const struct kind *kind, const uint8_t *const w[4],
                       const struct ori_act_q8 *const a[4], int cols, __m128 acc)
{
    __m256i dots[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const __m256i q = kind->quants(w[i]);
        const __m256i x = ori_load32(a[i]->qs);
        const __m256i none = _mm256_setzero_si256();

        dots[i] = kind->is_signed
                      ? ori_dot_bytes(none, _mm256_sign_epi8(q, q), _mm256_sign_epi8(x, q))
                      : ori_dot_bytes(none, q, x);
    }

    __m128i isum = ori_sum4_i32(dots[0], dots[1], dots[2], dots[3]);
    const __m128 da = _mm_setr_ps(a[0]->d, a[1]->d, a[2]->d, a[3]->d);
    const __m128i asum = _mm_setr_epi32(a[0]->sum, a[1]->sum, a[2]->sum, a[3]->sum);
    if (kind->offset && !kind->is_signed)
        isum = _mm_sub_epi32(isum, _mm_slli_epi32(asum, kind->offset));
    const __m128 d = tile_d(kind, w, cols);
    acc = _mm_fmadd_ps(_mm_mul_ps(d, da), _mm_cvtepi32_ps(isum), acc);
    if (kind->has_m) {
        const __m128 m = ori_tile_f16(w, 2, cols);
        acc = _mm_fmadd_ps(_mm_mul_ps(m, da), _mm_cvtepi32_ps(asum), acc);
    }
    return acc;
}

ORI_INLINE __m128 dot4(const void *info, const uint8_t *const w[4], const uint8_t *const a[4],
                       size_t n, int cols, size_t ahead)
{
    const struct kind *kind = info;
    __m128 acc = _mm_setzero_ps();

    for (size_t b = 0; b < n / ORI_BLOCK; b++) {
        const size_t at = b * kind->block_bytes;
        const size_t at_a = b * sizeof(struct ori_act_q8);
        const uint8_t *const wb[4] = {w[0] + at, w[1] + at, w[2] + at, w[3] + at};
        const struct ori_act_q8 *const ab[4] = {
            (const void *)(a[0] + at_a), (const void *)(a[1] + at_a), (const void *)(a[2] + at_a),
            (const void *)(a[3] + at_a)};

        if (b % 2 == 0) { /* two blocks are about a line, or less */
            for (int i = 0; i < 4; i += cols)
                ori_prefetch_far(wb[i], ahead);
        }
        acc = fold(kind, wb, ab, cols, acc);
    }
    return acc;
}

/* ---- many columns: panels ---- */

#define BLOCKS (ORI_PANEL_N / ORI_BLOCK)

struct panel {
    struct ori_panel_quants quants; /* or low nibbles */
    struct ori_panel_quants high;   /* nibbles, of Q8_0 without VNNI */
    _Alignas(32) float d[BLOCKS][2][8];
    float m[BLOCKS][2][8];
};

ORI_INLINE bool in_nibbles(const struct kind *kind)
{
    return kind->is_signed && !ORI_VNNI;
}

/* Block b of four rows from r. */
ORI_INLINE void put_quants(const struct kind *kind, const uint8_t *const rows[4], size_t r,
                           size_t b, struct panel *panel)
{
    __m256i q[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        q[i] = kind->quants(rows[i] + b * kind->block_bytes);
        if (kind->is_signed)
            q[i] = _mm256_xor_si256(q[i], _mm256_set1_epi8(-128));
    }
    if (in_nibbles(kind))
        ori_panel_split4(&panel->quants, &panel->high, r, b * ORI_BLOCK, q);
    else
        ori_panel_put4(&panel->quants, r, b * ORI_BLOCK, q);
}

/* d of the block at `offset` of eight rows. */
ORI_INLINE __m256 panel_d(const struct kind *kind, const uint8_t *const w[8], size_t offset)
{
    int32_t e[8];

    if (!kind->e8m0)
        return ori_load8_f16(w, offset);
    ORI_UNROLL
    for (int r = 0; r < 8; r++)
        e[r] = w[r][offset];
    return ori_half_e8m0_8(ori_load32(e));
}

ORI_INLINE void build(const struct kind *kind, const uint8_t *const rows[ORI_PANEL_ROWS],
                      size_t n_blocks, struct panel *panel)
{
    for (size_t r = 0; r < ORI_PANEL_ROWS; r += 4)
        for (size_t b = 0; b < n_blocks; b++)
            put_quants(kind, rows + r, r, b, panel);
    for (size_t half = 0; half < 2; half++) {
        const uint8_t *const *w = rows + 8 * half;

        for (size_t b = 0; b < n_blocks; b++) {
            _mm256_store_ps(panel->d[b][half], panel_d(kind, w, b * kind->block_bytes));
            if (kind->has_m)
                _mm256_store_ps(panel->m[b][half], ori_load8_f16(w, b * kind->block_bytes + 2));
        }
        for (int r = 0; r < 8; r++)
            for (size_t line = 0; line < BLOCKS * kind->block_bytes; line += 64)
                ori_prefetch_soon(w[r], BLOCKS * kind->block_bytes + line);
    }
}

/* Block b of n columns a, n a constant: the integer sums, from minus what the
 * offset adds to them. */
ORI_INLINE void block_sums(const struct kind *kind, const struct panel *panel, size_t b,
                           const struct ori_act_q8 *const a[], int n, __m256i sum[][2])
{
    const size_t line = b * ORI_BLOCK / 4;
    const int8_t *x[ORI_PANEL_GROUP];

    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        x[i] = a[i]->qs;
        sum[i][0] = sum[i][1] =
            _mm256_set1_epi32(kind->offset ? -(a[i]->sum * (1 << kind->offset)) : 0);
    }
    ori_panel_dots(panel->quants.line + line, x, n, ORI_BLOCK / 4, kind->gather, NULL, sum);
    if (in_nibbles(kind)) {
        const __m256i factor[2] = {_mm256_set1_epi16(16), _mm256_set1_epi16(16)};
        ori_panel_dots(panel->high.line + line, x, n, ORI_BLOCK / 4, kind->gather, factor, sum);
    }
}

ORI_INLINE void times(const struct kind *kind, const struct panel *panel, size_t n_blocks,
                      const uint8_t *acts, size_t act_bytes, int n, float *acc)
{
    for (size_t b = 0; b < n_blocks; b++) {
        const struct ori_act_q8 *a[ORI_PANEL_GROUP];
        __m256i sum[ORI_PANEL_GROUP][2];

        ORI_UNROLL
        for (int i = 0; i < n; i++)
            a[i] = (const struct ori_act_q8 *)(const void *)(acts + (size_t)i * act_bytes) + b;
        block_sums(kind, panel, b, a, n, sum);
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            ORI_UNROLL
            for (int half = 0; half < 2; half++) {
                float *const at = acc + i * ORI_PANEL_ROWS + 8 * half;
                __m256 out =
                    ori_add_scaled(_mm256_load_ps(at), panel->d[b][half], a[i]->d, sum[i][half]);
                if (kind->has_m)
                    out = ori_add_scaled(out, panel->m[b][half], a[i]->d,
                                         _mm256_set1_epi32(a[i]->sum));
                _mm256_store_ps(at, out);
            }
        }
    }
}

/* ---- the types ---- */

/* Columns from which unpacking into a panel pays. */
ORI_INLINE size_t panel_cols(const struct kind *kind)
{
    return in_nibbles(kind) ? 6 : 2;
}

ORI_INLINE void matmul(const struct kind *kind, const struct ori_panel_ops *ops,
                       const struct ori_matmul *m)
{
    struct panel panel;

    if (m->n_cols < panel_cols(kind))
        ori_tiles(m, dot4, kind);
    else
        ori_panels(m, ops, &panel);
}

#define DEFINE_TYPE(type, ...)                                                                     \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type), __VA_ARGS__,          \
                                            quants_##type};                                        \
    static void build_##type(const uint8_t *const rows[ORI_PANEL_ROWS], size_t n_blocks,           \
                             void *panel)                                                          \
    {                                                                                              \
        build(&kind_##type, rows, n_blocks, panel);                                                \
    }                                                                                              \
    static void times_##type(const void *panel, size_t n_blocks, const uint8_t *acts,              \
                             size_t act_bytes, size_t n_cols, float *acc)                          \
    {                                                                                              \
        ORI_PANEL_CASES(n_cols, times, &kind_##type, panel, n_blocks, acts, act_bytes, acc);       \
    }                                                                                              \
    static const struct ori_panel_ops ops_##type = {sizeof(struct ori_block_##type),               \
                                                    ORI_BLOCK,                                     \
                                                    sizeof(struct ori_act_q8),                     \
                                                    ORI_PANEL_ROWS,                                \
                                                    build_##type,                                  \
                                                    times_##type,                                  \
                                                    NULL};                                         \
    ORI_DEFINE_MATMUL(ORI_TIER(ori_matmul_##type), matmul(&kind_##type, &ops_##type, &m))

/*                offset  has_m  signed gather e8m0 */
DEFINE_TYPE(q4_0, 3, false, false, 8, false)
DEFINE_TYPE(q4_1, 0, true, false, 8, false)
DEFINE_TYPE(q5_0, 4, false, false, 4, false)
DEFINE_TYPE(q5_1, 0, true, false, 4, false)
DEFINE_TYPE(q8_0, 7, false, true, 8, false)
DEFINE_TYPE(iq4_nl, 7, false, true, 8, false)
DEFINE_TYPE(mxfp4, 4, false, false, 4, true)
