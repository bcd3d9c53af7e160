/* The forward pass: against golden logits of another implementation, and against itself
 * however a batch is cut and whatever computes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include "engine.h"
#include "golden.h"

static const char *const small_models[] = {
    "golden/llama-gqa.gguf",  "golden/phi3-window.gguf", "golden/phi3-gqa-partial.gguf",
    "golden/qwen2.gguf",      "golden/qwen3.gguf",       "golden/gemma2.gguf",
    "golden/gemma3.gguf",     "golden/granite.gguf",     "golden/olmo2.gguf",
    "golden/llama-bias.gguf", "golden/llama-yarn.gguf",  "golden/phi3-long.gguf",
    "golden/mixtral.gguf",    "golden/qwen3moe.gguf",    "golden/gpt-oss.gguf",
};

/* ---- golden logits ---- */

/* How far a logit may be from golden, in parts of the row's RMS.  The golden
 * pass is float64 with an exact cache; ours sums in float32.  With keys and
 * values in f32 nothing else differs: measured worst is 3.5e-6.  f16 (11 bits,
 * relative error 2^-12 each) is off by 0.0044, 0.0027, 0.0043 and 0.0022, in the
 * other architectures by 0.0004 to 0.0032, q8_0 (error up to 1/254 of a block's
 * largest) by 0.032; the bounds are three times that and more.  A wrong pairing, mask or scale is
 * off by 0.1 and more. */
static const struct golden_model {
    const char *model, *golden;
    enum ori_kv_type kv_type;
    double bound;
} golden_models[] = {
    {"golden/llama-gqa.gguf", "golden/llama-gqa.json", ORI_KV_F16, 0.02},
    {"golden/phi3-window.gguf", "golden/phi3-window.json", ORI_KV_F16, 0.011},
    {"golden/phi3-gqa-partial.gguf", "golden/phi3-gqa-partial.json", ORI_KV_F16, 0.017},
    {"../models/orion-tiny.gguf", "golden/orion-tiny.json", ORI_KV_F16, 0.007},
    {"golden/llama-gqa.gguf", "golden/llama-gqa.json", ORI_KV_F32, 1e-5},
    {"golden/phi3-window.gguf", "golden/phi3-window.json", ORI_KV_F32, 1e-5},
    {"golden/phi3-gqa-partial.gguf", "golden/phi3-gqa-partial.json", ORI_KV_F32, 1e-5},
    {"../models/orion-tiny.gguf", "golden/orion-tiny.json", ORI_KV_F32, 1e-5},
    {"../models/orion-tiny.gguf", "golden/orion-tiny.json", ORI_KV_Q8_0, 0.1},
    {"golden/qwen2.gguf", "golden/qwen2.json", ORI_KV_F16, 0.02},
    {"golden/qwen3.gguf", "golden/qwen3.json", ORI_KV_F16, 0.02},
    {"golden/gemma2.gguf", "golden/gemma2.json", ORI_KV_F16, 0.02},
    {"golden/gemma3.gguf", "golden/gemma3.json", ORI_KV_F16, 0.02},
    {"golden/granite.gguf", "golden/granite.json", ORI_KV_F16, 0.02},
    {"golden/olmo2.gguf", "golden/olmo2.json", ORI_KV_F16, 0.02},
    {"golden/qwen2.gguf", "golden/qwen2.json", ORI_KV_F32, 1e-5},
    {"golden/qwen3.gguf", "golden/qwen3.json", ORI_KV_F32, 1e-5},
    {"golden/gemma2.gguf", "golden/gemma2.json", ORI_KV_F32, 1e-5},
    {"golden/gemma3.gguf", "golden/gemma3.json", ORI_KV_F32, 1e-5},
    {"golden/granite.gguf", "golden/granite.json", ORI_KV_F32, 1e-5},
    {"golden/olmo2.gguf", "golden/olmo2.json", ORI_KV_F32, 1e-5},
    {"golden/llama-bias.gguf", "golden/llama-bias.json", ORI_KV_F16, 0.02},
    {"golden/llama-bias.gguf", "golden/llama-bias.json", ORI_KV_F32, 1e-5},
    {"golden/llama-yarn.gguf", "golden/llama-yarn.json", ORI_KV_F16, 0.02},
    {"golden/llama-yarn.gguf", "golden/llama-yarn.json", ORI_KV_F32, 1e-5},
    {"golden/phi3-long.gguf", "golden/phi3-long.json", ORI_KV_F16, 0.02},
    {"golden/phi3-long.gguf", "golden/phi3-long.json", ORI_KV_F32, 1e-5},
    {"golden/mixtral.gguf", "golden/mixtral.json", ORI_KV_F16, 0.02},
    {"golden/mixtral.gguf", "golden/mixtral.json", ORI_KV_F32, 1e-5},
    {"golden/qwen3moe.gguf", "golden/qwen3moe.json", ORI_KV_F16, 0.02},
    {"golden/qwen3moe.gguf", "golden/qwen3moe.json", ORI_KV_F32, 1e-5},
    {"golden/gpt-oss.gguf", "golden/gpt-oss.json", ORI_KV_F16, 0.02},
    {"golden/gpt-oss.gguf", "golden/gpt-oss.json", ORI_KV_F32, 1e-5},
};

