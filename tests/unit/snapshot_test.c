/* Prefixes on disk: the same bits after restoring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "runtime/bench.h"
#include "snapshot_world.h"

#define TINY_MODEL "../models/orion-tiny.gguf"
#define MIXED_MODEL "golden/gemma2.gguf" /* some layers with a window, others without */

/* How a cache may lie.  q8_0 wants heads of 32, which only the bundled model has. */
struct layout {
    const char *model;
    enum ori_kv_type kv_type;
    uint32_t window; /* 0: the model's own */
};

static const struct layout layouts[] = {
    {PLAIN_MODEL, ORI_KV_F16, 0}, {WINDOW_MODEL, ORI_KV_F16, 0}, {ROPE_MODEL, ORI_KV_F16, 0},
    {PLAIN_MODEL, ORI_KV_F32, 0}, {WINDOW_MODEL, ORI_KV_F32, 0}, {TINY_MODEL, ORI_KV_Q8_0, 0},
    {TINY_MODEL, ORI_KV_Q8_0, 9}, {MIXED_MODEL, ORI_KV_F16, 0},
};

static struct ori_model *open_layout(const struct layout *layout)
{
    struct ori_model *model = open_model(data_path(layout->model));

    kv_type = layout->kv_type;
    if (layout->window > 0)
        model->hp.window_tokens = layout->window;
    return model;
}

static void close_layout(struct ori_model *model)
{
    kv_type = ORI_KV_F16;
    ori_model_close(model);
}

/* ---- a cache in a folder of its own ---- */

/* The model with another window; its file is not needed once it is open. */
static struct ori_model *open_with_window(uint32_t window)
{
    struct model_file file;

    file_read(&file, data_path(WINDOW_MODEL));
    set_u32(&file, "phi3.attention.sliding_window", window);
    file_write(&file, path_of("window.gguf"));
    file_free(&file);
    struct ori_model *model = open_model(path_of("window.gguf"));
    assert_int_equal(unlink(path_of("window.gguf")), 0);
    return model;
}

static const uint32_t windows[] = {8, 70, 140};

/* Every length, in one session after the other: the first computes, the second
 * has all whole blocks but the one with the last token. */
static void test_every_length(void **state)
{
    static const uint32_t lengths[] = {1, B - 1, B, B + 1, 2 * B, 2 * B + 1, 100, 200, 215};
    (void)state;
    for (size_t m = 0; m < ORI_COUNT(layouts); m++) {
        struct ori_model *model = open_layout(&layouts[m]);
        for (size_t i = 0; i < ORI_COUNT(lengths); i++) {
            struct ori_prefixes *p = open_cache(PLENTY);
            int32_t tokens[CONTEXT];
            some_tokens(tokens, CONTEXT, model->hp.n_vocab, 5);
            const uint32_t n = lengths[i];
            assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, n), 0);
            assert_int_equal(reuse(model, CONTEXT, 7, p, tokens, n), (n - 1) / B * B);
            delete_cache();
            ori_prefixes_close(p);
        }
        close_layout(model);
    }
}

/* Prompts that begin alike share blocks; the rest is computed. */
static void test_common_beginning(void **state)
{
    (void)state;
    for (size_t m = 0; m < ORI_COUNT(layouts); m++) {
        struct ori_model *model = open_layout(&layouts[m]);
        struct ori_prefixes *p = open_cache(PLENTY);
        int32_t a[200], b[200];
        some_tokens(a, 200, model->hp.n_vocab, 5);
        some_tokens(b, 200, model->hp.n_vocab, 6);
        memcpy(b, a, 130 * sizeof(*a));
        assert_int_equal(reuse(model, CONTEXT, 16, p, a, 200), 0);
        assert_int_equal(reuse(model, CONTEXT, 16, p, b, 200), 2 * B);
        assert_int_equal(reuse(model, CONTEXT, 16, p, b, 200), 3 * B);
        assert_int_equal(reuse(model, CONTEXT, 16, p, a, 100), B);
        assert_int_equal(reuse(model, CONTEXT, 16, p, a + 1, 100), 0);
        delete_cache();
        ori_prefixes_close(p);
        close_layout(model);
    }
}

/* Prompts at random in sessions that come and go, also back and forth within
 * one, with files deleted and damaged in between. */
