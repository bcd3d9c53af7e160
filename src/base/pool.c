#include "base/pool.h"

#include "base/thread.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define relax() _mm_pause()
#elif defined(__aarch64__)
#define relax() __asm__ volatile("yield")
#else
#define relax() ((void)0)
#endif

/* About 50 microseconds: longer than the gap between two operations of a
 * forward pass, much shorter than what a person would notice as load. */
#define SPINS 2000

/* Grains [begin, end) that a worker has still to take: begin << 32 | end.  It takes them
 * from the front, others from the back when they have none. */
struct span {
    _Alignas(64) _Atomic uint64_t left;
};

struct ori_pool {
    uint32_t n_threads; /* the caller included */
    uint32_t n_started;
    pthread_t *threads; /* [n_threads - 1] */

    /* The loop in progress; written by the caller while the gate is shut. */
    size_t n;
    size_t grain;
    bool halves; /* a piece is half of the worker's span, not one grain */
    ori_range_fn fn;
    void *arg;
    struct span *spans; /* [n_threads] */

    /* Number of the loop << 32, whether workers may come in, and how many are
     * inside.  In one word, so that nobody slips in while it is shut. */
    _Alignas(64) _Atomic uint64_t gate;
    _Atomic bool quit;

    pthread_mutex_t lock; /* only for sleeping and waking */
    pthread_cond_t wake;
    _Atomic uint32_t sleepers;
};

#define GATE_OPEN ((uint64_t)1 << 31)
#define GATE_INSIDE (GATE_OPEN - 1)

static uint32_t round_of(uint64_t gate)
{
    return (uint32_t)(gate >> 32);
}

struct start {
    struct ori_pool *pool;
    uint32_t worker;
};

static uint64_t span(uint64_t begin, uint64_t end)
{
    return begin << 32 | end;
}

static uint32_t begin_of(uint64_t left)
{
    return (uint32_t)(left >> 32);
}

static uint32_t grains_of(uint64_t left)
{
    return (uint32_t)left - begin_of(left);
}

/* The next piece of a worker's own span. */
static bool take_piece(struct ori_pool *pool, uint32_t worker, uint32_t *begin, uint32_t *n)
{
    _Atomic uint64_t *const own = &pool->spans[worker].left;
    uint64_t left = atomic_load(own);

    do {
        const uint32_t grains = grains_of(left);
        if (grains == 0)
            return false;
        *begin = begin_of(left);
        *n = pool->halves && grains > 1 ? grains / 2 : 1;
    } while (!atomic_compare_exchange_weak(own, &left, span(*begin + *n, (uint32_t)left)));
    return true;
}

/* Who has most left. */
static uint32_t richest(struct ori_pool *pool, uint64_t *left)
{
    uint32_t worker = 0;

    *left = 0;
    for (uint32_t i = 0; i < pool->n_threads; i++) {
        const uint64_t other = atomic_load(&pool->spans[i].left);
        if (grains_of(other) > grains_of(*left)) {
            *left = other;
            worker = i;
        }
    }
    return worker;
}

/* Make the second half of another's span the worker's own, whose is empty.  For a moment
 * nobody has it: who looks just then stops too early, and the rest of us do the work. */
static bool steal(struct ori_pool *pool, uint32_t worker)
{
    for (;;) {
        uint64_t left;
        const uint32_t victim = richest(pool, &left);
        if (grains_of(left) == 0)
            return false;
        const uint64_t middle = begin_of(left) + grains_of(left) / 2;
        if (!atomic_compare_exchange_strong(&pool->spans[victim].left, &left,
                                            span(begin_of(left), middle)))
            continue;
        atomic_store(&pool->spans[worker].left, span(middle, (uint32_t)left));
        return true;
    }
}

static void take_pieces(struct ori_pool *pool, uint32_t worker)
{
    uint32_t begin, n;

    do {
        while (take_piece(pool, worker, &begin, &n)) {
            const size_t end = ((size_t)begin + n) * pool->grain;
            pool->fn(pool->arg, begin * pool->grain, end < pool->n ? end : pool->n, worker);
        }
    } while (steal(pool, worker));
}

/* Until there is a loop other than `seen`, or the end. */
static void wait_for_round(struct ori_pool *pool, uint32_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (round_of(atomic_load(&pool->gate)) != seen)
            return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (round_of(atomic_load(&pool->gate)) == seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

/* Join the loop in progress.  False when it is over: whoever comes late (the
 * core was taken away, or it slept) has missed it, and nobody waited. */
static bool enter(struct ori_pool *pool, uint32_t *seen)
{
    uint64_t gate = atomic_load(&pool->gate);

    for (;;) {
        *seen = round_of(gate);
        if (!(gate & GATE_OPEN))
            return false;
        if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1))
            return true;
    }
}

