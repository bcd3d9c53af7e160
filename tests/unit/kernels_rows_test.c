/* exp, log, rope, norms and attention, against libm in long double and plain
 * sums in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/approx.h"
#include "kernels/bits.h"
#include "kernels_input.h"

/* ---- elementary functions ---- */

/* |got - expect| in units in the last place of expect, of `bits` bits. */
static double ulps(long double got, long double expect, int bits)
{
    int exponent;

    frexpl(expect, &exponent);
    return (double)fabsl((got - expect) / ldexpl(1, exponent - bits));
}

static void test_exp_log(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        const double x = (uniform(&seed) - 0.5) * 1400;
        const double y = i % 3 == 0 ? exp(x) : 0.5 + 1.5 * uniform(&seed);

        if (ulps(ori_exp(x), expl(x), 53) > 1.0)
            fail_msg("exp(%a) off by %g ulp", x, ulps(ori_exp(x), expl(x), 53));
        if (ulps(ori_log(y), logl(y), 53) > 1.0)
            fail_msg("log(%a) off by %g ulp", y, ulps(ori_log(y), logl(y), 53));
    }
    assert_true(ori_exp(0) == 1 && ori_exp(-(double)INFINITY) == 0);
    assert_true(ori_exp(-746) == 0 && ori_exp(-745.1) == 0x1p-1074);
    assert_true(isinf(ori_exp(710)) && isinf(ori_exp((double)INFINITY)));
    assert_true(isnan(ori_exp((double)NAN)) && isnan(ori_log((double)NAN)));
    assert_true(ori_log(1) == 0 && isnan(ori_log(-1)));
    assert_true(ori_log(0) == -(double)INFINITY && isinf(ori_log((double)INFINITY)));
    assert_true(ulps(ori_log(0x1p-1074), logl(0x1p-1074L), 53) <= 1);
}

static void test_expf(void **state)
{
    uint64_t seed = 12;

    (void)state;
    for (int i = 0; i < 500000; i++) {
        const float x = (float)((uniform(&seed) - 0.5) * 174); /* normal results */
        if (ulps(ori_expf(x), expl(x), 24) > 1.3)
            fail_msg("exp(%a) off by %g ulp", (double)x, ulps(ori_expf(x), expl(x), 24));
    }
    assert_true(ori_expf(0) == 1 && ori_expf(-0.0f) == 1);
    assert_true(ori_expf(-INFINITY) == 0 && ori_expf(-104) == 0 && ori_expf(-103.5f) == 0x1p-149f);
    assert_true(isinf(ori_expf(88.8f)) && isinf(ori_expf(INFINITY)) && isnan(ori_expf(NAN)));
}

static void test_rope_angle(void **state)
{
    uint64_t seed = 4;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        const double x = (uniform(&seed) - 0.1) * (i % 2 ? 1e6 : 7);
        float c, s;

        ori_rope_angle(x, &c, &s);
        /* Half an ulp is the rounding to float. */
        if (ulps(c, cosl(x), 24) > 0.501 || ulps(s, sinl(x), 24) > 0.501)
            fail_msg("angle %a: cos %a, sin %a", x, (double)c, (double)s);
    }
    for (int i = 0; i < 100; i++) {
        const double e = 2.0 * i / 96, base = i % 2 ? 10000 : 500000;
        const long double expect = powl(base, -e);
        assert_true(fabsl(ori_rope_frequency(base, e) / expect - 1) < 5e-15L);
    }
}

/* ---- rows ---- */

static void test_silu(void **state)
{
    static const float edges[] = {0, -0.0f, 1e-40f, 88, -88, 104, -104, 3e38f, -3e38f};
    uint64_t seed = 6;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        const size_t edge = (size_t)i;
        const float g = edge < ORI_COUNT(edges) ? edges[edge] : normal(&seed) * 20;
        const float one = 1;
        const long double expect = g / (1 + expl(-(long double)g));
        float got;

        scalar()->silu_mul(&g, &one, &got, 1);
        if (!(fabsl(got - expect) <= 2.5e-7L * fabsl(expect) + 1e-37L))
            fail_msg("silu(%a) is %a, not %La", (double)g, (double)got, expect);
    }
}