static uint32_t likeliest(const float *row, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (row[i] > row[best])
            best = i;
    return best;
}

/* Largest distance of a row from the golden one, over the golden one's RMS. */
static double distance(const float *row, const float *golden, uint32_t n)
{
    double worst = 0;
    double square = 0;
    for (uint32_t i = 0; i < n; i++) {
        const double d = fabs((double)row[i] - (double)golden[i]);
        worst = d > worst || isnan(d) ? d : worst;
        square += (double)golden[i] * (double)golden[i];
    }
    return worst / sqrt(square / n);
}

static double second_best(const float *row, uint32_t n, uint32_t best)
{
    double second = -INFINITY;
    for (uint32_t i = 0; i < n; i++)
        if (i != best && (double)row[i] > second)
            second = (double)row[i];
    return second;
}

static double rms(const float *row, uint32_t n)
{
    double square = 0;
    for (uint32_t i = 0; i < n; i++)
        square += (double)row[i] * (double)row[i];
    return sqrt(square / n);
}

static double mean_nll(const float *logits, const int32_t *tokens, uint32_t n_tokens, uint32_t n)
{
    double sum = 0;
    for (uint32_t t = 0; t + 1 < n_tokens; t++) {
        const float *row = logits + (size_t)t * n;
        const double top = (double)row[likeliest(row, n)];
        double total = 0;
        for (uint32_t i = 0; i < n; i++)
            total += exp((double)row[i] - top);
        sum += top + log(total) - (double)row[tokens[t + 1]];
    }
    return sum / (n_tokens - 1);
}

static double check_case(const struct ori_model *model, const struct golden_case *c,
                         enum ori_kv_type kv_type, double bound)
{
    const uint32_t n = model->hp.n_vocab;
    float *logits = new_logits(model, c->n_tokens);
    struct engine e;
    double worst = 0;

    engine_open_kv(&e, model, kv_type, ori_cpu_detect(), 1, model->hp.context_tokens, 32, 32);
    engine_run(&e, c->tokens, 0, c->n_tokens, logits);
    for (uint32_t i = 0; i < c->n_positions; i++) {
        const float *row = logits + (size_t)c->positions[i] * n;
        const float *golden = c->logits + (size_t)i * n;
        const double d = distance(row, golden, n);
        const uint32_t best = likeliest(golden, n);
        const double margin = (double)golden[best] - second_best(golden, n, best);

        worst = d > worst || isnan(d) ? d : worst;
        if (!(d <= bound))
            fail_msg("%s, position %u: off by %g of the row's RMS", c->label, c->positions[i], d);
        if (margin > 2 * bound * rms(golden, n) && likeliest(row, n) != best)
            fail_msg("%s, position %u: another likeliest token", c->label, c->positions[i]);
    }
    if (!isnan(c->mean_nll)) {
        const double nll = mean_nll(logits, c->tokens, c->n_tokens, n);
        if (!(fabs(nll - c->mean_nll) <= 1e-3 * (1 + c->mean_nll)))
            fail_msg("%s: mean NLL %.9g, golden %.9g", c->label, nll, c->mean_nll);
    }
    engine_close(&e);
    free(logits);
    return worst;
}

static void test_golden(void **state)
{
    const struct golden_model *row = *state;
    struct ori_model *model = open_model(data_path(row->model));
    struct golden golden;
    double worst = 0;

    golden_read(data_path(row->golden), model->hp.n_vocab, &golden);
    for (size_t i = 0; i < golden.n_cases; i++) {
        const double d = check_case(model, &golden.cases[i], row->kv_type, row->bound);
        worst = d > worst ? d : worst;
    }
    print_message("# %s, cache type %d: off by at most %.3g of a row's RMS\n", row->model,
                  (int)row->kv_type, worst);
    golden_release(&golden);
    ori_model_close(model);
}

/* ---- the same bits ---- */

