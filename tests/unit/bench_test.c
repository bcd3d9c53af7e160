/* Measuring: what is counted, what is refused, and what is left behind.  How
 * long anything takes is not asserted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include <orion.h>

#define PLAIN "golden/llama-gqa.gguf"
#define FUSED "golden/phi3-gqa-partial.gguf"

struct bench {
    orion_model *model;
    orion_session *session;
};

static struct bench open_bench(const char *name, uint32_t context, uint32_t batch)
{
    struct bench b;
    orion_session_options options;
    orion_error err = {0};

    orion_session_options_init(&options);
    options.threads = 1;
    options.context_tokens = context;
    options.batch_tokens = batch;
    if (orion_model_open(data_path(name), NULL, &b.model, &err) != ORION_OK ||
        orion_session_new(b.model, &options, &b.session, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return b;
}

static void close_bench(struct bench *b)
{
    orion_session_free(b->session);
    orion_model_close(b->model);
}

/* Bytes and elements of the matrices that a token of the layers goes through,
 * and of the output matrix, from the file's list of tensors. */
struct sizes {
    uint64_t layer_bytes, layer_elements, output_bytes, output_elements;
};

static bool has_tensor(const orion_model *model, const char *name)
{
    orion_tensor_info t;

    for (size_t i = 0; orion_model_tensor(model, i, &t); i++)
        if (strcmp(t.name, name) == 0)
            return true;
    return false;
}

static struct sizes measure_tensors(const orion_model *model)
{
    const bool tied = !has_tensor(model, "output.weight");
    const char *const output = tied ? "token_embd.weight" : "output.weight";
    struct sizes sizes = {0};
    orion_tensor_info t;

    for (size_t i = 0; orion_model_tensor(model, i, &t); i++) {
        const bool is_output = strcmp(t.name, output) == 0;
        if (t.n_dims != 2 || (!is_output && strcmp(t.name, "token_embd.weight") == 0))
            continue;
        *(is_output ? &sizes.output_bytes : &sizes.layer_bytes) += t.size_bytes;
        *(is_output ? &sizes.output_elements : &sizes.layer_elements) += t.dims[0] * t.dims[1];
    }
    assert_true(sizes.output_bytes > 0 && sizes.layer_bytes > 0);
    return sizes;
}

static void test_work(void **state)
{
    static const struct {
        const char *model;
        orion_bench_kind kind;
        uint32_t tokens, depth;
        uint32_t passes, logits; /* with batches of 8 */
    } rows[] = {
        {PLAIN, ORION_BENCH_PREFILL, 1, 0, 1, 1},    {PLAIN, ORION_BENCH_PREFILL, 8, 0, 1, 1},
        {PLAIN, ORION_BENCH_PREFILL, 9, 0, 2, 1},    {PLAIN, ORION_BENCH_PREFILL, 20, 11, 3, 1},
        {PLAIN, ORION_BENCH_DECODE, 1, 0, 1, 1},     {PLAIN, ORION_BENCH_DECODE, 9, 0, 9, 9},
        {PLAIN, ORION_BENCH_DECODE, 12, 20, 12, 12}, {FUSED, ORION_BENCH_PREFILL, 17, 3, 3, 1},
        {FUSED, ORION_BENCH_DECODE, 5, 3, 5, 5},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct bench b = open_bench(rows[i].model, 32, 8);
        const struct sizes sizes = measure_tensors(b.model);
        for (int again = 0; again < 2; again++) {
            orion_bench_result r;
            orion_error err = {0};
            if (orion_bench(b.session, rows[i].kind, rows[i].tokens, rows[i].depth, &r, &err) !=
                ORION_OK)
                fail_msg("row %zu: %s", i, err.message);
            assert_true(r.wall_ms > 0 && r.cpu_ms >= 0);
            assert_true((r.read_bytes_per_second > 0) == (rows[i].kind == ORION_BENCH_DECODE));
            assert_int_equal(r.weight_bytes, rows[i].passes * sizes.layer_bytes +
                                                 rows[i].logits * sizes.output_bytes);
            assert_int_equal(r.multiply_adds, rows[i].tokens * sizes.layer_elements +
                                                  rows[i].logits * sizes.output_elements);
        }
        close_bench(&b);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        orion_bench_kind kind;
        uint32_t tokens, depth;
        orion_status status;
        const char *says;
    } rows[] = {
        {ORION_BENCH_PREFILL, 0, 0, ORION_E_ARGUMENT, "at least one token"},
        {ORION_BENCH_PREFILL, 33, 0, ORION_E_TOO_LONG, "33 tokens after 0 do not fit the context"},
        {ORION_BENCH_DECODE, 1, 32, ORION_E_TOO_LONG, "1 tokens after 32"},
        {ORION_BENCH_DECODE, 2, UINT32_MAX, ORION_E_TOO_LONG, "do not fit"},
        {(orion_bench_kind)7, 1, 0, ORION_E_ARGUMENT, "7 is no kind"},
    };
    struct bench b = open_bench(PLAIN, 32, 0);
    orion_bench_result r;
    orion_error err;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        r = (orion_bench_result){.wall_ms = 1};
        err = (orion_error){0};
        const orion_status status =
            orion_bench(b.session, rows[i].kind, rows[i].tokens, rows[i].depth, &r, &err);
        if (status != rows[i].status || !strstr(err.message, rows[i].says))
            fail_msg("row %zu: %d '%s'", i, status, err.message);
        assert_true(r.wall_ms == 0);
    }
    assert_int_equal(orion_bench(NULL, ORION_BENCH_PREFILL, 1, 0, &r, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_bench(b.session, ORION_BENCH_PREFILL, 1, 0, NULL, &err),
                     ORION_E_ARGUMENT);
    close_bench(&b);
}

