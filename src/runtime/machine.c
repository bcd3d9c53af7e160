/* What memory and cores give a session's threads at most. */
#include "runtime/bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define BLOCK_BYTES ((size_t)256 << 20)
#define PIECE_BYTES ((size_t)1 << 20)
#define PIECES (BLOCK_BYTES / PIECE_BYTES)
#define SPIN_ROUNDS 20000u
#define SPIN_PIECES 64u
/* The median of tries over a quarter of a second, as the tests' own medians are: of a test
 * that takes seconds, the best few milliseconds are no measure. */
#define TRIES_MIN 5
#define TRIES_MAX 200
#define TRIES_S 0.25

struct block {
    const struct ori_kernels *kernels;
    uint8_t *bytes;     /* [BLOCK_BYTES] */
    uint64_t n[PIECES]; /* what each piece came to; so that nothing is left out */
};

static void fill(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct block *block = arg;
    (void)worker;
    memset(block->bytes + begin * PIECE_BYTES, 1, (end - begin) * PIECE_BYTES);
}

static void read_pieces(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct block *block = arg;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        block->n[i] = block->kernels->sum_words(
            (const uint64_t *)(const void *)(block->bytes + i * PIECE_BYTES), PIECE_BYTES / 8);
}

static void spin_pieces(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct block *block = arg;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        block->n[i] = block->kernels->spin_int8(SPIN_ROUNDS);
}

static int compare_seconds(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What a loop over n pieces takes. */
static double usual_seconds(struct ori_pool *pool, size_t n, ori_range_fn fn, struct block *block)
{
    double seconds[TRIES_MAX], sum = 0;
    size_t tries = 0;

    while (tries < TRIES_MIN || (tries < TRIES_MAX && sum < TRIES_S)) {
        const uint64_t from_ns = ori_now_ns();
        ori_pool_for(pool, n, 1, fn, block);
        seconds[tries] = (double)(ori_now_ns() - from_ns) / 1e9;
        sum += seconds[tries++];
    }
    qsort(seconds, tries, sizeof(*seconds), compare_seconds);
    return seconds[tries / 2];
}

orion_status ori_bench_machine(struct ori_session *s, orion_bench_peaks *out, orion_error *err)
{
    struct block block = {.kernels = &s->engine.kernels,
                          .bytes = ori_alloc_aligned_raw(BLOCK_BYTES, 1)};

    *out = (orion_bench_peaks){0};
    if (!block.bytes)
        return ori_fail_nomem(err, "a block to measure memory with");
    ori_pool_for(s->engine.pool, PIECES, 1, fill, &block); /* pages come when they are written */
    const double read_s = usual_seconds(s->engine.pool, PIECES, read_pieces, &block);
    const double spin_s = usual_seconds(s->engine.pool, SPIN_PIECES, spin_pieces, &block);
    *out = (orion_bench_peaks){
        .cpu_tier = s->engine.kernels.name,
        .threads = ori_pool_threads(s->engine.pool),
        .read_bytes_per_second = (double)BLOCK_BYTES / read_s,
        .multiply_adds_per_second = (double)block.n[0] * SPIN_PIECES / spin_s,
    };
    free(block.bytes);
    return ORION_OK;
}

/* ---- weights, where they lie ---- */

#define GRAIN_BYTES ((size_t)64 << 10)
#define READ_BYTES ((size_t)128) /* what sum_words takes at a time, and how its words may lie */

struct stretch {
    const struct ori_kernels *kernels;
    const uint8_t *bytes; /* [n_bytes] */
    size_t n_bytes;
};

static void read_grains(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct stretch *stretch = arg;
    const size_t from = begin * GRAIN_BYTES;
    const size_t to = end * GRAIN_BYTES < stretch->n_bytes ? end * GRAIN_BYTES : stretch->n_bytes;

    (void)worker;
    (void)stretch->kernels->sum_words((const uint64_t *)(const void *)(stretch->bytes + from),
                                      (to - from) / 8);
}

static size_t bytes_of(const struct ori_weight *w)
{
    return w->n_rows * w->row_bytes;
}

/* Matrices that lie one behind the other, which an answer multiplies together, in one loop. */
void ori_bench_read_layer(struct ori_session *s, uint32_t layer, double *ms, uint64_t *bytes)
{
    const struct ori_weight *weights[ORI_BENCH_WEIGHTS];
    size_t next;

    ori_bench_weights(&s->engine.model->layers[layer], weights);
    for (size_t i = 0; i < ORI_BENCH_WEIGHTS; i = next) {
        const uint8_t *const data = weights[i]->data;
        size_t all = bytes_of(weights[i]);
        for (next = i + 1; all > 0 && next < ORI_BENCH_WEIGHTS && weights[next]->data == data + all;
             next++)
            all += bytes_of(weights[next]);
        const size_t skipped = (READ_BYTES - (uintptr_t)data % READ_BYTES) % READ_BYTES;
        if (all < skipped + READ_BYTES)
            continue;
        const size_t n_bytes = (all - skipped) / READ_BYTES * READ_BYTES;
        struct stretch stretch = {&s->engine.kernels, data + skipped, n_bytes};
        const double from_ms = ori_now_ms();
        ori_pool_share(s->engine.pool, (n_bytes + GRAIN_BYTES - 1) / GRAIN_BYTES, 1, read_grains,
                       &stretch);
        *ms += ori_now_ms() - from_ms;
        *bytes += n_bytes;
    }
}
