/* Tensor types, activations and f16, against independent sources: values that
 * ggml's own library gave for the same blocks, and plain sums in double.  That
 * other tiers agree with scalar is tests/kernels' business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/bits.h"
#include "kernels_input.h"

/* ---- types ---- */

/* Blocks with byte i = (i * i * 7 + i * 37 + 11) / 2, d = 0x2e66 where it is an f16, then
 * m or dmin = 0x2a3d: elements 0, 1, 15, 16, n/2 - 1, n/2 + 3, n - 2, n - 1, and the sum of
 * (i + 1) * element i, from ggml's dequantize_row functions by tools/golden/blocks.py; and a
 * hash of the elements of many random blocks. */
static const struct {
    uint32_t type;
    const char *name;
    int d; /* -1: not an f16 */
    float values[8];
    double sum;
    bool second; /* has m or dmin */
    uint64_t hash;
} golden[] = {
    // clang-format off
    {ORI_Q4_0, "Q4_0", 0, {0x0.0p+0f, 0x1.998p-2f, -0x1.ffep-2f, -0x1.ffep-2f, -0x1.ffep-2f, 0x1.332p-2f, 0x1.998p-3f, -0x1.ffep-2f}, -0x1.efe1p+4, false, 0x2c43b291ace97325},
    {ORI_Q4_1, "Q4_1", 0, {0x1.7f44p-1f, 0x1.e5a4p-1f, 0x1.cb68p-2f, 0x1.b274p-1f, 0x1.cb68p-2f, 0x1.6508p-2f, 0x1.3f9ap+0f, 0x1.18e4p-1f}, 0x1.a05668p+8, true, 0x127fb4572dae1d25},
    {ORI_Q5_0, "Q5_0", 0, {-0x1.665p+0f, -0x1.665p+0f, -0x1.7fe8p+0f, 0x1.7fe8p+0f, -0x1.7fe8p+0f, -0x1.998p-2f, -0x1.998p-3f, 0x1.ccbp-1f}, 0x1.ae4b8p+4, false, 0xb7f93687fd2ebf25},
    {ORI_Q5_1, "Q5_1", 0, {0x1.4629p+1f, 0x1.2c91p+1f, 0x1.52f5p+1f, 0x1.7f44p-1f, 0x1.52f5p+1f, 0x1.7f44p-1f, 0x1.6508p-2f, 0x1.72cap+0f}, 0x1.b8031cp+9, true, 0x1b30b8418d127e25},
    {ORI_Q8_0, "Q8_0", 0, {0x1.665p+2f, 0x1.2654p+3f, 0x1.4652p+2f, -0x1.998p+2f, 0x1.4652p+2f, -0x1.631dp+3f, 0x1.0fefp+3f, 0x1.dfe2p+2f}, 0x1.891aap+9, false, 0xba7fe4bde728cea5},
    {ORI_IQ4_NL, "IQ4_NL", 0, {0x1.998p-4f, 0x1.531ep+2f, -0x1.9fe6p+2f, -0x1.9fe6p+2f, -0x1.9fe6p+2f, 0x1.e648p+1f, 0x1.3fecp+1f, -0x1.9fe6p+2f}, -0x1.50849p+8, false, 0x61b03b35ea8702a5},
    {ORI_MXFP4, "MXFP4", -1, {-0x1.8p-122f, 0x0.0p+0f, -0x1.8p-121f, 0x1.0p-123f, -0x1.8p-121f, 0x0.0p+0f, 0x1.0p-122f, -0x1.0p-122f}, 0x1.75p-115, false, 0x3d7b62ac4bc72325},
    {ORI_Q2_K, "Q2_K", 80, {0x1.ffep-2f, 0x1.7fe8p+0f, 0x1.ffep-1f, 0x1.0d0ep+0f, 0x1.03c8p-2f, -0x1.5d58p-2f, 0x1.067fp+2f, -0x1.8f4p-4f}, 0x1.859e284p+14, true, 0x9144c49c96a61e65},
    {ORI_Q3_K, "Q3_K", 108, {-0x1.1988p+0f, -0x1.a64cp+1f, 0x1.1988p+1f, 0x1.5984p+1f, -0x1.998p-3f, 0x0.0p+0f, 0x1.998p+0f, 0x1.332p+1f}, 0x1.41ad7d8p+13, false, 0x7122a3ba6f1f48a5},
    {ORI_Q4_K, "Q4_K", 0, {0x1.94778p+2f, -0x1.5b64p-1f, 0x1.6bc6p+0f, 0x1.713cp-1f, -0x1.5d58p+1f, 0x1.f909cp+3f, 0x1.41e1cp+4f, 0x1.2b7ccp+4f}, 0x1.bc7cb848p+19, true, 0xfffd67dc3447c2f1},
    {ORI_Q5_K, "Q5_K", 0, {0x1.1845ep+4f, 0x1.5099cp+3f, 0x1.6bc6p+0f, 0x1.7d63cp+3f, 0x1.c0f88p+6f, 0x1.524338p+6f, 0x1.4a3d8p+3f, 0x1.c83fcp+4f}, 0x1.e4526044p+20, true, 0xb7319ea64055d579},
    {ORI_Q6_K, "Q6_K", 208, {0x1.db158p+4f, -0x1.23876p+6f, -0x1.2e538p+5f, -0x1.1b218p+4f, 0x1.5d83cp+6f, -0x1.63e9cp+7f, 0x1.17ee8p+6f, -0x1.b7e48p+5f}, 0x1.1d75f45p+18, false, 0x7c6fc84745e8f8b1},
    {ORI_IQ4_XS, "IQ4_XS", 0, {-0x1.03efcp+5f, 0x1.8fe7p+4f, -0x1.f3e0cp+5f, 0x1.8fe7p+4f, 0x1.b4b18p+7f, -0x1.7fe8p+1f, 0x1.51eaep+6f, -0x1.25ba7p+7f}, 0x1.b58bd8cp+18, false, 0x4870fecba639a129},
    {ORI_IQ3_S, "IQ3_S", 0, {0x1.17ee8p+4f, 0x1.b7e48p+4f, 0x1.b7e48p+4f, -0x1.8fe7p+3f, -0x1.ccbp-1f, 0x1.2654p+1f, -0x1.1988p+0f, 0x1.a64cp+1f}, -0x1.a59da48p+13, false, 0xa23d52d2e37ef2e5},
    {ORI_IQ3_XXS, "IQ3_XXS", 0, {0x1.0cbcp+1f, 0x1.5984p+1f, 0x1.5984p+1f, 0x1.332p-2f, -0x1.6cb6p+2f, 0x1.2987p+3f, -0x1.4febp+3f, 0x1.4febp+3f}, 0x1.79cec8p+15, false, 0xdbe273bc97a42215},
    {ORI_IQ2_S, "IQ2_S", 0, {0x1.3fecp+1f, 0x1.f3e0cp+2f, 0x1.f3e0cp+2f, -0x1.665p-1f, 0x1.0cbcp+1f, 0x1.4cb8p+0f, -0x1.e648p+0f, 0x1.e648p+0f}, -0x1.ce42e6dp+13, false, 0x56a81636c84d3ba5},
    {ORI_IQ2_XS, "IQ2_XS", 0, {0x1.b318p+0f, -0x1.24542p+3f, 0x1.53eacp+2f, -0x1.7a4ecp+2f, -0x1.dfe2p-1f, 0x1.ffep-2f, 0x1.ffep-2f, -0x1.57ea8p+1f}, 0x1.ba012bp+9, false, 0x720719ac885ba4b5},
    {ORI_IQ2_XXS, "IQ2_XXS", 0, {0x1.3fecp+1f, -0x1.f3e0cp+2f, 0x1.3fecp+1f, 0x1.3fecp+1f, 0x1.67e98p+1f, 0x1.8cb4p+1f, -0x1.2bed4p+2f, -0x1.7fe8p+0f}, -0x1.fb28e51p+14, false, 0x28d5146e363d7005},
    // clang-format on
};

