/* What becomes of a transfer when connections fail or crawl, without sockets and with a
 * clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch_numbers.h"
#include "hub/fetching.h"

/* ---- setbacks ---- */

struct scene {
    struct ori_hub hub;
    struct ori_fetcher fetcher;
    struct ori_hub_file file;
    struct ori_fetch_job job;
    struct ori_fetch_job_state state;
    orion_error why;
    uint64_t now;
};

/* A job with `connections` at work, `answering` of which deliver. */
static struct scene *new_scene(unsigned connections, unsigned answering)
{
    struct scene *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->now = 100 * SECOND;
    s->hub.give_up_ms = 60000;
    s->fetcher.hub = &s->hub;
    s->file.size_bytes = GB;
    s->job.file = &s->file;
    s->job.state = &s->state;
    s->job.connections = connections;
    s->state.job = &s->job;
    ori_cap_init(&s->state.cap, ORI_FETCHER_MAX_CONNECTIONS);
    s->state.progress_ns = s->now;
    s->fetcher.jobs = &s->state;
    assert_int_equal(ori_units_init(&s->state.units, GB, NULL), ORION_OK);
    for (unsigned i = 0; i < answering; i++)
        s->fetcher.lanes[i] = (struct ori_lane){.job = &s->job, .answered = true};
    (void)ori_fail(&s->why, ORION_E_NETWORK, "it broke");
    return s;
}

static void free_scene(struct scene *s)
{
    ori_units_release(&s->state.units);
    free(s);
}

static void set_back(struct scene *s, enum ori_fault fault, bool gained, uint64_t retry_after_ms)
{
    ori_job_setback(&s->fetcher, &s->job, fault, gained, retry_after_ms, &s->why, s->now);
}

static void others_carry_on(void **state)
{
    static const struct {
        const char *label;
        enum ori_fault fault;
        bool gained;
        unsigned cap;
    } rows[] = {
        {"busy", ORI_FAULT_BUSY, false, 3},
        {"crowded", ORI_FAULT_CROWDED, false, 3},
        {"wrong", ORI_FAULT_WRONG, false, 3},
        {"fatal", ORI_FAULT_FATAL, false, 3},
        {"refused", ORI_FAULT_BROKEN, false, 3},
        {"broken on the way", ORI_FAULT_BROKEN, true, ORI_FETCHER_MAX_CONNECTIONS},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct scene *s = new_scene(3, 0);
        for (int times = 0; times < 100; times++)
            set_back(s, rows[i].fault, rows[i].gained, UINT64_MAX);
        if (s->job.done || s->state.cap.limit != rows[i].cap ||
            s->state.not_before_ns > s->now + 30 * SECOND || s->state.failures > 100)
            fail_msg("%s: cap %u", rows[i].label, s->state.cap.limit);
        free_scene(s);
    }
}

static void the_last_one_is_believed(void **state)
{
    static const struct {
        const char *label;
        enum ori_fault fault;
        unsigned times; /* until the job ends; 0: it goes on */
    } rows[] = {
        {"fatal", ORI_FAULT_FATAL, 1},   {"wrong", ORI_FAULT_WRONG, 3}, {"busy", ORI_FAULT_BUSY, 0},
        {"broken", ORI_FAULT_BROKEN, 0}, {"sink", ORI_FAULT_SINK, 1},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct scene *s = new_scene(0, 0);
        unsigned times = 0;
        while (times < 50 && !s->job.done) {
            set_back(s, rows[i].fault, false, UINT64_MAX);
            times++;
        }
        if (times != (rows[i].times ? rows[i].times : 50))
            fail_msg("%s: %u", rows[i].label, times);
        if (s->job.done) {
            assert_int_equal(s->job.status, ORION_E_NETWORK);
            assert_string_equal(s->job.error.message, "it broke");
        }
        free_scene(s);
    }
}

static void a_sink_that_refuses_ends_the_job(void **state)
{
    struct scene *s = new_scene(3, 0);

    (void)state;
    s->job.connections = 3;
    (void)ori_fail(&s->why, ORION_E_NO_SPACE, "the disk is full");
    set_back(s, ORI_FAULT_SINK, true, UINT64_MAX);
    assert_true(s->job.done);
    assert_int_equal(s->job.status, ORION_E_NO_SPACE);
    free_scene(s);
}

