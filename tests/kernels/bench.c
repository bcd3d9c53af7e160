/* Speed of each kernel on one core.  A matrix of 3072 x 8192 is repeated until
 * it no longer fits a cache, so the first figure is that of memory. */
#include "checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS ((size_t)3072)
#define FEW_ROWS ((size_t)64) /* stay in the second-level cache */
#define N ((size_t)8192)
#define COLS ((size_t)64)
#define POOL_BYTES ((size_t)512 << 20)
#define MIN_SECONDS 0.4

/* Processor time, so that other programs on the machine disturb less. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What plain reading reaches: the yardstick of the first figure. */
static void bench_read(const uint8_t *pool)
{
    const uint64_t *p = (const void *)pool;
    const size_t n = POOL_BYTES / sizeof(*p);
    uint64_t sum[8] = {0};
    const double start = now();

    for (size_t i = 0; i < n; i += 8)
        for (size_t j = 0; j < 8; j++)
            sum[j] += p[i + j];
    const double seconds = now() - start;
    const volatile uint64_t keep =
        sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7];
    (void)keep;
    printf("%-8s %-12s %6.1f GB/s\n", "-", "plain read", (double)POOL_BYTES / seconds * 1e-9);
}

/* One shape: calls go round n_matrices matrices of n_rows.  Returns calls a
 * second. */
static double rate(const struct ori_kernels *k, enum ori_type type, const uint8_t *pool,
                   size_t row_bytes, size_t n_rows, size_t n_matrices, const uint8_t *acts,
                   size_t n_cols, float *out)
{
    size_t act_bytes = 0;
    double seconds;
    size_t runs = 0;

    ori_act_bytes(k->types[type].act, N, &act_bytes);
    const double start = now();
    do {
        k->types[type].matmul(pool + runs % n_matrices * n_rows * row_bytes, row_bytes, n_rows, N,
                              acts, act_bytes, n_cols, out, n_rows);
        runs++;
        seconds = now() - start;
    } while (seconds < MIN_SECONDS);
    return (double)runs / seconds;
}

static void bench_matmul(const struct ori_kernels *k, const struct stored_type *type,
                         const uint8_t *pool, const uint8_t *acts, float *out)
{
    const size_t row_bytes = N / type->block_elems * type->block_bytes;
    const size_t n_matrices = POOL_BYTES / (ROWS * row_bytes);
    const double memory = rate(k, type->type, pool, row_bytes, ROWS, n_matrices, acts, 1, out);
    const double cache = rate(k, type->type, pool, row_bytes, FEW_ROWS, 1, acts, 1, out);
    const double many = rate(k, type->type, pool, row_bytes, FEW_ROWS, 16, acts, COLS, out);

    printf("%-8s %-12s %6.1f GB/s from memory, %6.1f from cache, %7.1f Gop/s with %zu columns\n",
           k->name, type->name, memory * (double)(ROWS * row_bytes) * 1e-9,
           cache * (double)(FEW_ROWS * row_bytes) * 1e-9, many * 2 * FEW_ROWS * N * COLS * 1e-9,
           COLS);
    fflush(stdout);
}

/* Nanoseconds an element of kernels on rows. */
static void print_row(const struct ori_kernels *k, const char *name, double seconds, double elems)
{
    printf("%-8s %-12s %8.3f ns an element\n", k->name, name, seconds / elems * 1e9);
}

#define BENCH_ROW(name, call)                                                                      \
    do {                                                                                           \
        const double start = now();                                                                \
        double seconds, elems = 0;                                                                 \
        if (filter && !strstr((name), filter))                                                     \
            break;                                                                                 \
        do {                                                                                       \
            (call);                                                                                \
            elems += (double)N;                                                                    \
            seconds = now() - start;                                                               \
        } while (seconds < 0.1);                                                                   \
        print_row(k, (name), seconds, elems);                                                      \
    } while (0)

