/* Block layouts of the quantized tensor types, as they lie in a GGUF file.
 *
 * Little-endian, made of bytes only, so that a block may stand at any address.
 * d, m and dmin are f16.  Element order is stated where it is not plain. */
#ifndef ORI_KERNELS_BLOCKS_H
#define ORI_KERNELS_BLOCKS_H

#include <stdint.h>

#define ORI_BLOCK 32       /* elements of a Q8_0, Q4_x, Q5_x, IQ4_NL or MXFP4 block */
#define ORI_SUPERBLOCK 256 /* elements of a k-quant block */

/* 4-bit: byte i holds element i (low nibble) and element i + 16 (high). */
struct ori_block_q4_0 {
    uint8_t d[2];
    uint8_t qs[16]; /* value d * (q - 8) */
};

struct ori_block_q4_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t qs[16]; /* value d * q + m */
};

/* 5-bit: bit i of qh is the fifth bit of element i. */
struct ori_block_q5_0 {
    uint8_t d[2];
    uint8_t qh[4];
    uint8_t qs[16]; /* value d * (q - 16) */
};

struct ori_block_q5_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t qh[4];
    uint8_t qs[16]; /* value d * q + m */
};

struct ori_block_q8_0 {
    uint8_t d[2];
    int8_t qs[32]; /* value d * q */
};

/* Nibbles as in Q4_0, indices into ori_codes_iq4. */
struct ori_block_iq4_nl {
    uint8_t d[2];
    uint8_t qs[16]; /* value d * code[q] */
};

/* OCP Microscaling: nibbles as in Q4_0, E2M1 floats, and one power of two for
 * all of them, E8M0: 2^(e - 127).  ori_codes_mxfp4 has the floats doubled. */
struct ori_block_mxfp4 {
    uint8_t e;
    uint8_t qs[16]; /* value 2^(e - 128) * code[q] */
};

/* A superblock is cut into sub-blocks of 16 elements (Q2_K, Q3_K, Q6_K) or 32
 * (Q4_K, Q5_K), each with a small integer scale, and a minimum in Q2_K, Q4_K
 * and Q5_K: value d * scale * q - dmin * min. */

/* Element 128 h + 32 j + l: bits 2j, 2j+1 of qs[32 h + l].  Scale in the low
 * nibble, minimum in the high one. */
struct ori_block_q2_k {
    uint8_t scales[16];
    uint8_t qs[64];
    uint8_t d[2];
    uint8_t dmin[2];
};

/* Low bits as in Q2_K; bit 4 h + j of hmask[l] is the third.  q - 4.  Scales
 * are 6-bit, minus 32: low four bits of scale j in nibble j / 8 of byte j % 8,
 * high two in bits 2 (j / 4) of byte 8 + j % 4. */
struct ori_block_q3_k {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint8_t d[2];
};

/* Element 64 c + l: low nibble of qs[32 c + l]; element 64 c + 32 + l: high.
 * Scales and minimums are 6-bit: 0 to 3 in the low six bits of bytes 0-3 and
 * 4-7; 4 to 7 in the nibbles of bytes 8-11 with their high two bits on top of
 * bytes 0-3 and 4-7. */
struct ori_block_q4_k {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t scales[12];
    uint8_t qs[128];
};

/* As Q4_K; bit k of qh[l] is the fifth bit of element l of sub-block k. */
struct ori_block_q5_k {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
};

/* Element 128 h + 32 j + l: nibble j / 2 of ql[64 h + 32 (j % 2) + l], on top
 * of it bits 2j, 2j+1 of qh[32 h + l].  q - 32. */
struct ori_block_q6_k {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint8_t d[2];
};

/* Without a minimum, in sub-blocks of 32: nibbles as in Q4_0, 16 bytes of them for each, are
 * indices into ori_codes_iq4.  Scales are 6-bit, minus 32: low four bits of scale j in nibble
 * j % 2 of scales_l[j / 2], high two in bits 2j of scales_h. */
