/* Prefixes on disk: the same bits after restoring, whatever was done to the
 * files, and never those of something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "model_file.h"

#include "engine.h"
#include "runtime/bench.h"
#include "runtime/snapshot.h"

#define WINDOW_MODEL "golden/phi3-window.gguf"
#define PLAIN_MODEL "golden/llama-gqa.gguf"
#define ROPE_MODEL "golden/phi3-gqa-partial.gguf"
#define TINY_MODEL "../models/orion-tiny.gguf"
#define MIXED_MODEL "golden/gemma2.gguf" /* some layers with a window, others without */

enum { B = ORI_PREFIX_BLOCK, CONTEXT = 256 };
#define PLENTY ((uint64_t)1 << 30)

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

static enum ori_kv_type kv_type; /* of the sessions that are made */

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

static struct ori_prefixes *open_cache(uint64_t max_bytes)
{
    struct ori_prefixes *p;
    orion_error err = {0};

    if (ori_prefixes_open(path_of("cache"), max_bytes, true, &p, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return p;
}

static char files[128][PATH_MAX];

/* Paths of the files that hold blocks; returns how many. */
static size_t list_files(void)
{
    size_t n = 0;
    DIR *dir = opendir(path_of("cache/prefixes"));
    assert_non_null(dir);
    for (const struct dirent *item; (item = readdir(dir));) {
        if (item->d_name[0] == '.' && (!item->d_name[1] || item->d_name[1] == '.'))
            continue;
        assert_true(n < ORI_COUNT(files));
        (void)snprintf(files[n++], PATH_MAX, "%s/%s", path_of("cache/prefixes"), item->d_name);
    }
    assert_int_equal(closedir(dir), 0);
    return n;
}

static void delete_cache(void)
{
    const size_t n = list_files();
    for (size_t i = 0; i < n; i++)
        assert_int_equal(unlink(files[i]), 0);
    assert_int_equal(rmdir(path_of("cache/prefixes")), 0);
    (void)unlink(path_of("cache/key"));
    assert_int_equal(rmdir(path_of("cache")), 0);
}

static struct ori_session *new_session(const struct ori_model *model, uint32_t context,
                                       uint32_t batch, const struct ori_prefixes *prefixes)
{
    const struct ori_engine_options options = {.context_tokens = context,
                                               .threads = 1,
                                               .batch_tokens = batch,
                                               .kv_type = kv_type,
                                               .prefixes = prefixes};
    struct ori_session *session;
    orion_error err = {0};

    if (ori_session_new(model, options, &session, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return session;
}

static uint32_t prefill(struct ori_session *s, const int32_t *tokens, uint32_t n)
{
    uint32_t cached;
    orion_error err = {0};
    if (ori_session_prefill(s, tokens, n, &cached, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return cached;
}

/* How many of tokens[n] another session, of `model`, has from disk; its logits
 * are always those of one that computes everything, then and further on. */
static uint32_t reuse(const struct ori_model *model, uint32_t context, uint32_t batch,
                      const struct ori_prefixes *prefixes, const int32_t *tokens, uint32_t n)
{
    struct ori_session *s = new_session(model, context, batch, prefixes);
    struct ori_session *fresh = new_session(model, context, batch, NULL);
    const size_t row = model->hp.n_vocab * sizeof(float);

    const uint32_t cached = prefill(s, tokens, n);
    assert_int_equal(prefill(fresh, tokens, n), 0);
    assert_memory_equal(s->logits, fresh->logits, row);
    for (uint32_t i = 0; i < 40 && s->sequence.n_tokens < context; i++) {
        const int32_t next = tokens[i % n];
        assert_int_equal(ori_session_append(s, &next, 1, NULL), ORION_OK);
        assert_int_equal(ori_session_append(fresh, &next, 1, NULL), ORION_OK);
        if (memcmp(s->logits, fresh->logits, row) != 0)
            fail_msg("other bits %u tokens after %u of %u were restored", i + 1, cached, n);
    }
    ori_session_free(s);
    ori_session_free(fresh);
    return cached;
}

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

/* ---- what is restored ---- */

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

/* ---- what is not restored ---- */

static void test_other_computations(void **state)
{
    struct ori_model *plain = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    int32_t tokens[100];
    struct model_file file;

    (void)state;
    some_tokens(tokens, 100, plain->hp.n_vocab, 5);
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(plain, 120, 16, p, tokens, 100), B); /* the same computation */

    /* The same bytes at the same time, in another place; with one bit of one weight changed
     * at the same time; and written at another time, as if they had been repaired. */
    static const struct {
        bool changed;
        time_t written;
        uint32_t cached;
    } copies[] = {{false, 1000, 0}, {false, 1000, B}, {true, 1000, 0}, {false, 2000, 0}};
    file_read(&file, data_path(PLAIN_MODEL));
    for (size_t i = 0; i < ORI_COUNT(copies); i++) {
        const struct timespec times[2] = {{.tv_sec = copies[i].written},
                                          {.tv_sec = copies[i].written}};
        uint8_t *weight = &tensor_of(&file, "blk.0.attn_k.weight")->data.data[1];
        *weight ^= copies[i].changed ? 0x10 : 0;
        file_write(&file, path_of("other.gguf"));
        *weight ^= copies[i].changed ? 0x10 : 0;
        assert_int_equal(utimensat(AT_FDCWD, path_of("other.gguf"), times, 0), 0);
        struct ori_model *other = open_model(path_of("other.gguf"));
        assert_int_equal(reuse(other, CONTEXT, 16, p, tokens, 100), copies[i].cached);
        ori_model_close(other);
    }

    /* The same file, but without its window. */
    struct ori_model *windowed = open_model(data_path(WINDOW_MODEL));
    struct ori_model *whole;
    assert_int_equal(ori_model_open(data_path(WINDOW_MODEL),
                                    (struct ori_model_options){.no_sliding_window = true}, &whole,
                                    NULL),
                     ORION_OK);
    some_tokens(tokens, 100, windowed->hp.n_vocab, 5);
    assert_int_equal(reuse(windowed, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(whole, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(windowed, CONTEXT, 16, p, tokens, 100), B);
    ori_model_close(windowed);
    ori_model_close(whole);

    /* Another type of cache. */
    some_tokens(tokens, 100, plain->hp.n_vocab, 5);
    kv_type = ORI_KV_F32;
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), B);
    kv_type = ORI_KV_F16;
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), B); /* which is still there */

    /* Another key. */
    assert_int_equal(unlink(path_of("cache/key")), 0);
    struct ori_prefixes *rekeyed = open_cache(PLENTY);
    some_tokens(tokens, 100, plain->hp.n_vocab, 5);
    assert_int_equal(reuse(plain, CONTEXT, 16, rekeyed, tokens, 100), 0);
    assert_int_equal(reuse(plain, CONTEXT, 16, rekeyed, tokens, 100), B);

    ori_prefixes_close(rekeyed);
    ori_prefixes_close(p);
    file_free(&file);
    assert_int_equal(unlink(path_of("other.gguf")), 0);
    delete_cache();
    ori_model_close(plain);
}

/* A model with long rope chooses its factors by the session's context. */
static void test_rope_by_context(void **state)
{
    static const char *const names[] = {"rope_factors_short.weight", "rope_factors_long.weight"};
    struct model_file file;
    int32_t tokens[70];

    (void)state;
    struct ori_model *model = open_model(data_path(ROPE_MODEL));
    const uint32_t n_pairs = model->hp.n_rot / 2;
    ori_model_close(model);
    file_read(&file, data_path(ROPE_MODEL));
    set_text(&file, "phi3.rope.scaling.type", "longrope");
    set_u32(&file, "phi3.rope.scaling.original_context_length", 100);
    for (size_t i = 0; i < ORI_COUNT(names); i++) {
        struct file_tensor *factors = add_tensor(&file, names[i], ORI_F32, n_pairs, 0);
        for (uint32_t k = 0; k < n_pairs; k++)
            put_f32(&factors->data, i == 0 ? 1.0f : 2.0f);
    }
    file_write(&file, path_of("long.gguf"));
    file_free(&file);
    model = open_model(path_of("long.gguf"));
    struct ori_prefixes *p = open_cache(PLENTY);
    some_tokens(tokens, 70, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, 100, 16, p, tokens, 70), 0);
    assert_int_equal(reuse(model, 101, 16, p, tokens, 70), 0);
    assert_int_equal(reuse(model, 90, 16, p, tokens, 70), B);
    assert_int_equal(reuse(model, 200, 16, p, tokens, 70), B);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
    assert_int_equal(unlink(path_of("long.gguf")), 0);
}

static void flip(const char *path, long offset)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    const int byte = fgetc(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 0x20, f), byte ^ 0x20);
    assert_int_equal(fclose(f), 0);
}

