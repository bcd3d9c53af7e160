/* The forward pass: against golden logits of another implementation, against
 * itself however a batch is cut and whatever computes it, and the arithmetic of
 * the KV ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include "engine.h"
#include "golden.h"

#include "model/readahead.h"

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

/* Scalar, one thread, one token at a time: what all others must equal. */
static float *reference_kv(const struct ori_model *model, enum ori_kv_type kv_type,
                           const int32_t *tokens, uint32_t n)
{
    float *logits = new_logits(model, n);
    struct engine e;
    engine_open_kv(&e, model, kv_type, 0, 1, model->hp.context_tokens, 1, 1);
    engine_run(&e, tokens, 0, n, logits);
    engine_close(&e);
    return logits;
}

static float *reference(const struct ori_model *model, const int32_t *tokens, uint32_t n)
{
    return reference_kv(model, ORI_KV_F16, tokens, n);
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
            memset(e.kv.keys, 0x7e, e.kv.bytes); /* keys and values: NaN, every one */
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

/* ---- mixtures ---- */

/* The logits of a few tokens of a file, which is written and removed again. */
static float *logits_of_file(const struct model_file *file)
{
    enum { n = 20 };
    int32_t tokens[n];
    const char *path = path_of("mixture.gguf");

    file_write(file, path);
    struct ori_model *model = open_model(path);
    some_tokens(tokens, n, model->hp.n_vocab, 8);
    float *logits = reference(model, tokens, n);
    ori_model_close(model);
    assert_int_equal(unlink(path), 0);
    return logits;
}

static void assert_same_files(const struct model_file *a, const struct model_file *b)
{
    float *expected = logits_of_file(a), *logits = logits_of_file(b);

    assert_memory_equal(logits, expected, 20 * 278 * sizeof(*logits));
    free(expected);
    free(logits);
}

/* blk.0.ffn_up_exps.weight becomes blk.0.ffn_up.0.weight and its like. */
static void take_apart(struct model_file *file, const char *layer, const char *what)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%s.%s_exps.weight", layer, what);
    const struct file_tensor all = *tensor_of(file, name);
    const size_t bytes = all.data.len / (size_t)all.dims[2];
    for (size_t i = 0; i < all.dims[2]; i++) {
        (void)snprintf(name, sizeof(name), "%s.%s.%zu.weight", layer, what, i);
        struct file_tensor *t = add_tensor(file, name, all.type, all.dims[0], all.dims[1]);
        put(&t->data, all.data.data + i * bytes, bytes);
    }
    (void)snprintf(name, sizeof(name), "%s.%s_exps.weight", layer, what);
    remove_tensor(file, name);
}

/* As files had it before 2024. */
static void test_lone_experts(void **state)
{
    static const char *const layers[] = {"blk.0", "blk.1"};
    static const char *const whats[] = {"ffn_gate", "ffn_up", "ffn_down"};
    struct model_file together, apart;

    (void)state;
    file_read(&together, data_path("golden/mixtral.gguf"));
    file_read(&apart, data_path("golden/mixtral.gguf"));
    for (size_t i = 0; i < ORI_COUNT(layers); i++)
        for (size_t j = 0; j < ORI_COUNT(whats); j++)
            take_apart(&apart, layers[i], whats[j]);
    assert_same_files(&together, &apart);
    file_free(&together);
    file_free(&apart);
}

/* A router that likes all alike: the first experts compute, and nobody reads the
 * weights of the others, which are no numbers here. */
static void test_ties(void **state)
{
    struct model_file whole, spoilt;

    (void)state;
    file_read(&whole, data_path("golden/mixtral.gguf"));
    for (uint32_t layer = 0; layer < 2; layer++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "blk.%u.ffn_gate_inp.weight", layer);
        struct file_tensor *router = tensor_of(&whole, name);
        memset(router->data.data, 0, router->data.len);
    }
    const char *path = path_of("ties.gguf");
    file_write(&whole, path);
    file_read(&spoilt, path);
    assert_int_equal(unlink(path), 0);
    for (size_t i = 0; i < spoilt.n_tensors; i++) {
        struct bytes *data = &spoilt.tensors[i].data;
        if (strstr(spoilt.tensors[i].name, "_exps.weight"))
            memset(data->data + data->len / 5 * 2, 0xFF, data->len / 5 * 3);
    }
    assert_same_files(&whole, &spoilt);
    file_free(&whole);
    file_free(&spoilt);
}

