/* The codebooks of types whose quants are indices. */
#ifndef ORI_KERNELS_CODEBOOK_H
#define ORI_KERNELS_CODEBOOK_H

#include <stdint.h>

/* IQ4_NL and IQ4_XS: closer together near 0, as weights are. */
extern const int8_t ori_codes_iq4[16];

/* MXFP4: twice what the E2M1 floats are, sign in bit 3. */
extern const int8_t ori_codes_mxfp4[16];

#endif