static void test_clamped_swiglu(void **state)
{
    static const float edges[] = {0, -0.0f, 7, 7.5f, -7, -7.5f, 60, -60, 3e38f, -3e38f};
    uint64_t seed = 7;

    (void)state;
    for (size_t i = 0; i < 100000; i++) {
        const bool edge = i < ORI_COUNT(edges) * ORI_COUNT(edges);
        const float gate = edge ? edges[i / ORI_COUNT(edges)] : normal(&seed) * 10;
        const float up = edge ? edges[i % ORI_COUNT(edges)] : normal(&seed) * 10;
        const long double g = fminl(gate, 7), u = fmaxl(-7, fminl(up, 7));
        const long double expect = g / (1 + expl(-(long double)1.702f * g)) * (u + 1);
        float got;

        scalar()->clamped_swiglu(&gate, &up, &got, 1);
        /* up + 1 is rounded once, so it may be off by an ulp of 8 where it is near 0 */
        if (!(fabsl(got - expect) <= 2e-6L * fabsl(expect) + 5e-7L))
            fail_msg("gate %a, up %a: %a, not %La", (double)gate, (double)up, (double)got, expect);
    }
}

static void test_rms_norm(void **state)
{
    enum { n = 100 };
    float x[n], weight[n], out[n];
    double squares = 0;

    (void)state;
    fill_normal(x, n, 7);
    fill_normal(weight, n, 8);
    scalar()->rms_norm(x, weight, out, n, 0.5f);
    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n; i++) {
        const double expect = (double)x[i] / sqrt(squares / n + 0.5) * (double)weight[i];
        assert_true(fabs((double)out[i] - expect) <= 1e-6 * fabs(expect));
    }
}

/* The mean of x is far from 0, so that taking it out shows. */
static void test_layer_norm(void **state)
{
    enum { n = 100 };
    float x[n], weight[n], bias[n], out[n];
    double sum = 0, squares = 0;

    (void)state;
    fill_normal(x, n, 7);
    fill_normal(weight, n, 8);
    fill_normal(bias, n, 9);
    for (size_t i = 0; i < n; i++) {
        x[i] += 3.0f;
        sum += (double)x[i];
    }
    for (size_t i = 0; i < n; i++)
        squares += ((double)x[i] - sum / n) * ((double)x[i] - sum / n);
    scalar()->layer_norm(x, weight, bias, out, n, 0.5f);
    for (size_t i = 0; i < n; i++) {
        const double normed = ((double)x[i] - sum / n) / sqrt(squares / n + 0.5);
        assert_true(fabs((double)out[i] - normed * (double)weight[i] - (double)bias[i]) <= 2e-6);
    }
}

static void test_gelu(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        const float x = normal(&seed) * 5;
        const long double cubic = x + 0.044715L * x * x * x;
        const long double expect = x / 2 * (1 + tanhl(sqrtl(2 / acosl(-1)) * cubic));
        float got = x;

        scalar()->gelu(&got, 1);
        if (!(fabsl(got - expect) <= 1e-6L * fabsl(x)))
            fail_msg("gelu(%a) is %a, not %La", (double)x, (double)got, expect);
    }
}

static void test_rope(void **state)
{
    static const float angles[] = {0, 1, 0.6f, 0.8f}; /* a quarter turn; 3-4-5 */
    float adjacent[5] = {1, 2, 5, 10, 9}, halves_apart[5] = {1, 5, 2, 10, 9};

    (void)state;
    scalar()->rope(adjacent, angles, 4, false);
    scalar()->rope(halves_apart, angles, 4, true);
    assert_true(adjacent[0] == -2 && adjacent[1] == 1);
    assert_true(fabsf(adjacent[2] + 5) < 1e-5f && fabsf(adjacent[3] - 10) < 1e-5f);
    assert_true(halves_apart[0] == -2 && halves_apart[2] == 1);
    assert_true(halves_apart[1] == adjacent[2] && halves_apart[3] == adjacent[3]);
    assert_true(adjacent[4] == 9 && halves_apart[4] == 9);
}

static void test_log_sum_exp(void **state)
{
    enum { n = 1000 };
    float x[n];
    long double sum = 0;

    (void)state;
    fill_normal(x, n, 9);
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] * 10 + 500; /* exp overflows a float, not the result */
        sum += expl(x[i]);
    }
    assert_true(fabsl(scalar()->log_sum_exp(x, n) - logl(sum)) < 1e-12L);
}