/* Reading ahead leaves out what lies within one tensor of experts. */
static void test_read_ahead_of_experts(void **state)
{
    struct ori_model *model = open_model(data_path("golden/mixtral.gguf"));
    size_t n_experts = 0;

    (void)state;
    for (size_t i = 0; i < ori_gguf_n_tensors(model->gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(model->gguf, i);
        const bool experts = ori_readahead_is_experts(model->gguf, t->offset, t->size_bytes);

        assert_int_equal(experts, strstr(t->name, "_exps.") != NULL);
        assert_false(ori_readahead_is_experts(model->gguf, t->offset, t->size_bytes + 1));
        assert_false(ori_readahead_is_experts(model->gguf, t->offset - 1, 2));
        n_experts += experts;
    }
    assert_int_equal(n_experts, 6);
    assert_false(ori_readahead_is_experts(model->gguf, 0, 1));
    assert_false(ori_readahead_is_experts(model->gguf, UINT64_MAX, 1));
    ori_model_close(model);
}

/* Two of five experts, and all that is not experts. */
static void test_active_bytes(void **state)
{
    static const struct {
        const char *name;
        bool experts;
    } names[] = {
        {"blk.0.ffn_up_exps.weight", true},   {"blk.31.ffn_gate.7.weight", true},
        {"blk.0.ffn_down_exps.bias", true},   {"blk.0.ffn_up.weight", false},
        {"blk.0.ffn_gate_inp.weight", false}, {"blk.0.ffn_gate_shexp.weight", false},
        {"blk.0.attn_output.weight", false},  {"output.weight", false},
    };
    struct ori_model *model = open_model(data_path("golden/mixtral.gguf"));
    const uint64_t experts = 2 * 3 * 5 * 48 * 24 * 2; /* layers, matrices, experts, F16 */
    uint64_t all = 0;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(names); i++)
        assert_int_equal(ori_is_expert_tensor(names[i].name), names[i].experts);
    for (size_t i = 0; i < ori_gguf_n_tensors(model->gguf); i++)
        all += ori_gguf_tensor_at(model->gguf, i)->size_bytes;
    assert_int_equal(ori_active_bytes(model->gguf, &model->hp), all - experts / 5 * 3);
    ori_model_close(model);
}

/* ---- the arithmetic of the ring ---- */

static const struct ori_hparams tiny = {
    .n_layers = 2, .n_heads = 4, .n_heads_kv = 2, .head_dim = 16, .context_tokens = 1000};

static void test_slots(void **state)
{
    static const struct {
        uint32_t window, context, batch, slots;
    } rows[] = {
        {0, 1, 1, 64},        {0, 64, 1, 64},     {0, 65, 1, 128},       {0, 1000, 256, 1024},
        {8, 1000, 1, 64},     {8, 1000, 57, 64},  {8, 1000, 58, 128},    {64, 1000, 1, 64},
        {65, 1000, 1, 128},   {64, 1000, 2, 128}, {500, 100, 1, 128},    {900, 1000, 100, 1024},
        {900, 1000, 60, 960}, {1, 1000, 1, 64},   {449, 1000, 256, 512}, {450, 1000, 256, 576},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        struct ori_kv kv;
        size_t bytes = 0;
        hp.window_tokens = rows[i].window;
        assert_int_equal(
            ori_kv_bytes(&hp, ORI_KV_F16, rows[i].context, rows[i].batch, &bytes, NULL), ORION_OK);
        assert_int_equal(bytes, 2u * 2 * 2 * 2 * 16 * rows[i].slots);
        assert_int_equal(ori_kv_init(&kv, &hp, ORI_KV_F16, rows[i].context, rows[i].batch, NULL),
                         ORION_OK);
        assert_int_equal(kv.n_slots, rows[i].slots);
        assert_int_equal(kv.bytes, bytes);
        assert_ptr_equal(kv.values, kv.keys + bytes / 2);
        kv.keys[0] = kv.values[bytes / 2 - 1] = 1; /* first and last are ours */
        assert_int_equal(ori_kv_offset(&kv, 1, 1), 3 * 2 * 16 * (size_t)rows[i].slots);
        ori_kv_release(&kv);
        ori_kv_release(&kv); /* again: nothing */
        assert_null(kv.keys);
    }
}

