/* Floats -> IQ4_XS, IQ3 and IQ2: superblocks whose quants are indices.
 *
 * As in k-quants, a scale is searched for in each sub-block (fit.h), scales become small
 * integers in one unit, and elements are encoded again against what they will be.  Last,
 * the unit is fitted to all that was chosen. */
#include "kernels/scalar/scalar.h"

#include <math.h>
#include <string.h>

#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/codebook.h"
#include "kernels/scalar/book.h"
#include "kernels/scalar/fit.h"

/* The best unit when element i is unit * v[i]; 0 when nothing has a weight. */
static float fit_unit(const float *x, const float *w, const int *v)
{
    struct ori_fit_best best = {.gain = -1, .scale = 0};

    ori_fit_consider(&best, x, w, v, ORI_SUPERBLOCK);
    return best.scale;
}

/* Nibbles j and j + 1 of a byte. */
static void put_nibbles(const int *values, int n, uint8_t *out)
{
    for (int j = 0; j < n / 2; j++)
        out[j] = (uint8_t)((values[2 * j] & 15) | (values[2 * j + 1] & 15) << 4);
}

/* ---- IQ4_XS ---- */

/* Scales in [-32, 31], stored with 32 added. */
static void put_scales(const int scale[8], struct ori_block_iq4_xs *b)
{
    uint32_t high = 0;

    put_nibbles(scale, 8, b->scales_l);
    for (int j = 0; j < 8; j++)
        high |= (uint32_t)(scale[j] >> 4) << (2 * j);
    ori_store_le16(b->scales_h, (uint16_t)high);
}

static void encode_iq4_xs(const float *x, const float *importance, struct ori_block_iq4_xs *b)
{
    /* For importance: twice, as llama.cpp has it here, so that small elements count more. */
    const float mean_square = 2 * ori_fit_mean_square(x, ORI_SUPERBLOCK);
    float w[ORI_SUPERBLOCK], scales[8];
    int stored[8], v[ORI_SUPERBLOCK];

    for (int j = 0; j < 8; j++) {
        const int at = 32 * j;
        ori_fit_weights(x + at, ori_fit_at(importance, (size_t)at), 32, mean_square,
                        ORI_FIT_SQUARE_AND_MEAN, w + at);
        scales[j] = ori_fit_scale_codes(x + at, w + at, 32, ori_codes_iq4);
    }
    const float unit = ori_fit_extreme(scales, 8) / -32;
    memset(b->qs, 0, sizeof(b->qs));
    for (int i = 0; i < ORI_SUPERBLOCK; i++) {
        const int j = i / 32, scale = ori_fit_quant(scales[j], unit, -32, 31);
        const int code = ori_fit_code(x[i], unit * (float)scale, ori_codes_iq4);

        stored[j] = scale + 32;
        v[i] = scale * ori_codes_iq4[code];
        b->qs[16 * j + i % 16] |= (uint8_t)(code << i / 16 % 2 * 4);
    }
    put_scales(stored, b);
    (void)ori_store_f16(b->d, fit_unit(x, w, v));
}

void ori_quantize_iq4_xs(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_iq4_xs *b = row;

    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++)
        encode_iq4_xs(x + at, ori_fit_at(importance, at), b);
}

/* ---- sub-blocks of IQ3 and IQ2 ---- */

static const struct ori_book_kind iq2 = {8, 3, {8, 25, 43}};
static const struct ori_book_kind iq3_xxs = {4, 8, {4, 12, 20, 28, 36, 44, 52, 62}};
static const struct ori_book_kind iq3_s = {4, 8, {1, 3, 5, 7, 9, 11, 13, 15}};

#define MAX_GROUPS 8 /* of a sub-block */
#define TOP_SCALE 15 /* a scale is 2 i + 1 */

/* Elements that share a scale. */
struct sub {
    const float *x; /* without their signs */
    const float *w;
    int n;
};

/* Entries for a scale; those in `entry` are guesses. */
static void choose(const struct ori_book *book, const struct sub *sub, float scale, int *entry,
                   int *q)
{
    const int group = book->kind->group;

    for (int at = 0; at < sub->n; at += group) {
        int *e = &entry[at / group];
        *e = ori_book_nearest(book, sub->x + at, sub->w + at, scale, *e);
        ori_book_read(book, *e, q + at);
    }
}

static void try_scale(const struct ori_book *book, const struct sub *sub, float scale, int *entry,
                      struct ori_fit_best *best)
{
    int q[ORI_SUB_MAX];

    choose(book, sub, scale, entry, q);
    ori_fit_consider(best, sub->x, sub->w, q, sub->n);
}

