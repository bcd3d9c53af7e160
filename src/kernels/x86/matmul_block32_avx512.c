/* Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4 with Q8 activations.
 *
 * One column, of Q4_0, Q8_0 and IQ4_NL: 16 blocks of a row at a time
 * (block32_row_avx512.h).  A few columns: eight rows by four blocks at a time, a lane for
 * each block of a row, so that a block's sum needs no adding up.  More columns: panels of
 * 32 rows by eight blocks (panel_avx512.h). */
#include "kernels/x86/x86.h"

#define ORI_GROUP 7 /* two integer sums each of a block, and two sums of floats */
#include "kernels/codebook.h"
#include "kernels/x86/block32_row_avx512.h"
#include "kernels/x86/block32_step_avx512.h"
#include "kernels/x86/panel_avx512.h"

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

ORI_INLINE __m512i quants_iq4_nl(const uint8_t *first, const uint8_t *second)
{
    const size_t at = offsetof(struct ori_block_iq4_nl, qs);

    return ori_decode64(ori_codes_iq4, 7, nibbles(first + at, second + at));
}

ORI_INLINE __m512i quants_mxfp4(const uint8_t *first, const uint8_t *second)
{
    const size_t at = offsetof(struct ori_block_mxfp4, qs);

    return ori_decode64(ori_codes_mxfp4, 4, nibbles(first + at, second + at));
}

/* ---- a few columns: eight rows by four blocks at a time ---- */

#define FEW_ROWS 8

/* Nibbles: the low ones are the first half. */
ORI_INLINE void fours_nibbles(const uint8_t *const w[4], const struct places *places, size_t offset,
                              __m512i out[FOURS])
{
    const __m512i low = _mm512_set1_epi8(15);

    fours_of(w, places, offset, out);
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        out[4 + i] = _mm512_and_si512(_mm512_srli_epi16(out[i], 4), low);
        out[i] = _mm512_and_si512(out[i], low);
    }
}

/* A fifth bit, worth 16, from the 32 bits at `offset`. */
ORI_INLINE void add_fifth_bits(const uint8_t *const w[4], const struct places *places,
                               size_t offset, __m512i out[FOURS])
{
    /* Bit i of the index is bit 4 of byte i. */
    const __m512i bytes = _mm512_maskz_set1_epi8(0xfedcba9876543210, 16);
    __m512i bits[4];

    fours_of(w, places, offset, bits);
    ORI_UNROLL
    for (int k = 0; k < FOURS; k++)
        out[k] = _mm512_or_si512(
            out[k], _mm512_permutexvar_epi32(_mm512_srli_epi32(bits[0], 4 * (unsigned)k), bytes));
}

ORI_INLINE void fours_q4_0(const uint8_t *const w[4], const struct places *places,
                           __m512i out[FOURS])
{
    fours_nibbles(w, places, offsetof(struct ori_block_q4_0, qs), out);
}

ORI_INLINE void fours_q4_1(const uint8_t *const w[4], const struct places *places,
                           __m512i out[FOURS])
{
    fours_nibbles(w, places, offsetof(struct ori_block_q4_1, qs), out);
}

ORI_INLINE void fours_q5_0(const uint8_t *const w[4], const struct places *places,
                           __m512i out[FOURS])
{
    fours_nibbles(w, places, offsetof(struct ori_block_q5_0, qs), out);
    add_fifth_bits(w, places, offsetof(struct ori_block_q5_0, qh), out);
}

ORI_INLINE void fours_q5_1(const uint8_t *const w[4], const struct places *places,
                           __m512i out[FOURS])
{
    fours_nibbles(w, places, offsetof(struct ori_block_q5_1, qs), out);
    add_fifth_bits(w, places, offsetof(struct ori_block_q5_1, qh), out);
}

ORI_INLINE void fours_q8_0(const uint8_t *const w[4], const struct places *places,
                           __m512i out[FOURS])
{
    const size_t at = offsetof(struct ori_block_q8_0, qs);

    fours_of(w, places, at, out);
    fours_of(w, places, at + ORI_BLOCK / 2, out + 4);
    ORI_UNROLL
    for (int k = 0; k < FOURS; k++)
        out[k] = _mm512_xor_si512(out[k], _mm512_set1_epi8(-128));
}