/* Layers with a window and without, in turns: each has its own slots. */
static void test_slots_of_layers(void **state)
{
    static const struct {
        uint32_t window, context, batch, ring, all;
    } rows[] = {
        {8, 1000, 1, 64, 1024},   {8, 1000, 2, 128, 1024},     {8, 1000, 65, 128, 1024},
        {8, 1000, 66, 192, 1024}, {512, 1000, 256, 576, 1024}, {8, 100, 100, 128, 128},
        {512, 100, 16, 128, 128}, {0, 100, 16, 128, 128},
    };
    const size_t slot = 2 * 2 * 16 * 2; /* 2 heads of 16 in f16, keys and values */

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        const uint32_t n_slots[] = {rows[i].ring, rows[i].all, rows[i].ring};
        struct ori_kv kv;
        size_t begin = 0;
        hp.n_layers = 3;
        hp.global_layers[0] = 2;
        hp.window_tokens = rows[i].window;
        assert_int_equal(ori_kv_init(&kv, &hp, ORI_KV_F16, rows[i].context, rows[i].batch, NULL),
                         ORION_OK);
        for (uint32_t layer = 0; layer < 3; layer++) {
            assert_int_equal(kv.layers[layer].n_slots, n_slots[layer]);
            assert_int_equal(ori_kv_offset(&kv, layer, 1), begin + n_slots[layer] * slot / 4);
            begin += n_slots[layer] * slot / 2;
        }
        assert_int_equal(kv.n_slots, rows[i].ring);
        assert_int_equal(kv.bytes, 2 * begin);
        assert_ptr_equal(kv.values, kv.keys + begin);
        assert_int_equal(ori_kv_resident_bytes(&kv, 0), 0);
        assert_int_equal(ori_kv_resident_bytes(&kv, 3), 9 * slot);
        assert_int_equal(ori_kv_resident_bytes(&kv, 100000), kv.bytes);
        assert_false(ori_kv_needs_window_only(&hp));
        ori_kv_release(&kv);
    }
}

static void test_can_rewind(void **state)
{
    static const struct {
        const char *label;
        uint32_t window, slots, written, keep;
        bool can;
    } rows[] = {
        {"nothing written", 8, 64, 0, 0, true},
        {"more than was written", 8, 64, 10, 11, false},
        {"exactly what was written", 8, 64, 10, 10, true},
        {"to the beginning, nothing lost", 8, 64, 64, 0, true},
        {"to the beginning, one lost", 8, 64, 65, 0, false},
        {"no window: nothing is ever lost", 0, 64, 64, 3, true},
        {"the window's first key is the oldest kept", 8, 64, 100, 43, true},
        {"the window's first key is just gone", 8, 64, 100, 42, false},
        {"the window begins at 0 and 0 is kept", 8, 64, 64, 7, true},
        {"the window begins at 0 and 0 is gone", 8, 64, 65, 7, false},
        {"the window begins at 1 and 0 is gone", 8, 64, 65, 8, true},
        {"one ahead of the last, far on", 8, 64, 1000, 1000, true},
        {"a window as large as the ring, one back", 64, 64, 1000, 999, true},
        {"a window as large as the ring, two back", 64, 64, 1000, 998, false},
        {"a window as large as the ring, going on", 64, 64, 1000, 1000, true},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        const struct ori_kv kv = {.n_slots = rows[i].slots};
        hp.window_tokens = rows[i].window;
        if (ori_kv_can_rewind(&kv, &hp, rows[i].written, rows[i].keep) != rows[i].can)
            fail_msg("%s", rows[i].label);
    }
}

