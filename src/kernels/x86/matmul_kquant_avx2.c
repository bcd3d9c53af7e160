/* Superblocks, which are k-quants, IQ4_XS, IQ3 and IQ2, with Q8K activations.
 *
 * Quants come out of the file's blocks in eight chunks of 32: those of k-quants
 * unsigned (q + 4 for Q3_K, q + 32 for Q6_K), others signed.  A pair of products
 * is at most 63 * 127 * 2 = 16,002, or of signed quants 127 * 127 * 2 = 32,258, so
 * vpmaddubsw, which saturates, is exact; activations are never -128.
 *
 * Few columns: tiles of four outputs, lanes along the row.  Pairs of products
 * are multiplied with their scales in int16.  The sign of a quant is moved to the
 * activation.
 *
 * More columns: panels of 16 rows, lanes across the rows.  All quants are unsigned
 * there: 16, 64 or 128 is added to signed ones.  IQ4_XS, which has it above 129
 * then, goes in two panels of nibbles where there is no VNNI.
 *
 * The sums over 16 activations, times the minimums or (types without) times the
 * scales, give the second term, or take out again what was added.  Bounds of the
 * int32 sums: scalar/unpack.h. */
#include "kernels/x86/x86.h"

#include "kernels/x86/iquant.h"
#include "kernels/x86/kquant.h"
#include "kernels/x86/panel_avx2.h"
#include "kernels/x86/tiles_avx2.h"

struct kind {
    size_t block_bytes;
    size_t d;       /* offset of d; dmin stands after it */
    float unit;     /* what d counts, 1 over a power of two */
    int offset;     /* log2 of what is added to q; 0 for a type with minimums */
    bool is_signed; /* chunk() gives signed bytes, to which the offset is yet to be added */
    int sub;        /* elements that share a scale: 16 or 32 */
    int gather;     /* fours of products that int16 holds: 32767 / (max q * 127 * 2) */
    __m256i (*chunk)(const uint8_t *block, int c); /* quants 32 c to 32 c + 31 */
    struct ori_kquant_scales (*scales)(const uint8_t *block);
};

/* Bits `from` and up of every byte moved to `to`, then masked.  Shifting
 * 16-bit lanes carries bits of a neighbour only outside of the mask. */
ORI_INLINE __m256i move_bits(__m256i x, int from, int to, char mask)
{
    const __m256i moved =
        from < to ? _mm256_slli_epi16(x, to - from) : _mm256_srli_epi16(x, from - to);

    return _mm256_and_si256(moved, _mm256_set1_epi8(mask));
}

/* ---- quants ---- */

ORI_INLINE __m256i chunk_q2_k(const uint8_t *block, int k)
{
    const struct ori_block_q2_k *b = (const void *)block;

    return move_bits(ori_load32(b->qs + k / 4 * 32), k % 4 * 2, 0, 3);
}

ORI_INLINE __m256i chunk_q3_k(const uint8_t *block, int k)
{
    const struct ori_block_q3_k *b = (const void *)block;
    const __m256i low = move_bits(ori_load32(b->qs + k / 4 * 32), k % 4 * 2, 0, 3);

    return _mm256_or_si256(low, move_bits(ori_load32(b->hmask), k, 2, 4));
}

ORI_INLINE __m256i chunk_q4_k(const uint8_t *block, int k)
{
    const struct ori_block_q4_k *b = (const void *)block;

    return move_bits(ori_load32(b->qs + k / 2 * 32), k % 2 * 4, 0, 15);
}

ORI_INLINE __m256i chunk_q5_k(const uint8_t *block, int k)
{
    const struct ori_block_q5_k *b = (const void *)block;
    const __m256i low = move_bits(ori_load32(b->qs + k / 2 * 32), k % 2 * 4, 0, 15);

    return _mm256_or_si256(low, move_bits(ori_load32(b->qh), k, 4, 16));
}