ORI_INLINE void fours_iq4_nl(const uint8_t *const w[4], const struct places *places,
                             __m512i out[FOURS])
{
    fours_nibbles(w, places, offsetof(struct ori_block_iq4_nl, qs), out);
    ORI_UNROLL
    for (int k = 0; k < FOURS; k++)
        out[k] = ori_decode64(ori_codes_iq4, 7, out[k]);
}

ORI_INLINE void fours_mxfp4(const uint8_t *const w[4], const struct places *places,
                            __m512i out[FOURS])
{
    fours_nibbles(w, places, offsetof(struct ori_block_mxfp4, qs), out);
    ORI_UNROLL
    for (int k = 0; k < FOURS; k++)
        out[k] = ori_decode64(ori_codes_mxfp4, 4, out[k]);
}

/* ori_half_e8m0 of 16 bytes. */
ORI_INLINE __m512 half_e8m0_16(__m128i e)
{
    const __m256 low = ori_half_e8m0_8(_mm256_cvtepu8_epi32(e));
    const __m256 high = ori_half_e8m0_8(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(e, e)));

    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

/* d of four blocks of four rows, in the same places. */
ORI_INLINE __m512 d_of(const struct kind *kind, const uint8_t *const w[4],
                       const struct places *places)
{
    uint32_t four[FEW_BLOCKS];

    if (!kind->e8m0)
        return units_of(w, places, 0);
    ORI_UNROLL
    for (int j = 0; j < FEW_BLOCKS; j++) {
        const size_t at = places->at[j];
        four[j] = w[0][at] | (uint32_t)w[1][at] << 8 | (uint32_t)w[2][at] << 16 |
                  (uint32_t)w[3][at] << 24;
        ORI_STAY_GENERAL(four[j]);
    }
    return half_e8m0_16(_mm_setr_epi32((int)four[0], (int)four[1], (int)four[2], (int)four[3]));
}

/* Four blocks of four rows. */
struct weights {
    __m512i fours[FOURS];
    __m512 d, m;
};

ORI_INLINE struct weights load_weights(const struct kind *kind, const uint8_t *const w[4],
                                       const struct places *places)
{
    struct weights out = {.m = _mm512_setzero_ps()};

    kind->fours(w, places, out.fours);
    out.d = d_of(kind, w, places);
    if (kind->has_m)
        out.m = units_of(w, places, 2);
    return out;
}

/* Four blocks of activations: what is lane k of a quarter here goes to all four
 * rows. */
struct few_acts {
    __m512i fours[FOURS];
    __m512i sum;
    __m512 d;
};

ORI_INLINE struct few_acts load_acts(const struct ori_act_q8 *a, const struct places *places)
{
    const uint8_t *p = (const void *)a;
    const __m512i head = quarters(p, places); /* d, sum, fours 0 and 1 */
    const __m512i middle = quarters(p + 16, places);
    const __m512i tail = quarters(p + 24, places); /* fours 4 to 7 */

    _Static_assert(offsetof(struct ori_act_q8, sum) == 4 && offsetof(struct ori_act_q8, qs) == 8 &&
                       sizeof(struct ori_act_q8) == 40,
                   "the order of an activation block");
    return (struct few_acts){
        .d = _mm512_castsi512_ps(_mm512_shuffle_epi32(head, 0x00)),
        .sum = _mm512_shuffle_epi32(head, 0x55),
        .fours = {_mm512_shuffle_epi32(head, 0xaa), _mm512_shuffle_epi32(head, 0xff),
                  _mm512_shuffle_epi32(middle, 0x00), _mm512_shuffle_epi32(middle, 0x55),
                  _mm512_shuffle_epi32(tail, 0x00), _mm512_shuffle_epi32(tail, 0x55),
                  _mm512_shuffle_epi32(tail, 0xaa), _mm512_shuffle_epi32(tail, 0xff)},
    };
}