static void test_cancel(void **state)
{
    struct bench b = open_bench(PLAIN, 32, 0);
    orion_bench_result r;

    (void)state;
    for (int kind = ORION_BENCH_PREFILL; kind <= ORION_BENCH_DECODE; kind++) {
        orion_session_cancel(b.session);
        assert_int_equal(orion_bench(b.session, (orion_bench_kind)kind, 4, 0, &r, NULL),
                         ORION_E_CANCELLED);
        assert_int_equal(r.weight_bytes, 0);
        assert_int_equal(orion_bench(b.session, (orion_bench_kind)kind, 4, 0, &r, NULL), ORION_OK);
    }
    close_bench(&b);
}

static void test_machine(void **state)
{
    struct bench b = open_bench(PLAIN, 32, 0);
    orion_bench_peaks peaks;
    orion_error err;

    (void)state;
    assert_int_equal(orion_bench_machine(b.session, &peaks, &err), ORION_OK);
    assert_int_equal(peaks.threads, 1);
    assert_true(peaks.cpu_tier[0] && peaks.read_bytes_per_second > 0);
    assert_true(peaks.multiply_adds_per_second > 0);
    assert_int_equal(orion_bench_machine(NULL, &peaks, &err), ORION_E_ARGUMENT);
    assert_null(peaks.cpu_tier);
    assert_int_equal(orion_bench_machine(b.session, NULL, &err), ORION_E_ARGUMENT);
    close_bench(&b);
}

/* An answer after a measurement is that of a session which made none. */
static void test_leaves_nothing(void **state)
{
    struct bench b = open_bench(PLAIN, 64, 0), fresh = open_bench(PLAIN, 64, 0);
    orion_perplexity_result mine, expected;
    orion_bench_result r;

    (void)state;
    assert_int_equal(orion_bench(b.session, ORION_BENCH_DECODE, 7, 30, &r, NULL), ORION_OK);
    assert_int_equal(orion_perplexity(b.session, "the and a", 9, true, &mine, NULL), ORION_OK);
    assert_int_equal(orion_perplexity(fresh.session, "the and a", 9, true, &expected, NULL),
                     ORION_OK);
    assert_string_equal(mine.digest, expected.digest);
    close_bench(&b);
    close_bench(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work),           cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cancel),         cmocka_unit_test(test_machine),
        cmocka_unit_test(test_leaves_nothing),
    };
    return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
