/* Superblocks (k-quants, IQ4_XS, IQ3 and IQ2) in AVX-512: a type's product, made of a
 * struct kind, which says how its blocks come apart, and a walk for one column, one for
 * a few, and one for many. */
#ifndef ORI_KERNELS_SUPERBLOCK_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_AVX512_H

#include "kernels/x86/superblock_few_avx512.h"
#include "kernels/x86/superblock_panel_avx512.h"
#include "kernels/x86/superblock_row_avx512.h"

ORI_INLINE void few_columns(const struct kind *kind, const struct ori_matmul *m)
{
    const bool is_empty = m->n_rows == 0 || m->n == 0;

    if (m->n_cols == 1 && kind->quad && !is_empty)
        one_column(kind, m, false);
    else
        ORI_FEW_TIMES(m, FEW_ROWS, rows_times, kind);
}

#define DEFINE_TYPE(type, unit, offset, sub, heads, quad, ...)                                     \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type),                       \
                                            offsetof(struct ori_block_##type, d),                  \
                                            unit,                                                  \
                                            offset,                                                \
                                            sub,                                                   \
                                            __VA_ARGS__,                                           \
                                            fours_##type,                                          \
                                            heads,                                                 \
                                            quad};                                                 \
    ORI_DEFINE_MATMUL_AVX512(type, ORI_SUPERBLOCK, struct ori_act_q8k)

#endif