/* The rule against a list of which position each slot holds. */
static void test_can_rewind_is_exact(void **state)
{
    (void)state;
    for (uint32_t window = 1; window <= 70; window += 23) {
        uint32_t slot[128] = {0}; /* position it holds, + 1 */
        struct ori_hparams hp = tiny;
        const struct ori_kv kv = {.n_slots = 128};
        hp.window_tokens = window;
        for (uint32_t written = 0; written <= 400; written++) {
            for (uint32_t keep = 0; keep <= written; keep++) {
                const uint32_t first = keep + 1 > window ? keep + 1 - window : 0;
                bool all = written <= 128 || first > 0;
                for (uint32_t t = first; t < keep && all; t++)
                    all = slot[t % 128] == t + 1;
                /* The query's own key is written anew, so a window of one has
                 * no need of the cache: the rule may be stricter there. */
                const bool can = ori_kv_can_rewind(&kv, &hp, written, keep);
                if (can && !all)
                    fail_msg("window %u: %u of %u are not there", window, keep, written);
                if (!can && all && keep - first > 0)
                    fail_msg("window %u: %u of %u are there", window, keep, written);
            }
            slot[written % 128] = written + 1;
        }
    }
}

static void test_cache_too_large(void **state)
{
    struct ori_hparams hp = tiny;
    struct ori_kv kv;
    orion_error err = {0};
    size_t bytes;

    (void)state;
    hp.n_layers = ORI_MAX_LAYERS;
    hp.n_heads_kv = ORI_MAX_HEADS;
    hp.head_dim = 1024;
    assert_int_equal(ori_kv_bytes(&hp, ORI_KV_F16, ORI_MAX_CONTEXT, 1, &bytes, NULL),
                     ORION_OK); /* 2^60 */
    assert_int_equal(ori_kv_init(&kv, &hp, ORI_KV_F16, ORI_MAX_CONTEXT, 1, &err), ORION_E_NOMEM);
    assert_non_null(strstr(err.message, "67108864 tokens"));
    assert_non_null(strstr(err.message, "smaller context"));
    assert_null(kv.keys);
    ori_kv_release(&kv);
}

static void test_cache_types_of_heads(void **state)
{
    static const struct {
        enum ori_kv_type type;
        uint32_t head_dim;
        size_t row_bytes; /* 0: refused */
    } rows[] = {
        {ORI_KV_F16, 16, 32}, {ORI_KV_F32, 16, 64}, {ORI_KV_Q8_0, 32, 34}, {ORI_KV_Q8_0, 48, 0}};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        struct ori_kv kv;
        orion_error err = {0};

        hp.head_dim = rows[i].head_dim;
        const orion_status status = ori_kv_init(&kv, &hp, rows[i].type, 64, 1, &err);
        assert_int_equal(status, rows[i].row_bytes > 0 ? ORION_OK : ORION_E_UNSUPPORTED);
        assert_int_equal(kv.row_bytes, rows[i].row_bytes);
        assert_int_equal(kv.bytes, 2 * 2 * 2 * 64 * rows[i].row_bytes);
        if (status != ORION_OK)
            assert_non_null(strstr(err.message, "have 48"));
        ori_kv_release(&kv);
    }
}

/* ---- rope ---- */

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-6 * (1 + fabs(expected))))
        fail_msg("%.9g, expected %.9g", value, expected);
}