static void walk(const struct layout *layout, uint32_t seed)
{
    struct ori_model *model = open_layout(layout);
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *fresh = new_session(model, CONTEXT, 64, NULL);
    struct ori_session *s = NULL;
    const size_t row = model->hp.n_vocab * sizeof(float);
    int32_t tokens[CONTEXT];
    uint32_t n = 0;
    uint64_t reused = 0;

    some_tokens(tokens, CONTEXT, model->hp.n_vocab, seed);
    for (uint32_t step = 0; step < 60; step++) {
        int32_t r[6];
        some_tokens(r, 6, 1u << 20, seed++);
        if (!s || r[0] % 3 == 0) {
            ori_session_free(s);
            s = new_session(model, CONTEXT, 1 + (uint32_t)r[1] % 40, p);
        }
        const size_t n_files = list_files();
        if (n_files > 0 && r[2] % 4 == 0) {
            const char *victim = files[(size_t)r[3] % n_files];
            if (r[3] % 2 == 0)
                assert_int_equal(unlink(victim), 0);
            else
                assert_int_equal(truncate(victim, r[4] % 5000), 0);
        }
        const uint32_t keep = n > 0 ? (uint32_t)r[4] % (n + 1) : 0;
        n = keep + 1 + (uint32_t)r[5] % (CONTEXT - 20 - keep > 0 ? CONTEXT - 20 - keep : 1);
        if (n > CONTEXT - 12)
            n = CONTEXT - 12;
        if (n > keep)
            some_tokens(tokens + keep, n - keep, model->hp.n_vocab, step % 7);
        reused += prefill(s, tokens, n);
        for (uint32_t i = 0; i < 10; i++, n++) {
            assert_int_equal(ori_session_append(s, &tokens[n], 1, NULL), ORION_OK);
        }
        if (r[0] % 2)
            assert_int_equal(ori_session_save(s, NULL), ORION_OK);
        ori_session_reset(fresh);
        (void)prefill(fresh, tokens, n);
        if (memcmp(s->logits, fresh->logits, row) != 0)
            fail_msg("%s, type %d, step %u: other bits", layout->model, layout->kv_type, step);
        if (list_files() > 80)
            assert_int_equal(ori_prefixes_clear(p, NULL), ORION_OK);
    }
    assert_true(reused > 500);
    ori_session_free(s);
    ori_session_free(fresh);
    delete_cache();
    ori_prefixes_close(p);
    close_layout(model);
}

static void test_walk(void **state)
{
    (void)state;
    for (size_t m = 0; m < ORI_COUNT(layouts); m++)
        for (uint32_t seed = 1; seed <= (layouts[m].kv_type == ORI_KV_F16 ? 3 : 1); seed++)
            walk(&layouts[m], seed * 1000);
}

/* What a window reached was restored into an empty ring: going back further
 * within that session finds nothing there, and may not think that it does. */
static void back_after_restoring(uint32_t window)
{
    enum { N = 200 };
    struct ori_model *model = open_with_window(window);
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *fresh = new_session(model, CONTEXT, 64, NULL);
    int32_t tokens[N];

    some_tokens(tokens, N, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, CONTEXT, 64, p, tokens, N), 0);
    for (uint32_t keep = 90; keep < N; keep++) {
        struct ori_session *s = new_session(model, CONTEXT, 64, p);
        assert_int_equal(prefill(s, tokens, N), 3 * B);
        tokens[keep] ^= 1;
        const uint32_t cached = prefill(s, tokens, keep + 1);
        assert_true(cached >= keep / B * B && cached <= keep);
        ori_session_reset(fresh);
        (void)prefill(fresh, tokens, keep + 1);
        if (memcmp(s->logits, fresh->logits, model->hp.n_vocab * sizeof(float)) != 0)
            fail_msg("other bits after going back to %u", keep);
        tokens[keep] ^= 1;
        ori_session_free(s);
    }
    ori_session_free(fresh);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

static void test_back_after_restoring(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(windows); i++)
        back_after_restoring(windows[i]);
}

