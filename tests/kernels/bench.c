/* Speed of each kernel on one core, and its share of what the machine could do
 * at most, measured in the same run.  A matrix of 3072 x 8192 is repeated until
 * it no longer fits a cache, so the first figure is that of memory. */
#include "checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS ((size_t)3072)
#define FEW_ROWS ((size_t)64) /* stay in the second-level cache */
#define N ((size_t)8192)
#define COLS ((size_t)64)
#define POOL_BYTES ((size_t)512 << 20)
#define ROUNDS 5
#define ROUND_SECONDS 0.08

struct run {
    const struct ori_kernels *kernels;
    struct peaks peaks;
    const char *filter; /* NULL: everything */
    uint8_t *pool;      /* [POOL_BYTES] */
    uint8_t *acts;      /* [COLS][4 * N] */
    float *out;         /* [COLS][ROWS] */
};

static bool wanted(const struct run *run, const char *name)
{
    return !run->filter || strstr(name, run->filter);
}

/* " (81 %)", or nothing where there is no yardstick. */
static const char *share(double value, double peak, char out[16])
{
    out[0] = '\0';
    if (peak > 0)
        snprintf(out, 16, " (%.0f %%)", 100 * value / peak);
    return out;
}

static void print_peaks(const struct run *run)
{
    const struct peaks *p = &run->peaks;

    printf("%-8s at most     %6.1f GB/s read, %.0f Gop/s in 8 bits, %.0f Gop/s in floats\n",
           run->kernels->name, p->read_gb, p->int8_gops, p->float_gops);
}

/* Calls a second, of the best of a few rounds: other programs on the machine
 * only ever slow one down. */
static double best_rate(void (*call)(const void *arg, size_t turn), const void *arg)
{
    double best = 0;
    size_t turn = 0;

    for (int round = 0; round < ROUNDS; round++) {
        const double start = processor_seconds();
        const size_t first = turn;
        double seconds;

        do {
            call(arg, turn++);
            seconds = processor_seconds() - start;
        } while (seconds < ROUND_SECONDS);
        if ((double)(turn - first) / seconds > best)
            best = (double)(turn - first) / seconds;
    }
    return best;
}

/* ---- products ---- */

/* One shape: calls go round n_matrices matrices of n_rows. */
struct shape {
    const struct run *run;
    enum ori_type type;
    size_t row_bytes, n_rows, n_matrices, n_cols;
};

static void multiply(const void *arg, size_t turn)
{
    const struct shape *s = arg;
    const struct ori_type_kernels *t = &s->run->kernels->types[s->type];
    size_t act_bytes = 0;

    ori_act_bytes(t->act, N, &act_bytes);
    t->matmul(s->run->pool + turn % s->n_matrices * s->n_rows * s->row_bytes, s->row_bytes,
              s->n_rows, N, s->run->acts, act_bytes, s->n_cols, s->run->out, s->n_rows);
}

static void fill_columns(const struct run *run, enum ori_act act)
{
    static float x[N];
    struct rng rng = {13};
    size_t act_bytes = 0;

    ori_act_bytes(act, N, &act_bytes);
    fill_floats(&rng, PATTERN_NORMAL, x, N);
    for (size_t c = 0; c < COLS; c++)
        run->kernels->quantize_act[act](x, run->acts + c * act_bytes, N);
}

