/* Where the quantization of activations stops being plain arithmetic.
 *
 * Bounds on the bits of a block's largest magnitude: below 2^-100 the block
 * counts as all zero (127 / amax would overflow), and a block with an infinity
 * or a NaN gets d = NaN and q = 0, which every dot product then shows. */
#ifndef ORI_KERNELS_ACTIVATIONS_H
#define ORI_KERNELS_ACTIVATIONS_H

#define ORI_ACT_TINY 0x0d800000u     /* 2^-100 */
#define ORI_ACT_INFINITE 0x7f800000u /* infinity, and every NaN above it */
#define ORI_ACT_NAN 0x7fc00000u

#endif
