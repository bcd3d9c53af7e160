/* The sampler against a naive one in long double with libm, golden values of
 * its generator, and the edges: ties, broken logits, parameters out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sampler.h"

static const struct ori_sampler_params plain = {
    .temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .repeat_penalty = 1};

static int32_t pick_after(const struct ori_sampler_params *params, const float *logits,
                          uint32_t n_vocab, const int32_t *history, size_t n_history)
{
    struct ori_sampler sampler;
    int32_t token = -1;

    assert_int_equal(ori_sampler_init(&sampler, params, n_vocab, NULL), ORION_OK);
    assert_int_equal(ori_sampler_pick(&sampler, logits, history, n_history, &token, NULL),
                     ORION_OK);
    ori_sampler_release(&sampler);
    return token;
}

static int32_t pick(const struct ori_sampler_params *params, const float *logits, uint32_t n_vocab)
{
    return pick_after(params, logits, n_vocab, NULL, 0);
}

/* ---- the generator ---- */

/* Equal logits turn a draw u into the token floor(u * n): the first outputs of
 * SplitMix64 for the seed 1234567, as published, are 6457827717110365317,
 * 3203168211198807973, 9817491932198370423, 4593380528125082431 and
 * 16408922859458223821, that is 0.35008, 0.17364, 0.53220, 0.24900, 0.88952 of
 * 2^64. */
static void test_generator(void **state)
{
    static const int32_t expected[] = {350, 173, 532, 249, 889};
    struct ori_sampler_params params = plain;
    struct ori_sampler sampler;
    float logits[1000] = {0};

    (void)state;
    params.seed = 1234567;
    assert_int_equal(ori_sampler_init(&sampler, &params, 1000, NULL), ORION_OK);
    for (size_t i = 0; i < ORI_COUNT(expected); i++) {
        int32_t token;
        assert_int_equal(ori_sampler_pick(&sampler, logits, NULL, 0, &token, NULL), ORION_OK);
        assert_int_equal(token, expected[i]);
    }
    ori_sampler_release(&sampler);
    ori_sampler_release(&sampler);
    assert_null(sampler.candidates);
}

/* ---- against a naive sampler ---- */

struct naive {
    long double p[600];
    int32_t token[600];
    size_t n;
};

/* What is left after the cuts, likeliest first, with its final shares. */
static void naive_chain(const struct ori_sampler_params *params, const float *logits,
                        size_t n_vocab, const int32_t *history, size_t n_history, struct naive *out)
{
    long double logit[600];
    long double sum = 0;
    size_t n;

    for (size_t i = 0; i < n_vocab; i++) {
        bool seen = false;
        for (size_t h = 0; h < n_history; h++)
            if (h + params->repeat_last_tokens >= n_history && history[h] == (int32_t)i)
                seen = true;
        float value = logits[i];
        if (seen)
            value = value > 0 ? value / params->repeat_penalty : value * params->repeat_penalty;
        logit[i] = (long double)value;
        out->token[i] = (int32_t)i;
    }
    for (size_t i = 1; i < n_vocab; i++) /* insertion sort: stable, so ties by id */
        for (size_t j = i; j > 0 && logit[out->token[j]] > logit[out->token[j - 1]]; j--) {
            const int32_t t = out->token[j];
            out->token[j] = out->token[j - 1];
            out->token[j - 1] = t;
        }
    n = params->top_k > 0 && params->top_k < n_vocab ? params->top_k : n_vocab;
    const long double top = logit[out->token[0]];
    for (size_t i = 0; i < n; i++)
        sum += expl(logit[out->token[i]] - top);
    long double mass = 0;
    for (size_t i = 0; i < n; i++) { /* the smallest set with top_p of the mass */
        mass += expl(logit[out->token[i]] - top);
        if (mass >= (long double)params->top_p * sum)
            n = i + 1;
    }
    while (n > 1 && expl(logit[out->token[n - 1]] - top) < (long double)params->min_p)
        n--;
    sum = 0;
    for (size_t i = 0; i < n; i++) {
        out->p[i] = expl((logit[out->token[i]] - top) / (long double)params->temperature);
        sum += out->p[i];
    }
    for (size_t i = 0; i < n; i++)
        out->p[i] /= sum;
    out->n = n;
}