static void bench_matmul(const struct run *run, const struct stored_type *type)
{
    const enum ori_act act = run->kernels->types[type->type].act;
    const double peak = act == ORI_ACT_F32 ? run->peaks.float_gops : run->peaks.int8_gops;
    const size_t row_bytes = N / type->block_elems * type->block_bytes;
    const size_t n_matrices = POOL_BYTES / (ROWS * row_bytes);
    char read_share[16], op_share[16];

    fill_columns(run, act);
    const struct shape from_memory = {run, type->type, row_bytes, ROWS, n_matrices, 1};
    const struct shape from_cache = {run, type->type, row_bytes, FEW_ROWS, 1, 1};
    const struct shape many = {run, type->type, row_bytes, FEW_ROWS, 16, COLS};
    const double memory = best_rate(multiply, &from_memory) * (double)(ROWS * row_bytes) * 1e-9;
    const double cache = best_rate(multiply, &from_cache) * (double)(FEW_ROWS * row_bytes) * 1e-9;
    const double gops = best_rate(multiply, &many) * 2 * FEW_ROWS * N * COLS * 1e-9;

    printf("%-8s %-12s %6.1f GB/s from memory%s, %6.1f from cache, %7.1f Gop/s with %zu "
           "columns%s\n",
           run->kernels->name, type->name, memory, share(memory, run->peaks.read_gb, read_share),
           cache, gops, COLS, share(gops, peak, op_share));
    fflush(stdout);
}

/* Nanoseconds an element of kernels on rows. */
#define BENCH_ROW(label, call)                                                                     \
    do {                                                                                           \
        const double start = processor_seconds();                                                  \
        double seconds, elems = 0;                                                                 \
        if (!wanted(run, label))                                                                   \
            break;                                                                                 \
        do {                                                                                       \
            (call);                                                                                \
            elems += (double)N;                                                                    \
            seconds = processor_seconds() - start;                                                 \
        } while (seconds < 0.1);                                                                   \
        printf("%-8s %-12s %8.3f ns an element\n", k->name, label, seconds / elems * 1e9);         \
    } while (0)

static void bench_rows(const struct run *run)
{
    const struct ori_kernels *k = run->kernels;
    float *x = (void *)run->pool, *y = x + N, *out = y + N;
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
    BENCH_ROW("layer_norm", k->layer_norm(x, y, y, out, N, 1e-5f));
    BENCH_ROW("gelu_mul", k->gelu_mul(x, y, out, N));
    BENCH_ROW("clamped_swiglu", k->clamped_swiglu(x, y, out, N));
    BENCH_ROW("softcap", k->softcap(out, N, 30.0f));
    BENCH_ROW("rope", k->rope(x, y, N, true));
    BENCH_ROW("f32_to_f16", k->f32_to_f16(x, half, N));
    BENCH_ROW("f16_to_f32", k->f16_to_f32(half, out, N));
    BENCH_ROW("log_sum_exp", k->log_sum_exp(x, N));
}

/* ---- attention: heads of 96 over 2048 positions, which each query sees ---- */

#define HEAD_DIM ((size_t)96)
#define POSITIONS ((size_t)2048)
#define N_HEADS ((size_t)128)
#define HEADS_TOGETHER ((size_t)8) /* as a thread takes them */

/* [block][head], as the cache of a model has them.  Returns the bytes of a head's. */
static size_t fill_heads(const struct run *run, enum ori_kv_type type)
{
    float key[HEAD_DIM], value[HEAD_DIM];
    struct rng rng = {11};
    size_t row_bytes = 0;

    ori_kv_row_bytes(type, HEAD_DIM, &row_bytes);
    const size_t head_bytes = 2 * ORI_ATTN_BLOCK * row_bytes;
    for (size_t t = 0; t < POSITIONS; t++) {
        fill_floats(&rng, PATTERN_NORMAL, key, HEAD_DIM);
        fill_floats(&rng, PATTERN_NORMAL, value, HEAD_DIM);
        ori_kv_store(run->kernels, type, HEAD_DIM, &(struct ori_kv_rows){key, value, 0, 1},
                     t % ORI_ATTN_BLOCK, run->pool + t / ORI_ATTN_BLOCK * N_HEADS * head_bytes);
    }
    for (size_t b = 0; b < POSITIONS / ORI_ATTN_BLOCK; b++)
        for (size_t h = 1; h < N_HEADS; h++)
            memcpy(run->pool + (b * N_HEADS + h) * head_bytes, run->pool + b * N_HEADS * head_bytes,
                   head_bytes);
    return head_bytes;
}