static void test_rope_factors(void **state)
{
    const float longs[] = {2, 4};
    const float shorts[] = {1, 8};
    const struct ori_hparams hp = {.n_rot = 4,
                                   .rope_base = 100,
                                   .rope_scale = 1,
                                   .rope_attn_factor = 1,
                                   .context_tokens = 4096,
                                   .original_context_tokens = 1024};
    struct ori_model model = {.hp = hp, .rope_factors_long = longs, .rope_factors_short = shorts};
    struct ori_rope rope;

    (void)state;
    assert_int_equal(ori_rope_init(&rope, &model, 1024, NULL), ORION_OK);
    assert_near(rope.frequency[0], 1.0);
    assert_near(rope.frequency[1], 0.1 / 8);
    /* sqrt(1 + ln(4)/ln(1024)) = sqrt(1.2) */
    assert_near((double)rope.factor, sqrt(1.2));
    ori_rope_release(&rope);

    assert_int_equal(ori_rope_init(&rope, &model, 1025, NULL), ORION_OK);
    assert_near(rope.frequency[0], 0.5);
    assert_near(rope.frequency[1], 0.1 / 4);
    float angles[4];
    ori_rope_angles(&rope, rope.frequency, 3, angles);
    assert_near((double)angles[0], cos(1.5) * sqrt(1.2));
    assert_near((double)angles[1], sin(1.5) * sqrt(1.2));
    assert_near((double)angles[2], cos(0.075) * sqrt(1.2));
    assert_near((double)angles[3], sin(0.075) * sqrt(1.2));
    ori_rope_release(&rope);
    ori_rope_release(&rope);

    model.hp.rope_attn_factor = 1.5f; /* what the file says goes before */
    model.hp.rope_scale = 0.5f;
    assert_int_equal(ori_rope_init(&rope, &model, 1025, NULL), ORION_OK);
    assert_near((double)rope.factor, 1.5);
    assert_near(rope.frequency[0], 0.25);
    ori_rope_release(&rope);
}

/* Figures of the published formula, computed by hand: n_rot 16, base 500, 64 positions
 * at first.  Pair 16 ln(64 / (4 2pi)) / (2 ln 500) = 1.20 turns 4 times in them,
 * pair 3.88 half a time, so the ramp goes from 1 to 4. */
static void test_yarn(void **state)
{
    static const double share[] = {1, 1, 2.0 / 3, 1.0 / 3, 0, 0, 0, 0};
    struct ori_model model = {.hp = {.n_rot = 16,
                                     .rope_base = 500,
                                     .rope_scale = 0.25f,
                                     .rope_attn_factor = 1.5f,
                                     .yarn_share = 1,
                                     .yarn_fast_turns = 4,
                                     .yarn_slow_turns = 0.5f,
                                     .context_tokens = 256,
                                     .original_context_tokens = 64}};

    (void)state;
    for (int part = 0; part < 2; part++) { /* with a part of the share only */
        struct ori_rope rope;
        model.hp.yarn_share = part ? 0.5f : 1.0f;
        assert_int_equal(ori_rope_init(&rope, &model, 256, NULL), ORION_OK);
        for (uint32_t i = 0; i < 8; i++) {
            const double kept = share[i] * (part ? 0.5 : 1.0);
            assert_near(rope.frequency[i], pow(500, -(double)i / 8) * (kept + (1 - kept) / 4));
        }
        assert_near((double)rope.factor, 1.5);
        ori_rope_release(&rope);
    }
}

/* ---- facts ---- */

static void test_facts(void **state)
{
    struct ori_model *model = open_model(data_path("golden/llama-gqa.gguf"));
    const struct ori_hparams *hp = &model->hp;

    (void)state;
    assert_string_equal(model->arch->name, "llama");
    assert_int_equal(hp->n_layers, 2);
    assert_int_equal(hp->n_embd, 64);
    assert_int_equal(hp->n_heads, 4);
    assert_int_equal(hp->n_heads_kv, 2);
    assert_int_equal(hp->head_dim, 16);
    assert_int_equal(hp->n_vocab, 278);
    assert_int_equal(hp->window_tokens, 0);
    assert_int_equal(hp->original_context_tokens, 256);
    assert_ptr_equal(model->output.data, model->token_embd.data); /* tied */
    assert_non_null(model->rope_factors);
    assert_string_equal(ori_model_quantization(model), "F16");
    /* 278 x 64; 2 layers of q, o: 64 x 64, k, v: 32 x 64, 3 x 64 x 64, 2 norms;
     * the last norm; 8 rope factors */
    assert_int_equal(model->n_params,
                     278 * 64 + 2 * (2 * 4096 + 2 * 2048 + 3 * 4096 + 128) + 64 + 8);
    assert_int_equal(ori_gguf_check_intact(model->gguf, NULL), ORION_OK);
    ori_model_close(model);
    ori_model_close(NULL);
}