static uint64_t splitmix(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Roughly normal, by adding up. */
static float noise(uint64_t *state, float scale)
{
    float sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (float)(splitmix(state) >> 40) * 0x1p-24f;
    return sum * scale;
}

static void test_against_naive(void **state)
{
    static const struct ori_sampler_params rows[] = {
        {1, 0, 1, 0, 1, 64, 0, 0, 0},
        {0.7f, 40, 0.95f, 0.05f, 1, 64, 0, 0, 0},
        {0.7f, 40, 0.95f, 0, 1, 64, 0, 0, 0},
        {1.5f, 0, 0.5f, 0, 1, 64, 0, 0, 0},
        {1, 0, 0.9f, 0, 1.3f, 16, 0, 0, 0},
        {2, 7, 1, 0, 1, 64, 0, 0, 0},
        {0.2f, 0, 1, 0.1f, 1, 64, 0, 0, 0},
        {1, 1, 1, 0, 1, 64, 0, 0, 0},
        {1, 600, 1, 0, 0.8f, 4, 0, 0, 0},
        {5, 599, 0.999f, 0.001f, 1.1f, 1000, 0, 0, 0},
        {0.01f, 50, 0.9f, 0.01f, 1, 0, 0, 0, 0},
        {1, 0, 0.0001f, 0, 1, 64, 0, 0, 0},
    };
    uint64_t random = 99;
    size_t compared = 0;

    (void)state;
    for (size_t r = 0; r < ORI_COUNT(rows); r++) {
        for (uint64_t seed = 0; seed < 40; seed++) {
            enum { N = 600 };
            float logits[N];
            int32_t history[50];
            struct naive naive;
            struct ori_sampler_params params = rows[r];
            uint64_t generator = seed;

            for (size_t i = 0; i < N; i++)
                logits[i] = noise(&random, 3);
            for (size_t i = 0; i < ORI_COUNT(history); i++)
                history[i] = (int32_t)(splitmix(&random) % N);
            history[3] = history[40]; /* twice, and penalised once */
            naive_chain(&params, logits, N, history, ORI_COUNT(history), &naive);
            params.seed = seed;
            const int32_t token = pick_after(&params, logits, N, history, ORI_COUNT(history));

            long double u = (long double)(splitmix(&generator) >> 11) * 0x1p-53L;
            size_t at = 0;
            while (at + 1 < naive.n && u >= naive.p[at])
                u -= naive.p[at++];
            /* On a border either neighbour is right. */
            if (u < 1e-9L || naive.p[at] - u < 1e-9L)
                continue;
            compared++;
            if (token != naive.token[at])
                fail_msg("row %zu, seed %llu: %d, expected %d", r, (unsigned long long)seed, token,
                         naive.token[at]);
        }
    }
    assert_true(compared > ORI_COUNT(rows) * 39);
}

/* Shares of four tokens over 4,000 draws: chi-square with 3 degrees of freedom
 * is below 16.27 in 999 of 1,000 runs, and this run is always the same. */
static void test_shares(void **state)
{
    static const double shares[] = {0.5, 0.3, 0.15, 0.05};
    struct ori_sampler_params params = plain;
    struct ori_sampler sampler;
    float logits[4];
    uint32_t count[4] = {0};
    double chi = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        logits[i] = (float)log(shares[i]);
    params.seed = 7;
    assert_int_equal(ori_sampler_init(&sampler, &params, 4, NULL), ORION_OK);
    for (int i = 0; i < 4000; i++) {
        int32_t token;
        assert_int_equal(ori_sampler_pick(&sampler, logits, NULL, 0, &token, NULL), ORION_OK);
        count[token]++;
    }
    ori_sampler_release(&sampler);
    for (size_t i = 0; i < 4; i++)
        chi += (count[i] - 4000 * shares[i]) * (count[i] - 4000 * shares[i]) / (4000 * shares[i]);
    if (chi > 16.27)
        fail_msg("chi-square %g", chi);
}

/* ---- seeds ---- */

static void draw_many(uint64_t seed, int32_t tokens[20])
{
    struct ori_sampler_params params = plain;
    struct ori_sampler sampler;
    float logits[300] = {0};

    params.seed = seed;
    assert_int_equal(ori_sampler_init(&sampler, &params, 300, NULL), ORION_OK);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(ori_sampler_pick(&sampler, logits, NULL, 0, &tokens[i], NULL), ORION_OK);
    ori_sampler_release(&sampler);
}

static void test_seeds(void **state)
{
    int32_t a[20];
    int32_t b[20];

    (void)state;
    draw_many(5, a);
    draw_many(5, b);
    assert_memory_equal(a, b, sizeof(a));
    draw_many(6, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

/* ---- greedy and ties ---- */

static void test_greedy(void **state)
{
    static const struct {
        const char *label;
        float logits[6];
        int32_t token;
    } rows[] = {
        {"the largest", {1, 5, 3, -2, 4, 0}, 1},
        {"the last", {1, 2, 3, 4, 5, 6}, 5},
        {"a tie goes to the lower id", {1, 5, 3, 5, 5, 0}, 1},
        {"all equal", {2, 2, 2, 2, 2, 2}, 0},
        {"zero and minus zero are equal", {-1, -0.0f, 0.0f, -3, -4, -5}, 1},
        {"all negative", {-9, -8, -7, -8, -9, -10}, 2},
        {"a NaN is passed over", {NAN, 1, 2, NAN, 0, 0}, 2},
        {"an infinity is passed over", {INFINITY, 1, 2, -INFINITY, 0, 0}, 2},
        {"one number left", {NAN, NAN, NAN, NAN, -1e30f, INFINITY}, 4},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_sampler_params params = plain;
        params.temperature = 0;
        for (uint32_t k = 0; k < 8; k++) {
            params.top_k = k;
            params.seed = k;
            if (pick(&params, rows[i].logits, 6) != rows[i].token)
                fail_msg("%s, top_k %u", rows[i].label, k);
        }
    }
}

/* Equal logits at the edge of top-k: the lower ids stay. */
static void test_ties_at_the_cut(void **state)
{
    float logits[50];
    (void)state;
    for (size_t i = 0; i < 50; i++)
        logits[i] = i == 20 ? 1.0f : 0.0f;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct ori_sampler_params params = plain;
        params.top_k = 4;
        params.seed = seed;
        const int32_t token = pick(&params, logits, 50);
        assert_true(token == 20 || (token >= 0 && token <= 2));
    }
}

/* A temperature next to nothing is greedy, and a huge one nearly even. */
static void test_extreme_temperatures(void **state)
{
    static const float logits[] = {1.0f, 1.001f, -3e38f, 3e-38f};
    bool seen[4] = {false};
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct ori_sampler_params params = plain;
        params.seed = seed;
        params.temperature = 1e-45f;
        assert_int_equal(pick(&params, logits, 4), 1);
        params.temperature = 1e-6f;
        assert_int_equal(pick(&params, logits, 4), 1);
        params.temperature = 100;
        seen[pick(&params, logits, 4)] = true;
    }
    assert_true(seen[0] && seen[1] && seen[3]);
    assert_false(seen[2]); /* e^-3e36 */
}

/* ---- the penalty ---- */

static void test_penalty(void **state)
{
    static const struct {
        const char *label;
        float penalty;
        uint32_t last;
        int32_t history[6];
        int32_t token;
    } rows[] = {
        {"off", 1, 64, {2, 2, 2, 2, 2, 2}, 2},
        {"2 gives way to 1", 1.5f, 64, {2, 0, 0, 0, 0, 0}, 1},
        {"once a token, however often it occurs", 1.2f, 64, {2, 2, 2, 2, 2, 2}, 2},
        {"too far back to be seen", 1.5f, 3, {2, 2, 2, 0, 0, 0}, 2},
        {"just near enough", 1.5f, 4, {0, 0, 2, 0, 0, 0}, 1},
        {"looks at nothing", 1.5f, 0, {2, 2, 2, 2, 2, 2}, 2},
        {"looks far beyond the history", 1.5f, UINT32_MAX, {2, 0, 0, 0, 0, 0}, 1},
        {"below 1 favours", 0.5f, 64, {0, 0, 0, 0, 0, 0}, 0},
        {"all three are pushed down", 100, 64, {0, 1, 2, 0, 1, 2}, 2},
        {"a negative logit goes further down", 2, 64, {3, 3, 3, 2, 1, 0}, 2},
    };
    static const float logits[] = {3, 4, 5, -1};
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_sampler_params params = plain;
        params.temperature = 0;
        params.repeat_penalty = rows[i].penalty;
        params.repeat_last_tokens = rows[i].last;
        if (pick_after(&params, logits, 4, rows[i].history, 6) != rows[i].token)
            fail_msg("%s", rows[i].label);
    }
}

