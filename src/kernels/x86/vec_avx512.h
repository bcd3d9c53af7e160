/* What the AVX-512 kernels share. */
#ifndef ORI_KERNELS_VEC_AVX512_H
#define ORI_KERNELS_VEC_AVX512_H

#include "kernels/x86/vec_avx2.h"

/* The first n < 16 lanes.  Masked loads and stores touch no other memory. */
ORI_INLINE __mmask16 ori_first_lanes(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}

#endif