#define MANY 512

static void put_scales(size_t g, uint8_t *block)
{
    if (golden[g].d >= 0)
        ori_store_le16(block + golden[g].d, 0x2e66);
    if (golden[g].second)
        ori_store_le16(block + golden[g].d + 2, 0x2a3d);
}

/* FNV-1a of the floats as words; bytes by Knuth's MMIX generator. */
static uint64_t hash_of_many(size_t g)
{
    const struct ori_type_info *info = ori_type_info(golden[g].type);
    uint64_t state = 1, hash = 0xcbf29ce484222325u;

    for (int b = 0; b < MANY; b++) {
        uint8_t block[256];
        float out[256];

        for (size_t i = 0; i < info->block_bytes; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            block[i] = (uint8_t)(state >> 56);
        }
        put_scales(g, block);
        scalar()->types[golden[g].type].dequantize(block, out, info->block_elems);
        for (size_t i = 0; i < info->block_elems; i++)
            hash = (hash ^ ori_f32_bits(out[i])) * 0x100000001b3u;
    }
    return hash;
}

static void test_dequantize_golden(void **state)
{
    (void)state;
    for (size_t g = 0; g < ORI_COUNT(golden); g++) {
        const struct ori_type_info *info = ori_type_info(golden[g].type);
        const size_t n = info->block_elems;
        const size_t at[8] = {0, 1, 15, 16, n / 2 - 1, n / 2 + 3, n - 2, n - 1};
        uint8_t block[256];
        float out[256];
        double sum = 0;

        for (size_t i = 0; i < info->block_bytes; i++)
            block[i] = (uint8_t)((i * i * 7 + i * 37 + 11) / 2 & 0xff);
        put_scales(g, block);
        scalar()->types[golden[g].type].dequantize(block, out, n);

        assert_string_equal(info->name, golden[g].name);
        for (size_t i = 0; i < 8; i++)
            if (out[at[i]] != golden[g].values[i])
                fail_msg("%s: element %zu is %a, not %a", info->name, at[i], (double)out[at[i]],
                         (double)golden[g].values[i]);
        for (size_t i = 0; i < n; i++)
            sum += (double)(i + 1) * (double)out[i];
        if (sum != golden[g].sum)
            fail_msg("%s: weighted sum is %a, not %a", info->name, sum, golden[g].sum);
        if (hash_of_many(g) != golden[g].hash)
            fail_msg("%s: the elements of %d random blocks are others", info->name, MANY);
    }
}