struct ori_block_iq4_xs {
    uint8_t d[2];
    uint8_t scales_h[2];
    uint8_t scales_l[4];
    uint8_t qs[128]; /* value d * scale * code[q] */
};

/* IQ3 and IQ2: an index into a codebook stands for the magnitudes of four (IQ3) or eight
 * (IQ2) neighbours; signs are apart, 1 for minus.  Where there are but seven bits for eight
 * signs, the eighth makes the number of minus signs even.  Scales are 4-bit numbers. */

/* Scales of 32 elements: scale j in nibble j % 2 of scales[j / 2].  Index k: qs[k], ninth bit in
 * bit k % 8 of qh[k / 8]. */
struct ori_block_iq3_s {
    uint8_t d[2];
    uint8_t qs[64];
    uint8_t qh[8];
    uint8_t signs[32];
    uint8_t scales[4]; /* value d * (2 * scale + 1) * +-magnitude */
};

/* For each 32 elements four bytes: seven bits of signs four times, then the scale. */
struct ori_block_iq3_xxs {
    uint8_t d[2];
    uint8_t qs[64];
    uint8_t signs[32]; /* value d / 4 * (2 * scale + 1) * +-magnitude */
};

/* Scales of 16 elements, as in IQ3_S.  Index k: qs[k], then bits 2 (k % 4), 2 (k % 4) + 1 of
 * qh[k / 4]. */
struct ori_block_iq2_s {
    uint8_t d[2];
    uint8_t qs[32];
    uint8_t signs[32];
    uint8_t qh[8];
    uint8_t scales[8]; /* value d / 8 * (2 * scale + 1) * +-magnitude */
};

/* Two bytes for eight elements: nine bits of index, seven of signs.  Scales as in IQ2_S. */
struct ori_block_iq2_xs {
    uint8_t d[2];
    uint8_t qs[64];
    uint8_t scales[8]; /* value as in IQ2_S */
};

/* Eight bytes for 32 elements: four indices, then signs and scale as in IQ3_XXS. */
struct ori_block_iq2_xxs {
    uint8_t d[2];
    uint8_t qs[64]; /* value as in IQ2_S */
};

_Static_assert(sizeof(struct ori_block_q4_0) == 18, "Q4_0");
_Static_assert(sizeof(struct ori_block_q4_1) == 20, "Q4_1");
_Static_assert(sizeof(struct ori_block_q5_0) == 22, "Q5_0");
_Static_assert(sizeof(struct ori_block_q5_1) == 24, "Q5_1");
_Static_assert(sizeof(struct ori_block_q8_0) == 34, "Q8_0");
_Static_assert(sizeof(struct ori_block_iq4_nl) == 18, "IQ4_NL");
_Static_assert(sizeof(struct ori_block_mxfp4) == 17, "MXFP4");
_Static_assert(sizeof(struct ori_block_q2_k) == 84, "Q2_K");
_Static_assert(sizeof(struct ori_block_q3_k) == 110, "Q3_K");
_Static_assert(sizeof(struct ori_block_q4_k) == 144, "Q4_K");
_Static_assert(sizeof(struct ori_block_q5_k) == 176, "Q5_K");
_Static_assert(sizeof(struct ori_block_q6_k) == 210, "Q6_K");
_Static_assert(sizeof(struct ori_block_iq4_xs) == 136, "IQ4_XS");
_Static_assert(sizeof(struct ori_block_iq3_s) == 110, "IQ3_S");
_Static_assert(sizeof(struct ori_block_iq3_xxs) == 98, "IQ3_XXS");
_Static_assert(sizeof(struct ori_block_iq2_s) == 82, "IQ2_S");
_Static_assert(sizeof(struct ori_block_iq2_xs) == 74, "IQ2_XS");
_Static_assert(sizeof(struct ori_block_iq2_xxs) == 66, "IQ2_XXS");

#endif
