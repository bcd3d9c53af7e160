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
#define TRIES 5 /* the best counts: others may want the machine, too */

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

/* The best seconds of some loops over n pieces. */
static double best_seconds(struct ori_pool *pool, size_t n, ori_range_fn fn, struct block *block)
{
    double best = 0;

    for (int i = 0; i < TRIES; i++) {
        const uint64_t from_ns = ori_now_ns();
        ori_pool_for(pool, n, 1, fn, block);
        const double seconds = (double)(ori_now_ns() - from_ns) / 1e9;
        if (i == 0 || seconds < best)
            best = seconds;
    }
    return best;
}

orion_status ori_bench_machine(struct ori_session *s, orion_bench_peaks *out, orion_error *err)
{
    struct block block = {.kernels = &s->engine.kernels,
                          .bytes = ori_alloc_aligned_raw(BLOCK_BYTES, 1)};

    *out = (orion_bench_peaks){0};
    if (!block.bytes)
        return ori_fail_nomem(err, "a block to measure memory with");
    ori_pool_for(s->engine.pool, PIECES, 1, fill, &block); /* pages come when they are written */
    const double read_s = best_seconds(s->engine.pool, PIECES, read_pieces, &block);
    const double spin_s = best_seconds(s->engine.pool, SPIN_PIECES, spin_pieces, &block);
    *out = (orion_bench_peaks){
        .cpu_tier = s->engine.kernels.name,
        .threads = ori_pool_threads(s->engine.pool),
        .read_bytes_per_second = (double)BLOCK_BYTES / read_s,
        .multiply_adds_per_second = (double)block.n[0] * SPIN_PIECES / spin_s,
    };
    free(block.bytes);
    return ORION_OK;
}
