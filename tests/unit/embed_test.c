/* Embeddings: against golden vectors of another implementation, the same bits in
 * any company, with any threads and tier, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include <jansson.h>
#include <math.h>

#include <orion.h>

#include "golden.h"

static const char *const models[] = {
    "embed-bert",  "embed-bert-mean", "embed-nomic-bert",
    "embed-qwen3", "embed-gemma",     "embed-gemma-dense",
};

#define MAX_LENGTH 128u

/* ---- a model that is open ---- */

struct world {
    orion_model *model;
    orion_embedder *embedder;
    uint32_t length;
};

static const char *golden_path(const char *name, const char *ending)
{
    static char path[512];

    (void)snprintf(path, sizeof(path), "golden/%s%s", name, ending);
    return data_path(path);
}

static struct world open_world(const char *name, uint32_t threads, uint32_t batch_tokens)
{
    struct world w;
    orion_embedder_options options;
    orion_model_info info;
    orion_error err = {0};

    if (orion_model_open(golden_path(name, ".gguf"), NULL, &w.model, &err) != ORION_OK)
        fail_msg("%s: %s", name, err.message);
    orion_model_get_info(w.model, &info);
    w.length = info.embedding_length;
    assert_true(w.length > 0 && w.length <= MAX_LENGTH);
    orion_embedder_options_init(&options);
    options.threads = threads;
    options.batch_tokens = batch_tokens;
    if (orion_embedder_new(w.model, &options, &w.embedder, &err) != ORION_OK)
        fail_msg("%s: %s", name, err.message);
    return w;
}

static void close_world(struct world *w)
{
    orion_embedder_free(w->embedder);
    orion_model_close(w->model);
}

/* [n][length] */
static void embed(const struct world *w, const orion_embed_input *inputs, size_t n, float *out)
{
    orion_error err = {0};

    if (orion_embed(w->embedder, inputs, n, NULL, NULL, out, NULL, &err) != ORION_OK)
        fail_msg("%s", err.message);
}

/* ---- golden vectors ---- */

/* A vector of length 1 in float64 and ours, which sums in float32: the worst that was
 * measured is 4e-7 in any element. */
#define NEAR 2e-6

static void check_case(const struct world *w, const char *name, const json_t *c)
{
    const char *label = json_string_value(json_object_get(c, "label"));
    const json_t *list = json_object_get(c, "tokens");
    int32_t tokens[256];
    float golden[MAX_LENGTH], got[MAX_LENGTH];
    double square = 0;

    assert_true(json_array_size(list) <= ORI_COUNT(tokens));
    for (size_t i = 0; i < json_array_size(list); i++)
        tokens[i] = (int32_t)golden_u32(json_array_get(list, i));
    const char *base64 = json_string_value(json_object_get(c, "embedding"));
    assert_int_equal(golden_base64(base64, (uint8_t *)golden, sizeof(golden)),
                     w->length * sizeof(float));
    const orion_embed_input input = {.tokens = tokens, .n_tokens = json_array_size(list)};
    embed(w, &input, 1, got);
    for (uint32_t i = 0; i < w->length; i++) {
        square += (double)got[i] * (double)got[i];
        if (!(fabs((double)got[i] - (double)golden[i]) <= NEAR))
            fail_msg("%s, %s, element %u: %.9g, golden %.9g", name, label, i, (double)got[i],
                     (double)golden[i]);
    }
    assert_true(fabs(square - 1) < 1e-6);
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t m = 0; m < ORI_COUNT(models); m++) {
        struct world w = open_world(models[m], 1, 0);
        json_error_t error;
        json_t *root = json_load_file(golden_path(models[m], ".json"), 0, &error);
        const json_t *cases = json_object_get(root, "cases");

        assert_true(json_array_size(cases) >= 4);
        for (size_t i = 0; i < json_array_size(cases); i++)
            check_case(&w, models[m], json_array_get(cases, i));
        json_decref(root);
        close_world(&w);
    }
}

/* ---- the same bits ---- */

#define N_TEXTS 40u
#define POOL_TOKENS 2048u