/* Four rows with one column: n_blocks <= 4 blocks folded into acc, in order. */
ORI_INLINE __m128 fold(const struct kind *kind, const struct weights *w, const struct few_acts *a,
                       size_t n_blocks, __m128 acc)
{
    __m512i half[2] = {offset_of(kind, a->sum), _mm512_setzero_si512()};

    ORI_UNROLL
    for (int k = 0; k < FOURS; k++)
        half[k % 2] = _mm512_dpbusd_epi32(half[k % 2], w->fours[k], a->fours[k]);

    const __m512 dot = _mm512_cvtepi32_ps(_mm512_add_epi32(half[0], half[1]));
    const __m512 d = _mm512_mul_ps(w->d, a->d);
    const __m512 m = _mm512_mul_ps(w->m, a->d), sum = _mm512_cvtepi32_ps(a->sum);
#define FOLD_BLOCK(j)                                                                              \
    if ((j) < n_blocks) {                                                                          \
        acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(d, j), _mm512_extractf32x4_ps(dot, j), acc);     \
        if (kind->has_m)                                                                           \
            acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(m, j), _mm512_extractf32x4_ps(sum, j), acc); \
    }
    FOLD_BLOCK(0)
    FOLD_BLOCK(1)
    FOLD_BLOCK(2)
    FOLD_BLOCK(3)
#undef FOLD_BLOCK
    return acc;
}

/* n_blocks <= 4 blocks of eight rows with n_cols columns folded into acc. */
ORI_INLINE void fold_all(const struct kind *kind, const uint8_t *const w[FEW_ROWS],
                         const struct ori_act_q8 *const a[ORI_FEW_GROUP], size_t b, size_t n_blocks,
                         int n_cols, __m128 acc[ORI_FEW_GROUP][2])
{
    const struct places in_row = places_of(kind->block_bytes, n_blocks);
    const struct places in_acts = places_of(sizeof(struct ori_act_q8), n_blocks);
    const struct weights first = load_weights(kind, w, &in_row);
    const struct weights second = load_weights(kind, w + 4, &in_row);

    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        const struct few_acts acts = load_acts(a[i] + b, &in_acts);
        acc[i][0] = fold(kind, &first, &acts, n_blocks, acc[i][0]);
        acc[i][1] = fold(kind, &second, &acts, n_blocks, acc[i][1]);
    }
}

/* Eight rows from r by n_cols columns from c, n_cols a constant. */
ORI_INLINE void rows_times(const struct kind *kind, const struct ori_matmul *m, size_t r, size_t c,
                           int n_cols)
{
    const size_t n_blocks = m->n / ORI_BLOCK, whole = n_blocks - n_blocks % FEW_BLOCKS;
    const size_t ahead = ori_ahead(m, FEW_ROWS), next = FEW_ROWS * m->row_bytes;
    const uint8_t *w[FEW_ROWS];
    const struct ori_act_q8 *a[ORI_FEW_GROUP];
    __m128 acc[ORI_FEW_GROUP][2];

    ori_rows(m, r, FEW_ROWS, w);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        a[i] = (const void *)(m->acts + (c + (size_t)i) * m->act_bytes);
        acc[i][0] = acc[i][1] = _mm_setzero_ps();
    }
    for (size_t b = 0; b < whole; b += FEW_BLOCKS) {
        fold_all(kind, w, a, b, FEW_BLOCKS, n_cols, acc);
        ORI_UNROLL
        for (int j = 0; j < FEW_ROWS; j++) {
            ORI_UNROLL
            for (size_t line = 0; line < FEW_BLOCKS * kind->block_bytes;
                 line += 2 * kind->block_bytes) { /* two blocks are about a line */
                ori_prefetch_far(w[j] + line, ahead);
                ori_prefetch_far(w[j] + line, next); /* what the CPU forgot meanwhile */
            }
            w[j] += FEW_BLOCKS * kind->block_bytes;
        }
    }
    if (whole < n_blocks)
        fold_all(kind, w, a, whole, n_blocks - whole, n_cols, acc);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        ori_store8(m, r, c + (size_t)i, _mm256_set_m128(acc[i][1], acc[i][0]));
}

ORI_INLINE void few_columns(const struct kind *kind, const struct ori_matmul *m)
{
    if (m->n_cols == 1 && kind->step && m->n_rows > 0 && m->n > 0)
        one_column(kind, m, false);
    else
        ORI_FEW_TIMES(m, FEW_ROWS, rows_times, kind);
}