/* A file as it was never written is deleted, and computed and written anew. */
static void test_damage(void **state)
{
    enum { MAGIC = 0, NONCE = 8, TAG = 20, DATA = 36 };
    static const struct {
        const char *label;
        long flip;     /* a bit of this byte; from the end when negative; 0 is the first */
        long truncate; /* to so many bytes; from the end when negative */
        bool append;
    } rows[] = {
        {"the first byte", MAGIC, 0, false}, {"the version", MAGIC + 6, 0, false},
        {"the nonce", NONCE, 0, false},      {"the nonce's end", TAG - 1, 0, false},
        {"the tag", TAG, 0, false},          {"the tag's end", DATA - 1, 0, false},
        {"the data", DATA, 0, false},        {"amid the data", 2000, 0, false},
        {"the last byte", -1, 0, false},     {"empty", 0, 1, false},
        {"only a magic", 0, 8, false},       {"only a header", 0, 36, false},
        {"one byte short", 0, -1, false},    {"one byte more", 0, 0, true},
    };
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    int32_t tokens[200];

    (void)state;
    some_tokens(tokens, 200, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        assert_int_equal(list_files(), 3);
        for (size_t f = 0; f < 3; f++) {
            const char *path = files[f];
            struct stat st;
            assert_int_equal(stat(path, &st), 0);
            if (rows[i].truncate)
                assert_int_equal(truncate(path, rows[i].truncate > 0
                                                    ? rows[i].truncate - (rows[i].truncate == 1)
                                                    : st.st_size + rows[i].truncate),
                                 0);
            else if (rows[i].append)
                assert_int_equal(truncate(path, st.st_size + 1), 0);
            else
                flip(path, rows[i].flip < 0 ? st.st_size + rows[i].flip : rows[i].flip);
        }
        const uint32_t cached = reuse(model, CONTEXT, 16, p, tokens, 200);
        if (cached != 0)
            fail_msg("%s: %u tokens were taken all the same", rows[i].label, cached);
        assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 3 * B); /* repaired */
    }
    /* Blocks that changed places are not taken for one another. */
    static char first[PATH_MAX];
    (void)snprintf(first, sizeof(first), "%s", files[0]);
    assert_int_equal(rename(first, path_of("held")), 0);
    assert_int_equal(rename(files[1], first), 0);
    assert_int_equal(rename(path_of("held"), files[1]), 0);
    assert_true(reuse(model, CONTEXT, 16, p, tokens, 200) < 3 * B);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