/* Every scale of MXFP4: what ggml gives, for 255 too, which is a NaN elsewhere. */
static void test_e8m0(void **state)
{
    (void)state;
    for (int e = 0; e < 256; e++) {
        const uint8_t block[17] = {(uint8_t)e, 0xf1}; /* elements 0: 0.5, and 16: -6 */
        float out[32];

        scalar()->types[ORI_MXFP4].dequantize(block, out, 32);
        assert_true(out[0] == ldexpf(0.5f, e - 127));
        assert_true(out[16] == ldexpf(-6, e - 127)); /* -infinity at the top */
    }
}

/* Error of quantize -> dequantize on 8192 bell-shaped floats of variance 1.
 * In comments what ggml's reference method gives on such input. */
static const struct {
    uint32_t type;
    double rms, max;
} errors[] = {
    {ORI_F32, 0, 0},           {ORI_F16, 0.00025, 0.002},
    {ORI_BF16, 0.002, 0.016},  {ORI_Q8_0, 0.0056, 0.02}, /* 0.0053, 0.013 */
    {ORI_Q5_1, 0.039, 0.11},                             /* 0.0373, 0.093 */
    {ORI_Q5_0, 0.044, 0.25},                             /* 0.0422, 0.123 */
    {ORI_Q4_1, 0.079, 0.22},                             /* 0.0768, 0.191 */
    {ORI_Q4_0, 0.087, 0.45},                             /* 0.0848, 0.293 */
    {ORI_Q6_K, 0.0185, 0.07},                            /* 0.0177, 0.052 */
    {ORI_Q5_K, 0.037, 0.12},                             /* 0.0354, 0.102 */
    {ORI_Q4_K, 0.074, 0.24},                             /* 0.0698, 0.184 */
    {ORI_Q3_K, 0.157, 0.55},                             /* 0.1488, 0.472 */
    {ORI_Q2_K, 0.30, 1.1},                               /* 0.2922, 1.078 */
    {ORI_IQ4_NL, 0.077, 0.30},                           /* 0.0749, 0.229 */
    {ORI_IQ4_XS, 0.077, 0.30},                           /* 0.0753, 0.238 */
    {ORI_MXFP4, 0.120, 0.95},                            /* 0.1162, 0.810 */
    {ORI_IQ3_S, 0.142, 0.80},                            /* 0.1689, 1.130 */
    {ORI_IQ3_XXS, 0.195, 1.3},                           /* 0.1813, 0.824; even importance */
    {ORI_IQ2_S, 0.26, 2.0},                              /* 0.2490, 1.124; even importance */
    {ORI_IQ2_XS, 0.31, 2.1},                             /* 0.3013, 1.323; even importance */
    {ORI_IQ2_XXS, 0.36, 2.2},                            /* 0.3422, 1.456; even importance */
};