ORI_INLINE __m256i chunk_q6_k(const uint8_t *block, int k)
{
    const struct ori_block_q6_k *b = (const void *)block;
    const int h = k / 4, j = k % 4;
    const __m256i low = move_bits(ori_load32(b->ql + 64 * h + j % 2 * 32), j / 2 * 4, 0, 15);

    return _mm256_or_si256(low, move_bits(ori_load32(b->qh + 32 * h), 2 * j, 4, 48));
}

/* ---- few columns: tiles of four outputs ---- */

/* For vpshufb: chunk c's scales, of its even 16 in the low half and of its odd
 * one in the high. */
ORI_INLINE __m256i scale_of_chunk(int c)
{
    return _mm256_set1_epi16((short)(2 * c | (2 * c + 1) << 8));
}

/* 16 bytes -> int16, those of even 16s in the low half, of odd ones in the high. */
ORI_INLINE __m256i split_16s(__m128i s)
{
    const __m128i order = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);

    return _mm256_cvtepi8_epi16(_mm_shuffle_epi8(s, order));
}

/* The products of a chunk and 32 activations, in pairs. */
ORI_INLINE __m256i pairs_of(const struct kind *kind, __m256i q, __m256i x)
{
    return kind->is_signed ? _mm256_maddubs_epi16(_mm256_sign_epi8(q, q), _mm256_sign_epi8(x, q))
                           : _mm256_maddubs_epi16(q, x);
}

/* One superblock of four products folded into acc. */
ORI_INLINE __m128 fold(const struct kind *kind, const uint8_t *const w[4],
                       const struct ori_act_q8k *const a[4], int cols, __m128 acc)
{
    __m256i scales[4], dots[4], sums[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const struct ori_kquant_scales s = kind->scales(w[i]);

        scales[i] = split_16s(s.scale);
        sums[i] = _mm256_madd_epi16(_mm256_cvtepi8_epi16(s.sums), ori_load32(a[i]->sums));
        dots[i] = _mm256_setzero_si256();
        if (kind->offset && !kind->is_signed)
            dots[i] = _mm256_sub_epi32(dots[i], _mm256_slli_epi32(sums[i], kind->offset));
    }
    ORI_UNROLL
    for (int c = 0; c < 8; c++) {
        ORI_UNROLL
        for (int i = 0; i < 4; i++) {
            const __m256i x = ori_load32(a[i]->qs + 32 * c);
            const __m256i pairs = pairs_of(kind, kind->chunk(w[i], c), x);
            const __m256i scale = _mm256_shuffle_epi8(scales[i], scale_of_chunk(c));
            dots[i] = ori_dot_words(dots[i], pairs, scale);
        }
    }

    const __m128 da = _mm_setr_ps(a[0]->d, a[1]->d, a[2]->d, a[3]->d);
    const __m128i isum = ori_sum4_i32(dots[0], dots[1], dots[2], dots[3]);
    const __m128 d = _mm_mul_ps(ori_tile_f16(w, kind->d, cols), _mm_set1_ps(kind->unit));
    acc = _mm_fmadd_ps(_mm_mul_ps(d, da), _mm_cvtepi32_ps(isum), acc);
    if (!kind->offset) {
        const __m128i msum = ori_sum4_i32(sums[0], sums[1], sums[2], sums[3]);
        const __m128 dmin = ori_tile_f16(w, kind->d + 2, cols);
        acc = _mm_fnmadd_ps(_mm_mul_ps(dmin, da), _mm_cvtepi32_ps(msum), acc);
    }
    return acc;
}

ORI_INLINE void prefetch_block(const struct kind *kind, const uint8_t *w, size_t ahead)
{
    for (size_t line = 0; line < kind->block_bytes; line += 64)
        ori_prefetch_far(w, ahead + line);
}