/* Inputs of 1 to 100 tokens, more than are put into a batch. */
static void some_inputs(orion_embed_input inputs[N_TEXTS], int32_t pool[POOL_TOKENS])
{
    uint32_t state = 7;
    size_t used = 0;

    for (uint32_t i = 0; i < N_TEXTS; i++) {
        const uint32_t n = i % 5 == 0 ? 100 - i : 1 + i % 13;
        inputs[i] = (orion_embed_input){.tokens = pool + used, .n_tokens = n};
        for (uint32_t k = 0; k < n; k++) {
            state = state * 1664525u + 1013904223u;
            pool[used++] = (int32_t)((state >> 8) % 270);
        }
    }
    assert_true(used > 512 && used <= POOL_TOKENS);
}

static bool has_tier(const char *name)
{
    struct ori_kernels kernels;

    assert_int_equal(setenv("ORION_CPU", name, 1), 0);
    return ori_kernels_choose(&kernels, NULL) == ORION_OK;
}

static void check_same(const float *expect, const float *got, const char *name, const char *how)
{
    if (memcmp(expect, got, N_TEXTS * MAX_LENGTH * sizeof(float)) != 0)
        fail_msg("%s: other bits %s", name, how);
}

static void check_ways(const char *name, const orion_embed_input inputs[N_TEXTS],
                       const float *expect, float *got)
{
    static const struct {
        const char *tier;
        uint32_t threads, batch;
    } ways[] = {
        {"avx2", 1, 0}, {"avx2", 5, 100}, {"avxvnni", 2, 101}, {"avx512", 1, 0}, {"avx512", 4, 128},
    };

    for (size_t i = 0; i < ORI_COUNT(ways); i++) {
        if (!has_tier(ways[i].tier))
            continue;
        struct world w = open_world(name, ways[i].threads, ways[i].batch);
        memset(got, 0, N_TEXTS * MAX_LENGTH * sizeof(*got));
        embed(&w, inputs, N_TEXTS, got);
        check_same(expect, got, name, ways[i].tier);
        close_world(&w);
    }
}

/* All together in scalar code; each alone, all in another order, and all in every other
 * way. */
static void test_same_bits(void **state)
{
    static orion_embed_input inputs[N_TEXTS], turned[N_TEXTS];
    static int32_t pool[POOL_TOKENS];
    static float expect[N_TEXTS * MAX_LENGTH], got[N_TEXTS * MAX_LENGTH];

    (void)state;
    some_inputs(inputs, pool);
    for (uint32_t i = 0; i < N_TEXTS; i++)
        turned[i] = inputs[N_TEXTS - 1 - i];
    for (size_t m = 0; m < ORI_COUNT(models); m++) {
        assert_int_equal(setenv("ORION_CPU", "scalar", 1), 0);
        struct world w = open_world(models[m], 1, 0);
        memset(expect, 0, sizeof(expect));
        embed(&w, inputs, N_TEXTS, expect);
        close_world(&w);
        check_ways(models[m], inputs, expect, got);

        assert_int_equal(unsetenv("ORION_CPU"), 0);
        w = open_world(models[m], 2, 0);
        memset(got, 0, sizeof(got));
        for (uint32_t i = 0; i < N_TEXTS; i++)
            embed(&w, &inputs[i], 1, got + i * w.length);
        check_same(expect, got, models[m], "alone");
        embed(&w, turned, N_TEXTS, got);
        for (uint32_t i = 0; i < N_TEXTS; i++)
            assert_memory_equal(got + (N_TEXTS - 1 - i) * w.length, expect + i * w.length,
                                w.length * sizeof(float));
        close_world(&w);
    }
}

/* ---- texts ---- */

