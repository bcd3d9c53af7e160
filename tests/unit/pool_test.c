/* Threads that share work out, and the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/pool.h"

struct job {
    size_t n, grain;
    bool share; /* by ori_pool_share() */
    uint32_t threads;
    uint8_t *hits; /* [n] not atomic: two workers on one item are a race */
    _Atomic size_t done;
    _Atomic bool broken; /* a piece of the wrong shape */
};

/* Is a piece of that shape, as pool.h says? */
static bool is_piece(const struct job *job, size_t begin, size_t end)
{
    const size_t grains = (job->n + job->grain - 1) / job->grain;
    const size_t first = (grains + job->threads - 1) / job->threads / 2; /* half of a stretch */
    const size_t n = end - begin;

    if (begin >= job->n || begin % job->grain != 0 || (n % job->grain != 0 && end != job->n))
        return false;
    if (!job->share)
        return n <= job->grain;
    return job->threads == 1 ? n == job->n : n <= (first > 0 ? first : 1) * job->grain;
}

static void count_items(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct job *job = arg;
    if (!is_piece(job, begin, end) || worker >= job->threads)
        job->broken = true;
    for (size_t i = begin; i < end && i < job->n; i++)
        job->hits[i]++;
    job->done += end - begin;
}

static void run_job(struct ori_pool *pool, size_t n, size_t grain, bool share)
{
    struct job job = {.n = n, .grain = grain, .share = share, .threads = ori_pool_threads(pool)};
    job.hits = ori_calloc_array(n, 1);
    assert_non_null(job.hits);
    (share ? ori_pool_share : ori_pool_for)(pool, n, grain, count_items, &job);
    assert_false(job.broken);
    assert_int_equal(job.done, n);
    for (size_t i = 0; i < n; i++)
        if (job.hits[i] != 1)
            fail_msg("item %zu of %zu (grain %zu) was done %u times", i, n, grain, job.hits[i]);
    free(job.hits);
}

static const struct pool_row {
    const char *label;
    uint32_t threads;
} pool_rows[] = {
    {"a pool of 1 does every item once", 1},
    {"a pool of 2 does every item once", 2},
    {"a pool of 5 does every item once", 5},
    {"a pool of 16 does every item once", 16},
};

static void pool_test(void **state)
{
    const struct pool_row *row = *state;
    static const size_t sizes[] = {0, 1, 2, 7, 64, 65, 1000};
    static const size_t grains[] = {1, 3, 64, 5000};
    struct ori_pool *pool = NULL;

    assert_int_equal(ori_pool_new(row->threads, &pool, NULL), ORION_OK);
    assert_int_equal(ori_pool_threads(pool), row->threads);
    for (size_t round = 0; round < 30; round++)
        for (size_t i = 0; i < ORI_COUNT(sizes); i++)
            for (size_t g = 0; g < ORI_COUNT(grains); g++)
                run_job(pool, sizes[i], grains[g], round % 2 == 1);
    ori_pool_free(pool);
}

/* The worker that has item 0 is held until all the others are done. */
static void hold_the_first(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct job *job = arg;

    (void)worker;
    while (begin == 0 && job->done < job->n - end)
        sched_yield();
    for (size_t i = begin; i < end; i++)
        job->hits[i]++;
    job->done += end - begin;
}

static void what_a_slow_worker_has_left_is_taken_over(void **state)
{
    (void)state;
    struct ori_pool *pool = NULL;

    assert_int_equal(ori_pool_new(3, &pool, NULL), ORION_OK);
    for (unsigned round = 0; round < 50; round++) {
        struct job job = {.n = 100 + round};
        uint8_t hits[150] = {0};
        job.hits = hits;
        (round % 2 ? ori_pool_share : ori_pool_for)(pool, job.n, 2, hold_the_first, &job);
        for (size_t i = 0; i < job.n; i++)
            assert_int_equal(hits[i], 1);
    }
    ori_pool_free(pool);
}

/* Where nobody is slower, a worker goes through one stretch. */
static void note_worker(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct job *job = arg;

    for (size_t i = begin; i < end; i++)
        job->hits[i] = (uint8_t)worker;
    job->done += end - begin;
    while (job->done < 2 * (end - begin)) /* until the other has its first, too */
        sched_yield();
}

