/* Attention in AVX-512. */
#include "kernels/x86/x86.h"

#include "kernels/x86/attention.h"

ORI_DEFINE_ATTENTION(avx512, f16)
ORI_DEFINE_ATTENTION(avx512, q8_0)
ORI_DEFINE_ATTENTION(avx512, f32)