static void test_quantize_error(void **state)
{
    enum { n = 8192 };
    static float x[n], y[n];
    static uint8_t row[4 * n];

    (void)state;
    fill_normal(x, n, 1);
    for (size_t t = 0; t < ORI_COUNT(errors); t++) {
        const struct ori_type_kernels *type = &scalar()->types[errors[t].type];
        double squares = 0, max = 0;

        type->quantize(x, NULL, row, n);
        type->dequantize(row, y, n);
        for (size_t i = 0; i < n; i++) {
            const double miss = fabs((double)x[i] - (double)y[i]);
            squares += miss * miss;
            max = miss > max ? miss : max;
        }
        if (sqrt(squares / n) > errors[t].rms || max > errors[t].max)
            fail_msg("%s: rms %.5f (at most %.5f), max %.4f (at most %.4f)",
                     ori_type_info(errors[t].type)->name, sqrt(squares / n), errors[t].rms, max,
                     errors[t].max);
    }
}

/* Inputs on which a scale could be zero, overflow or divide by zero: what comes
 * back is finite, and off by no more than a step of a 2-bit type. */
static void test_quantize_edges(void **state)
{
    enum { n = 256 };
    static const char *const names[] = {
        "zero",           "minus zero", "all 1",     "all -3", "spike",
        "negative spike", "tiny",       "subnormal", "30000s", "ramp"};
    float x[n], y[n];
    uint8_t row[4 * n];

    (void)state;
    for (size_t t = 0; t < ORI_COUNT(errors); t++) {
        for (size_t edge = 0; edge < ORI_COUNT(names); edge++) {
            const float fill[] = {0, -0.0f, 1, -3, 0, 0, 1e-30f, 1e-42f, 30000, 0};
            float amax = 0;

            for (size_t i = 0; i < n; i++)
                x[i] = edge == 9 ? (float)i / 16 - 4 : fill[edge];
            if (edge == 4 || edge == 5)
                x[77] = edge == 4 ? 5 : -5;
            for (size_t i = 0; i < n; i++)
                amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
            scalar()->types[errors[t].type].quantize(x, NULL, row, n);
            scalar()->types[errors[t].type].dequantize(row, y, n);
            for (size_t i = 0; i < n; i++)
                if (!(fabsf(x[i] - y[i]) <= 0.34f * amax + 0x1p-25f)) /* f16 underflows */
                    fail_msg("%s, %s: element %zu is %g, not %g",
                             ori_type_info(errors[t].type)->name, names[edge], i, (double)y[i],
                             (double)x[i]);
        }
    }
}

/* Types that leave no choice: the bytes that ggml's own library makes of x[i] =
 * ((i * i * 37 + i * 11 + 5) % 201 - 100) / 64, the second block of it / 128. */
static const struct {
    uint32_t type;
    const char *hex;
} plain[] = {
    // clang-format off
    {ORI_Q4_0, "10b2ffec52824da1b059ac9920512d92b26c40964c5b156967ff412ea4c59ff403bcfffc"},
    {ORI_Q4_1, "6632f0bd0024ad8db35e5fa65376efbed36d5d94a21630a2c4a4ea979801bed25b3b710bfc540113"},
    {ORI_Q5_0, "10ae93936363ffb8b4f48a5360b2482230933a2454c84092abe420ef77a71ac2cefe834b48992ff80668fed9"},
    {ORI_Q5_1, "322ef0bd6c6c9c9c00484b0b85bcaf5db7edcf6cc5dbab386b1230a2541bdf108859e53e31028db4b776e117f9a80227"},
    {ORI_MXFP4, "7dffed46065ec7c74abd9a67476ea6c63d765d4d743932ff576eb5d59ff576cdfffd"},
    {ORI_Q8_0, "1c2284c2625caf6a7feebdee7f6aaf5c62c284a6290543dad22bdef2663464ecd6214d06c7cc2ff1118f6ba63e358b3e50c08fbb462f761c20824261deb9f28a7fd48697"},
    // clang-format on
};