static void failures_at_once_are_one(void **state)
{
    struct scene *s = new_scene(0, 0);

    (void)state;
    set_back(s, ORI_FAULT_BUSY, false, 2000);
    assert_int_equal(s->state.not_before_ns, s->now + 2 * SECOND);
    set_back(s, ORI_FAULT_BUSY, false, UINT64_MAX);
    assert_int_equal(s->state.failures, 1);
    s->now = s->state.not_before_ns;
    set_back(s, ORI_FAULT_BUSY, false, UINT64_MAX);
    assert_int_equal(s->state.failures, 2);
    free_scene(s);
}

static void what_a_server_asks_for_is_respected(void **state)
{
    (void)state;
    struct scene *s = new_scene(0, 0);
    set_back(s, ORI_FAULT_BUSY, false, 60000);
    assert_false(s->job.done);
    assert_int_equal(s->state.not_before_ns, s->now + 60 * SECOND);
    free_scene(s);

    s = new_scene(0, 0); /* longer than we care to wait */
    set_back(s, ORI_FAULT_BUSY, false, 60001);
    assert_true(s->job.done);
    free_scene(s);

    s = new_scene(1, 1); /* it serves us all the same */
    set_back(s, ORI_FAULT_BUSY, false, 3600000);
    assert_false(s->job.done);
    assert_true(s->state.not_before_ns <= s->now + SECOND);
    assert_int_equal(s->state.cap.limit, 1);
    free_scene(s);
}

static void an_address_is_renewed(void **state)
{
    (void)state;
    /* The last connection: ask the hub. */
    struct scene *s = new_scene(0, 0);
    set_back(s, ORI_FAULT_EXPIRED, false, UINT64_MAX);
    assert_true(s->state.stale && !s->job.done);
    /* Three times in vain is enough. */
    for (int i = 0; i < 3; i++) {
        assert_false(s->job.done);
        s->state.stale = false;
        set_back(s, ORI_FAULT_EXPIRED, false, UINT64_MAX);
    }
    assert_true(s->job.done);
    free_scene(s);

    /* Others have not spoken yet: it may be their number. */
    s = new_scene(3, 0);
    set_back(s, ORI_FAULT_EXPIRED, false, UINT64_MAX);
    assert_true(!s->state.stale && s->state.cap.limit == 3);
    free_scene(s);

    /* Others deliver by the old address: ask the hub, once for all ... */
    s = new_scene(3, 2);
    for (int i = 0; i < 10; i++)
        set_back(s, ORI_FAULT_EXPIRED, false, UINT64_MAX);
    assert_true(s->state.stale && !s->job.done && s->state.renewals == 1);
    /* ... and if the new one is refused at once, it is their number. */
    s->state.stale = false;
    s->state.renewed_ns = s->now - SECOND;
    set_back(s, ORI_FAULT_EXPIRED, false, UINT64_MAX);
    assert_true(!s->state.stale && s->state.cap.limit == 3 && !s->job.done);
    memset(s->fetcher.lanes, 0, sizeof(s->fetcher.lanes));
    free_scene(s);
}

/* ---- connections that crawl ---- */

/* So many seconds, with so many bytes in each for the first `fast` lanes and one
 * for the others; how many went by until a lane was dropped. */
static unsigned crawl(struct scene *s, unsigned seconds, unsigned fast, uint64_t bytes)
{
    const unsigned before = s->job.connections;

    for (unsigned passed = 1; passed <= seconds; passed++) {
        s->now += SECOND;
        s->state.progress_ns = s->now;
        for (unsigned i = 0; i < ORI_FETCHER_MAX_CONNECTIONS; i++) {
            struct ori_lane *lane = &s->fetcher.lanes[i];
            if (!lane->job)
                continue;
            const uint64_t more = i < fast ? bytes : 1;
            lane->got_bytes += more;
            s->job.transferred_bytes += more;
        }
        ori_fetcher_watch(&s->fetcher, s->now);
        if (s->job.connections < before)
            return passed;
    }
    return seconds + 1;
}

