/* Blocks taken apart, one function a type. */
#include "kernels/scalar/unpack.h"

#include "kernels/bits.h"
#include "kernels/codebook.h"

/* ---- blocks of 32 ---- */

/* Nibble i of a block of 32. */
static int nibble(const uint8_t qs[16], int i)
{
    return i < 16 ? qs[i] & 15 : qs[i - 16] >> 4;
}

void ori_unpack_q4_0(const uint8_t *block, struct ori_unpacked32 *out)
{
    const struct ori_block_q4_0 *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->m = 0;
    for (int i = 0; i < ORI_BLOCK; i++)
        out->q[i] = (int8_t)(nibble(b->qs, i) - 8);
}

void ori_unpack_q4_1(const uint8_t *block, struct ori_unpacked32 *out)
{
    const struct ori_block_q4_1 *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->m = ori_load_f16(b->m);
    for (int i = 0; i < ORI_BLOCK; i++)
        out->q[i] = (int8_t)nibble(b->qs, i);
}

void ori_unpack_q5_0(const uint8_t *block, struct ori_unpacked32 *out)
{
    const struct ori_block_q5_0 *b = (const void *)block;
    const uint32_t high = ori_load_le32(b->qh);

    out->d = ori_load_f16(b->d);
    out->m = 0;
    for (int i = 0; i < ORI_BLOCK; i++)
        out->q[i] = (int8_t)((nibble(b->qs, i) | (int)(high >> i & 1) << 4) - 16);
}

void ori_unpack_q5_1(const uint8_t *block, struct ori_unpacked32 *out)
{
    const struct ori_block_q5_1 *b = (const void *)block;
    const uint32_t high = ori_load_le32(b->qh);

    out->d = ori_load_f16(b->d);
    out->m = ori_load_f16(b->m);
    for (int i = 0; i < ORI_BLOCK; i++)
        out->q[i] = (int8_t)(nibble(b->qs, i) | (int)(high >> i & 1) << 4);
}

void ori_unpack_q8_0(const uint8_t *block, struct ori_unpacked32 *out)
{
    const struct ori_block_q8_0 *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->m = 0;
    for (int i = 0; i < ORI_BLOCK; i++)
        out->q[i] = b->qs[i];
}

void ori_unpack_iq4_nl(const uint8_t *block, struct ori_unpacked32 *out)
{
    const struct ori_block_iq4_nl *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->m = 0;
    for (int i = 0; i < ORI_BLOCK; i++)
        out->q[i] = ori_codes_iq4[nibble(b->qs, i)];
}

void ori_unpack_mxfp4(const uint8_t *block, struct ori_unpacked32 *out)
{
    const struct ori_block_mxfp4 *b = (const void *)block;

    out->d = ori_half_e8m0(b->e);
    out->m = 0;
    for (int i = 0; i < ORI_BLOCK; i++)
        out->q[i] = ori_codes_mxfp4[nibble(b->qs, i)];
}

/* ---- superblocks of 256 ---- */

void ori_unpack_q2_k(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_q2_k *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->dmin = ori_load_f16(b->dmin);
    for (int j = 0; j < 16; j++) {
        out->scale[j] = b->scales[j] & 15;
        out->min[j] = b->scales[j] >> 4;
    }
    for (int i = 0; i < ORI_SUPERBLOCK; i++) {
        const int h = i / 128, j = i % 128 / 32, l = i % 32;
        out->q[i] = (int8_t)(b->qs[32 * h + l] >> (2 * j) & 3);
    }
}

void ori_unpack_q3_k(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_q3_k *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->dmin = 0;
    for (int j = 0; j < 16; j++) {
        const int low = b->scales[j % 8] >> (j / 8 * 4) & 15;
        const int high = b->scales[8 + j % 4] >> (j / 4 * 2) & 3;
        out->scale[j] = (int16_t)((low | high << 4) - 32);
        out->min[j] = 0;
    }
    for (int i = 0; i < ORI_SUPERBLOCK; i++) {
        const int h = i / 128, j = i % 128 / 32, l = i % 32;
        const int low = b->qs[32 * h + l] >> (2 * j) & 3;
        const int high = b->hmask[l] >> (4 * h + j) & 1;
        out->q[i] = (int8_t)((low | high << 2) - 4);
    }
}

/* The 6-bit scales and minimums of Q4_K and Q5_K, each for two 16s. */
static void unpack_scales_k4(const uint8_t s[12], struct ori_unpacked256 *out)
{
    for (int j = 0; j < 8; j++) {
        int scale, min;
        if (j < 4) {
            scale = s[j] & 63;
            min = s[j + 4] & 63;
        } else {
            scale = (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
            min = s[j + 4] >> 4 | s[j] >> 6 << 4;
        }
        out->scale[2 * j] = out->scale[2 * j + 1] = (int16_t)scale;
        out->min[2 * j] = out->min[2 * j + 1] = (int16_t)min;
    }
}

/* Nibble i of Q4_K and Q5_K. */
static int nibble_k(const uint8_t qs[128], int i)
{
    return qs[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15;
}

void ori_unpack_q4_k(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_q4_k *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->dmin = ori_load_f16(b->dmin);
    unpack_scales_k4(b->scales, out);
    for (int i = 0; i < ORI_SUPERBLOCK; i++)
        out->q[i] = (int8_t)nibble_k(b->qs, i);
}

void ori_unpack_q5_k(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_q5_k *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->dmin = ori_load_f16(b->dmin);
    unpack_scales_k4(b->scales, out);
    for (int i = 0; i < ORI_SUPERBLOCK; i++) {
        const int high = b->qh[i % 32] >> (i / 32) & 1;
        out->q[i] = (int8_t)(nibble_k(b->qs, i) | high << 4);
    }
}

void ori_unpack_q6_k(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_q6_k *b = (const void *)block;

    out->d = ori_load_f16(b->d);
    out->dmin = 0;
    for (int j = 0; j < 16; j++) {
        out->scale[j] = b->scales[j];
        out->min[j] = 0;
    }
    for (int i = 0; i < ORI_SUPERBLOCK; i++) {
        const int h = i / 128, j = i % 128 / 32, l = i % 32;
        const int low = b->ql[64 * h + 32 * (j % 2) + l] >> (j / 2 * 4) & 15;
        const int high = b->qh[32 * h + l] >> (2 * j) & 3;
        out->q[i] = (int8_t)((low | high << 4) - 32);
    }
}