/* A text is its tokens, with those that the model puts around it. */
static void test_text(void **state)
{
    static const char text[] = "the and de os";
    struct world w = open_world("embed-bert", 1, 0);
    float by_text[MAX_LENGTH], by_tokens[MAX_LENGTH];
    uint32_t n_tokens = 0;
    int32_t *tokens;
    size_t n;

    (void)state;
    assert_int_equal(orion_tokenize(w.model, text, strlen(text),
                                    ORION_TOKENIZE_BOS | ORION_TOKENIZE_EOS, &tokens, &n, NULL),
                     ORION_OK);
    const orion_embed_input as_text = {.text = text, .text_bytes = strlen(text)};
    const orion_embed_input as_tokens = {.tokens = tokens, .n_tokens = n};
    assert_int_equal(orion_embed(w.embedder, &as_text, 1, NULL, NULL, by_text, &n_tokens, NULL),
                     ORION_OK);
    embed(&w, &as_tokens, 1, by_tokens);
    assert_int_equal(n_tokens, n);
    assert_memory_equal(by_text, by_tokens, w.length * sizeof(float));
    orion_free(tokens);
    close_world(&w);
}

/* ---- refusals ---- */

static void test_refused_inputs(void **state)
{
    static int32_t many[200];
    static const int32_t wrong[] = {1, 5, 100000}, negative[] = {-1};
    static const struct {
        const char *label;
        orion_embed_input input;
        orion_status status;
        const char *says;
    } rows[] = {
        {"too long",
         {.tokens = many, .n_tokens = 129},
         ORION_E_TOO_LONG,
         "input 2 has 129 tokens, but a text may have 128"},
        {"no tokens", {.tokens = many, .n_tokens = 0}, ORION_E_ARGUMENT, "input 2 is empty"},
        {"no such token", {.tokens = wrong, .n_tokens = 3}, ORION_E_ARGUMENT, "token 100000"},
        {"negative", {.tokens = negative, .n_tokens = 1}, ORION_E_ARGUMENT, "token -1"},
        {"neither", {0}, ORION_E_ARGUMENT, "NULL"},
    };
    struct world w = open_world("embed-bert", 1, 0);
    float out[2 * MAX_LENGTH];

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        const orion_embed_input inputs[] = {{.tokens = many, .n_tokens = 3}, rows[i].input};
        uint32_t n_tokens[2] = {7, 7};
        orion_error err = {0};
        const orion_status status =
            orion_embed(w.embedder, inputs, 2, NULL, NULL, out, n_tokens, &err);
        if (status != rows[i].status || !strstr(err.message, rows[i].says))
            fail_msg("%s: %d, '%s'", rows[i].label, (int)status, err.message);
    }
    close_world(&w);
}

/* The longest text is what a batch holds, and the message says so. */
static void test_limit(void **state)
{
    static int32_t tokens[128];
    struct world w = open_world("embed-bert", 1, 64);
    orion_embed_input input = {.tokens = tokens, .n_tokens = 64};
    float out[MAX_LENGTH];
    orion_error err = {0};

    (void)state;
    embed(&w, &input, 1, out);
    input.n_tokens = 65;
    assert_int_equal(orion_embed(w.embedder, &input, 1, NULL, NULL, out, NULL, &err),
                     ORION_E_TOO_LONG);
    assert_non_null(strstr(err.message, "65 tokens, but a text may have 64"));
    close_world(&w);
}

static int stop_at_once(size_t done, size_t total, void *user)
{
    *(size_t *)user = done;
    return done < total;
}

static void test_cancel(void **state)
{
    static orion_embed_input inputs[N_TEXTS];
    static int32_t pool[POOL_TOKENS];
    static float out[N_TEXTS * MAX_LENGTH];
    struct world w = open_world("embed-bert", 1, 0);
    size_t done = 0;
    orion_error err = {0};

    (void)state;
    some_inputs(inputs, pool);
    assert_int_equal(orion_embed(w.embedder, inputs, N_TEXTS, stop_at_once, &done, out, NULL, &err),
                     ORION_E_CANCELLED);
    assert_true(done > 0 && done < N_TEXTS);
    embed(&w, inputs, N_TEXTS, out);
    close_world(&w);
}