/* How keys of scaling are understood: by what, and how much longer vectors get. */
static void test_rope_keys(void **state)
{
    static const struct {
        const char *label, *type;
        float factor; /* 0: no such key */
        const char *key;
        float value;
        double scale, length;
    } rows[] = {
        {"nothing", NULL, 0, NULL, 0, 1, 1},
        {"a factor without a type", NULL, 4, NULL, 0, 0.25, 1},
        {"the old name of it", NULL, 0, "rope.scale_linear", 8, 0.125, 1},
        {"the old name, none", NULL, 0, "rope.scale_linear", 0, 1, 1},
        {"both names", NULL, 4, "rope.scale_linear", 8, 0.25, 1},
        {"linear", "linear", 8, NULL, 0, 0.125, 1},
        {"a factor that does not count", "none", 8, NULL, 0, 1, 1},
        {"longer vectors", "linear", 8, "rope.scaling.attn_factor", 1.5f, 0.125, 1.5},
        {"YaRN", "yarn", 4, NULL, 0, 0.25, 1.138629436},
        {"YaRN of a factor below 1", "yarn", 0.5f, NULL, 0, 2, 1},
        {"YaRN, more", "yarn", 4, "rope.scaling.attn_factor", 0.5f, 0.25, 0.569314718},
        {"YaRN, said", "yarn", 4, "rope.scaling.yarn_attn_factor", 0.9f, 0.25, 0.9},
        {"YaRN, DeepSeek's", "yarn", 4, "rope.scaling.yarn_log_multiplier", 0.1f, 0.25, 1},
        {"YaRN, half of it", "yarn", 4, "rope.scaling.yarn_log_multiplier", 0.05f, 0.25,
         1.06482211}, /* (1 + ln(4)/10) / (1 + ln(4)/20) */
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct model_file file;
        char key[96];
        const char *path = path_of("rope.gguf");
        file_read(&file, data_path("golden/llama-gqa.gguf"));
        if (rows[i].type)
            set_text(&file, "llama.rope.scaling.type", rows[i].type);
        if (rows[i].factor > 0)
            set_f32(&file, "llama.rope.scaling.factor", rows[i].factor);
        (void)snprintf(key, sizeof(key), "llama.%s", rows[i].key ? rows[i].key : "");
        if (rows[i].key)
            set_f32(&file, key, rows[i].value);
        file_write(&file, path);
        file_free(&file);
        struct ori_model *model = open_model(path);
        const struct ori_hparams *hp = &model->hp;
        if (fabs((double)hp->rope_scale - rows[i].scale) > 1e-6 ||
            fabs((double)hp->rope_attn_factor - rows[i].length) > 1e-6)
            fail_msg("%s: positions times %g, vectors times %g", rows[i].label,
                     (double)hp->rope_scale, (double)hp->rope_attn_factor);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
    }
}

/* The window: from the key, by default for an old Phi-3-mini file, or off. */
static void test_window(void **state)
{
    static const struct {
        uint32_t key, context, expected;
        bool has_key, none;
    } rows[] = {
        {8, 256, 8, true, false},      {8, 256, 0, true, true},   {256, 256, 0, true, false},
        {255, 256, 255, true, false},  {0, 256, 0, true, false},  {0, 256, 0, false, false},
        {0, 4096, 2047, false, false}, {0, 4096, 0, false, true}, {0, 4096, 0, true, false},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct model_file file;
        struct ori_model *model;
        const struct ori_model_options options = {.no_sliding_window = rows[i].none};
        file_read(&file, data_path("golden/phi3-window.gguf"));
        set_u32(&file, "phi3.context_length", rows[i].context);
        set_u32(&file, "phi3.rope.scaling.original_context_length", rows[i].context);
        if (rows[i].has_key)
            set_u32(&file, "phi3.attention.sliding_window", rows[i].key);
        else
            remove_key(&file, "phi3.attention.sliding_window");
        const char *path = path_of("window.gguf");
        file_write(&file, path);
        assert_int_equal(ori_model_open(path, options, &model, NULL), ORION_OK);
        assert_int_equal(model->hp.window_tokens, rows[i].expected);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
        file_free(&file);
    }
}