static void test_quantize_golden(void **state)
{
    enum { n = 64 };
    float x[n];
    uint8_t row[4 * n];

    (void)state;
    for (int i = 0; i < n; i++)
        x[i] = (float)((i * i * 37 + i * 11 + 5) % 201 - 100) / (i < 32 ? 64.0f : 8192.0f);
    for (size_t g = 0; g < ORI_COUNT(plain); g++) {
        char hex[4 * n + 1];
        const size_t bytes = strlen(plain[g].hex) / 2;

        scalar()->types[plain[g].type].quantize(x, NULL, row, n);
        for (size_t i = 0; i < bytes; i++)
            (void)snprintf(hex + 2 * i, 3, "%02x", row[i]);
        assert_string_equal(hex, plain[g].hex);
    }
}

/* sum(w (x - y)^2) over sum(w x^2) after a round trip. */
static double weighted_error(uint32_t type, const float *x, const float *importance, const float *w,
                             size_t n)
{
    static uint8_t row[4 * 4096];
    static float y[4096];
    double error = 0, whole = 0;

    scalar()->types[type].quantize(x, importance, row, n);
    scalar()->types[type].dequantize(row, y, n);
    for (size_t i = 0; i < n; i++) {
        const double miss = (double)x[i] - (double)y[i];
        error += (double)w[i] * miss * miss;
        whole += (double)w[i] * (double)x[i] * (double)x[i];
    }
    return error / whole;
}

/* Knowing what matters makes what matters better; zeros in it do no harm. */
static void test_quantize_importance(void **state)
{
    static const uint32_t types[] = {ORI_Q4_0,   ORI_Q4_1,   ORI_Q5_0,  ORI_Q5_1,    ORI_Q2_K,
                                     ORI_Q3_K,   ORI_Q4_K,   ORI_Q5_K,  ORI_Q6_K,    ORI_MXFP4,
                                     ORI_IQ4_NL, ORI_IQ4_XS, ORI_IQ3_S, ORI_IQ3_XXS, ORI_IQ2_S,
                                     ORI_IQ2_XS, ORI_IQ2_XXS};
    enum { n = 4096 };
    static float x[n], w[n], none[n];

    (void)state;
    fill_normal(x, n, 3);
    for (size_t i = 0; i < n; i++)
        w[i] = i % 5 ? 0.02f : 4;
    for (size_t t = 0; t < ORI_COUNT(types); t++) {
        const double with = weighted_error(types[t], x, w, w, n);
        const double without = weighted_error(types[t], x, NULL, w, n);

        if (!(with < 0.9 * without))
            fail_msg("%s: %g with importance, %g without", ori_type_info(types[t])->name, with,
                     without);
        assert_true(weighted_error(types[t], x, none, w, n) < 0.2);
    }
}

/* A dot product is the sum of what both sides dequantize to. */
static void test_matmul_value(void **state)
{
    enum { n = 1024 };
    static _Alignas(64) uint8_t acts[4 * n];
    static uint8_t row[4 * n];
    static float x[n], w[n];

    (void)state;
    for (size_t t = 0; t < ORI_COUNT(errors); t++) {
        const struct ori_type_kernels *type = &scalar()->types[errors[t].type];
        double expect = 0, size = 0;
        float got;

        fill_normal(w, n, 100 + t);
        fill_normal(x, n, 200 + t);
        type->quantize(w, NULL, row, n);
        type->dequantize(row, w, n);
        scalar()->quantize_act[type->act](x, acts, n);
        for (size_t i = 0; i < n; i++) {
            double a = (double)x[i];
            if (type->act == ORI_ACT_Q8) {
                const struct ori_act_q8 *b = (const struct ori_act_q8 *)(void *)acts + i / 32;
                a = (double)b->d * b->qs[i % 32];
            } else if (type->act == ORI_ACT_Q8K) {
                const struct ori_act_q8k *b = (const struct ori_act_q8k *)(void *)acts + i / 256;
                a = (double)b->d * b->qs[i % 256];
            }
            expect += (double)w[i] * a;
            size += fabs((double)w[i] * a);
        }
        type->matmul(row, 0, 1, n, acts, 0, 1, &got, 1);
        if (!(fabs((double)got - expect) <= 2e-6 * size))
            fail_msg("%s: %g, not %g", ori_type_info(errors[t].type)->name, (double)got, expect);
    }
}

/* ---- activations ---- */

