/* Superblocks with many columns: panels of 32 rows (panel_avx512.h), lanes across the
 * rows. */
#ifndef ORI_KERNELS_SUPERBLOCK_PANEL_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_PANEL_AVX512_H

#include "kernels/x86/panel_avx512.h"
#include "kernels/x86/superblock_kind_avx512.h"

struct panel {
    struct ori_panel_quants quants;
    _Alignas(64) int32_t scale[16][2][16]; /* of each sub-block */
    int16_t mins[8][2][32];                /* minimums of two sub-blocks */
    float d[2][16], dmin[2][16];
};

/* Chunks 2h and 2h + 1 of 16 rows. */
ORI_INLINE void put_chunks(const struct kind *kind, const uint8_t *const w[16], int h, int half,
                           struct panel *panel)
{
    __m512i q[2][4][4];

    for (int r = 0; r < 4; r++) {
        __m512i fours[2][4];

        kind->fours(w + 4 * r, h, fours);
        ORI_UNROLL
        for (int i = 0; i < 4; i++) {
            q[0][r][i] = fours[0][i];
            q[1][r][i] = fours[1][i];
        }
    }
    for (int odd = 0; odd < 2; odd++) {
        const uint8_t first = (uint8_t)(8 * kind->runs[2 * h + odd][0]);
        const uint8_t second = (uint8_t)(8 * kind->runs[2 * h + odd][1]);
        const uint8_t at[4] = {first, (uint8_t)(first + 4), second, (uint8_t)(second + 4)};

        ori_panel_put(&panel->quants, half, q[odd], at);
    }
}

ORI_INLINE void put_heads(const struct kind *kind, const uint8_t *const w[16], int half,
                          struct panel *panel)
{
    const int step = kind->sub / 16; /* scales of 32 elements stand twice */
    struct heads h[4];
    __m512i lines[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        h[r] = kind->heads(w + 4 * r);
        _mm_store_ps(panel->d[half] + 4 * r, _mm_mul_ps(h[r].d, _mm_set1_ps(kind->unit)));
        if (!kind->offset)
            _mm_store_ps(panel->dmin[half] + 4 * r, h[r].dmin);
    }
    ORI_UNROLL
    for (int c = 0; c < 4; c++) {
        ori_panel_lines(h[0].scales[c], h[1].scales[c], h[2].scales[c], h[3].scales[c], lines);
        ORI_UNROLL
        for (int k = 0; k < 4; k += step)
            _mm512_store_si512(panel->scale[(2 * kind->runs[c][k / 2] + k % 2) / step][half],
                               lines[k]);
    }
    if (kind->offset)
        return;
    ORI_UNROLL
    for (int i = 0; i < 2 / step; i++) {
        ori_panel_lines(h[0].sums[i], h[1].sums[i], h[2].sums[i], h[3].sums[i], lines);
        ORI_UNROLL
        for (int k = 0; k < 4; k++)
            _mm512_store_si512(panel->mins[4 * i + k][half], lines[k]);
    }
}

ORI_INLINE void build(const struct kind *kind, const uint8_t *const rows[ORI_PANEL_ROWS],
                      size_t n_blocks, struct panel *panel)
{
    (void)n_blocks; /* one superblock is a panel */
    for (int half = 0; half < 2; half++) {
        put_chunks(kind, rows + 16 * half, 0, half, panel);
        put_chunks(kind, rows + 16 * half, 1, half, panel);
        put_heads(kind, rows + 16 * half, half, panel);
    }
}

/* What the sums of a column's sub-blocks start from, of a type with an offset: so it is
 * out of them again, at no cost, since they would have to start from something. */
ORI_INLINE void put_starts(const struct kind *kind, const struct ori_act_q8k *a, int32_t starts[16])
{
    const __m256i sums = ori_load32(a->sums);

    if (kind->sub == 16)
        _mm512_store_si512(starts,
                           _mm512_sub_epi32(_mm512_setzero_si512(),
                                            _mm512_sll_epi32(_mm512_cvtepi16_epi32(sums),
                                                             _mm_cvtsi32_si128(kind->offset))));
    else
        _mm256_store_si256((__m256i *)(void *)starts,
                           _mm256_madd_epi16(sums, _mm256_set1_epi16((short)-(1 << kind->offset))));
}