static void assert_same(const struct ori_model *model, const float *a, const float *b, uint32_t n,
                        const char *what, uint32_t number)
{
    const size_t row = model->hp.n_vocab;
    for (uint32_t t = 0; t < n; t++)
        if (memcmp(a + t * row, b + t * row, row * sizeof(float)) != 0)
            fail_msg("%s %u: other bits at position %u", what, number, t);
}

#define LONG 200u

static void test_batches(void **state)
{
    static const uint32_t batches[] = {3, 7, 64, 200};
    uint32_t tiers[MAX_TIERS];
    const size_t n_tiers = all_tiers(tiers);

    (void)state;
    for (size_t m = 0; m < ORI_COUNT(small_models); m++) {
        struct ori_model *model = open_model(data_path(small_models[m]));
        int32_t tokens[LONG];
        some_tokens(tokens, LONG, model->hp.n_vocab, 1);
        float *expected = reference(model, tokens, LONG);
        float *logits = new_logits(model, LONG);
        for (size_t i = 0; i < ORI_COUNT(batches); i++) {
            for (size_t tier = 0; tier < n_tiers; tier++) {
                struct engine e;
                engine_open(&e, model, tiers[tier], 1, 256, batches[i], batches[i]);
                engine_run(&e, tokens, 0, LONG, logits);
                assert_same(model, logits, expected, LONG, small_models[m], batches[i]);
                engine_close(&e);
            }
        }
        free(expected);
        free(logits);
        ori_model_close(model);
    }
}

static void test_threads(void **state)
{
    static const uint32_t threads[] = {2, 3, 5};

    (void)state;
    for (size_t m = 0; m < ORI_COUNT(small_models); m++) {
        struct ori_model *model = open_model(data_path(small_models[m]));
        int32_t tokens[LONG];
        some_tokens(tokens, LONG, model->hp.n_vocab, 2);
        float *expected = reference(model, tokens, LONG);
        float *logits = new_logits(model, LONG);
        for (size_t i = 0; i < ORI_COUNT(threads); i++) {
            struct engine e;
            engine_open(&e, model, ori_cpu_detect(), threads[i], 256, 50, 50);
            engine_run(&e, tokens, 0, LONG, logits);
            assert_same(model, logits, expected, LONG, "threads", threads[i]);
            engine_close(&e);
        }
        free(expected);
        free(logits);
        ori_model_close(model);
    }
}

/* Two sequences in one batch, their items in turn: each as if alone. */
static void test_company(void **state)
{
    (void)state;
    for (size_t m = 0; m < ORI_COUNT(small_models); m++) {
        enum { N = 30 };
        struct ori_model *model = open_model(data_path(small_models[m]));
        const size_t n_vocab = model->hp.n_vocab;
        int32_t tokens[2][N];
        float *alone[2];
        float *logits = new_logits(model, 2 * N);
        struct ori_batch_item items[2 * N];
        struct engine e;
        struct ori_kv other;

        for (uint32_t s = 0; s < 2; s++) {
            some_tokens(tokens[s], N, model->hp.n_vocab, 3 + s);
            alone[s] = reference(model, tokens[s], N);
        }
        engine_open(&e, model, ori_cpu_detect(), 2, 256, 2 * N, N);
        assert_int_equal(ori_kv_init(&other, &model->hp, ORI_KV_F16, 256, N, NULL), ORION_OK);
        for (uint32_t i = 0; i < 2 * N; i++)
            items[i] = (struct ori_batch_item){
                .token = tokens[i % 2][i / 2], .position = i / 2, .kv = i % 2 ? &other : &e.kv};
        assert_int_equal(ori_forward_run(e.forward, items, 2 * N, NULL, NULL), ORION_OK);
        assert_int_equal(ori_forward_logits(e.forward, 0, 2 * N, logits, NULL), ORION_OK);
        for (uint32_t i = 0; i < 2 * N; i++)
            assert_memory_equal(logits + i * n_vocab, alone[i % 2] + i / 2 * n_vocab,
                                n_vocab * sizeof(float));
        ori_kv_release(&other);
        engine_close(&e);
        free(logits);
        free(alone[0]);
        free(alone[1]);
        ori_model_close(model);
    }
}

/* The ring forgets what no query can see: the same as a cache of the whole
 * context, also when the prompt is many times the ring.  Beside layers that see
 * all, a ring holds the blocks of a whole batch. */