/* Which layers have the window: by the architecture, a period or flags in the file. */
static void test_window_layers(void **state)
{
    static const struct {
        const char *label;
        uint32_t period;
        const char *flags; /* a character a layer, l or g */
        const char *layers;
        uint32_t window;
    } rows[] = {
        {"gemma3's own", 0, NULL, "lllllgl", 8},
        {"a period", 3, NULL, "llgllgl", 8},
        {"a longer period than there are layers", 8, NULL, "lllllll", 8},
        {"no layer has it", 1, NULL, "ggggggg", 0},
        {"flags", 0, "glglllg", "glglllg", 8},
        {"no flag", 0, "ggggggg", "ggggggg", 0},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        static const char key[] = "gemma3.attention.sliding_window_pattern";
        struct model_file file;
        const char *path = path_of("layers.gguf");
        file_read(&file, data_path("golden/gemma3.gguf"));
        if (rows[i].period > 0)
            set_u32(&file, key, rows[i].period);
        if (rows[i].flags) {
            struct bytes *value = set_key(&file, key, ARRAY);
            put_u32(value, ORI_GGUF_BOOL);
            put_u64(value, strlen(rows[i].flags));
            for (const char *c = rows[i].flags; *c; c++)
                put_fill(value, *c == 'l', 1);
        }
        file_write(&file, path);
        file_free(&file);
        struct ori_model *model = open_model(path);
        for (uint32_t layer = 0; layer < 7; layer++)
            if (ori_layer_is_local(&model->hp, layer) != (rows[i].layers[layer] == 'l'))
                fail_msg("%s: layer %u", rows[i].label, layer);
        assert_int_equal(model->hp.window_tokens, rows[i].window);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
    }
}

static void test_quantization_name(void **state)
{
    static const struct {
        uint32_t file_type;
        const char *name;
    } rows[] = {{0, "F32"},   {7, "Q8_0"},  {15, "Q4_K_M"},
                {18, "Q6_K"}, {32, "BF16"}, {999, "F16"}}; /* unknown: what most bytes are */
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct model_file file;
        file_read(&file, data_path("golden/llama-gqa.gguf"));
        set_u32(&file, "general.file_type", rows[i].file_type);
        const char *path = path_of("type.gguf");
        file_write(&file, path);
        struct ori_model *model = open_model(path);
        assert_string_equal(ori_model_quantization(model), rows[i].name);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
        file_free(&file);
    }
}

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
    cmocka_unit_test(test_batches),
    cmocka_unit_test(test_threads),
    cmocka_unit_test(test_company),
    cmocka_unit_test(test_ring_equals_whole),
    cmocka_unit_test(test_cache_types),
    cmocka_unit_test(test_stale_slots),
    cmocka_unit_test(test_rewind),
    cmocka_unit_test(test_slots),
    cmocka_unit_test(test_slots_of_layers),
    cmocka_unit_test(test_window_layers),
    cmocka_unit_test(test_lone_experts),
    cmocka_unit_test(test_ties),
    cmocka_unit_test(test_read_ahead_of_experts),
    cmocka_unit_test(test_active_bytes),
    cmocka_unit_test(test_can_rewind),
    cmocka_unit_test(test_can_rewind_is_exact),
    cmocka_unit_test(test_cache_too_large),
    cmocka_unit_test(test_cache_types_of_heads),
    cmocka_unit_test(test_rope_factors),
    cmocka_unit_test(test_yarn),
    cmocka_unit_test(test_rope_keys),
    cmocka_unit_test(test_facts),
    cmocka_unit_test(test_window),
    cmocka_unit_test(test_quantization_name),
    cmocka_unit_test(test_shrinking_file),
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