ORI_INLINE __m128 dot4(const void *info, const uint8_t *const w[4], const uint8_t *const a[4],
                       size_t n, int cols, size_t ahead)
{
    const struct kind *kind = info;
    __m128 acc = _mm_setzero_ps();

    for (size_t b = 0; b < n / ORI_SUPERBLOCK; b++) {
        const size_t at = b * kind->block_bytes;
        const size_t at_a = b * sizeof(struct ori_act_q8k);
        const uint8_t *const wb[4] = {w[0] + at, w[1] + at, w[2] + at, w[3] + at};
        const struct ori_act_q8k *const ab[4] = {
            (const void *)(a[0] + at_a), (const void *)(a[1] + at_a), (const void *)(a[2] + at_a),
            (const void *)(a[3] + at_a)};

        for (int i = 0; i < 4; i += cols)
            prefetch_block(kind, wb[i], ahead);
        acc = fold(kind, wb, ab, cols, acc);
    }
    return acc;
}

/* ---- many columns: panels ---- */

struct panel {
    struct ori_panel_quants quants;       /* or low nibbles */
    struct ori_panel_quants high;         /* nibbles */
    _Alignas(32) int32_t scale[16][2][8]; /* of each sub-block, as ori_panel_dots() takes it */
    int16_t sums[8][2][16];               /* factors of the sums of two sub-blocks */
    float d[2][8], dmin[2][8];
};

/* Bytes `first` and `second` of every dword as two int16. */
ORI_INLINE __m256i widen(__m256i x, int first, int second)
{
    const __m128i to_high =
        _mm_add_epi8(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12),
                     _mm_set1_epi32((int)((uint32_t)first << 8 | (uint32_t)second << 24)));

    return _mm256_srai_epi16(_mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(to_high)), 8);
}

/* Byte i of every dword as a factor for ori_panel_dots(). */
ORI_INLINE __m256i factor_of_byte(__m256i x, int i)
{
    return ORI_VNNI ? _mm256_srai_epi32(_mm256_slli_epi32(x, 24 - 8 * i), 24) : widen(x, i, i);
}

ORI_INLINE void put_scales(const struct kind *kind, const uint8_t *const w[8], int half,
                           struct panel *panel)
{
    const int step = kind->sub / 16; /* scales of 32 elements stand twice */
    __m128i scale[8], sums[8];
    __m256i fours[4];

    ORI_UNROLL
    for (int r = 0; r < 8; r++) {
        const struct ori_kquant_scales s = kind->scales(w[r]);
        scale[r] = s.scale;
        sums[r] = s.sums;
    }
    ori_across_rows(scale, fours);
    ORI_UNROLL
    for (int j = 0; j < 4; j++) {
        ORI_UNROLL
        for (int i = 0; i < 4; i += step)
            _mm256_store_si256((__m256i *)(void *)panel->scale[(4 * j + i) / step][half],
                               factor_of_byte(fours[j], i));
    }
    ori_across_rows(sums, fours);
    ORI_UNROLL
    for (int j = 0; j < 4; j++) {
        ORI_UNROLL
        for (int i = 0; i < 4; i += 2 * step)
            _mm256_store_si256((__m256i *)(void *)panel->sums[(4 * j + i) / step / 2][half],
                               widen(fours[j], i, i + step));
    }
}

ORI_INLINE bool in_nibbles(const struct kind *kind)
{
    return kind->offset == 7 && !ORI_VNNI;
}

/* Chunk c of four rows from r. */
ORI_INLINE void put_quants(const struct kind *kind, const uint8_t *const rows[4], size_t r, int c,
                           struct panel *panel)
{
    __m256i q[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        q[i] = kind->chunk(rows[i], c);
        if (kind->is_signed)
            q[i] = _mm256_add_epi8(q[i], _mm256_set1_epi8((char)(1 << kind->offset)));
    }
    if (in_nibbles(kind))
        ori_panel_split4(&panel->quants, &panel->high, r, 32 * (size_t)c, q);
    else
        ori_panel_put4(&panel->quants, r, 32 * (size_t)c, q);
}

