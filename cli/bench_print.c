/* The results of orion bench, for a person and for a program. */
#include "bench.h"
#include "facts.h"
#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

static const struct cli_column columns[] = {
    {"TEST", false},     {"TOKENS/S", true}, {"SLOWEST", true}, {"FASTEST", true},
    {"PER CPU S", true}, {"MEMORY", true},   {"COMPUTE", true}};

static void cell(const void *bench, size_t row, size_t column, char *out, size_t out_bytes)
{
    const struct bench *b = bench;
    const struct bench_row *r = &b->rows[row];
    const double rates[] = {r->median, r->slowest, r->fastest, r->per_cpu_second};

    if (column == 0)
        (void)snprintf(out, out_bytes, "%s", r->test.name);
    else if (column <= CLI_COUNT(rates))
        (void)snprintf(out, out_bytes, "%.2f", rates[column - 1]);
    else
        (void)snprintf(out, out_bytes, "%.0f %%",
                       100 * (column == 5 ? r->memory_share : r->compute_share));
}

void bench_print(const struct bench *b)
{
    char a[CLI_NUMBER_BYTES], c[CLI_NUMBER_BYTES];

    cli_fact("model", "%s, %s, %s", b->info.name[0] ? b->info.name : b->info.architecture,
             b->info.quantization, cli_text_bytes(b->info.file_bytes, a));
    cli_fact("load", "%.1f ms", b->load_ms);
    cli_fact("first token", "%.1f ms, loading and a prompt of %u tokens included",
             b->first_token_ms, b->first_tokens);
    if (b->memory.peak_bytes > 0)
        cli_fact("memory", "%s at most, %s of it besides the model's file",
                 cli_text_bytes(b->memory.peak_bytes, a),
                 cli_text_bytes(b->memory.private_bytes, c));
    cli_fact("machine",
             "%u threads (%s): %.1f to %.1f GB/s read, %.0f to %.0f billion 8-bit multiply-adds/s",
             b->now.threads, b->now.cpu_tier, b->read_bytes.slowest / 1e9,
             b->read_bytes.fastest / 1e9, b->multiply_adds.slowest / 1e9,
             b->multiply_adds.fastest / 1e9);
    (void)fputc('\n', stdout);
    cli_table_print(columns, CLI_COUNT(columns), b->n_rows, cell, b);
}

/* ---- JSON ---- */

static json_t *row_document(const struct bench_row *r)
{
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "test", r->test.name, "kind",
        r->test.kind == ORION_BENCH_DECODE ? "decode" : "prefill", "tokens",
        cli_json_count(r->test.tokens), "depth_tokens", cli_json_count(r->test.depth),
        "tokens_per_second", cli_json_number(r->median), "slowest", cli_json_number(r->slowest),
        "fastest", cli_json_number(r->fastest), "tokens_per_cpu_second",
        cli_json_number(r->per_cpu_second), "memory_share", cli_json_number(r->memory_share),
        "compute_share", cli_json_number(r->compute_share), "read_bytes_per_second",
        cli_json_number(r->read_bytes));
}

static json_t *rows_document(const struct bench *b)
{
    json_t *array = json_array();

    for (size_t i = 0; i < b->n_rows; i++)
        cli_json_add(&array, row_document(&b->rows[i]));
    return array;
}

static json_t *peak_document(const struct bench_peak *peak)
{
    return json_pack("{s:o, s:o, s:o}", "mean", cli_json_number(peak->mean), "slowest",
                     cli_json_number(peak->slowest), "fastest", cli_json_number(peak->fastest));
}

static json_t *machine_document(const struct bench *b)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "cpu_tier", b->now.cpu_tier, "threads",
                     cli_json_count(b->now.threads), "read_bytes_per_second",
                     peak_document(&b->read_bytes), "multiply_adds_per_second",
                     peak_document(&b->multiply_adds));
}

int bench_print_json(const struct cli *cli, const struct bench *b)
{
    return cli_json_print(
        cli,
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                  cli_json_text(b->info.name), "quantization", cli_json_text(b->info.quantization),
                  "file_bytes", cli_json_count(b->info.file_bytes), "context_tokens",
                  cli_json_count(b->context), "repeats", cli_json_count(b->repeats), "load_ms",
                  cli_json_number(b->load_ms), "first_token_ms", cli_json_number(b->first_token_ms),
                  "first_token_prompt_tokens", cli_json_count(b->first_tokens), "peak_bytes",
                  cli_json_count(b->memory.peak_bytes), "private_bytes",
                  cli_json_count(b->memory.private_bytes), "machine", machine_document(b), "tests",
                  rows_document(b)));
}