/* `entry` gets entries that suit the scale. */
static float fit_scale(const struct ori_book *book, const struct sub *sub, int *entry)
{
    const struct ori_book_kind *kind = book->kind;
    const float most = fabsf(ori_fit_extreme(sub->x, sub->n));
    const float obvious = most / (float)kind->magnitude[kind->n_levels - 1];
    struct ori_fit_best best = {.gain = -1, .scale = obvious};

    if (most == 0)
        return 0;
    try_scale(book, sub, most / (float)kind->magnitude[0], entry, &best); /* all are alike */
    for (int t = -2; t <= 3; t++)
        try_scale(book, sub, obvious * (1 + 0.12f * (float)t), entry, &best);
    try_scale(book, sub, best.scale, entry, &best);
    return best.scale;
}

static float error_of(const struct sub *sub, float scale, const int *q)
{
    float error = 0;

    for (int i = 0; i < sub->n; i++) {
        const float miss = sub->x[i] - scale * (float)q[i];
        error += sub->w[i] * miss * miss;
    }
    return error;
}

/* The scale, in units of d, by what is lost: the one nearest to `wanted`, or one beside it.
 * `entry` has guesses, and gets the entries; v the elements in units of d. */
static int settle(const struct ori_book *book, const struct sub *sub, float d, float wanted,
                  int *entry, int *v)
{
    const int near = ori_fit_quant(wanted - d, 2 * d, 0, TOP_SCALE);
    float best_error = INFINITY;
    int best = 0;

    for (int i = near > 0 ? near - 1 : 0; i <= near + 1 && i <= TOP_SCALE; i++) {
        int tried[MAX_GROUPS], q[ORI_SUB_MAX];
        const float scale = d * (float)(2 * i + 1);

        memcpy(tried, entry, sizeof(tried));
        choose(book, sub, scale, tried, q);
        const float error = error_of(sub, scale, q);
        if (!(error < best_error))
            continue;
        best_error = error;
        best = i;
        memcpy(entry, tried, sizeof(tried));
        for (int k = 0; k < sub->n; k++)
            v[k] = q[k] * (2 * i + 1);
    }
    return best;
}

/* ---- superblocks of IQ3 and IQ2 ---- */

/* What goes into the file. */
struct fitted {
    float d; /* the value of magnitude 1 with scale 1 */
    int scale[16];
    int entry[16][MAX_GROUPS]; /* [sub-blocks][groups] */
    uint8_t signs[ORI_SUPERBLOCK / 8];
};

/* Signs of eight elements, 1 for minus; `out` gets the elements without them.  `even`: the
 * number of minus signs must be.  If it is not, one element gets the wrong sign, and is
 * less than 0 then: that with the smallest w |x|, which costs least. */
static uint8_t take_signs(const float *x, const float *w, bool even, float *out)
{
    uint32_t signs = 0, n_minus = 0;
    int cheapest = 0;

    for (int i = 0; i < 8; i++) {
        const bool minus = x[i] < 0;
        signs |= (uint32_t)minus << i;
        n_minus += minus;
        out[i] = fabsf(x[i]);
        if (w[i] * out[i] < w[cheapest] * out[cheapest])
            cheapest = i;
    }
    if (even && n_minus % 2 == 1) {
        signs ^= 1u << cheapest;
        out[cheapest] = -out[cheapest];
    }
    return (uint8_t)signs;
}

static void fit_superblock(const struct ori_book *book, const float *x, const float *importance,
                           int n_sub, bool even, struct fitted *f)
{
    const float mean_square = ori_fit_mean_square(x, ORI_SUPERBLOCK);
    float plain[ORI_SUPERBLOCK], w[ORI_SUPERBLOCK], scales[16] = {0};
    int v[ORI_SUPERBLOCK];

    memset(f->entry, 0, sizeof(f->entry));
    for (int at = 0, j = 0; at < ORI_SUPERBLOCK; at += n_sub, j++) {
        const struct sub sub = {plain + at, w + at, n_sub};
        ori_fit_weights(x + at, ori_fit_at(importance, (size_t)at), n_sub, mean_square,
                        ORI_FIT_SQUARE_AND_MEAN, w + at);
        for (int i = at; i < at + n_sub; i += 8)
            f->signs[i / 8] = take_signs(x + i, w + i, even, plain + i);
        scales[j] = fit_scale(book, &sub, f->entry[j]);
    }
    const float d = ori_fit_extreme(scales, 16) / (float)(2 * TOP_SCALE + 1);
    for (int at = 0, j = 0; at < ORI_SUPERBLOCK; at += n_sub, j++) {
        const struct sub sub = {plain + at, w + at, n_sub};
        f->scale[j] = settle(book, &sub, d, scales[j], f->entry[j], v + at);
    }
    f->d = fit_unit(plain, w, v);
}

