/* Log-probabilities against a naive softmax in long double, and the likeliest
 * tokens against a sort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "model_file.h"

#include "engine.h"
#include "runtime/choices.h"

#define MODEL "golden/llama-gqa.gguf"
enum { N_VOCAB = 278 };

static struct ori_model *model;
static struct ori_engine computing;

static int open_engine(void **state)
{
    const struct ori_engine_options options = {.threads = 1};

    (void)state;
    model = open_model(data_path(MODEL));
    assert_int_equal(model->hp.n_vocab, N_VOCAB);
    return ori_engine_init(&computing, model, &options, NULL) == ORION_OK ? 0 : -1;
}

static int close_engine(void **state)
{
    (void)state;
    ori_engine_release(&computing);
    ori_model_close(model);
    return 0;
}

static long double log_sum(const float *logits)
{
    long double sum = 0;
    for (int i = 0; i < N_VOCAB; i++)
        if (isfinite(logits[i]))
            sum += expl((long double)logits[i]);
    return logl(sum);
}

/* Ids of finite logits, largest first, of equal ones the lowest. */
static size_t sort_ids(const float *logits, int32_t *ids)
{
    size_t n = 0;

    for (int32_t i = 0; i < N_VOCAB; i++) {
        if (!isfinite(logits[i]))
            continue;
        size_t at = n++;
        for (; at > 0 && logits[ids[at - 1]] < logits[i]; at--)
            ids[at] = ids[at - 1];
        ids[at] = i;
    }
    return n;
}

static void check_logprob(const orion_token_logprob *p, const float *logits, int32_t token)
{
    struct ori_buf text;

    assert_int_equal(p->token, token);
    const double expected = (double)((long double)logits[token] - log_sum(logits));
    if (!(fabs((double)p->logprob - expected) <= 1e-6 * (1 + fabs(expected))))
        fail_msg("token %d: %g, expected %g", token, (double)p->logprob, expected);
    ori_buf_init(&text, 1000);
    assert_int_equal(ori_vocab_token_bytes(model->vocab, token, true, &text), ORION_OK);
    assert_int_equal(p->n_bytes, text.len);
    assert_memory_equal(p->bytes, ori_buf_text(&text), text.len);
    ori_buf_release(&text);
}

static void fill(float *logits, uint32_t seed, bool with_ties)
{
    int32_t noise[N_VOCAB];

    some_tokens(noise, N_VOCAB, 1u << 12, seed);
    for (int i = 0; i < N_VOCAB; i++)
        logits[i] = with_ties ? (float)(noise[i] % 8) : (float)noise[i] / 300 - 7;
    if (seed % 3 == 0)
        logits[seed % N_VOCAB] = -INFINITY; /* a token that can't be */
}

static void test_against_naive(void **state)
{
    static const uint32_t tops[] = {0, 1, 2, 5, 20, N_VOCAB, 300};
    static float logits[40][N_VOCAB];
    int32_t ids[N_VOCAB];

    (void)state;
    for (size_t t = 0; t < ORI_COUNT(tops); t++) {
        struct ori_choices choices;
        ori_choices_init(&choices, &computing, tops[t]);
        for (int again = 0; again < 2; again++) {
            for (uint32_t i = 0; i < 40; i++) {
                fill(logits[i], i + 100 * (uint32_t)t, i % 2);
                assert_int_equal(
                    ori_choices_add(&choices, logits[i], (int32_t)(i * 7 + 1) % N_VOCAB, NULL),
                    ORION_OK);
            }
            assert_int_equal(choices.count, 40);
            const orion_token_choice *list = ori_choices_list(&choices);
            for (uint32_t i = 0; i < 40; i++) {
                const size_t n = sort_ids(logits[i], ids);
                if (isfinite(logits[i][(i * 7 + 1) % N_VOCAB]))
                    check_logprob(&list[i].chosen, logits[i], (int32_t)(i * 7 + 1) % N_VOCAB);
                assert_int_equal(list[i].n_top, tops[t] < n ? tops[t] : n);
                for (size_t k = 0; k < list[i].n_top; k++)
                    check_logprob(&list[i].top[k], logits[i], ids[k]);
            }
            ori_choices_clear(&choices);
            assert_int_equal(choices.count, 0);
        }
        ori_choices_release(&choices);
        ori_choices_release(&choices);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_naive),
    };
    return cmocka_run_group_tests_name("choices", tests, open_engine, close_engine);
}
