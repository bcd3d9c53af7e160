/* Kernels on single rows: every length, every pattern, canaries after the end. */
#include "checker.h"

#include <stdio.h>
#include <string.h>

#include "kernels/bits.h"

#define MAX_N 1100
#define CANARIES 16

/* Two outputs: the scalar kernel's and the tier's. */
struct outputs {
    float expect[MAX_N + CANARIES], got[MAX_N + CANARIES];
};

static void outputs_fill(struct outputs *o, const float *with, size_t n)
{
    for (size_t i = 0; i < MAX_N + CANARIES; i++)
        o->expect[i] = o->got[i] = with && i < n ? with[i] : 1234.5f;
}

static bool outputs_same(const struct outputs *o)
{
    return same_floats(o->expect, o->got, MAX_N + CANARIES);
}

/* A check of one length and pattern. */
typedef bool check_fn(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      struct rng *rng, enum pattern pattern, size_t n);

static bool check_rms_norm(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                           struct rng *rng, enum pattern pattern, size_t n)
{
    struct outputs o;
    float x[MAX_N], weight[MAX_N];

    fill_floats(rng, pattern, x, n);
    fill_floats(rng, PATTERN_NORMAL, weight, n);
    outputs_fill(&o, NULL, 0);
    scalar->rms_norm(x, weight, o.expect, n, 1e-5f);
    tier->rms_norm(x, weight, o.got, n, 1e-5f);
    if (!outputs_same(&o))
        return false;
    outputs_fill(&o, x, n); /* in place */
    scalar->rms_norm(o.expect, weight, o.expect, n, 1e-5f);
    tier->rms_norm(o.got, weight, o.got, n, 1e-5f);
    return outputs_same(&o);
}

static bool check_layer_norm(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                             struct rng *rng, enum pattern pattern, size_t n)
{
    struct outputs o;
    float x[MAX_N], weight[MAX_N], bias[MAX_N];

    fill_floats(rng, pattern, x, n);
    fill_floats(rng, PATTERN_NORMAL, weight, n);
    fill_floats(rng, PATTERN_NORMAL, bias, n);
    outputs_fill(&o, NULL, 0);
    scalar->layer_norm(x, weight, bias, o.expect, n, 1e-5f);
    tier->layer_norm(x, weight, bias, o.got, n, 1e-5f);
    if (!outputs_same(&o))
        return false;
    outputs_fill(&o, x, n); /* in place */
    scalar->layer_norm(o.expect, weight, bias, o.expect, n, 1e-5f);
    tier->layer_norm(o.got, weight, bias, o.got, n, 1e-5f);
    return outputs_same(&o);
}

static bool check_add(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      struct rng *rng, enum pattern pattern, size_t n)
{
    struct outputs o;
    float x[MAX_N], y[MAX_N];

    fill_floats(rng, pattern, x, n);
    fill_floats(rng, pattern, y, n);
    outputs_fill(&o, x, n);
    scalar->add(o.expect, y, n);
    tier->add(o.got, y, n);
    return outputs_same(&o);
}

static bool check_add_scaled(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                             struct rng *rng, enum pattern pattern, size_t n)
{
    struct outputs o;
    float x[MAX_N], y[MAX_N], by;

    fill_floats(rng, pattern, x, n);
    fill_floats(rng, PATTERN_NORMAL, y, n);
    fill_floats(rng, PATTERN_NORMAL, &by, 1);
    outputs_fill(&o, x, n);
    scalar->add_scaled(o.expect, y, by, n);
    tier->add_scaled(o.got, y, by, n);
    return outputs_same(&o);
}

typedef void (*gate_fn)(const float *gate, const float *up, float *out, size_t n);

static bool check_gate(gate_fn scalar, gate_fn tier, struct rng *rng, enum pattern pattern,
                       size_t n)
{
    struct outputs o;
    float gate[MAX_N], up[MAX_N];

    fill_floats(rng, pattern, gate, n);
    fill_floats(rng, PATTERN_NORMAL, up, n);
    for (size_t i = 0; i < n; i += 3) /* where exp bends: -110 to 110 */
        gate[i] *= 60.0f;
    outputs_fill(&o, NULL, 0);
    scalar(gate, up, o.expect, n);
    tier(gate, up, o.got, n);
    return outputs_same(&o);
}

static bool check_silu_mul(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                           struct rng *rng, enum pattern pattern, size_t n)
{
    return check_gate(scalar->silu_mul, tier->silu_mul, rng, pattern, n);
}

static bool check_gelu_mul(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                           struct rng *rng, enum pattern pattern, size_t n)
{
    return check_gate(scalar->gelu_mul, tier->gelu_mul, rng, pattern, n);
}

