/* What the cache of a session gives back, also after a prompt was cancelled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include "engine.h"
#include "session_world.h"

#define WINDOW_MODEL "golden/phi3-window.gguf"
#define MIXED_MODEL "golden/gemma2.gguf" /* some layers with a window, others without */

static void prefill(struct ori_session *s, const int32_t *prompt, uint32_t n, uint32_t *n_cached)
{
    orion_error err = {0};
    if (ori_session_prefill(s, prompt, n, n_cached, &err) != ORION_OK)
        fail_msg("%s", err.message);
}

/* A random walk: prompts that share a beginning of any length with what is in
 * the cache, answers of any length, cancelled calls.  The logits must always
 * be those of a session that computes the same tokens from the start. */
static void walk(const char *path, uint32_t seed)
{
    enum { CONTEXT = 256, STEPS = 120 };
    struct ori_model *model = open_model(data_path(path));
    struct ori_session *s = new_session(model, CONTEXT, 1, 20);
    struct ori_session *fresh = new_session(model, CONTEXT, 1, 64);
    const size_t row = model->hp.n_vocab * sizeof(float);
    int32_t tokens[CONTEXT];
    uint32_t n = 0;
    uint32_t random = seed;
    uint32_t cached;
    uint64_t reused = 0;

    for (uint32_t step = 0; step < STEPS; step++) {
        int32_t noise[4];
        some_tokens(noise, 4, 1u << 20, random++);
        const uint32_t keep = n > 0 ? (uint32_t)noise[0] % (n + 1) : 0;
        uint32_t length = keep + 1 + (uint32_t)noise[1] % 60;
        if (length > CONTEXT - 30)
            length = CONTEXT - 30;
        if (length > keep)
            some_tokens(tokens + keep, length - keep, model->hp.n_vocab, random++);
        n = length;
        if (noise[2] % 4 == 0) { /* stopped before it begins */
            ori_session_cancel(s);
            assert_int_equal(ori_session_prefill(s, tokens, n, &cached, NULL), ORION_E_CANCELLED);
        }
        prefill(s, tokens, n, &cached);
        reused += cached;
        assert_true(cached < n);
        const uint32_t answer = (uint32_t)noise[3] % 30;
        for (uint32_t i = 0; i < answer; i++) {
            some_tokens(tokens + n, 1, model->hp.n_vocab, random++);
            assert_int_equal(ori_session_append(s, &tokens[n], 1, NULL), ORION_OK);
            n++;
        }
        assert_int_equal(s->sequence.n_tokens, n);
        ori_session_reset(fresh);
        prefill(fresh, tokens, n, &cached);
        assert_int_equal(cached, 0);
        if (memcmp(s->logits, fresh->logits, row) != 0)
            fail_msg("%s, step %u: other bits after keeping %u of %u", path, step, keep, n);
    }
    assert_true(reused > STEPS * 10); /* the cache was of use */
    ori_session_free(s);
    ori_session_free(fresh);
    ori_model_close(model);
}

static void test_walk(void **state)
{
    (void)state;
    walk(PLAIN_MODEL, 1);
}

static void test_walk_in_a_window(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3; seed++)
        walk(WINDOW_MODEL, seed * 1000);
}

static void test_walk_in_some_windows(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 2; seed++)
        walk(MIXED_MODEL, seed * 1000);
}

/* Back, on for a little, and back once more: by then the ring has lost what
 * the first way there had left. */
static void test_back_twice(void **state)
{
    struct ori_model *model = open_model(data_path(WINDOW_MODEL));
    struct ori_session *s = new_session(model, 256, 1, 8);
    struct ori_session *fresh = new_session(model, 256, 1, 8);
    int32_t tokens[200];
    uint32_t cached;

    (void)state;
    assert_int_equal(s->sequence.kv.n_slots, 64);
    some_tokens(tokens, 200, model->hp.n_vocab, 9);
    prefill(s, tokens, 200, &cached);
    tokens[150] = (tokens[150] + 1) % 278;
    prefill(s, tokens, 151, &cached);
    assert_int_equal(cached, 150);
    tokens[120] = (tokens[120] + 1) % 278;
    prefill(s, tokens, 121, &cached);
    assert_int_equal(cached, 0);
    prefill(fresh, tokens, 121, &cached);
    assert_memory_equal(s->logits, fresh->logits, model->hp.n_vocab * sizeof(float));
    /* From the start again, the ring holds what it says. */
    tokens[100] = (tokens[100] + 1) % 278;
    prefill(s, tokens, 105, &cached);
    assert_int_equal(cached, 100);
    ori_session_reset(fresh);
    prefill(fresh, tokens, 105, &cached);
    assert_memory_equal(s->logits, fresh->logits, model->hp.n_vocab * sizeof(float));
    ori_session_free(s);
    ori_session_free(fresh);
    ori_model_close(model);
}

/* A prompt that was cancelled before it began is not in the cache. */
static void test_cancelled_prompt_is_not_cached(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_session *s = new_session(model, 0, 1, 16);
    int32_t a[40];
    int32_t b[40];
    uint32_t cached;

    (void)state;
    some_tokens(a, 40, model->hp.n_vocab, 1);
    some_tokens(b, 40, model->hp.n_vocab, 2);
    memcpy(b, a, 10 * sizeof(*a));
    prefill(s, a, 40, &cached);
    ori_session_cancel(s);
    assert_int_equal(ori_session_prefill(s, b, 40, &cached, NULL), ORION_E_CANCELLED);
    prefill(s, b, 40, &cached);
    assert_int_equal(cached, 10);
    ori_session_free(s);
    ori_model_close(model);
}

static void prefill_cancelled(struct ori_session *s, const int32_t *tokens, uint32_t n)
{
    pthread_t thread;
    uint32_t cached;

    assert_int_equal(pthread_create(&thread, NULL, cancel_it, s), 0);
    const orion_status status = ori_session_prefill(s, tokens, n, &cached, NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(status == ORION_OK || status == ORION_E_CANCELLED);
    assert_int_equal(ori_session_take_cancel(s), status == ORION_OK);
}

/* Wherever a prompt is cancelled, in the middle of a batch too, the next one's logits are
 * what they would have been: also where a ring has given up keys for it. */
static void test_cancelled_anywhere(void **state)
{
    static const char *const models[] = {PLAIN_MODEL, WINDOW_MODEL};
    enum { N = 100, LEFT = 60, ROUNDS = 40 };
    int32_t tokens[N];
    uint32_t cached;

    (void)state;
    for (size_t m = 0; m < ORI_COUNT(models); m++) {
        struct ori_model *model = open_model(data_path(models[m]));
        struct ori_session *s = new_session(model, 0, 1, N);
        struct ori_session *other = new_session(model, 0, 1, N);
        const size_t bytes = model->hp.n_vocab * sizeof(*s->logits);

        some_tokens(tokens, N, model->hp.n_vocab, 1);
        prefill(s, tokens, LEFT, &cached);
        for (int round = 0; round < ROUNDS; round++) {
            prefill_cancelled(other, tokens, N);
            prefill(other, tokens, LEFT, &cached);
            assert_memory_equal(other->logits, s->logits, bytes);
        }
        ori_session_free(other);
        ori_session_free(s);
        ori_model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_walk_in_a_window),
        cmocka_unit_test(test_walk_in_some_windows),
        cmocka_unit_test(test_back_twice),
        cmocka_unit_test(test_cancelled_prompt_is_not_cached),
        cmocka_unit_test(test_cancelled_anywhere),
    };
    return cmocka_run_group_tests_name("session: cache", tests, make_folder, remove_folder);
}