/* Softmax over all positions at once, and the sink, in double; the cache is a ring.
 * How far a type's rounding of keys and values may take the result is in the table. */
static void test_attention(void **state)
{
    enum { dim = 64, slots = 192, begin = 100, end = 270 };
    static const float sinks[] = {4.0f, 30.0f};
    static const struct {
        enum ori_kv_type type;
        double bound;
        const float *sink; /* much, and more than any score */
    } rows[] = {{ORI_KV_F32, 2e-6, NULL},
                {ORI_KV_F16, 2e-3, NULL},
                {ORI_KV_Q8_0, 3e-2, NULL},
                {ORI_KV_F32, 2e-6, &sinks[0]},
                {ORI_KV_F32, 2e-6, &sinks[1]}};
    static _Alignas(64) uint8_t cache[2 * 4 * slots * dim];
    static float k[end][dim], v[end][dim];
    float q[dim], out[dim];

    (void)state;
    fill_normal(q, dim, 10);
    for (size_t r = 0; r < ORI_COUNT(rows); r++) {
        double expect[dim] = {0}, total = 0, scores[end], max = -1e9;
        size_t block = 0;

        assert_true(ori_kv_row_bytes(rows[r].type, dim, &block));
        block *= 2 * ORI_ATTN_BLOCK; /* keys and values */
        for (size_t t = begin; t < end; t++) {
            fill_normal(k[t], dim, 1000 + t);
            fill_normal(v[t], dim, 2000 + t);
            ori_kv_store(scalar(), rows[r].type, dim, &(struct ori_kv_rows){k[t], v[t], 0, 1},
                         t % ORI_ATTN_BLOCK, cache + t % slots / ORI_ATTN_BLOCK * block);
            scores[t] = 0;
            for (size_t i = 0; i < dim; i++)
                scores[t] += (double)q[i] * (double)k[t][i] * 0.3;
            max = scores[t] > max ? scores[t] : max;
        }
        for (size_t t = begin; t < end; t++) {
            const double p = exp(scores[t] - max);
            total += p;
            for (size_t i = 0; i < dim; i++)
                expect[i] += p * (double)v[t][i];
        }
        total += rows[r].sink ? exp((double)*rows[r].sink - max) : 0;
        const struct ori_attn_query query = {q, out, begin, end, rows[r].sink};
        scalar()->attention[rows[r].type](&(struct ori_attn){.cache = cache,
                                                             .block_stride = block,
                                                             .slots = slots,
                                                             .head_dim = dim,
                                                             .scale = 0.3f,
                                                             .queries = &query,
                                                             .n_queries = 1});
        for (size_t i = 0; i < dim; i++)
            if (!(fabs((double)out[i] - expect[i] / total) < rows[r].bound))
                fail_msg("type %d, dimension %zu: %g, expected %g", (int)rows[r].type, i,
                         (double)out[i], expect[i] / total);
    }
}

static void test_kv_row_bytes(void **state)
{
    static const struct {
        enum ori_kv_type type;
        size_t head_dim, bytes; /* 0: refused */
    } rows[] = {
        {ORI_KV_F16, 96, 192}, {ORI_KV_F16, 2, 32},    {ORI_KV_F16, 1024, 2048},
        {ORI_KV_F16, 1026, 0}, {ORI_KV_F32, 100, 448}, {ORI_KV_Q8_0, 96, 102},
        {ORI_KV_Q8_0, 80, 0},  {ORI_KV_Q8_0, 16, 0},   {ORI_KV_Q8_0, 1024, 1088},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        size_t bytes = 0;
        assert_int_equal(ori_kv_row_bytes(rows[i].type, rows[i].head_dim, &bytes),
                         rows[i].bytes > 0);
        assert_int_equal(bytes, rows[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp_log),      cmocka_unit_test(test_expf),
        cmocka_unit_test(test_rope_angle),   cmocka_unit_test(test_silu),
        cmocka_unit_test(test_rms_norm),     cmocka_unit_test(test_rope),
        cmocka_unit_test(test_log_sum_exp),  cmocka_unit_test(test_attention),
        cmocka_unit_test(test_kv_row_bytes), cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_gelu),         cmocka_unit_test(test_clamped_swiglu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
