/* orion bench: how fast a model runs here. */
#include "bench.h"
#include "engine.h"
#include "interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_TOKENS 16u /* of the prompt that the first token is waited for */
#define REPEATS_MAX 100

struct bench_args {
    struct cli_engine_args engine;
    uint32_t repeat;
    const char *only;
};

#define FIELD(name) offsetof(struct bench_args, name)
#define DEFAULT_TESTS "pp64,pp512,pp2048,tg64,tg64@2048"

static const struct cli_option options[] = {
    {.kind = CLI_KIND_COUNT,
     .name = "repeat",
     .offset = FIELD(repeat),
     .value = "N",
     .help = "measure each N times",
     .min = 1,
     .max = REPEATS_MAX,
     .show_default = true},
    {.kind = CLI_KIND_TEXT,
     .name = "only",
     .offset = FIELD(only),
     .value = "LIST",
     .help = "measure these (default " DEFAULT_TESTS ")"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {
    {options, 0}, {cli_engine_options, offsetof(struct bench_args, engine)}, {NULL, 0}};

static void bench_init(void *args)
{
    ((struct bench_args *)args)->repeat = 3;
}

/* ---- which tests ---- */

/* A number of 1 to 7 digits; where it ends, or NULL. */
static const char *parse_tokens(const char *text, uint32_t *out)
{
    const size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 7)
        return NULL;
    *out = (uint32_t)strtoul(text, NULL, 10);
    return text + digits;
}

/* "pp512" or "tg64@2048", up to a comma or the end; where it ends, or NULL. */
static const char *parse_test(const char *text, struct bench_test *out)
{
    const char *at = text + 2;

    *out = (struct bench_test){.kind = ORION_BENCH_PREFILL};
    if (strncmp(text, "tg", 2) == 0)
        out->kind = ORION_BENCH_DECODE;
    else if (strncmp(text, "pp", 2) != 0)
        return NULL;
    at = parse_tokens(at, &out->tokens);
    if (at && *at == '@')
        at = parse_tokens(at + 1, &out->depth);
    if (!at || (*at && *at != ',') || out->tokens == 0)
        return NULL;
    (void)snprintf(out->name, sizeof(out->name), "%.*s", (int)(at - text), text);
    return at;
}

static int parse_tests(const struct cli *cli, const char *list, struct bench_test *out, size_t *n)
{
    const char *at = list;

    for (*n = 0; *n < BENCH_TESTS_MAX; at++) { /* over the comma */
        const char *end = parse_test(at, &out[*n]);
        if (!end)
            return cli_usage(cli,
                             "--only: '%s' is no list such as pp512,tg64,tg64@2048: pp is a prompt "
                             "and tg an answer of so many tokens, @ after so many others.",
                             list);
        ++*n;
        at = end;
        if (!*at)
            return CLI_OK;
    }
    return cli_usage(cli, "--only: at most %d tests at a time.", BENCH_TESTS_MAX);
}

/* ---- measuring ---- */

/* The memory that the model took, before measuring the machine takes some of its own. */
static void keep_memory(struct bench *bench)
{
    const struct cli_memory now = cli_memory_now();

    bench->memory.private_bytes = now.private_bytes;
    if (now.peak_bytes > bench->memory.peak_bytes)
        bench->memory.peak_bytes = now.peak_bytes;
}

static void add_peak(struct bench_peak *peak, double rate, size_t n_before)
{
    if (n_before == 0 || rate < peak->slowest)
        peak->slowest = rate;
    if (rate > peak->fastest)
        peak->fastest = rate;
    peak->mean += (rate - peak->mean) / (double)(n_before + 1);
}

static int measure_machine(const struct cli *cli, orion_session *session, struct bench *bench)
{
    orion_error err = CLI_NO_ERROR;

    keep_memory(bench);
    const orion_status status = orion_bench_machine(session, &bench->now, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    add_peak(&bench->read_bytes, bench->now.read_bytes_per_second, bench->n_measured);
    add_peak(&bench->multiply_adds, bench->now.multiply_adds_per_second, bench->n_measured);
    bench->n_measured++;
    bench->peak_is_known = cli_memory_forget_peak() && bench->peak_is_known;
    return CLI_OK;
}

/* Of each run of a test. */
struct runs {
    double rate[REPEATS_MAX], memory_share[REPEATS_MAX], compute_share[REPEATS_MAX];
    double read_bytes[REPEATS_MAX]; /* a second */
};

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static double median(double *numbers, size_t n)
{
    qsort(numbers, n, sizeof(*numbers), compare_numbers);
    return (numbers[(n - 1) / 2] + numbers[n / 2]) / 2;
}

static void fill_row(struct bench_row *row, struct runs *runs, size_t n)
{
    row->median = median(runs->rate, n);
    row->slowest = runs->rate[0];
    row->fastest = runs->rate[n - 1];
    row->memory_share = median(runs->memory_share, n);
    row->compute_share = median(runs->compute_share, n);
    row->read_bytes = median(runs->read_bytes, n);
}

/* One run, with the machine measured before (by the run before) and after; what an answer
 * could have read was measured during it. */
static int measure_run(const struct cli *cli, orion_session *session, struct bench *bench,
                       struct bench_row *row, struct runs *runs, size_t run)
{
    const struct bench_test *test = &row->test;
    const orion_bench_peaks before = bench->now;
    const orion_bench_peaks *const after = &bench->now;
    orion_bench_result result = {0};
    orion_error err = CLI_NO_ERROR;
    const orion_status status =
        orion_bench(session, test->kind, test->tokens, test->depth, &result, &err);

    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    const int code = measure_machine(cli, session, bench);
    const double seconds = result.wall_ms / 1e3;
    runs->rate[run] = test->tokens / seconds;
    runs->read_bytes[run] = result.read_bytes_per_second;
    const double read = result.read_bytes_per_second > 0
                            ? result.read_bytes_per_second
                            : (before.read_bytes_per_second + after->read_bytes_per_second) / 2;
    runs->memory_share[run] = (double)result.weight_bytes / seconds / read;
    runs->compute_share[run] = (double)result.multiply_adds / seconds * 2 /
                               (before.multiply_adds_per_second + after->multiply_adds_per_second);
    if (test->tokens * 1e3 / result.cpu_ms > row->per_cpu_second)
        row->per_cpu_second = test->tokens * 1e3 / result.cpu_ms;
    return code;
}

static int measure(const struct cli *cli, orion_session *session, const struct bench_test *test,
                   struct bench *bench)
{
    struct bench_row *row = &bench->rows[bench->n_rows];
    struct runs runs;

    *row = (struct bench_row){.test = *test};
    for (uint32_t i = 0; i < bench->repeats; i++) {
        const int code = measure_run(cli, session, bench, row, &runs, i);
        if (code != CLI_OK)
            return code;
    }
    fill_row(row, &runs, bench->repeats);
    bench->n_rows++;
    return CLI_OK;
}

/* Loading, and a short prompt as the first thing that is computed. */
static int measure_first(const struct cli *cli, const struct cli_engine *engine,
                         struct bench *bench)
{
    orion_bench_result result;
    orion_error err = CLI_NO_ERROR;

    bench->first_tokens = bench->context < FIRST_TOKENS ? bench->context : FIRST_TOKENS;
    const orion_status status =
        orion_bench(engine->session, ORION_BENCH_PREFILL, bench->first_tokens, 0, &result, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    bench->load_ms = engine->load_ms;
    bench->first_token_ms = engine->load_ms + result.wall_ms;
    return CLI_OK;
}

static int measure_all(const struct cli *cli, const struct cli_engine *engine,
                       const struct bench_test *tests, size_t n_tests, struct bench *bench)
{
    int code = measure_first(cli, engine, bench);

    if (code == CLI_OK)
        code = measure_machine(cli, engine->session, bench);
    for (size_t i = 0; i < n_tests && code == CLI_OK; i++) {
        const struct bench_test *test = &tests[i];
        if ((uint64_t)test->depth + test->tokens > bench->context) {
            cli_note(cli, "%s is left out: it does not fit the context of %u tokens.", test->name,
                     bench->context);
            continue;
        }
        code = measure(cli, engine->session, test, bench);
    }
    if (!bench->peak_is_known)
        bench->memory.peak_bytes = 0;
    return code;
}

/* The library's default where none was asked for. */
static uint32_t context_of(const struct cli_engine_args *args, const orion_model_info *info)
{
    if (args->ctx > 0)
        return args->ctx;
    return info->context_tokens < 4096 ? info->context_tokens : 4096;
}

static int bench_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct bench_args *a = args;
    struct bench bench = {.repeats = a->repeat, .peak_is_known = true};
    struct bench_test tests[BENCH_TESTS_MAX];
    struct cli_engine engine = {0};
    size_t n_tests;
    int code = parse_tests(cli, a->only ? a->only : DEFAULT_TESTS, tests, &n_tests);

    (void)n_operands;
    if (code == CLI_OK)
        code = cli_engine_open(cli, operands[0], false, &a->engine, &engine);
    if (code != CLI_OK)
        return code;
    orion_model_get_info(engine.model, &bench.info);
    bench.context = context_of(&a->engine, &bench.info);
    cli_interrupt_install();
    cli_interrupt_watch(engine.session);
    code = measure_all(cli, &engine, tests, n_tests, &bench);
    cli_interrupt_watch(NULL);
    if (code == CLI_OK && cli->json)
        code = bench_print_json(cli, &bench);
    else if (code == CLI_OK)
        bench_print(&bench);
    cli_engine_close(&engine);
    return code;
}

const struct cli_verb verb_bench = {
    .name = "bench",
    .usage = "[--only LIST] [--repeat N] REF",
    .summary = "measure how fast a model runs here",
    .details =
        "pp512 is a prompt of 512 tokens, tg64 an answer of 64, tg64@2048 one after 2048 others;\n"
        "the tokens are random. Of each test the median of the runs is given, with the slowest,\n"
        "the fastest, and the tokens for each second that the threads computed. MEMORY is the\n"
        "share of the speed at which memory can be read, which bounds answers; COMPUTE that of\n"
        "the 8-bit products that the cores can do, which bounds prompts.",
    .options = sets,
    .args_bytes = sizeof(struct bench_args),
    .init = bench_init,
    .min_operands = 1,
    .max_operands = 1,
    .run = bench_run,
};