/* A history as long as a large context: work that grows with its square would
 * not come to an end here. */
static void test_long_history(void **state)
{
    enum { N = 300000 };
    struct ori_sampler_params params = plain;
    float *logits = calloc(N, sizeof(*logits));
    int32_t *history = calloc(N, sizeof(*history));

    (void)state;
    assert_true(logits && history);
    for (int32_t i = 0; i < N; i++) {
        logits[i] = 1;
        history[i] = N - 1 - i;
    }
    logits[5] = 1.5f;
    params.temperature = 0;
    params.repeat_penalty = 2;
    params.repeat_last_tokens = N - 1; /* all but the first of the history, N - 1 */
    assert_int_equal(pick_after(&params, logits, N, history, N), N - 1);
    free(logits);
    free(history);
}

/* ---- what is refused ---- */

static void test_no_number(void **state)
{
    static const float rows[][3] = {{NAN, NAN, NAN}, {INFINITY, -INFINITY, NAN}};
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_sampler sampler;
        orion_error err = {0};
        int32_t token = -1;
        assert_int_equal(ori_sampler_init(&sampler, &plain, 3, NULL), ORION_OK);
        assert_int_equal(ori_sampler_pick(&sampler, rows[i], NULL, 0, &token, &err),
                         ORION_E_FORMAT);
        assert_non_null(strstr(err.message, "not a number"));
        assert_int_equal(token, -1);
        ori_sampler_release(&sampler);
    }
}