static void ring_equals_whole(const char *path, const uint32_t slots[5])
{
    static const uint32_t batches[] = {1, 4, 57, 58, 100};
    struct ori_model *model = open_model(data_path(path));
    int32_t tokens[LONG];
    float *expected = new_logits(model, LONG);
    float *logits = new_logits(model, LONG);
    struct engine e;

    some_tokens(tokens, LONG, model->hp.n_vocab, 5);
    engine_open(&e, model, 0, 1, 256, 16, 0);
    assert_int_equal(e.kv.n_slots, 256);
    engine_run(&e, tokens, 0, LONG, expected);
    engine_close(&e);
    for (size_t i = 0; i < ORI_COUNT(batches); i++) {
        engine_open(&e, model, 0, 1, 256, batches[i], batches[i]);
        assert_int_equal(e.kv.n_slots, slots[i]);
        ori_kv_spoil(&e.kv);
        engine_run(&e, tokens, 0, LONG, logits);
        assert_same(model, logits, expected, LONG, "a ring with batches of", batches[i]);
        engine_close(&e);
    }
    free(expected);
    free(logits);
    ori_model_close(model);
}

static void test_ring_equals_whole(void **state)
{
    static const uint32_t all_local[] = {64, 64, 64, 128, 128};
    static const uint32_t mixed[] = {64, 128, 128, 128, 192};

    (void)state;
    ring_equals_whole("golden/phi3-window.gguf", all_local);
    ring_equals_whole("golden/gemma2.gguf", mixed);
    ring_equals_whole("golden/gemma3.gguf", mixed);
}

/* The other cache types: batches, threads and tiers, and a ring that goes
 * round.  q8_0 wants heads of 32, which the bundled model has; it gets a window. */
static void test_cache_types(void **state)
{
    enum { n = 90 };
    static const struct {
        const char *model;
        uint32_t window;
        enum ori_kv_type kv_type;
    } rows[] = {
        {"golden/llama-gqa.gguf", 0, ORI_KV_F32},
        {"golden/phi3-window.gguf", 8, ORI_KV_F32},
        {"../models/orion-tiny.gguf", 0, ORI_KV_Q8_0},
        {"../models/orion-tiny.gguf", 9, ORI_KV_Q8_0},
    };
    static const struct {
        uint32_t threads, batch;
    } ways[] = {{1, 1}, {2, 7}, {3, 56}, {1, 90}};
    uint32_t tiers[MAX_TIERS];
    const size_t n_tiers = all_tiers(tiers);

    (void)state;
    for (size_t r = 0; r < ORI_COUNT(rows); r++) {
        struct ori_model *model = open_model(data_path(rows[r].model));
        int32_t tokens[n];

        model->hp.window_tokens = rows[r].window;
        some_tokens(tokens, n, model->hp.n_vocab, 8);
        float *expected = reference_kv(model, rows[r].kv_type, tokens, n);
        float *logits = new_logits(model, n);
        for (size_t i = 0; i < ORI_COUNT(ways) * n_tiers; i++) {
            const uint32_t batch = ways[i / n_tiers].batch;
            struct engine e;
            if (tiers[i % n_tiers] == 0 && i / n_tiers != 1)
                continue; /* scalar once is enough */
            engine_open_kv(&e, model, rows[r].kv_type, tiers[i % n_tiers],
                           ways[i / n_tiers].threads, 128, batch, batch);
            assert_int_equal(e.kv.n_slots, rows[r].window > 0 && batch < 57 ? 64 : 128);
            engine_run(&e, tokens, 0, n, logits);
            assert_same(model, logits, expected, n, rows[r].model, batch);
            engine_close(&e);
        }
        free(expected);
        free(logits);
        ori_model_close(model);
    }
}

/* What lies in slots that no query sees does not matter, be it NaN. */
static void test_stale_slots(void **state)
{
    (void)state;
    for (size_t m = 0; m < ORI_COUNT(small_models); m++) {
        uint32_t tiers[MAX_TIERS];
        const size_t n_tiers = all_tiers(tiers);
        struct ori_model *model = open_model(data_path(small_models[m]));
        int32_t tokens[40];
        some_tokens(tokens, 40, model->hp.n_vocab, 6);
        float *expected = reference(model, tokens, 40);
        float *logits = new_logits(model, 40);
        for (size_t tier = 0; tier < n_tiers; tier++) {
            struct engine e;
            engine_open(&e, model, tiers[tier], 1, 256, 9, 9);
            memset(e.kv.memory, 0x7e, e.kv.bytes); /* keys and values: NaN, every one */
            engine_run(&e, tokens, 0, 40, logits);
            assert_same(model, logits, expected, 40, small_models[m], 40);
            engine_close(&e);
        }
        free(expected);
        free(logits);
        ori_model_close(model);
    }
}

/* Going back as far as ori_kv_can_rewind() allows gives the bits of a fresh
 * start. */