/* A model for chats makes no embeddings, one for embeddings answers nothing. */
static void test_wrong_use(void **state)
{
    orion_embedder *embedder;
    orion_session *session;
    orion_scheduler *scheduler;
    orion_model *model;
    orion_error err = {0};

    (void)state;
    assert_int_equal(orion_model_open(golden_path("qwen3", ".gguf"), NULL, &model, NULL), ORION_OK);
    assert_int_equal(orion_embedder_new(model, NULL, &embedder, &err), ORION_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "qwen3.pooling_type"));
    assert_null(embedder);
    orion_model_close(model);
    for (size_t m = 0; m < ORI_COUNT(models); m++) {
        assert_int_equal(orion_model_open(golden_path(models[m], ".gguf"), NULL, &model, NULL),
                         ORION_OK);
        assert_int_equal(orion_session_new(model, NULL, &session, &err), ORION_E_UNSUPPORTED);
        assert_non_null(strstr(err.message, "model for embeddings"));
        assert_int_equal(orion_scheduler_open(model, NULL, &scheduler, &err), ORION_E_UNSUPPORTED);
        orion_model_close(model);
    }
}

/* ---- files ---- */

static const struct file_row {
    const char *label, *model, *key; /* the key that is set: */
    uint32_t number;
    bool flag; /* to this instead */
    orion_status status;
    const char *says;
} file_rows[] = {
    {"ranks", "embed-bert", "bert.pooling_type", 4, false, ORION_E_UNSUPPORTED, "ranks texts"},
    {"another pooling", "embed-bert", "bert.pooling_type", 9, false, ORION_E_UNSUPPORTED,
     "no way to pool"},
    {"a bert that is causal", "embed-bert", "bert.attention.causal", 1, true, ORION_E_UNSUPPORTED,
     "all of their text"},
    {"a qwen3 that is not", "embed-qwen3", "qwen3.attention.causal", 0, true, ORION_E_UNSUPPORTED,
     "what is before them"},
    {"more positions than rows", "embed-bert", "bert.context_length", 129, false, ORION_E_FORMAT,
     "expected 48 x 129"},
};

static void test_files(void **state)
{
    const char *path = path_of("changed.gguf");

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(file_rows); i++) {
        const struct file_row *row = &file_rows[i];
        struct model_file file;
        orion_model *model;
        orion_error err = {0};

        file_read(&file, golden_path(row->model, ".gguf"));
        if (row->flag)
            set_bool(&file, row->key, row->number != 0);
        else
            set_u32(&file, row->key, row->number);
        file_write(&file, path);
        file_free(&file);
        const orion_status status = orion_model_open(path, NULL, &model, &err);
        if (status != row->status || !strstr(err.message, row->says))
            fail_msg("%s: %d, '%s'", row->label, (int)status, err.message);
        orion_model_close(model);
        assert_int_equal(unlink(path), 0);
    }
}

/* Pooling 0 and no pooling at all: a model without vectors of texts. */
static void test_no_pooling(void **state)
{
    const char *path = path_of("none.gguf");
    struct model_file file;
    orion_model *model;
    orion_embedder *embedder;
    orion_error err = {0};

    (void)state;
    file_read(&file, golden_path("embed-bert", ".gguf"));
    set_u32(&file, "bert.pooling_type", 0);
    file_write(&file, path);
    file_free(&file);
    assert_int_equal(orion_model_open(path, NULL, &model, &err), ORION_OK);
    assert_int_equal(orion_embedder_new(model, NULL, &embedder, &err), ORION_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "bert.pooling_type"));
    assert_non_null(strstr(err.message, "--pooling"));
    orion_model_close(model);
    assert_int_equal(unlink(path), 0);
}

/* The vector of a few tokens, or why the model can't be opened. */
static orion_status embed_pooled(const char *path, const char *pooling, float *out,
                                 orion_error *err)
{
    static const int32_t tokens[] = {2, 17, 40, 5, 3};
    const orion_embed_input input = {.tokens = tokens, .n_tokens = ORI_COUNT(tokens)};
    orion_model_options options;
    struct world w = {0};

    orion_model_options_init(&options);
    options.pooling = pooling;
    orion_status status = orion_model_open(path, &options, &w.model, err);
    if (status == ORION_OK)
        status = orion_embedder_new(w.model, NULL, &w.embedder, err);
    if (status == ORION_OK)
        embed(&w, &input, 1, out);
    close_world(&w);
    return status;
}