ORI_INLINE void build(const struct kind *kind, const uint8_t *const rows[ORI_PANEL_ROWS],
                      struct panel *panel)
{
    for (size_t r = 0; r < ORI_PANEL_ROWS; r += 4) {
        ORI_UNROLL
        for (int c = 0; c < 8; c++)
            put_quants(kind, rows + r, r, c, panel);
    }
    for (int half = 0; half < 2; half++) {
        const uint8_t *const *w = rows + 8 * half;

        put_scales(kind, w, half, panel);
        _mm256_store_ps(panel->d[half],
                        _mm256_mul_ps(ori_load8_f16(w, kind->d), _mm256_set1_ps(kind->unit)));
        if (!kind->offset)
            _mm256_store_ps(panel->dmin[half], ori_load8_f16(w, kind->d + 2));
        for (int r = 0; r < 8; r++)
            prefetch_block(kind, w[r], kind->block_bytes);
    }
}

/* The sums of a column's activations over each sub-block, in pairs. */
ORI_INLINE const int16_t *sub_sums(const struct kind *kind, const struct ori_act_q8k *a,
                                   int16_t joined[8])
{
    if (kind->sub == 16)
        return a->sums;
    /* at most 32 * 127: int16 holds it */
    const __m256i sums = _mm256_madd_epi16(ori_load32(a->sums), _mm256_set1_epi16(1));
    _mm_store_si128((__m128i *)(void *)joined, _mm_packs_epi32(_mm256_castsi256_si128(sums),
                                                               _mm256_extracti128_si256(sums, 1)));
    return joined;
}

/* total[i] += the sums of column i's sub-blocks times their factors. */
ORI_INLINE void second_terms(const struct kind *kind, const struct panel *panel,
                             const struct ori_act_q8k *const a[], int n, __m256i total[][2])
{
    _Alignas(16) int16_t joined[ORI_PANEL_GROUP][8];
    const int16_t *sums[ORI_PANEL_GROUP];

    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        sums[i] = sub_sums(kind, a[i], joined[i]);
        total[i][0] = total[i][1] = _mm256_setzero_si256();
    }
    for (int j = 0; j < ORI_SUPERBLOCK / kind->sub / 2; j++) {
        const __m256i low = ori_load32(panel->sums[j][0]);
        const __m256i high = ori_load32(panel->sums[j][1]);
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            const __m256i x = ori_broadcast4(sums[i] + 2 * j);
            total[i][0] = ori_dot_words(total[i][0], low, x);
            total[i][1] = ori_dot_words(total[i][1], high, x);
        }
    }
}

/* The panel times n columns, n a constant. */
ORI_INLINE void times(const struct kind *kind, const struct panel *panel, size_t n_blocks,
                      const uint8_t *acts, size_t act_bytes, int n, float *acc)
{
    (void)n_blocks; /* a panel is one */
    const int steps = kind->sub / 4;
    const struct ori_act_q8k *a[ORI_PANEL_GROUP];
    const int8_t *x[ORI_PANEL_GROUP];
    __m256i total[ORI_PANEL_GROUP][2];

    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        a[i] = (const void *)(acts + (size_t)i * act_bytes);
        x[i] = a[i]->qs;
        total[i][0] = total[i][1] = _mm256_setzero_si256();
    }
    for (int s = 0; s < ORI_SUPERBLOCK / kind->sub; s++) {
        const __m256i scale[2] = {ori_load32(panel->scale[s][0]), ori_load32(panel->scale[s][1])};

        ori_panel_dots(panel->quants.line + s * steps, x, n, steps, kind->gather, scale, total);
        if (in_nibbles(kind)) {
            const __m256i high[2] = {_mm256_slli_epi16(scale[0], 4),
                                     _mm256_slli_epi16(scale[1], 4)};
            ori_panel_dots(panel->high.line + s * steps, x, n, steps, kind->gather, high, total);
        }
        ORI_UNROLL
        for (int i = 0; i < n; i++)
            x[i] += kind->sub;
    }

    __m256i second[ORI_PANEL_GROUP][2];
    second_terms(kind, panel, a, n, second);
    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        ORI_UNROLL
        for (int half = 0; half < 2; half++) {
            float *const at = acc + i * ORI_PANEL_ROWS + 8 * half;
            __m256 sum = _mm256_load_ps(at);
            if (kind->offset)
                total[i][half] = _mm256_sub_epi32(total[i][half],
                                                  _mm256_slli_epi32(second[i][half], kind->offset));
            sum = ori_add_scaled(sum, panel->d[half], a[i]->d, total[i][half]);
            if (!kind->offset)
                sum = ori_add_scaled(sum, panel->dmin[half], -a[i]->d, second[i][half]);
            _mm256_store_ps(at, sum);
        }
    }
}