/* The second terms: minimums times the sums of the activations that they belong to. */
ORI_INLINE void times_mins(const struct kind *kind, const struct panel *panel,
                           int16_t sums[ORI_GROUP][16], __m512i out[ORI_GROUP][2], int n)
{
    ORI_UNROLL
    for (int i = 0; i < n; i++)
        out[i][0] = out[i][1] = _mm512_setzero_si512();
    for (int j = 0; j < ORI_SUPERBLOCK / kind->sub / 2; j++) {
        const __m512i low = _mm512_load_si512(panel->mins[j][0]);
        const __m512i high = _mm512_load_si512(panel->mins[j][1]);
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            const __m512i x = ori_broadcast4(sums[i] + 2 * j);
            out[i][0] = _mm512_dpwssd_epi32(out[i][0], low, x);
            out[i][1] = _mm512_dpwssd_epi32(out[i][1], high, x);
        }
    }
}

/* The panel times n columns, n a constant.  Everything that is indexed by a
 * column lives in registers: 2 n integer sums, as many of the sub-block at
 * hand, two lines of the panel, a broadcast and a scale. */
ORI_INLINE void times(const struct kind *kind, const struct panel *panel, size_t n_blocks,
                      const uint8_t *acts, size_t act_bytes, const uint8_t *soon, float *acc, int n)
{
    (void)n_blocks;
    const int steps = kind->sub / 4;
    _Alignas(64) int32_t starts[ORI_GROUP][16];
    _Alignas(32) int16_t sums[ORI_GROUP][16];
    const struct ori_act_q8k *a[ORI_GROUP];
    __m512i total[ORI_GROUP][2], second[ORI_GROUP][2];

    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        a[i] = (const void *)(acts + (size_t)i * act_bytes);
        if (kind->offset)
            put_starts(kind, a[i], starts[i]);
        else
            _mm256_store_si256((__m256i *)(void *)sums[i], act_sums(kind, a[i]));
        total[i][0] = total[i][1] = _mm512_setzero_si512();
    }
    for (int s = 0; s < ORI_SUPERBLOCK / kind->sub; s++) {
        const uint8_t(*lines)[2][64] = panel->quants.line + s * steps;
        __m512i part[ORI_GROUP][2];

        ORI_UNROLL
        for (int i = 0; i < n; i++)
            part[i][0] = part[i][1] =
                kind->offset ? _mm512_set1_epi32(starts[i][s]) : _mm512_setzero_si512();
        ORI_UNROLL
        for (int k = 0; k < steps; k++) {
            const __m512i low = _mm512_load_si512(lines[k][0]);
            const __m512i high = _mm512_load_si512(lines[k][1]);
            ori_panel_ask(soon, act_bytes, sizeof(struct ori_act_q8k), (size_t)s, k, steps);
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

    if (!kind->offset)
        times_mins(kind, panel, sums, second, n);
    ORI_UNROLL
    for (int half = 0; half < 2; half++) {
        const __m512 d = _mm512_load_ps(panel->d[half]);
        const __m512 dmin = kind->offset ? _mm512_setzero_ps() : _mm512_load_ps(panel->dmin[half]);
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            const __m512 da = _mm512_set1_ps(a[i]->d);
            float *const at = acc + (size_t)i * ORI_PANEL_ROWS + 16 * half;
            __m512 sum = _mm512_load_ps(at);

            sum = _mm512_fmadd_ps(_mm512_mul_ps(d, da), _mm512_cvtepi32_ps(total[i][half]), sum);
            if (!kind->offset)
                sum = _mm512_fnmadd_ps(_mm512_mul_ps(dmin, da), _mm512_cvtepi32_ps(second[i][half]),
                                       sum);
            _mm512_store_ps(at, sum);
        }
    }
}

#endif
