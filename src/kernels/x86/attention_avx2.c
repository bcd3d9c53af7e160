/* Attention in AVX2. */
#include "kernels/x86/x86.h"

#include "kernels/x86/attention.h"

ORI_DEFINE_ATTENTION(avx2, f16)
ORI_DEFINE_ATTENTION(avx2, q8_0)
ORI_DEFINE_ATTENTION(avx2, f32)