static void a_worker_begins_in_a_stretch_of_its_own(void **state)
{
    (void)state;
    struct ori_pool *pool = NULL;
    struct job job = {.n = 1000};
    uint8_t hits[1000];
    job.hits = hits;
    assert_int_equal(ori_pool_new(2, &pool, NULL), ORION_OK);
    ori_pool_share(pool, job.n, 1, note_worker, &job);
    for (size_t i = 0; i < 250; i++) { /* the first halves of the two stretches */
        assert_int_equal(hits[i], hits[0]);
        assert_int_equal(hits[500 + i], 1 - hits[0]);
    }
    ori_pool_free(pool);
}

static void many_short_rounds(void **state)
{
    (void)state;
    struct ori_pool *pool = NULL;
    struct job job = {.n = 3, .grain = 1, .threads = 3};
    uint8_t hits[3] = {0};
    job.hits = hits;
    assert_int_equal(ori_pool_new(3, &pool, NULL), ORION_OK);
    for (unsigned round = 1; round <= 3000; round++) {
        ori_pool_for(pool, 3, 1, count_items, &job);
        /* what workers wrote is seen here without further ado */
        assert_int_equal(hits[0], (uint8_t)round);
        assert_int_equal(hits[1], (uint8_t)round);
        assert_int_equal(hits[2], (uint8_t)round);
    }
    assert_int_equal(job.done, 9000);
    assert_false(job.broken);
    ori_pool_free(pool);
}

/* Long enough idle that workers go to sleep: each new round must wake them. */
static void sleepers_are_woken(void **state)
{
    (void)state;
    struct ori_pool *pool = NULL;
    assert_int_equal(ori_pool_new(4, &pool, NULL), ORION_OK);
    for (unsigned round = 0; round < 20; round++) {
        const uint64_t begin = ori_now_ns();
        while (ori_now_ns() - begin < 2000000) {
        }
        run_job(pool, 100, 1, false);
    }
    ori_pool_free(pool);
}

static void pools_come_and_go(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        struct ori_pool *pool = NULL;
        assert_int_equal(ori_pool_new(1 + i % 4, &pool, NULL), ORION_OK);
        if (i % 2)
            run_job(pool, 10, 1, false);
        ori_pool_free(pool);
    }
    ori_pool_free(NULL);
}

static void pool_sizes(void **state)
{
    (void)state;
    orion_error err;
    struct ori_pool *pool = (struct ori_pool *)&err; /* must become NULL */
    assert_int_equal(ori_pool_new(ORION_MAX_THREADS + 1, &pool, &err), ORION_E_ARGUMENT);
    assert_null(pool);
    const uint32_t cores = ori_physical_cores();
    assert_true(cores >= 1 && (long)cores <= sysconf(_SC_NPROCESSORS_ONLN));
    assert_int_equal(ori_pool_new(0, &pool, &err), ORION_OK);
    assert_int_equal(ori_pool_threads(pool), cores < ORION_MAX_THREADS ? cores : ORION_MAX_THREADS);
    ori_pool_free(pool);
}

static void the_clock_does_not_run_backwards(void **state)
{
    (void)state;
    uint64_t last = ori_now_ns();
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = ori_now_ns();
        assert_true(now >= last);
        last = now;
    }
    assert_true(ori_now_ms() >= (double)last / 1e6);
}

static const struct CMUnitTest others[] = {
    cmocka_unit_test(what_a_slow_worker_has_left_is_taken_over),
    cmocka_unit_test(a_worker_begins_in_a_stretch_of_its_own),
    cmocka_unit_test(many_short_rounds),
    cmocka_unit_test(sleepers_are_woken),
    cmocka_unit_test(pools_come_and_go),
    cmocka_unit_test(pool_sizes),
    cmocka_unit_test(the_clock_does_not_run_backwards),
};

int main(void)
{
    struct CMUnitTest tests[ORI_COUNT(pool_rows) + ORI_COUNT(others)];

    for (size_t i = 0; i < ORI_COUNT(pool_rows); i++)
        tests[i] = (struct CMUnitTest){.name = pool_rows[i].label,
                                       .test_func = pool_test,
                                       .initial_state = (void *)(uintptr_t)&pool_rows[i]};
    memcpy(tests + ORI_COUNT(pool_rows), others, sizeof(others));
    return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