static void *worker_main(void *arg)
{
    struct start *start = arg;
    struct ori_pool *pool = start->pool;
    const uint32_t worker = start->worker;
    uint32_t seen = 0;

    free(start);
    for (;;) {
        wait_for_round(pool, seen);
        if (enter(pool, &seen)) {
            take_pieces(pool, worker);
            atomic_fetch_sub(&pool->gate, 1);
        }
        /* After `seen`, so that the last round is never waited out. */
        if (atomic_load(&pool->quit))
            return NULL;
    }
}

/* Begin the next round and wake whoever sleeps; nobody is inside.  A sleeper
 * counts itself under the lock before it looks at the gate again, so none is
 * missed. */
static void open_round(struct ori_pool *pool, uint64_t flags)
{
    const uint32_t round = round_of(atomic_load(&pool->gate)) + 1;

    atomic_store(&pool->gate, (uint64_t)round << 32 | flags);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
}

/* Let nobody in any more and wait for those inside: each has a piece in hand. */
static void close_round(struct ori_pool *pool)
{
    atomic_fetch_and(&pool->gate, ~GATE_OPEN);
    for (uint32_t spins = 0; (atomic_load(&pool->gate) & GATE_INSIDE) > 0; spins++) {
        relax();
        if (spins > SPINS) /* a worker lost its core: let it have ours */
            sched_yield();
    }
}

static void run(struct ori_pool *pool, size_t n, size_t grain, bool halves, ori_range_fn fn,
                void *arg)
{
    const uint64_t grains = n / grain + (n % grain > 0);
    const uint64_t share = grains / pool->n_threads, rest = grains % pool->n_threads;
    uint64_t begin = 0;

    assert(grains <= UINT32_MAX);
    pool->n = n;
    pool->grain = grain;
    pool->halves = halves;
    pool->fn = fn;
    pool->arg = arg;
    for (uint32_t i = 0; i < pool->n_threads; i++) {
        const uint64_t end = begin + share + (i < rest);
        /* relaxed: seen by whoever sees the gate open */
        atomic_store_explicit(&pool->spans[i].left, span(begin, end), memory_order_relaxed);
        begin = end;
    }
    open_round(pool, GATE_OPEN);
    take_pieces(pool, 0);
    close_round(pool);
}

void ori_pool_for(struct ori_pool *pool, size_t n, size_t grain, ori_range_fn fn, void *arg)
{
    if (grain == 0)
        grain = 1;
    if (pool->n_threads > 1 && n > grain) {
        run(pool, n, grain, false, fn, arg);
        return;
    }
    for (size_t begin = 0; begin < n; begin += grain) /* pieces still: fn may count on their size */
        fn(arg, begin, n - begin < grain ? n : begin + grain, 0);
}

void ori_pool_share(struct ori_pool *pool, size_t n, size_t grain, ori_range_fn fn, void *arg)
{
    if (pool->n_threads > 1 && n > grain)
        run(pool, n, grain, true, fn, arg);
    else if (n > 0)
        fn(arg, 0, n, 0);
}

uint32_t ori_pool_threads(const struct ori_pool *pool)
{
    return pool->n_threads;
}

static orion_status start_worker(struct ori_pool *pool, uint32_t worker, orion_error *err)
{
    struct start *start = malloc(sizeof(*start));
    if (!start)
        return ori_fail_nomem(err, "a worker thread");
    *start = (struct start){pool, worker};
    if (ori_thread_start(&pool->threads[pool->n_started], worker_main, start) != 0) {
        free(start);
        return ori_fail(err, ORION_E_NOMEM, "cannot start worker thread %u; try fewer threads",
                        worker);
    }
    pool->n_started++;
    return ORION_OK;
}

static uint32_t default_threads(void)
{
    const uint32_t cores = ori_physical_cores();

    return cores < ORION_MAX_THREADS ? cores : ORION_MAX_THREADS;
}

orion_status ori_pool_new(uint32_t n_threads, struct ori_pool **out, orion_error *err)
{
    *out = NULL;
    if (n_threads == 0)
        n_threads = default_threads();
    if (n_threads > ORION_MAX_THREADS)
        return ori_fail(err, ORION_E_ARGUMENT, "%u threads are too many; the limit is %u",
                        n_threads, ORION_MAX_THREADS);

    struct ori_pool *pool = ori_alloc_aligned(1, sizeof(*pool));
    if (!pool)
        return ori_fail_nomem(err, "the thread pool");
    pool->n_threads = n_threads;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = ori_calloc_array(n_threads, sizeof(*pool->threads));
    pool->spans = ori_alloc_aligned(n_threads, sizeof(*pool->spans));
    if (!pool->threads || !pool->spans) {
        ori_pool_free(pool);
        return ori_fail_nomem(err, "the thread pool");
    }
    for (uint32_t worker = 1; worker < n_threads; worker++) {
        const orion_status status = start_worker(pool, worker, err);
        if (status != ORION_OK) {
            ori_pool_free(pool);
            return status;
        }
    }
    *out = pool;
    return ORION_OK;
}

void ori_pool_free(struct ori_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->quit, true);
    open_round(pool, 0);
    for (uint32_t i = 0; i < pool->n_started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    free(pool->threads);
    free(pool->spans);
    free(pool);
}