/* OpenAI's: off the logit of each token, c times one and, if c > 0, once the
 * other, where c counts how often it was picked, not how often the prompt had it. */
static void test_picked(void **state)
{
    static const struct {
        const char *label;
        float frequency, presence;
        float logits[3];
        int32_t picks[6];
    } rows[] = {
        {"none", 0, 0, {3, 2, 1}, {0, 0, 0, 0, 0, 0}},
        {"presence, once a token", 0, 1.5f, {3, 2, 1}, {0, 1, 0, 0, 0, 0}},
        {"frequency, each time", 0.75f, 0, {3, 2, 1}, {0, 0, 1, 0, 1, 2}},
        {"both", 0.5f, 0.25f, {3, 2, 1}, {0, 0, 1, 0, 0, 1}},
        {"a tie goes to the lower id", 1, 0, {3, 2, 2}, {0, 0, 1, 2, 0, 1}},
        {"negative ones hold on", -1, -1, {1, 1.5f, 0}, {1, 1, 1, 1, 1, 1}},
    };
    static const int32_t prompt[] = {0, 0, 0, 0};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_sampler_params params = plain;
        struct ori_sampler sampler;
        params.temperature = 0;
        params.frequency_penalty = rows[i].frequency;
        params.presence_penalty = rows[i].presence;
        assert_int_equal(ori_sampler_init(&sampler, &params, 3, NULL), ORION_OK);
        for (size_t step = 0; step < ORI_COUNT(rows[i].picks); step++) {
            int32_t token;
            assert_int_equal(ori_sampler_pick(&sampler, rows[i].logits, prompt, 4, &token, NULL),
                             ORION_OK);
            if (token != rows[i].picks[step])
                fail_msg("%s: pick %zu is %d", rows[i].label, step, token);
        }
        ori_sampler_release(&sampler);
    }
}