/* Said by the caller where the file says nothing: the same vector as by the file. */
static void test_said_pooling(void **state)
{
    static const struct {
        const char *label, *model;
        uint32_t in_file;
        const char *said, *refused; /* NULL: taken */
    } rows[] = {
        {"what the file lacks", "embed-bert", 0, "cls", NULL},
        {"another one", "embed-bert-mean", 0, "mean", NULL},
        {"of a decoder", "embed-qwen3", 0, "last", NULL},
        {"what the file says", "embed-bert", 2, "cls", NULL},
        {"what it does not", "embed-bert", 2, "mean", "pools by 'cls', so 'mean'"},
        {"nothing that there is", "embed-bert", 0, "median", "'median' is no way to pool"},
        {"the empty name", "embed-bert", 0, "", "'' is no way to pool"},
    };
    const char *path = path_of("said.gguf");

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        float expect[MAX_LENGTH] = {0}, got[MAX_LENGTH] = {0};
        struct model_file file;
        char key[64];
        orion_error err = {0};

        assert_int_equal(embed_pooled(golden_path(rows[i].model, ".gguf"), NULL, expect, &err),
                         ORION_OK);
        file_read(&file, golden_path(rows[i].model, ".gguf"));
        (void)snprintf(key, sizeof(key), "%s.pooling_type",
                       strstr(rows[i].model, "qwen3") ? "qwen3" : "bert");
        set_u32(&file, key, rows[i].in_file);
        file_write(&file, path);
        file_free(&file);
        const orion_status status = embed_pooled(path, rows[i].said, got, &err);
        if (status != (rows[i].refused ? ORION_E_ARGUMENT : ORION_OK) ||
            (rows[i].refused && !strstr(err.message, rows[i].refused)))
            fail_msg("%s: %d, '%s'", rows[i].label, (int)status, err.message);
        if (!rows[i].refused)
            assert_memory_equal(got, expect, sizeof(got));
        assert_int_equal(unlink(path), 0);
    }
}

/* Weights that are no numbers show as an error, not as a vector. */
static void test_broken_weights(void **state)
{
    const char *path = path_of("broken.gguf");
    struct model_file file;
    orion_model *model;
    orion_embedder *embedder;
    orion_error err = {0};
    static const int32_t token = 5;
    const orion_embed_input input = {.tokens = &token, .n_tokens = 1};
    float out[MAX_LENGTH];

    (void)state;
    file_read(&file, golden_path("embed-bert", ".gguf"));
    struct file_tensor *norm = tensor_of(&file, "blk.1.layer_output_norm.weight");
    memset(norm->data.data, 0xFF, norm->data.len);
    file_write(&file, path);
    file_free(&file);
    assert_int_equal(orion_model_open(path, NULL, &model, &err), ORION_OK);
    assert_int_equal(orion_embedder_new(model, NULL, &embedder, &err), ORION_OK);
    assert_int_equal(orion_embed(embedder, &input, 1, NULL, NULL, out, NULL, &err), ORION_E_FORMAT);
    assert_non_null(strstr(err.message, "broken"));
    orion_embedder_free(embedder);
    orion_model_close(model);
    assert_int_equal(unlink(path), 0);
}

static void test_facts(void **state)
{
    static const struct {
        const char *model, *pooling;
        uint32_t length;
    } rows[] = {
        {"embed-bert", "cls", 48},
        {"embed-bert-mean", "mean", 48},
        {"embed-qwen3", "last", 48},
        {"embed-gemma-dense", "mean", 48},
        {"qwen3", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_model *model;
        orion_model_info info;

        assert_int_equal(orion_model_open(golden_path(rows[i].model, ".gguf"), NULL, &model, NULL),
                         ORION_OK);
        orion_model_get_info(model, &info);
        assert_string_equal(info.pooling, rows[i].pooling);
        assert_int_equal(info.embedding_length, rows[i].length);
        orion_model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),         cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_text),           cmocka_unit_test(test_refused_inputs),
        cmocka_unit_test(test_limit),          cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_wrong_use),      cmocka_unit_test(test_files),
        cmocka_unit_test(test_no_pooling),     cmocka_unit_test(test_said_pooling),
        cmocka_unit_test(test_broken_weights), cmocka_unit_test(test_facts),
    };
    return cmocka_run_group_tests_name("embeddings", tests, make_folder, remove_folder);
}