static bool check_gelu(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                       struct rng *rng, enum pattern pattern, size_t n)
{
    struct outputs o;
    float x[MAX_N];

    fill_floats(rng, pattern, x, n);
    for (size_t i = 0; i < n; i += 3)
        x[i] *= 60.0f;
    outputs_fill(&o, x, n);
    scalar->gelu(o.expect, n);
    tier->gelu(o.got, n);
    return outputs_same(&o);
}

static bool check_clamped_swiglu(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                                 struct rng *rng, enum pattern pattern, size_t n)
{
    const gate_fn a = scalar->clamped_swiglu, b = tier->clamped_swiglu;
    struct outputs o;
    float gate[MAX_N], up[MAX_N];

    if (!check_gate(a, b, rng, pattern, n))
        return false;
    fill_floats(rng, PATTERN_NORMAL, gate, n);
    fill_floats(rng, pattern, up, n);
    for (size_t i = 0; i < n; i += 2) /* on both sides of the limit of 7 */
        up[i] *= 7.0f;
    outputs_fill(&o, NULL, 0);
    a(gate, up, o.expect, n);
    b(gate, up, o.got, n);
    return outputs_same(&o);
}

static bool check_softcap(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                          struct rng *rng, enum pattern pattern, size_t n)
{
    struct outputs o;
    float x[MAX_N];

    fill_floats(rng, pattern, x, n);
    for (size_t i = 0; i < n; i += 3)
        x[i] *= 300.0f;
    outputs_fill(&o, x, n);
    scalar->softcap(o.expect, n, 30.0f);
    tier->softcap(o.got, n, 30.0f);
    return outputs_same(&o);
}

static bool check_rope(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                       struct rng *rng, enum pattern pattern, size_t n)
{
    struct outputs o;
    float x[MAX_N], angles[MAX_N];

    n -= n % 2;
    fill_floats(rng, pattern, x, n);
    fill_floats(rng, PATTERN_NORMAL, angles, n);
    for (int neox = 0; neox < 2; neox++) {
        outputs_fill(&o, x, n);
        scalar->rope(o.expect, angles, n, neox);
        tier->rope(o.got, angles, n, neox);
        if (!outputs_same(&o))
            return false;
    }
    return true;
}

static bool check_log_sum_exp(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                              struct rng *rng, enum pattern pattern, size_t n)
{
    float x[MAX_N];

    fill_floats(rng, pattern, x, n);
    for (size_t i = 0; i < n; i += 2)
        x[i] *= 30.0f;
    for (size_t i = 0; i < n && n % 2; i++) /* lanes that are not there must not win */
        x[i] -= 1000.0f;
    const double expect = scalar->log_sum_exp(x, n), got = tier->log_sum_exp(x, n);
    return same_bytes(&expect, &got, sizeof(got)) || (expect != expect && got != got);
}

static bool check_sum_words(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                            struct rng *rng, enum pattern pattern, size_t n)
{
    _Alignas(64) uint64_t words[320];

    (void)pattern;
    for (size_t i = 0; i < ORI_COUNT(words); i++)
        words[i] = rng_next(rng);
    return scalar->sum_words(words, n / 16 * 16) == tier->sum_words(words, n / 16 * 16);
}

/* Both layouts of quantized activations, all bytes compared. */
static bool check_act(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      struct rng *rng, enum pattern pattern, size_t n, enum ori_act act,
                      size_t block)
{
    static _Alignas(64) uint8_t expect[8192], got[8192];
    float x[MAX_N];

    n -= n % block;
    fill_floats(rng, pattern, x, n);
    memset(expect, 0x5a, sizeof(expect));
    memset(got, 0x5a, sizeof(got));
    scalar->quantize_act[act](x, expect, n);
    tier->quantize_act[act](x, got, n);
    return same_bytes(expect, got, sizeof(got));
}

static bool check_act_q8(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                         struct rng *rng, enum pattern pattern, size_t n)
{
    return check_act(scalar, tier, rng, pattern, n, ORI_ACT_Q8, 32);
}

static bool check_act_q8k(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                          struct rng *rng, enum pattern pattern, size_t n)
{
    return check_act(scalar, tier, rng, pattern, n, ORI_ACT_Q8K, 256);
}

/* f16 conversions: NaN payloads are specified too, so memcmp. */
static bool check_f16(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      struct rng *rng, enum pattern pattern, size_t n)
{
    uint16_t expect[MAX_N + CANARIES], got[MAX_N + CANARIES];
    struct outputs o;
    float x[MAX_N];

    fill_floats(rng, pattern, x, n);
    memset(expect, 0x5a, sizeof(expect));
    memset(got, 0x5a, sizeof(got));
    scalar->f32_to_f16(x, expect, n);
    tier->f32_to_f16(x, got, n);
    if (!same_bytes(expect, got, sizeof(got)))
        return false;
    outputs_fill(&o, NULL, 0);
    scalar->f16_to_f32(expect, o.expect, n);
    tier->f16_to_f32(expect, o.got, n);
    return same_bytes(o.expect, o.got, sizeof(o.got));
}