static void test_act_bytes(void **state)
{
    size_t bytes = 7;

    (void)state;
    assert_true(ori_act_bytes(ORI_ACT_F32, 5, &bytes) && bytes == 20);
    assert_true(ori_act_bytes(ORI_ACT_Q8, 64, &bytes) && bytes == 80);
    assert_true(ori_act_bytes(ORI_ACT_Q8K, 512, &bytes) && bytes == 584);
    bytes = 7;
    assert_false(ori_act_bytes(ORI_ACT_Q8, 33, &bytes));
    assert_false(ori_act_bytes(ORI_ACT_Q8K, 32, &bytes));
    assert_false(ori_act_bytes(ORI_ACT_F32, SIZE_MAX / 2, &bytes));
    assert_false(ori_act_bytes(ORI_ACT_COUNT, 32, &bytes));
    assert_int_equal(bytes, 7);
}

static void test_quantize_act(void **state)
{
    _Alignas(64) struct ori_act_q8 a;
    float x[32] = {0};

    (void)state;
    /* amax 127: quants are the numbers themselves, ties go to even. */
    x[0] = -127;
    x[1] = 0.5f;
    x[2] = 1.5f;
    x[3] = -2.5f;
    x[4] = 126.4f;
    scalar()->quantize_act[ORI_ACT_Q8](x, &a, 32);
    assert_true(a.d == 1.0f);
    assert_int_equal(a.qs[0], -127);
    assert_int_equal(a.qs[1], 0);
    assert_int_equal(a.qs[2], 2);
    assert_int_equal(a.qs[3], -2);
    assert_int_equal(a.qs[4], 126);
    assert_int_equal(a.sum, -127 + 2 - 2 + 126);

    memset(x, 0, sizeof(x));
    scalar()->quantize_act[ORI_ACT_Q8](x, &a, 32);
    assert_true(a.d == 0 && a.sum == 0 && a.qs[0] == 0);

    x[9] = NAN; /* shows in every product */
    x[10] = 3;
    scalar()->quantize_act[ORI_ACT_Q8](x, &a, 32);
    assert_true(isnan(a.d) && a.qs[10] == 0);
    x[9] = -INFINITY;
    scalar()->quantize_act[ORI_ACT_Q8](x, &a, 32);
    assert_true(isnan(a.d) && a.qs[9] == 0 && a.qs[10] == 0);
}

static void test_quantize_act_q8k(void **state)
{
    _Alignas(64) struct ori_act_q8k a;
    float x[256];

    (void)state;
    fill_normal(x, 256, 5);
    scalar()->quantize_act[ORI_ACT_Q8K](x, &a, 256);
    for (int j = 0; j < 16; j++) {
        int sum = 0;
        for (int i = 16 * j; i < 16 * j + 16; i++) {
            sum += a.qs[i];
            assert_true(a.qs[i] > -128);
            assert_true(fabsf(x[i] - a.d * a.qs[i]) <= 0.501f * a.d);
        }
        assert_int_equal(sum, a.sums[j]);
    }
}

/* ---- f16 and bf16 ---- */

static const struct {
    uint32_t bits;
    uint16_t half;
} halves[] = {
    {0x3f800000, 0x3c00},                       /* 1 */
    {0x80000000, 0x8000},                       /* -0 */
    {0x477fe000, 0x7bff},                       /* 65504, the largest */
    {0x477fefff, 0x7bff},                       /* just below halfway to the next */
    {0x477ff000, 0x7c00},                       /* 65520: infinity */
    {0x7f800000, 0x7c00},                       /* infinity */
    {0xff800000, 0xfc00}, {0x7fc00000, 0x7e00}, /* NaN */
    {0xff802000, 0xfe01},                       /* a signalling NaN keeps its payload, made quiet */
    {0x7f800001, 0x7e00},                       /* a payload that is cut off stays a NaN */
    {0x38800000, 0x0400},                       /* 2^-14, the smallest normal */
    {0x387fffff, 0x0400},                       /* rounds up to it */
    {0x33800000, 0x0001},                       /* 2^-24, the smallest subnormal */
    {0x33000000, 0x0000},                       /* 2^-25 ties to even: 0 */
    {0x33000001, 0x0001}, {0x33c00000, 0x0002}, /* 3 * 2^-25 ties to even: 2 */
    {0x00000001, 0x0000}, {0x3f801000, 0x3c00}, /* 1 + 2^-11 ties to even */
    {0x3f803000, 0x3c02},                       /* 1 + 3 * 2^-11 */
    {0x3f801001, 0x3c01},
};