static void bench_rows(const struct ori_kernels *k, uint8_t *pool, const char *filter)
{
    float *x = (void *)pool, *y = x + N, *out = y + N;
    uint16_t *half = (void *)(out + N);
    struct rng rng = {9};

    fill_floats(&rng, PATTERN_NORMAL, x, N);
    for (size_t i = 0; i < N; i += 2) { /* angles, too: a cosine and a sine */
        y[i] = 0.6f;
        y[i + 1] = 0.8f;
    }
    BENCH_ROW("act q8", k->quantize_act[ORI_ACT_Q8](x, out, N));
    BENCH_ROW("act q8k", k->quantize_act[ORI_ACT_Q8K](x, out, N));
    BENCH_ROW("rms_norm", k->rms_norm(x, y, out, N, 1e-5f));
    BENCH_ROW("silu_mul", k->silu_mul(x, y, out, N));
    BENCH_ROW("rope", k->rope(x, y, N, true));
    BENCH_ROW("f32_to_f16", k->f32_to_f16(x, half, N));
    BENCH_ROW("f16_to_f32", k->f16_to_f32(half, out, N));
    BENCH_ROW("log_sum_exp", k->log_sum_exp(x, N));
}

/* One head of 96 over 2048 positions: each query sees them all. */
static void bench_attention(const struct ori_kernels *k, enum ori_kv_type type, size_t n_queries,
                            uint8_t *pool)
{
    enum { dim = 96, positions = 2048 };
    static const char *const names[ORI_KV_COUNT] = {"f16", "q8_0", "f32"};
    static float q[ORI_ATTN_TILE][dim], out[ORI_ATTN_TILE][dim];
    uint8_t *keys = pool, *values = pool + POOL_BYTES / 2;
    struct ori_attn_query queries[ORI_ATTN_TILE];
    float key[dim], value[dim];
    struct rng rng = {11};
    double seconds, pairs = 0;

    for (size_t t = 0; t < positions; t++) {
        fill_floats(&rng, PATTERN_NORMAL, key, dim);
        fill_floats(&rng, PATTERN_NORMAL, value, dim);
        ori_kv_store(k, type, dim, key, value, t, keys, values);
    }
    for (size_t j = 0; j < n_queries; j++) {
        fill_floats(&rng, PATTERN_NORMAL, q[j], dim);
        queries[j] = (struct ori_attn_query){q[j], out[j], 0, positions};
    }
    const struct ori_attn attn = {.keys = keys,
                                  .values = values,
                                  .slots = positions,
                                  .head_dim = dim,
                                  .scale = 0.1f,
                                  .queries = queries,
                                  .n_queries = n_queries};
    const double start = now();
    do {
        k->attention[type](&attn);
        pairs += (double)(positions * n_queries);
        seconds = now() - start;
    } while (seconds < 0.2);
    printf("%-8s attention %-5s %7.2f ns a query and position, head of %d, %zu queries\n", k->name,
           names[type], seconds / pairs * 1e9, dim, n_queries);
}

void bench(const struct ori_kernels *k, const char *filter)
{
    uint8_t *pool = ori_alloc_aligned(POOL_BYTES, 1);
    uint8_t *acts = ori_alloc_aligned(COLS, 4 * N);
    float *out = ori_alloc_aligned(COLS * ROWS, sizeof(float));
    float *x = ori_alloc_aligned(N, sizeof(float));
    static const size_t together[] = {1, 2, 3, 4, 7, 12, ORI_ATTN_TILE};
    struct rng rng = {13};

    if (!pool || !acts || !out || !x)
        abort();
    memset(pool, 0x11, POOL_BYTES);
    bench_read(pool);
    fill_floats(&rng, PATTERN_NORMAL, x, N);
    for (size_t i = 0; i < N_STORED_TYPES; i++) {
        const enum ori_act act = k->types[stored_types[i].type].act;

        if (filter && !strstr(stored_types[i].name, filter))
            continue;
        size_t act_bytes = 0;
        ori_act_bytes(act, N, &act_bytes);
        for (size_t c = 0; c < COLS; c++)
            k->quantize_act[act](x, acts + c * act_bytes, N);
        bench_matmul(k, &stored_types[i], pool, acts, out);
    }
    bench_rows(k, pool, filter);
    if (!filter || strstr("attention", filter))
        for (int type = 0; type < ORI_KV_COUNT; type++)
            for (size_t i = 0; i < ORI_COUNT(together); i++)
                bench_attention(k, (enum ori_kv_type)type, together[i], pool);
    free(pool);
    free(acts);
    free(out);
    free(x);
}
