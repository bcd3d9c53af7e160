/* Superblocks whose quants are indices, taken apart: IQ4_XS, IQ3, IQ2. */
#include "kernels/scalar/unpack.h"

#include "kernels/bits.h"
#include "kernels/codebook.h"

/* d comes in a unit of its own, 1 over a power of two: exact. */
static void start(const uint8_t d[2], float unit, struct ori_unpacked256 *out)
{
    out->d = ori_load_f16(d) * unit;
    out->dmin = 0;
    for (int j = 0; j < 16; j++)
        out->min[j] = 0;
}

/* Scale j, for 32 elements. */
static void put_scale(struct ori_unpacked256 *out, int j, int scale)
{
    out->scale[2 * j] = out->scale[2 * j + 1] = (int16_t)scale;
}

/* Nibble j of scales[]. */
static int nibble(const uint8_t *scales, int j)
{
    return scales[j / 2] >> (j % 2 * 4) & 15;
}

/* n elements from `at`, whose magnitudes are the bytes of `grid`, and minus where a bit of signs
 * is set. */
static void put(struct ori_unpacked256 *out, int at, int n, uint64_t grid, uint32_t signs)
{
    for (int i = 0; i < n; i++) {
        const int magnitude = (int)(grid >> (8 * i) & 255);
        out->q[at + i] = (int8_t)(signs >> i & 1 ? -magnitude : magnitude);
    }
}

void ori_unpack_iq4_xs(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_iq4_xs *b = (const void *)block;
    const int high = ori_load_le16(b->scales_h);

    start(b->d, 1, out);
    for (int j = 0; j < 8; j++)
        put_scale(out, j, (nibble(b->scales_l, j) | (high >> (2 * j) & 3) << 4) - 32);
    for (int i = 0; i < ORI_SUPERBLOCK; i++)
        out->q[i] = ori_codes_iq4[b->qs[i / 32 * 16 + i % 16] >> (i / 16 % 2 * 4) & 15];
}

void ori_unpack_iq3_s(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_iq3_s *b = (const void *)block;

    start(b->d, 1, out);
    for (int j = 0; j < 8; j++)
        put_scale(out, j, 2 * nibble(b->scales, j) + 1);
    for (int k = 0; k < 64; k++) {
        const int index = b->qs[k] | (b->qh[k / 8] >> (k % 8) & 1) << 8;
        put(out, 4 * k, 4, ori_grid_iq3_s[index], (uint32_t)b->signs[k / 2] >> (k % 2 * 4));
    }
}

void ori_unpack_iq3_xxs(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_iq3_xxs *b = (const void *)block;

    start(b->d, 0.25f, out);
    for (int j = 0; j < 8; j++) {
        const uint32_t last = ori_load_le32(b->signs + 4 * j);
        const uint32_t signs = ori_even_signs(last);

        put_scale(out, j, 2 * (int)(last >> 28) + 1);
        for (int k = 0; k < 8; k++)
            put(out, 32 * j + 4 * k, 4, ori_grid_iq3_xxs[b->qs[8 * j + k]], signs >> (4 * k));
    }
}

/* The scales of 16 elements of IQ2. */
static void put_scales_16(const uint8_t scales[8], struct ori_unpacked256 *out)
{
    for (int j = 0; j < 16; j++)
        out->scale[j] = (int16_t)(2 * nibble(scales, j) + 1);
}

void ori_unpack_iq2_s(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_iq2_s *b = (const void *)block;

    start(b->d, 0.125f, out);
    put_scales_16(b->scales, out);
    for (int k = 0; k < 32; k++) {
        const int index = b->qs[k] | (b->qh[k / 4] >> (k % 4 * 2) & 3) << 8;
        put(out, 8 * k, 8, ori_grid_iq2_s[index], b->signs[k]);
    }
}

void ori_unpack_iq2_xs(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_iq2_xs *b = (const void *)block;

    start(b->d, 0.125f, out);
    put_scales_16(b->scales, out);
    for (int k = 0; k < 32; k++) {
        const uint32_t both = ori_load_le16(b->qs + 2 * k);
        put(out, 8 * k, 8, ori_grid_iq2_xs[both & 511], ori_even_signs(both >> 9));
    }
}

void ori_unpack_iq2_xxs(const uint8_t *block, struct ori_unpacked256 *out)
{
    const struct ori_block_iq2_xxs *b = (const void *)block;

    start(b->d, 0.125f, out);
    for (int j = 0; j < 8; j++) {
        const uint32_t last = ori_load_le32(b->qs + 8 * j + 4);
        const uint32_t signs = ori_even_signs(last);

        put_scale(out, j, 2 * (int)(last >> 28) + 1);
        for (int k = 0; k < 4; k++)
            put(out, 32 * j + 8 * k, 8, ori_grid_iq2_xxs[b->qs[8 * j + k]], signs >> (8 * k));
    }
}
