/* Superblocks with many columns: panels of 32 rows (panel_avx512.h), lanes across the
 * rows. */
#ifndef ORI_KERNELS_SUPERBLOCK_PANEL_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_PANEL_AVX512_H

#include "kernels/x86/panel_avx512.h"
#include "kernels/x86/superblock_kind_avx512.h"

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
        _mm256_store_si256((__m256i *)(void *)sums[i], act_sums(kind, a[i]));
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

#endif