static void test_key(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    int32_t tokens[200];
    struct stat st;

    (void)state;
    some_tokens(tokens, 200, model->hp.n_vocab, 5);
    struct ori_prefixes *p = open_cache(PLENTY);
    assert_int_equal(stat(path_of("cache"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(path_of("cache/key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, ORI_KEY_BYTES);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    assert_int_equal(list_files(), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(files[i], &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_true(ori_sha256_is_hex(strrchr(files[i], '/') + 1));
    }
    ori_prefixes_close(p);
    assert_int_equal(truncate(path_of("cache/key"), 31), 0); /* no key: a new one is made */
    p = open_cache(PLENTY);
    assert_int_equal(stat(path_of("cache/key"), &st), 0);
    assert_int_equal(st.st_size, ORI_KEY_BYTES);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    ori_prefixes_close(p);
    delete_cache();
    ori_model_close(model);
}

/* Neither tokens nor keys and values can be seen in the files. */
static void test_nothing_in_the_clear(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *s = new_session(model, CONTEXT, 16, p);
    int32_t tokens[B + 1];
    static char data[1 << 16];

    (void)state;
    some_tokens(tokens, B + 1, model->hp.n_vocab, 5);
    (void)prefill(s, tokens, B + 1);
    assert_int_equal(list_files(), 1);
    FILE *f = fopen(files[0], "rb");
    assert_non_null(f);
    const size_t n = fread(data, 1, sizeof(data), f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(n, ORI_PREFIX_HEADER_BYTES + s->engine.prefix_block_bytes);
    for (size_t i = 0; i + 16 <= n; i++) {
        assert_memory_not_equal(data + i, tokens, 16);
        assert_memory_not_equal(data + i, ori_kv_block(&s->sequence.kv, false, 0, 0, 0), 16);
    }
    ori_session_free(s);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

/* ---- bounds ---- */

static void test_size_is_bounded(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *s = new_session(model, CONTEXT, 16, p);
    const uint64_t block = ORI_PREFIX_HEADER_BYTES + s->engine.prefix_block_bytes;
    int32_t a[CONTEXT], b[B + 6];
    uint64_t n_files, bytes;

    (void)state;
    ori_session_free(s);
    ori_prefixes_close(p);
    p = open_cache(3 * block + 10);
    some_tokens(a, CONTEXT, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, CONTEXT, 16, p, a, CONTEXT), 0);
    /* The beginning of a prefix is what is kept of it. */
    assert_int_equal(reuse(model, CONTEXT, 16, p, a, CONTEXT), 3 * B);
    for (uint32_t i = 0; i < 20; i++) { /* others come and go; what is used stays */
        some_tokens(b, B + 6, model->hp.n_vocab, 100 + i);
        assert_int_equal(reuse(model, CONTEXT, 16, p, b, B + 6), 0);
        assert_int_equal(reuse(model, CONTEXT, 16, p, a, 2 * B + 1), 2 * B);
        assert_int_equal(ori_prefixes_usage(p, &n_files, &bytes, NULL), ORION_OK);
        assert_true(bytes <= 3 * block + 10 && n_files == 3);
    }
    ori_prefixes_close(p);
    p = open_cache(block - 1); /* not even one */
    some_tokens(b, B + 6, model->hp.n_vocab, 999);
    assert_int_equal(reuse(model, CONTEXT, 16, p, b, B + 6), 0);
    assert_int_equal(reuse(model, CONTEXT, 16, p, b, B + 6), 0);
    assert_int_equal(ori_prefixes_clear(p, NULL), ORION_OK);
    assert_int_equal(ori_prefixes_usage(p, &n_files, &bytes, NULL), ORION_OK);
    assert_true(n_files == 0 && bytes == 0 && !exists(path_of("cache/key")));
    ori_prefixes_close(p);
    delete_cache();
    ori_model_close(model);
}

/* Processes that save, restore, evict and delete at the same time. */
static void test_processes(void **state)
{
    enum { N = 3 };
    pid_t children[N];

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] != 0)
            continue;
        struct ori_model *model = open_model(data_path(i == 0 ? WINDOW_MODEL : PLAIN_MODEL));
        struct ori_prefixes *p = open_cache(100000);
        for (uint32_t round = 0; round < 12; round++) {
            int32_t tokens[150];
            some_tokens(tokens, 150, model->hp.n_vocab, round % 3);
            (void)reuse(model, CONTEXT, 16, p, tokens, 150 - round);
            if (round == 6)
                (void)ori_prefixes_clear(p, NULL);
        }
        ori_prefixes_close(p);
        ori_model_close(model);
        _exit(0);
    }
    for (size_t i = 0; i < N; i++) {
        int how;
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        assert_int_equal(how, 0);
    }
    delete_cache();
}

/* A folder that is gone, or is no folder, is no error of the prompt. */
static void test_folder_is_gone(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    int32_t tokens[100];
    orion_error err = {0};

    (void)state;
    some_tokens(tokens, 100, model->hp.n_vocab, 5);
    delete_cache();
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 100), 0);
    ori_prefixes_close(p);
    assert_int_equal(ori_prefixes_open(path_of("cache"), PLENTY, false, &p, &err),
                     ORION_E_NOT_FOUND);
    assert_false(exists(path_of("cache")));
    write_file(path_of("cache"), "x", 1);
    assert_int_not_equal(ori_prefixes_open(path_of("cache"), PLENTY, true, &p, &err), ORION_OK);
    assert_null(p);
    assert_non_null(strstr(err.message, "prefix cache"));
    assert_int_equal(unlink(path_of("cache")), 0);
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
        cmocka_unit_test(test_other_computations),
        cmocka_unit_test(test_rope_by_context),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_nothing_in_the_clear),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_folder_is_gone),
    };
    return cmocka_run_group_tests_name("snapshot", tests, make_folder, remove_folder);
}