/* Calls go round n_heads heads, n_together of them at a time. */
struct heads {
    const struct run *run;
    enum ori_kv_type type;
    size_t head_bytes, n_heads, n_together, n_queries;
    const struct ori_attn_query *queries;
};

static void attend(const void *arg, size_t turn)
{
    const struct heads *h = arg;
    const size_t head = turn * h->n_together % h->n_heads;

    h->run->kernels->attention[h->type](
        &(const struct ori_attn){.cache = h->run->pool + head * h->head_bytes,
                                 .block_stride = N_HEADS * h->head_bytes,
                                 .slots = POSITIONS,
                                 .head_dim = HEAD_DIM,
                                 .scale = 0.1f,
                                 .queries = h->queries,
                                 .n_queries = h->n_queries});
}

static void bench_attention(const struct run *run, enum ori_kv_type type)
{
    static const char *const names[ORI_KV_COUNT] = {"f16", "q8_0", "f32"};
    static const size_t together[] = {1, 4, 7, ORI_ATTN_TILE};
    static float q[ORI_ATTN_TILE][HEAD_DIM], out[ORI_ATTN_TILE][HEAD_DIM];
    struct ori_attn_query queries[ORI_ATTN_TILE];
    struct rng rng = {12};
    struct heads heads = {run, type, 0, N_HEADS, HEADS_TOGETHER, HEADS_TOGETHER, queries};
    char text[16];

    for (size_t j = 0; j < ORI_ATTN_TILE; j++) {
        fill_floats(&rng, PATTERN_NORMAL, q[j], HEAD_DIM);
        queries[j] = (struct ori_attn_query){q[j], out[j], 0, POSITIONS, NULL, j};
    }
    heads.head_bytes = fill_heads(run, type);
    const double bytes = (double)(HEADS_TOGETHER * POSITIONS / ORI_ATTN_BLOCK * heads.head_bytes);
    const double gb = best_rate(attend, &heads) * bytes * 1e-9;
    printf("%-8s attention %-5s %5.1f GB/s from memory%s; ns a query and position with",
           run->kernels->name, names[type], gb, share(gb, run->peaks.read_gb, text));
    heads.n_heads = heads.n_together = 1;
    for (size_t j = 0; j < ORI_ATTN_TILE; j++)
        queries[j].head = 0;
    for (size_t i = 0; i < ORI_COUNT(together); i++) {
        heads.n_queries = together[i];
        const double pairs = best_rate(attend, &heads) * (double)(POSITIONS * together[i]);
        printf("%s %zu: %.2f%s", i > 0 ? "," : "", together[i], 1e9 / pairs,
               share(pairs * 4 * HEAD_DIM * 1e-9, run->peaks.float_gops, text));
    }
    printf("\n");
    fflush(stdout);
}

void bench(const struct ori_kernels *k, const char *filter)
{
    struct run run = {
        .kernels = k,
        .filter = filter,
        .pool = ori_alloc_aligned(POOL_BYTES, 1),
        .acts = ori_alloc_aligned(COLS, 4 * N),
        .out = ori_alloc_aligned(COLS * ROWS, sizeof(float)),
    };

    if (!run.pool || !run.acts || !run.out)
        abort();
    memset(run.pool, 0x11, POOL_BYTES);
    measure_peaks(k->name, run.pool, POOL_BYTES, &run.peaks);
    print_peaks(&run);
    for (size_t i = 0; i < N_STORED_TYPES; i++)
        if (wanted(&run, stored_types[i].name))
            bench_matmul(&run, &stored_types[i]);
    bench_rows(&run);
    for (int type = 0; type < ORI_KV_COUNT; type++)
        if (wanted(&run, "attention"))
            bench_attention(&run, (enum ori_kv_type)type);
    free(run.pool);
    free(run.acts);
    free(run.out);
}
