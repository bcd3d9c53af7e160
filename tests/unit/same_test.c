/* The same bits: the bundled model in every type, and the digest of its logits
 * and the text of its answers, whatever the threads, the batch and the tier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include <orion.h>

static const char text[] = "2024-03-06: HbA1c 8.7%. Weight 91.4 kg.\n2024-04-10: Glucose 149.\n"
                           "Su presión arterial pasó de 152/94 a 131/82 mmHg.\n";

/* Tiers that this CPU lacks are passed over.  The first is what the others are compared with. */
static const struct way {
    uint32_t threads, batch;
    const char *tier;
} ways[] = {
    {2, 64, "scalar"}, {1, 1, "avx2"},     {2, 7, "avx2"},   {3, 512, "avx2"},  {5, 64, "avx2"},
    {1, 1, "avxvnni"}, {2, 17, "avxvnni"}, {1, 1, "avx512"}, {2, 17, "avx512"}, {3, 64, "avx512"},
};

struct answer {
    char text[4096];
    size_t len;
};

static int take(const char *piece, size_t len, void *user)
{
    struct answer *answer = user;
    assert_true(answer->len + len < sizeof(answer->text));
    memcpy(answer->text + answer->len, piece, len);
    answer->len += len;
    return 0;
}

struct outcome {
    orion_perplexity_result result;
    struct answer greedy, drawn;
};

static void generate(orion_session *session, float temperature, struct answer *answer)
{
    orion_generate_params params;
    orion_error err = {0};

    orion_generate_params_init(&params);
    params.temperature = temperature;
    params.seed = 11;
    params.max_tokens = 6;
    if (orion_generate_text(session, text, false, &params, take, answer, NULL, &err) != ORION_OK)
        fail_msg("%s", err.message);
}

static bool has_tier(const char *name)
{
    struct ori_kernels kernels;

    assert_int_equal(setenv("ORION_CPU", name, 1), 0);
    return ori_kernels_choose(&kernels, NULL) == ORION_OK;
}

static void run(const orion_model *model, const struct way *way, struct outcome *out)
{
    orion_session_options options;
    orion_session *session;
    orion_error err = {0};

    memset(out, 0, sizeof(*out));
    orion_session_options_init(&options);
    options.threads = way->threads;
    options.batch_tokens = way->batch;
    options.context_tokens = 256;
    assert_int_equal(setenv("ORION_CPU", way->tier, 1), 0);
    if (orion_session_new(model, &options, &session, &err) != ORION_OK)
        fail_msg("%s", err.message);
    if (orion_perplexity(session, text, strlen(text), true, &out->result, &err) != ORION_OK)
        fail_msg("%s", err.message);
    generate(session, 0, &out->greedy);
    generate(session, 1.2f, &out->drawn); /* finds its prompt in the cache */
    orion_session_free(session);
}

/* ---- each type ---- */

static double f32_perplexity; /* of the first type, for the others to be near */

static const struct type_row {
    const char *name;
    uint32_t type;
    /* How far the perplexity may be from F32's, in parts: coarser types are
     * further off.  Sameness is exact; this is to see that it is sense that is
     * the same. */
    double near;
} types[] = {
    {"F32", ORI_F32, 0},      {"F16", ORI_F16, 0.001}, {"BF16", ORI_BF16, 0.01},
    {"Q8_0", ORI_Q8_0, 0.01}, {"Q4_0", ORI_Q4_0, 0.2}, {"Q4_1", ORI_Q4_1, 0.2},
    {"Q5_0", ORI_Q5_0, 0.1},  {"Q5_1", ORI_Q5_1, 0.1}, {"Q2_K", ORI_Q2_K, 1},
    {"Q3_K", ORI_Q3_K, 0.4},  {"Q4_K", ORI_Q4_K, 0.2}, {"Q5_K", ORI_Q5_K, 0.1},
    {"Q6_K", ORI_Q6_K, 0.05},
};

static void test_type(void **state)
{
    const struct type_row *row = *state;
    const char *path = path_of("typed.gguf");
    struct model_file file;
    orion_model *model;
    orion_error err = {0};
    static struct outcome first;
    static struct outcome other;
    orion_model_info info;

    file_read(&file, data_path("../models/orion-tiny.gguf"));
    convert_all(&file, row->type);
    file_write(&file, path);
    file_free(&file);
    if (orion_model_open(path, NULL, &model, &err) != ORION_OK)
        fail_msg("%s", err.message);
    assert_int_equal(unlink(path), 0);
    orion_model_get_info(model, &info);
    assert_string_equal(info.quantization, row->name);

    run(model, &ways[0], &first);
    assert_int_equal(strlen(first.result.digest), 64);
    for (size_t i = 1; i < ORI_COUNT(ways); i++) {
        if (!has_tier(ways[i].tier))
            continue;
        run(model, &ways[i], &other);
        if (strcmp(first.result.digest, other.result.digest) != 0 ||
            memcmp(&first.result.perplexity, &other.result.perplexity, sizeof(double)) != 0)
            fail_msg("%s: other logits with %u threads, batches of %u, %s", row->name,
                     ways[i].threads, ways[i].batch, ways[i].tier);
        if (strcmp(first.greedy.text, other.greedy.text) != 0 ||
            strcmp(first.drawn.text, other.drawn.text) != 0)
            fail_msg("%s: another text with %u threads, batches of %u, %s", row->name,
                     ways[i].threads, ways[i].batch, ways[i].tier);
    }
    print_message("# %s: perplexity %.4f\n", row->name, first.result.perplexity);
    if (row->type == ORI_F32)
        f32_perplexity = first.result.perplexity;
    const double ratio = first.result.perplexity / f32_perplexity;
    if (!(ratio <= 1 + row->near && ratio >= 1 / (1 + row->near)))
        fail_msg("%s: perplexity %g, in F32 %g", row->name, first.result.perplexity,
                 f32_perplexity);
    orion_model_close(model);
}

int main(void)
{
    static struct CMUnitTest tests[ORI_COUNT(types)];
    for (size_t i = 0; i < ORI_COUNT(types); i++)
        tests[i] =
            (struct CMUnitTest){types[i].name, test_type, NULL, NULL, (void *)(uintptr_t)&types[i]};
    return cmocka_run_group_tests_name("same bits", tests, make_folder, remove_folder);
}