static void what_crawls_is_dropped(void **state)
{
    static const struct {
        const char *label;
        unsigned lanes, good_seconds, fast; /* all are fast for so long, then some */
        uint64_t bytes;
        unsigned left, cap; /* after 20 seconds more */
    } rows[] = {
        {"one of two is fast", 2, 0, 1, MB, 1, 1},
        {"one of four", 4, 0, 1, MB, 1, 1},
        {"one of sixteen", 16, 0, 1, MB, 1, 1},
        {"one of sixteen, and that is not fast", 16, 0, 1, 20 * KB, 1, 1},
        {"three of sixteen", 16, 0, 3, MB, 3, 3},
        {"all but one of sixteen", 16, 0, 15, MB, 15, 15},
        {"one of four, from the middle on", 4, 60, 1, MB, 1, 1},
        {"one of sixteen, from the middle on", 16, 60, 1, MB, 1, 1},
        {"none: one is begun anew", 16, 0, 0, 0, 0, 1},
        {"none, from the middle on", 16, 60, 0, MB, 0, 1},
        {"the only one: it is not their number", 1, 0, 0, 0, 0, 16},
        {"the only one, from the middle on", 1, 60, 0, MB, 0, 1},
        {"all are slow alike", 16, 0, 16, 1500, 16, 16},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct scene *s = new_scene(rows[i].lanes, rows[i].lanes);
        s->hub.endpoint = (char[]){"https://hub.example"};
        assert_int_equal(ori_engine_new(&s->hub, &s->fetcher.engine, NULL), ORION_OK);
        ori_pace_init(&s->state.pace, s->now);
        ori_usual_init(&s->state.usual, 10 * KB);
        for (unsigned lane = 0; lane < rows[i].lanes; lane++) {
            s->fetcher.lanes[lane].fetcher = &s->fetcher;
            ori_pace_init(&s->fetcher.lanes[lane].pace, s->now);
        }
        (void)crawl(s, rows[i].good_seconds, rows[i].lanes, rows[i].bytes);
        const unsigned seconds = crawl(s, 20, rows[i].fast, rows[i].bytes);
        if ((rows[i].left < rows[i].lanes) != (seconds > 10 && seconds <= 20) ||
            s->job.connections != rows[i].left || s->state.cap.limit != rows[i].cap)
            fail_msg("%s: %u left, cap %u after %u s", rows[i].label, s->job.connections,
                     s->state.cap.limit, seconds);
        for (unsigned lane = 0; lane < rows[i].lanes; lane++)
            if (s->fetcher.lanes[lane].job)
                ori_lane_close(&s->fetcher.lanes[lane]);
        ori_engine_free(s->fetcher.engine);
        free_scene(s);
    }
}

/* ---- the engine without a network ---- */

static void offline_takes_no_job(void **state)
{
    const struct ori_hub_config config = {.endpoint = "http://127.0.0.1:1", .offline = true};
    struct ori_hub_file file = {.size_bytes = 1};
    struct ori_fetch_job job = {.file = &file};
    struct ori_fetcher *fetcher;
    struct ori_hub *hub;
    orion_error err;

    (void)state;
    assert_int_equal(ori_hub_open(&config, &hub, &err), ORION_OK);
    assert_int_equal(ori_fetcher_new(hub, NULL, &fetcher, &err), ORION_OK);
    assert_int_equal(ori_fetcher_add(fetcher, &job, &err), ORION_E_OFFLINE);
    assert_null(job.state);
    ori_fetcher_remove(fetcher, &job);
    ori_fetcher_free(fetcher);
    ori_fetcher_free(NULL);
    ori_hub_close(hub);
}

static void what_is_there_is_not_fetched(void **state)
{
    const struct ori_hub_config config = {.endpoint = "http://127.0.0.1:1"};
    struct ori_range all = {0, 100};
    const struct ori_ranges have = {.list = &all, .count = 1, .cap = 1};
    struct ori_hub_file file = {.size_bytes = 100};
    struct ori_fetch_job job = {.file = &file, .have = &have};
    struct ori_fetcher *fetcher;
    struct ori_hub *hub;
    orion_error err;

    (void)state;
    assert_int_equal(ori_hub_open(&config, &hub, &err), ORION_OK);
    assert_int_equal(ori_fetcher_new(hub, NULL, &fetcher, &err), ORION_OK);
    assert_int_equal(ori_fetcher_add(fetcher, &job, &err), ORION_OK);
    ori_fetcher_step(fetcher, 0);
    assert_true(job.done && job.status == ORION_OK && job.transferred_bytes == 0);
    ori_fetcher_remove(fetcher, &job);
    ori_fetcher_free(fetcher);
    ori_hub_close(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_carry_on),
        cmocka_unit_test(the_last_one_is_believed),
        cmocka_unit_test(a_sink_that_refuses_ends_the_job),
        cmocka_unit_test(failures_at_once_are_one),
        cmocka_unit_test(what_a_server_asks_for_is_respected),
        cmocka_unit_test(an_address_is_renewed),
        cmocka_unit_test(what_crawls_is_dropped),
        cmocka_unit_test(offline_takes_no_job),
        cmocka_unit_test(what_is_there_is_not_fetched),
    };
    return cmocka_run_group_tests_name("setbacks of a transfer", tests, NULL, NULL);
}
