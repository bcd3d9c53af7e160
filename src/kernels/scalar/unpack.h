/* Blocks taken apart into plain integers: what the scalar kernels, and the
 * quantizers' round trip, stand on. */
#ifndef ORI_KERNELS_UNPACK_H
#define ORI_KERNELS_UNPACK_H

#include "kernels/blocks.h"

/* A block of 32: element i is d * q[i] + m. */
struct ori_unpacked32 {
    float d, m;
    int8_t q[ORI_BLOCK];
};

/* A superblock of 256: element i is d * scale[i / 16] * q[i] - dmin * min[i / 16].
 * Types with sub-blocks of 32 have each scale and minimum twice.  Bounds:
 *
 *          |scale|  |q|   min
 *   Q2_K     15       3   15
 *   Q3_K     32       4    -
 *   Q4_K     63      15   63
 *   Q5_K     63      31   63
 *   Q6_K    128      32    -
 *   IQ4_XS   32     127    -
 *   IQ3_S    31      15    -
 *   IQ3_XXS  31      62    -
 *   IQ2      31      43    -
 *
 * so that sum(scale * q * a) over 256 elements with |a| <= 127 is at most
 * 256 * 128 * 32 * 127 = 133,169,152 (Q6_K): int32 holds it, as it holds
 * the same again, by which vector code takes out the offset of an unsigned q
 * (32 for Q6_K, 128 for IQ4_XS), both together, and sum(min * a) <= 256 * 63 * 127. */
struct ori_unpacked256 {
    float d, dmin;
    int16_t scale[16], min[16];
    int8_t q[ORI_SUPERBLOCK];
};

typedef void ori_unpack32_fn(const uint8_t *block, struct ori_unpacked32 *out);
typedef void ori_unpack256_fn(const uint8_t *block, struct ori_unpacked256 *out);

ori_unpack32_fn ori_unpack_q4_0, ori_unpack_q4_1, ori_unpack_q5_0, ori_unpack_q5_1, ori_unpack_q8_0,
    ori_unpack_iq4_nl, ori_unpack_mxfp4;
ori_unpack256_fn ori_unpack_q2_k, ori_unpack_q3_k, ori_unpack_q4_k, ori_unpack_q5_k,
    ori_unpack_q6_k, ori_unpack_iq4_xs, ori_unpack_iq3_s, ori_unpack_iq3_xxs, ori_unpack_iq2_s,
    ori_unpack_iq2_xs, ori_unpack_iq2_xxs;

#endif