static void test_parameters(void **state)
{
    static const struct {
        const char *label;
        struct ori_sampler_params params;
        const char *name; /* of the parameter that is refused; NULL: fine */
    } rows[] = {
        {"plain", {1, 0, 1, 0, 1, 64, 0, 0, 0}, NULL},
        {"all at their lowest", {0, 0, 1e-30f, 0, 1e-30f, 0, 0, 0, 0}, NULL},
        {"all at their highest",
         {100, UINT32_MAX, 1, 0.999f, 100, UINT32_MAX, 0, 0, UINT64_MAX},
         NULL},
        {"temperature negative", {-0.1f, 0, 1, 0, 1, 64, 0, 0, 0}, "temperature"},
        {"temperature above 100", {100.1f, 0, 1, 0, 1, 64, 0, 0, 0}, "temperature"},
        {"temperature NaN", {NAN, 0, 1, 0, 1, 64, 0, 0, 0}, "temperature"},
        {"temperature infinite", {INFINITY, 0, 1, 0, 1, 64, 0, 0, 0}, "temperature"},
        {"top_p 0", {1, 0, 0, 0, 1, 64, 0, 0, 0}, "top_p"},
        {"top_p above 1", {1, 0, 1.01f, 0, 1, 64, 0, 0, 0}, "top_p"},
        {"top_p NaN", {1, 0, NAN, 0, 1, 64, 0, 0, 0}, "top_p"},
        {"min_p negative", {1, 0, 1, -0.01f, 1, 64, 0, 0, 0}, "min_p"},
        {"min_p 1", {1, 0, 1, 1, 1, 64, 0, 0, 0}, "min_p"},
        {"min_p NaN", {1, 0, 1, NAN, 1, 64, 0, 0, 0}, "min_p"},
        {"repeat_penalty 0", {1, 0, 1, 0, 0, 64, 0, 0, 0}, "repeat_penalty"},
        {"repeat_penalty above 100", {1, 0, 1, 0, 101, 64, 0, 0, 0}, "repeat_penalty"},
        {"repeat_penalty NaN", {1, 0, 1, 0, NAN, 64, 0, 0, 0}, "repeat_penalty"},
        {"penalties at their lowest", {1, 0, 1, 0, 1, 64, -2, -2, 0}, NULL},
        {"penalties at their highest", {1, 0, 1, 0, 1, 64, 2, 2, 0}, NULL},
        {"frequency_penalty below -2", {1, 0, 1, 0, 1, 64, -2.1f, 0, 0}, "frequency_penalty"},
        {"frequency_penalty above 2", {1, 0, 1, 0, 1, 64, 2.1f, 0, 0}, "frequency_penalty"},
        {"frequency_penalty NaN", {1, 0, 1, 0, 1, 64, NAN, 0, 0}, "frequency_penalty"},
        {"presence_penalty below -2", {1, 0, 1, 0, 1, 64, 0, -2.1f, 0}, "presence_penalty"},
        {"presence_penalty above 2", {1, 0, 1, 0, 1, 64, 0, 2.1f, 0}, "presence_penalty"},
        {"presence_penalty NaN", {1, 0, 1, 0, 1, 64, 0, NAN, 0}, "presence_penalty"},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_error err = {0};
        const orion_status status = ori_sampler_check(&rows[i].params, &err);
        if (status != (rows[i].name ? ORION_E_ARGUMENT : ORION_OK))
            fail_msg("%s: %d", rows[i].label, status);
        if (rows[i].name && (strncmp(err.message, rows[i].name, strlen(rows[i].name)) != 0 ||
                             !strstr(err.message, "expected")))
            fail_msg("%s: '%s'", rows[i].label, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generator),
        cmocka_unit_test(test_against_naive),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_ties_at_the_cut),
        cmocka_unit_test(test_extreme_temperatures),
        cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_long_history),
        cmocka_unit_test(test_no_number),
        cmocka_unit_test(test_picked),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