/* ---- the types of IQ3 and IQ2 ---- */

/* Four times seven signs, of which the eighth follows, and a scale. */
static void put_signs_and_scale(const uint8_t signs[4], int scale, uint8_t out[4])
{
    uint32_t word = (uint32_t)scale << 28;

    for (int k = 0; k < 4; k++)
        word |= (uint32_t)(signs[k] & 127) << (7 * k);
    ori_store_le32(out, word);
}

/* Least squares make small what the codebook has no entry near enough for; a unit so much
 * larger than theirs makes up for it.  Measured: docs/internals/quantize.md. */
#define IQ3_S_WIDER 1.02f

void ori_quantize_iq3_s(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_iq3_s *b = row;
    struct ori_book book;
    struct fitted f;

    ori_book_init(&book, &iq3_s);
    for (int k = 0; k < 512; k++)
        ori_book_add(&book, ori_grid_iq3_s[k]);
    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_superblock(&book, x + at, ori_fit_at(importance, at), 32, false, &f);
        (void)ori_store_f16(b->d, IQ3_S_WIDER * f.d);
        put_nibbles(f.scale, 8, b->scales);
        memcpy(b->signs, f.signs, sizeof(b->signs));
        for (int j = 0; j < 8; j++) {
            b->qh[j] = 0;
            for (int k = 0; k < 8; k++) {
                b->qs[8 * j + k] = (uint8_t)f.entry[j][k];
                b->qh[j] |= (uint8_t)(f.entry[j][k] >> 8 << k);
            }
        }
    }
}

void ori_quantize_iq3_xxs(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_iq3_xxs *b = row;
    struct ori_book book;
    struct fitted f;

    ori_book_init(&book, &iq3_xxs);
    for (int k = 0; k < 256; k++)
        ori_book_add(&book, ori_grid_iq3_xxs[k]);
    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_superblock(&book, x + at, ori_fit_at(importance, at), 32, true, &f);
        (void)ori_store_f16(b->d, 4 * f.d);
        for (int j = 0; j < 8; j++) {
            for (int k = 0; k < 8; k++)
                b->qs[8 * j + k] = (uint8_t)f.entry[j][k];
            put_signs_and_scale(f.signs + 4 * j, f.scale[j], b->signs + 4 * j);
        }
    }
}

void ori_quantize_iq2_s(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_iq2_s *b = row;
    struct ori_book book;
    struct fitted f;

    ori_book_init(&book, &iq2);
    for (int k = 0; k < 1024; k++)
        ori_book_add(&book, ori_grid_iq2_s[k]);
    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_superblock(&book, x + at, ori_fit_at(importance, at), 16, false, &f);
        (void)ori_store_f16(b->d, 8 * f.d);
        put_nibbles(f.scale, 16, b->scales);
        memcpy(b->signs, f.signs, sizeof(b->signs));
        memset(b->qh, 0, sizeof(b->qh));
        for (int k = 0; k < 32; k++) {
            const int entry = f.entry[k / 2][k % 2];
            b->qs[k] = (uint8_t)entry;
            b->qh[k / 4] |= (uint8_t)(entry >> 8 << k % 4 * 2);
        }
    }
}

void ori_quantize_iq2_xs(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_iq2_xs *b = row;
    struct ori_book book;
    struct fitted f;

    ori_book_init(&book, &iq2);
    for (int k = 0; k < 512; k++)
        ori_book_add(&book, ori_grid_iq2_xs[k]);
    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_superblock(&book, x + at, ori_fit_at(importance, at), 16, true, &f);
        (void)ori_store_f16(b->d, 8 * f.d);
        put_nibbles(f.scale, 16, b->scales);
        for (int k = 0; k < 32; k++)
            ori_store_le16(b->qs + 2 * k,
                           (uint16_t)(f.entry[k / 2][k % 2] | (f.signs[k] & 127) << 9));
    }
}

void ori_quantize_iq2_xxs(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_iq2_xxs *b = row;
    struct ori_book book;
    struct fitted f;

    ori_book_init(&book, &iq2);
    for (int k = 0; k < 256; k++)
        ori_book_add(&book, ori_grid_iq2_xxs[k]);
    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_superblock(&book, x + at, ori_fit_at(importance, at), 32, true, &f);
        (void)ori_store_f16(b->d, 8 * f.d);
        for (int j = 0; j < 8; j++) {
            for (int k = 0; k < 4; k++)
                b->qs[8 * j + k] = (uint8_t)f.entry[j][k];
            put_signs_and_scale(f.signs + 4 * j, f.scale[j], b->qs + 8 * j + 4);
        }
    }
}
