/* bench.h - the results of orion bench, gathered, and how they are printed. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli.h"
#include "memory.h"

#define BENCH_TESTS_MAX 16
#define BENCH_NAME_BYTES 32

struct bench_test {
    char name[BENCH_NAME_BYTES]; /* "pp512", "tg64@2048" */
    orion_bench_kind kind;
    uint32_t tokens, depth;
};

/* Tokens a second of a test. */
struct bench_row {
    struct bench_test test;
    double median, slowest, fastest;
    double per_cpu_second; /* the best run's, by the time that all threads computed */
    /* Medians over the runs: weights read in parts of what reading them alone gave during
     * an answer, and around a prompt; multiplied, in parts of what the machine gave right
     * before and after the run. */
    double memory_share, compute_share;
    double read_bytes; /* a second, alone, during an answer (median); around a prompt 0 */
};

/* What the machine gave over all measurements. */
struct bench_peak {
    double mean, slowest, fastest;
};

struct bench {
    orion_model_info info;
    uint32_t context, repeats;
    double load_ms, first_token_ms;
    uint32_t first_tokens; /* of the prompt that first_token_ms is for */
    struct bench_row rows[BENCH_TESTS_MAX];
    size_t n_rows;
    struct cli_memory memory; /* of loading and all tests */
    bool peak_is_known;       /* not where the machine's own block can't be left out */
    orion_bench_peaks now;    /* the last measurement */
    struct bench_peak read_bytes, multiply_adds; /* a second */
    size_t n_measured;
};

void bench_print(const struct bench *bench);
int bench_print_json(const struct cli *cli, const struct bench *bench);

#endif
