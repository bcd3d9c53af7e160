/* The codebooks of types whose quants are indices. */
#ifndef ORI_KERNELS_CODEBOOK_H
#define ORI_KERNELS_CODEBOOK_H

#include <stdint.h>

/* IQ4_NL and IQ4_XS: closer together near 0, as weights are. */
extern const int8_t ori_codes_iq4[16];

/* MXFP4: twice what the E2M1 floats are, sign in bit 3. */
extern const int8_t ori_codes_mxfp4[16];

/* IQ3 and IQ2: magnitudes of four or eight neighbours, the first in the lowest byte. */
extern const uint32_t ori_grid_iq3_s[512], ori_grid_iq3_xxs[256];
extern const uint64_t ori_grid_iq2_s[1024], ori_grid_iq2_xs[512], ori_grid_iq2_xxs[256];

/* Four times seven bits of signs -> four bytes of eight, whose last makes the number of minus
 * signs even. */
static inline uint32_t ori_even_signs(uint32_t sevens)
{
    const uint32_t seven = (sevens & 0x7f) | (sevens << 1 & 0x7f00) | (sevens << 2 & 0x7f0000) |
                           (sevens << 3 & 0x7f000000);
    uint32_t odd = seven ^ (seven >> 4 & 0x07070707); /* bit 0 of each byte, in three steps */

    odd ^= odd >> 2;
    odd ^= odd >> 1;
    return seven | (odd & 0x01010101) << 7;
}

#endif