/* ---- many columns: panels ---- */

#define PANEL_BLOCKS (ORI_PANEL_N / ORI_BLOCK)

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

/* The same of powers of two, which are the first byte. */
ORI_INLINE void put_powers(const uint8_t *const rows[ORI_PANEL_ROWS], size_t offset,
                           float out[2][16])
{
    uint8_t e[ORI_PANEL_ROWS];

    for (size_t r = 0; r < ORI_PANEL_ROWS; r++)
        e[r] = rows[r][offset];
    _mm512_store_ps(out[0], half_e8m0_16(ori_load16(e)));
    _mm512_store_ps(out[1], half_e8m0_16(ori_load16(e + 16)));
}

ORI_INLINE void build(const struct kind *kind, const uint8_t *const rows[ORI_PANEL_ROWS],
                      size_t n_blocks, struct panel *panel)
{
    for (size_t b = 0; b < n_blocks; b += 2) {
        const uint8_t line = (uint8_t)(FOURS * b);
        const uint8_t at[4] = {line, (uint8_t)(line + FOURS), (uint8_t)(line + FOURS / 2),
                               (uint8_t)(line + FOURS + FOURS / 2)};
        const size_t first = b * kind->block_bytes;
        const size_t second = b + 1 < n_blocks ? first + kind->block_bytes : first;

        for (int half = 0; half < 2; half++) {
            __m512i q[4][4];

            ORI_UNROLL
            for (int r = 0; r < 4; r++) {
                const uint8_t *const *w = rows + 16 * half + 4 * r;
                ORI_UNROLL
                for (int i = 0; i < 4; i++)
                    q[r][i] = kind->quants(w[i] + first, w[i] + second);
                ori_transpose4(q[r]);
            }
            ori_panel_put(&panel->quants, half, q, at);
        }
    }
    for (size_t b = 0; b < n_blocks; b++) {
        if (kind->e8m0)
            put_powers(rows, b * kind->block_bytes, panel->d[b]);
        else
            put_units(rows, b * kind->block_bytes, panel->d[b]);
        if (kind->has_m)
            put_units(rows, b * kind->block_bytes + 2, panel->m[b]);
    }
}

/* The panel times n columns, n a constant. */
ORI_INLINE void times(const struct kind *kind, const struct panel *panel, size_t n_blocks,
                      const uint8_t *acts, size_t act_bytes, const uint8_t *soon, float *acc, int n)
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
        const uint8_t(*lines)[2][64] = panel->quants.line + b * FOURS;
        __m512i part[ORI_GROUP][2];

        ORI_UNROLL
        for (int i = 0; i < n; i++)
            part[i][0] = part[i][1] = offset_of(kind, _mm512_set1_epi32(a[i][b].sum));
        ORI_UNROLL
        for (int k = 0; k < FOURS; k++) {
            const __m512i low = _mm512_load_si512(lines[k][0]);
            const __m512i high = _mm512_load_si512(lines[k][1]);
            ori_panel_ask(soon, act_bytes, PANEL_BLOCKS * sizeof(struct ori_act_q8), b, k, FOURS);
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

#define DEFINE_TYPE(type, offset, has_m, e8m0, step)                                               \
    static const struct kind kind_##type = {                                                       \
        sizeof(struct ori_block_##type), offset, has_m, e8m0, quants_##type, fours_##type, step};  \
    ORI_DEFINE_MATMUL_AVX512(type, ORI_BLOCK, struct ori_act_q8)

DEFINE_TYPE(q4_0, 3, false, false, &step_q4_0)
DEFINE_TYPE(q4_1, 0, true, false, NULL)
DEFINE_TYPE(q5_0, 4, false, false, NULL)
DEFINE_TYPE(q5_1, 0, true, false, NULL)
DEFINE_TYPE(q8_0, 7, false, false, &step_q8_0)
DEFINE_TYPE(iq4_nl, 7, false, false, &step_iq4_nl)
DEFINE_TYPE(mxfp4, 4, false, true, NULL)

ORI_DEFINE_MATMUL_ONCE(q4_0)
ORI_DEFINE_MATMUL_ONCE(iq4_nl)
ORI_DEFINE_MATMUL_ONCE(q8_0)