/* All 65,536 halves; and back, on both sides of every rounding boundary. */
static bool check_all_f16(const struct ori_kernels *scalar, const struct ori_kernels *tier)
{
    for (uint32_t h = 0; h < 65536; h += 8) {
        uint16_t halves[8], a[8], b[8];
        float expect[8], got[8];

        for (uint32_t i = 0; i < 8; i++)
            halves[i] = (uint16_t)(h + i);
        scalar->f16_to_f32(halves, expect, 8);
        tier->f16_to_f32(halves, got, 8);
        if (!same_bytes(expect, got, sizeof(got)))
            return false;

        for (int32_t off = -1; off <= 1; off++) {
            float x[8];
            for (int i = 0; i < 8; i++) { /* the value, and halfway to the next */
                const uint32_t half_step = off == 0 && i % 2 ? 0x1000 : 0;
                x[i] = ori_f32_of_bits(ori_f32_bits(expect[i]) + half_step + (uint32_t)off);
            }
            scalar->f32_to_f16(x, a, 8);
            tier->f32_to_f16(x, b, 8);
            if (!same_bytes(a, b, sizeof(a)))
                return false;
        }
    }
    /* Floats whose low 13 bits are just below, at and above a half, for every
     * exponent and upper fraction. */
    for (uint32_t top = 0; top < 1u << 19; top++) {
        static const uint32_t low[8] = {0, 1, 0xfff, 0x1000, 0x1001, 0x1ffe, 0x1fff, 0x800};
        uint16_t a[8], b[8];
        float x[8];

        for (int i = 0; i < 8; i++)
            x[i] = ori_f32_of_bits(top << 13 | low[i]);
        scalar->f32_to_f16(x, a, 8);
        tier->f32_to_f16(x, b, 8);
        if (!same_bytes(a, b, sizeof(a)))
            return false;
    }
    return true;
}

/* exp in float and double over its whole range: a rounding that differs shows
 * in a few of very many values only. */
static bool check_all_exp(const struct ori_kernels *scalar, const struct ori_kernels *tier)
{
    enum { values = 1 << 20 };
    struct rng rng = {5000};
    float gate[1024], one[1024], expect[1024], got[1024];

    for (size_t i = 0; i < 1024; i++)
        one[i] = 1.0f;
    for (size_t done = 0; done < values; done += 1024) {
        for (size_t i = 0; i < 1024; i++)
            gate[i] = (float)(int32_t)rng_next(&rng) * 0x1.bp-25f; /* +-108 */
        scalar->silu_mul(gate, one, expect, 1024);
        tier->silu_mul(gate, one, got, 1024);
        if (!same_floats(expect, got, 1024))
            return false;
        for (size_t i = 0; i < 1024; i += 16) { /* few terms, so that each is seen */
            const double a = scalar->log_sum_exp(gate + i, 16);
            const double b = tier->log_sum_exp(gate + i, 16);
            if (!same_bytes(&a, &b, sizeof(a)))
                return false;
        }
    }
    return true;
}

static const struct {
    const char *name;
    check_fn *check;
    size_t min, max; /* lengths */
} checks[] = {
    {"rms_norm", check_rms_norm, 1, 80},
    {"add", check_add, 1, 80},
    {"add_scaled", check_add_scaled, 1, 80},
    {"silu_mul", check_silu_mul, 1, 80},
    {"gelu_mul", check_gelu_mul, 1, 80},
    {"clamped_swiglu", check_clamped_swiglu, 1, 80},
    {"softcap", check_softcap, 1, 80},
    {"rope", check_rope, 2, 160},
    {"log_sum_exp", check_log_sum_exp, 1, 80},
    {"sum_words", check_sum_words, 16, 320},
    {"quantize_act q8", check_act_q8, 32, 300},
    {"quantize_act q8k", check_act_q8k, 256, 1024},
    {"f16 conversions", check_f16, 1, 80},
    {"layer_norm", check_layer_norm, 1, 80},
    {"gelu", check_gelu, 1, 80},
};

void check_rows(const struct ori_kernels *scalar, const struct ori_kernels *tier)
{
    char detail[128];

    for (size_t i = 0; i < ORI_COUNT(checks); i++) {
        struct rng rng = {3000 + i};
        bool same = true;

        detail[0] = '\0';
        for (size_t n = checks[i].min; n <= checks[i].max && same; n++) {
            for (int pattern = 0; pattern < PATTERN_COUNT && same; pattern++) {
                same = checks[i].check(scalar, tier, &rng, (enum pattern)pattern, n);
                if (!same)
                    snprintf(detail, sizeof(detail), "length %zu, pattern %d", n, pattern);
            }
        }
        report(same, tier->name, checks[i].name, detail);
    }
    report(check_all_exp(scalar, tier), tier->name, "exp, a million values", "");
    report(check_all_f16(scalar, tier), tier->name, "f16, every value and boundary", "");
}
