/* Norm, residual, gate, rope, f16.  The last, incomplete vector is masked. */
#include "kernels/x86/x86.h"

#include "kernels/x86/vec16.h"

void ori_add_avx512(float *x, const float *y, size_t n)
{
    size_t i = 0;

    for (; n - i >= 16; i += 16)
        _mm512_storeu_ps(x + i, _mm512_add_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i)));
    const __mmask16 rest = ori_first_lanes(n - i);
    const __m512 sum =
        _mm512_add_ps(_mm512_maskz_loadu_ps(rest, x + i), _mm512_maskz_loadu_ps(rest, y + i));
    _mm512_mask_storeu_ps(x + i, rest, sum);
}