static void test_f16(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(halves); i++) {
        const float x = ori_f32_of_bits(halves[i].bits);
        uint16_t half;

        scalar()->f32_to_f16(&x, &half, 1);
        if (half != halves[i].half)
            fail_msg("0x%08x: 0x%04x, not 0x%04x", halves[i].bits, half, halves[i].half);
    }
    for (uint32_t h = 0; h < 65536; h++) { /* there and back; value by ldexp */
        const uint16_t half = (uint16_t)h;
        const int exponent = h >> 10 & 31, fraction = h & 1023;
        uint16_t back;
        float x;

        scalar()->f16_to_f32(&half, &x, 1);
        scalar()->f32_to_f16(&x, &back, 1);
        assert_int_equal(back, exponent == 31 && fraction ? h | 0x200 : h);
        if (exponent < 31) {
            const double value =
                exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
            assert_true((double)x == (h & 0x8000 ? -value : value));
        }
    }
}

static void test_bf16(void **state)
{
    static const uint32_t in[] = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001,
                                  0x7f800001, 0x7f7fffff, 0x80000001};
    static const uint16_t out[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7fc0, 0x7f80, 0x8000};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(in); i++)
        assert_int_equal(ori_f32_to_bf16(ori_f32_of_bits(in[i])), out[i]);
}

/* ---- the table ---- */

static void test_choose(void **state)
{
    static const struct {
        const char *name;
        uint32_t cpu;
    } tiers[] = {
        {"scalar", 0},
        {"avx2", ORI_CPU_AVX2},
        {"avxvnni", ORI_CPU_AVX2 | ORI_CPU_AVXVNNI},
        {"avx512", ORI_CPU_AVX2 | ORI_CPU_AVX512},
    };
    const uint32_t cpu = ori_cpu_detect();
    const char *best = NULL;
    struct ori_kernels kernels;
    orion_error err;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(tiers); i++) {
        const bool able = (cpu & tiers[i].cpu) == tiers[i].cpu;

        setenv("ORION_CPU", tiers[i].name, 1);
        assert_int_equal(ori_kernels_choose(&kernels, &err), able ? ORION_OK : ORION_E_ARGUMENT);
        if (able)
            assert_string_equal(kernels.name, best = tiers[i].name);
        else
            assert_non_null(strstr(err.message, "lacks AVX"));
    }

    static const char *const wrong[] = {"", "AVX2", "avx512f", "neon", "scalar "};
    for (size_t i = 0; i < ORI_COUNT(wrong); i++) {
        setenv("ORION_CPU", wrong[i], 1);
        assert_int_equal(ori_kernels_choose(&kernels, &err), ORION_E_ARGUMENT);
        assert_non_null(strstr(err.message, "ORION_CPU"));
        assert_null(kernels.name);
    }

    unsetenv("ORION_CPU");
    assert_int_equal(ori_kernels_choose(&kernels, NULL), ORION_OK);
    assert_string_equal(kernels.name, best);
}

/* Every tier has every kernel for every type that files may hold, and none for
 * the numbers in between. */
static void test_table_is_full(void **state)
{
    (void)state;
    for (uint32_t cpu = 0; cpu <= ori_cpu_detect(); cpu++) {
        struct ori_kernels k;

        ori_kernels_init(&k, cpu);
        for (uint32_t t = 0; t < ORI_TYPE_END; t++) {
            const bool known = ori_type_info(t) != NULL;
            assert_int_equal(known, k.types[t].matmul != NULL);
            assert_int_equal(known, k.types[t].dequantize != NULL);
            assert_int_equal(known, k.types[t].quantize != NULL);
        }
        for (int a = 0; a < ORI_ACT_COUNT; a++)
            assert_true(k.quantize_act[a] != NULL);
        for (int type = 0; type < ORI_KV_COUNT; type++)
            assert_true(k.attention[type] != NULL);
        assert_true(k.rms_norm && k.add && k.silu_mul && k.rope && k.f32_to_f16 && k.f16_to_f32 &&
                    k.log_sum_exp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dequantize_golden),
        cmocka_unit_test(test_e8m0),
        cmocka_unit_test(test_quantize_error),
        cmocka_unit_test(test_quantize_edges),
        cmocka_unit_test(test_quantize_golden),
        cmocka_unit_test(test_quantize_importance),
        cmocka_unit_test(test_matmul_value),
        cmocka_unit_test(test_act_bytes),
        cmocka_unit_test(test_quantize_act),
        cmocka_unit_test(test_quantize_act_q8k),
        cmocka_unit_test(test_f16),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_table_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