static void rewind_in(const char *path, uint32_t kv_batch)
{
    struct ori_model *model = open_model(data_path(path));
    const size_t n_vocab = model->hp.n_vocab;
    int32_t tokens[LONG];
    int32_t other[LONG];
    float *logits = new_logits(model, LONG);
    uint32_t allowed = 0;

    some_tokens(tokens, LONG, model->hp.n_vocab, 7);
    for (uint32_t keep = 90; keep < 150; keep += keep < 95 ? 1 : 9) {
        struct engine e;
        engine_open(&e, model, 0, 1, 256, 8, kv_batch);
        assert_int_equal(e.kv.n_slots, 64);
        engine_run(&e, tokens, 0, 150, logits);
        if (ori_kv_can_rewind(&e.kv, &model->hp, 150, keep)) {
            memcpy(other, tokens, sizeof(other));
            other[keep] = (tokens[keep] + 1) % (int32_t)n_vocab;
            float *expected = reference(model, other, keep + 5);
            engine_run(&e, other, keep, keep + 5, logits);
            for (uint32_t t = keep; t < keep + 5; t++)
                assert_memory_equal(logits + t * n_vocab, expected + t * n_vocab,
                                    n_vocab * sizeof(float));
            free(expected);
            allowed++;
        }
        engine_close(&e);
    }
    /* 64 slots hold 86..149; a query at 93 sees 86..93. */
    assert_int_equal(allowed, 2 + 7); /* 93, 94; 95, 104, .. 149 */
    free(logits);
    ori_model_close(model);
}

static void test_rewind(void **state)
{
    (void)state;
    rewind_in("golden/phi3-window.gguf", 8);
    rewind_in("golden/gemma2.gguf", 1); /* as small as for the other: a window and a stretch fit */
}

/* ---- a file that shrinks ---- */

/* ThreadSanitizer takes the handler's new page of zeros, which all threads may
 * read, for a race. */
#ifdef __SANITIZE_THREAD__
#define SHRINK_THREADS 1
#else
#define SHRINK_THREADS 2
#endif

/* The file's end disappears while it is in use: an error, no signal. */
static void test_shrinking_file(void **state)
{
    struct model_file file;
    float logits[278 * 4];
    const int32_t tokens[] = {1, 5, 6, 7};
    struct ori_batch_item items[4];
    struct engine e;
    orion_error err = {0};
    struct ori_model *model;

    (void)state;
    file_read(&file, data_path("golden/llama-gqa.gguf"));
    const char *path = path_of("shrinks.gguf");
    file_write(&file, path);
    file_free(&file);
    model = open_model(path);
    engine_open(&e, model, 0, SHRINK_THREADS, 64, 4, 4);
    for (uint32_t i = 0; i < 4; i++)
        items[i] = (struct ori_batch_item){.token = tokens[i], .position = i, .kv = &e.kv};
    assert_int_equal(ori_forward_run(e.forward, items, 4, NULL, &err), ORION_OK);
    assert_int_equal(ori_forward_logits(e.forward, 0, 4, logits, &err), ORION_OK);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(ori_forward_run(e.forward, items, 4, NULL, &err), ORION_E_IO);
    assert_true(strlen(err.message) > 0);
    assert_int_equal(ori_forward_logits(e.forward, 0, 4, logits, &err), ORION_E_IO);
    engine_close(&e);
    ori_model_close(model);
    assert_int_equal(unlink(path), 0);
}

static const struct CMUnitTest others[] = {
    cmocka_unit_test(test_batches),     cmocka_unit_test(test_threads),
    cmocka_unit_test(test_company),     cmocka_unit_test(test_ring_equals_whole),
    cmocka_unit_test(test_cache_types), cmocka_unit_test(test_stale_slots),
    cmocka_unit_test(test_rewind),      cmocka_unit_test(test_shrinking_file),
};

/* "golden/qwen3.json, cache type 2" */
static char golden_labels[ORI_COUNT(golden_models)][64];

int main(void)
{
    static struct CMUnitTest tests[ORI_COUNT(golden_models) + ORI_COUNT(others)];

    for (size_t i = 0; i < ORI_COUNT(golden_models); i++) {
        const struct golden_model *row = &golden_models[i];
        (void)snprintf(golden_labels[i], sizeof(golden_labels[i]), "%s, cache type %d", row->golden,
                       (int)row->kv_type);
        tests[i] =
            (struct CMUnitTest){golden_labels[i], test_golden, NULL, NULL, (void *)(uintptr_t)row};
    }
    memcpy(tests + ORI_COUNT(golden_models), others, sizeof(others));
    return cmocka_run_group_tests_name("model", tests, make_folder, remove_folder);
}