/* Of the blocks that a window reaches one is damaged, each in turn. */
static void damage_in_a_window(uint32_t window)
{
    struct ori_model *model = open_with_window(window);
    struct ori_prefixes *p = open_cache(PLENTY);
    int32_t tokens[200];

    some_tokens(tokens, 200, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    assert_int_equal(list_files(), 3);
    for (size_t i = 0; i < 3; i++) {
        struct stat st;
        assert_int_equal(list_files(), 3);
        assert_int_equal(stat(files[i], &st), 0);
        assert_int_equal(truncate(files[i], st.st_size - 1), 0);
        (void)reuse(model, CONTEXT, 16, p, tokens, 200);
        assert_int_equal(ori_prefixes_clear(p, NULL), ORION_OK);
        assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    }
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

static void test_damage_in_a_window(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(windows); i++)
        damage_in_a_window(windows[i]);
}

/* Blocks that the ring has overwritten can't be kept any more. */
static void saving_after_the_ring(uint32_t window, uint32_t n_tokens)
{
    struct ori_model *model = open_with_window(window);
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *s = new_session(model, CONTEXT, 16, p);
    int32_t tokens[200];

    some_tokens(tokens, 200, model->hp.n_vocab, 5);
    (void)prefill(s, tokens, n_tokens);
    const uint32_t oldest =
        n_tokens > s->sequence.kv.n_slots ? n_tokens - s->sequence.kv.n_slots : 0;
    for (size_t n = list_files(); n > 0; n--)
        assert_int_equal(unlink(files[n - 1]), 0);
    assert_int_equal(ori_session_save(s, NULL), ORION_OK);
    assert_int_equal(list_files(), n_tokens / B - (oldest + B - 1) / B);
    for (uint32_t n = 200; n > 30; n -= 10)
        (void)reuse(model, CONTEXT, 16, p, tokens, n);
    ori_session_free(s);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

static void test_saving_after_the_ring(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(windows); i++) { /* rings of 64, 128 and 192 */
        saving_after_the_ring(windows[i], 3 * B);
        saving_after_the_ring(windows[i], 200);
    }
}

/* Saved and restored by hand, with the answer's tokens. */
static void test_save_and_restore(void **state)
{
    enum { N = 2 * B + 4 };

    (void)state;
    for (size_t m = 0; m < ORI_COUNT(layouts); m++) {
        struct ori_model *model = open_layout(&layouts[m]);
        struct ori_prefixes *p = open_cache(PLENTY);
        struct ori_session *s = new_session(model, CONTEXT, 16, p);
        struct ori_session *t = new_session(model, CONTEXT, 16, p);
        struct ori_session *without = new_session(model, CONTEXT, 16, NULL);
        int32_t tokens[N];
        uint32_t n;
        orion_error err = {0};

        some_tokens(tokens, N, model->hp.n_vocab, 5);
        (void)prefill(s, tokens, B + 10);
        for (uint32_t i = B + 10; i < 2 * B; i++)
            assert_int_equal(ori_session_append(s, &tokens[i], 1, NULL), ORION_OK);
        assert_int_equal(ori_session_restore(t, tokens, N, &n, NULL), ORION_OK);
        assert_int_equal(n, B);
        assert_int_equal(ori_session_save(s, NULL), ORION_OK);
        assert_int_equal(ori_session_restore(t, tokens, N, &n, NULL), ORION_OK);
        assert_int_equal(n, 2 * B);
        assert_int_equal(ori_session_restore(t, tokens, (size_t)2 * B, &n, NULL), ORION_OK);
        assert_int_equal(n, 2 * B);
        assert_int_equal(prefill(t, tokens, N), 2 * B);
        (void)prefill(without, tokens, N);
        assert_memory_equal(t->logits, without->logits, model->hp.n_vocab * sizeof(float));
        assert_int_equal(ori_session_save(without, &err), ORION_E_ARGUMENT);
        assert_int_equal(ori_session_restore(without, tokens, 9, &n, &err), ORION_E_ARGUMENT);
        ori_session_free(s);
        ori_session_free(t);
        ori_session_free(without);
        delete_cache();
        ori_prefixes_close(p);
        close_layout(model);
    }
}

/* The digest over all logits is the same when every batch goes through the disk. */
static void test_perplexity(void **state)
{
    static char text[2000];
    (void)state;
    while (strlen(text) < 1500)
        (void)strcat(text, strlen(text) % 7 ? "the rest and " : "andros ");
    for (size_t m = 0; m < ORI_COUNT(layouts); m++) {
        struct ori_model *model = open_layout(&layouts[m]);
        struct ori_prefixes *p = open_cache(PLENTY);
        struct ori_session *plain = new_session(model, CONTEXT, 16, NULL);
        struct ori_session *s = new_session(model, CONTEXT, B, p);
        orion_perplexity_result a, b;
        uint64_t n_files, bytes;

        assert_int_equal(ori_perplexity(plain, text, strlen(text), true, &a, NULL), ORION_OK);
        assert_int_equal(ori_perplexity(s, text, strlen(text), true, &b, NULL), ORION_OK);
        assert_string_equal(a.digest, b.digest);
        assert_int_equal(ori_prefixes_usage(p, &n_files, &bytes, NULL), ORION_OK);
        assert_true(n_files >= 3);
        ori_session_free(plain);
        ori_session_free(s);
        delete_cache();
        ori_prefixes_close(p);
        close_layout(model);
    }
}

/* A measurement neither reads nor keeps anything; afterwards all is as before. */
static void test_bench(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *s = new_session(model, CONTEXT, 16, p);
    orion_bench_result result;
    int32_t tokens[2 * B];

    (void)state;
    assert_int_equal(ori_bench(s, ORION_BENCH_PREFILL, 2 * B, B, &result, NULL), ORION_OK);
    assert_int_equal(list_files(), 0);
    some_tokens(tokens, 2 * B, model->hp.n_vocab, 5);
    (void)prefill(s, tokens, 2 * B);
    assert_int_equal(list_files(), 2);
    ori_session_free(s);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_common_beginning),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_back_after_restoring),
        cmocka_unit_test(test_damage_in_a_window),
        cmocka_unit_test(test_saving_after_the_ring),
        cmocka_unit_test(test_save_and_restore),
        cmocka_unit_test(test_perplexity),
        cmocka_unit_test(test_bench),
    };
    return cmocka_run_group_tests_name("snapshot", tests, make_folder, remove_folder);
}