/* ---- the types ---- */

/* Columns from which unpacking into a panel pays. */
#define PANEL_COLS 5

ORI_INLINE void matmul(const struct kind *kind, const struct ori_panel_ops *ops,
                       const struct ori_matmul *m)
{
    struct panel panel;

    if (m->n_cols < PANEL_COLS)
        ori_tiles(m, dot4, kind);
    else
        ori_panels(m, ops, &panel);
}

#define DEFINE_TYPE(type, chunk, unit, offset, is_signed, sub, gather)                             \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type),                       \
                                            offsetof(struct ori_block_##type, d),                  \
                                            unit,                                                  \
                                            offset,                                                \
                                            is_signed,                                             \
                                            sub,                                                   \
                                            gather,                                                \
                                            chunk,                                                 \
                                            ori_scales_##type};                                    \
    static void build_##type(const uint8_t *const rows[ORI_PANEL_ROWS], size_t n_blocks,           \
                             void *panel)                                                          \
    {                                                                                              \
        (void)n_blocks;                                                                            \
        build(&kind_##type, rows, panel);                                                          \
    }                                                                                              \
    static void times_##type(const void *panel, size_t n_blocks, const uint8_t *acts,              \
                             size_t act_bytes, size_t n_cols, float *acc)                          \
    {                                                                                              \
        ORI_PANEL_CASES(n_cols, times, &kind_##type, panel, n_blocks, acts, act_bytes, acc);       \
    }                                                                                              \
    static const struct ori_panel_ops ops_##type = {sizeof(struct ori_block_##type),               \
                                                    ORI_SUPERBLOCK,                                \
                                                    sizeof(struct ori_act_q8k),                    \
                                                    ORI_PANEL_ROWS,                                \
                                                    build_##type,                                  \
                                                    times_##type,                                  \
                                                    NULL};                                         \
    ORI_DEFINE_MATMUL(ORI_TIER(ori_matmul_##type), matmul(&kind_##type, &ops_##type, &m))

/*                                     offset signed sub gather */
DEFINE_TYPE(q2_k, chunk_q2_k, 1, 0, false, 16, 4)
DEFINE_TYPE(q3_k, chunk_q3_k, 1, 2, false, 16, 4)
DEFINE_TYPE(q4_k, chunk_q4_k, 1, 0, false, 32, 8)
DEFINE_TYPE(q5_k, chunk_q5_k, 1, 0, false, 32, 4)
DEFINE_TYPE(q6_k, chunk_q6_k, 1, 5, false, 16, 2)
DEFINE_TYPE(iq4_xs, ori_chunk_iq4_xs, 1, 7, true, 32, 8)
DEFINE_TYPE(iq3_s, ori_chunk_iq3_s, 1, 4, true, 32, 4)
DEFINE_TYPE(iq3_xxs, ori_chunk_iq3_xxs, 0.25f, 6, true, 32, 1)
DEFINE_TYPE(iq2_s, ori_chunk_iq2_s, 0.125f, 6, true, 16, 1)
DEFINE_TYPE(iq2_xs, ori_chunk_iq2_xs, 0.125f, 6, true, 16, 1)
DEFINE_TYPE(iq2_xxs, ori_chunk_iq2_xxs, 0.125f, 6, true, 32, 1)
