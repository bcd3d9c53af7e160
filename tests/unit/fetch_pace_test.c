/* How many connections are worth it, how many a server allows, and how fast it goes:
 * without sockets, and with a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fetch_numbers.h"
#include "hub/fetching.h"

/* ---- the number of connections ---- */

struct road {
    struct ori_ramp ramp;
    uint64_t now, bytes;
};

/* For so many tenths of a second, so many bytes a second in all. */
static void drive(struct road *road, unsigned tenths, double rate)
{
    for (unsigned i = 0; i < tenths; i++) {
        road->now += SECOND / 10;
        road->bytes += (uint64_t)(rate / 10);
        ori_ramp_look(&road->ramp, road->now, road->bytes, road->ramp.limit, false);
    }
}

static struct road new_road(unsigned cap)
{
    struct road road = {.now = SECOND};
    ori_ramp_init(&road.ramp, 4, cap, road.now);
    return road;
}

static void more_connections_while_they_pay(void **state)
{
    struct road road = new_road(16);

    (void)state;
    assert_int_equal(road.ramp.limit, 4);
    drive(&road, 5, 4e6);
    assert_int_equal(road.ramp.limit, 8);
    drive(&road, 5, 8e6);
    assert_int_equal(road.ramp.limit, 16);
    drive(&road, 50, 16e6);
    assert_int_equal(road.ramp.limit, 16);

    road = new_road(6); /* never above the cap */
    drive(&road, 50, 4e6);
    assert_int_equal(road.ramp.limit, 6);
    road = new_road(1);
    assert_int_equal(road.ramp.limit, 1);
    drive(&road, 50, 4e6);
    assert_int_equal(road.ramp.limit, 1);
}

/* The seconds of 16 connections are worth more than a proof, but one it has to be. */
static void sooner_on_a_long_way(void **state)
{
    struct road road = new_road(16);

    (void)state;
    road.ramp.way_s = 0.2;
    drive(&road, 2, 0); /* the first byte is on its way */
    assert_int_equal(road.ramp.limit, 4);
    drive(&road, 2, 1e6);
    assert_int_equal(road.ramp.limit, 8);
    drive(&road, 2, 2e6);
    assert_int_equal(road.ramp.limit, 16);

    road = new_road(16);
    road.ramp.way_s = 0.2;
    drive(&road, 4, 1e6);
    drive(&road, 20, 1e6); /* no more came of it */
    assert_int_equal(road.ramp.limit, 8);
}

static void no_more_when_they_do_not_pay(void **state)
{
    struct road road = new_road(16);

    (void)state;
    drive(&road, 5, 4e6);
    drive(&road, 300, 4.2e6); /* less than a tenth more */
    assert_int_equal(road.ramp.limit, 8);
    drive(&road, 40, 5e6); /* and for a while no other attempt */
    assert_int_equal(road.ramp.limit, 8);
    drive(&road, 600, 5e6);
    assert_int_equal(road.ramp.limit, 10);
}

static void a_collapse_halves_them(void **state)
{
    struct road road = new_road(16);

    (void)state;
    drive(&road, 5, 50e6);
    drive(&road, 5, 100e6);
    drive(&road, 20, 200e6);
    assert_int_equal(road.ramp.limit, 16);
    drive(&road, 40, 1e6); /* 4 s: may pass */
    assert_int_equal(road.ramp.limit, 16);
    drive(&road, 20, 1e6);
    assert_int_equal(road.ramp.limit, 8);
    assert_int_equal(road.ramp.collapses, 1);
    drive(&road, 500, 100e6); /* held for a minute, whatever comes */
    assert_int_equal(road.ramp.limit, 8);
    drive(&road, 200, 200e6);
    assert_true(road.ramp.limit > 8);

    drive(&road, 600, 100); /* nothing helps: one connection is left */
    assert_int_equal(road.ramp.limit, 1);
}

static void what_teaches_nothing(void **state)
{
    struct road road = new_road(16);

    (void)state;
    drive(&road, 5, 100e6);
    const struct ori_ramp before = road.ramp;
    drive(&road, 300, 0); /* the network is away */
    assert_int_equal(road.ramp.limit, before.limit);
    for (unsigned i = 0; i < 300; i++) { /* idle connections, then the limit */
        road.now += SECOND / 10;
        road.bytes += 1000;
        ori_ramp_look(&road.ramp, road.now, road.bytes, i < 150 ? 1 : road.ramp.limit, i >= 150);
    }
    assert_int_equal(road.ramp.limit, before.limit);
    assert_int_equal(road.ramp.collapses, 0);

    ori_ramp_set_cap(&road.ramp, 2);
    assert_int_equal(road.ramp.limit, 2);
    ori_ramp_set_cap(&road.ramp, 16);
    assert_int_equal(road.ramp.limit, 2);
}

/* ---- how many a server allows ---- */

/* The seconds until the cap is above `limit`. */
static unsigned rests(struct ori_cap *cap, unsigned limit, uint64_t *now)
{
    unsigned seconds = 0;
    for (; ori_cap_limit(cap, *now) <= limit && seconds < 10000; seconds++)
        *now += SECOND;
    return seconds;
}

static void a_cap_rests_and_is_tried(void **state)
{
    static const struct {
        const char *label;
        uint64_t rest_s;
        unsigned limit, seconds[5]; /* until it is doubled; 0: never again */
    } rows[] = {
        {"a bad moment", 5, 1, {5, 5, 5, 5}},
        {"it was seen to deliver to others", 60, 1, {60, 15, 5, 5}},
        {"from three on", 60, 3, {60, 15, 5}},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_cap cap;
        uint64_t now = 100 * SECOND;
        ori_cap_init(&cap, 16);
        assert_int_equal(ori_cap_limit(&cap, now), 16);
        ori_cap_lower(&cap, rows[i].limit, rows[i].rest_s * SECOND, now);
        for (size_t step = 0; rows[i].seconds[step]; step++) {
            const unsigned before = cap.limit, seconds = rests(&cap, before, &now);
            if (seconds != rows[i].seconds[step] ||
                cap.limit != (2 * before < 16 ? 2 * before : 16))
                fail_msg("%s: %u after %u s", rows[i].label, cap.limit, seconds);
        }
        assert_int_equal(cap.limit, 16);
    }
}

/* Each attempt drips again, and is seen after 12 seconds. */
static void a_cap_that_fails_again_rests_longer(void **state)
{
    static const unsigned seconds[] = {60, 120, 240, 480, 600, 600};
    struct ori_cap cap;
    uint64_t now = 100 * SECOND;

    (void)state;
    ori_cap_init(&cap, 16);
    for (unsigned left = 15; left > 0; left--) /* all but one at once are one failure */
        ori_cap_lower(&cap, left, 60 * SECOND, now);
    for (size_t i = 0; i < ORI_COUNT(seconds); i++) {
        assert_int_equal(rests(&cap, 1, &now), seconds[i]);
        assert_int_equal(ori_cap_limit(&cap, now += 12 * SECOND), 2);
        ori_cap_lower(&cap, 1, 60 * SECOND, now);
    }
    assert_int_equal(rests(&cap, 1, &now), 600);
    assert_true(rests(&cap, 2, &now) > 0); /* it delivers now: forgotten */
    assert_true(rests(&cap, 4, &now) > 0);
    ori_cap_lower(&cap, 4, 60 * SECOND, now);
    assert_int_equal(rests(&cap, 4, &now), 60);
}

/* ---- pace ---- */

static void pace_is_smoothed(void **state)
{
    struct ori_pace pace;
    uint64_t now = SECOND;

    (void)state;
    ori_pace_init(&pace, now);
    assert_false(ori_pace_look(&pace, now + SECOND / 2, 500));
    assert_true(ori_pace_look(&pace, now += SECOND, 1000));
    assert_true(pace.known && pace.rate > 999 && pace.rate < 1001);
    assert_true(ori_pace_look(&pace, now += SECOND, 1000));
    assert_true(pace.rate > 499 && pace.rate < 501);

    /* Slow from when it was first seen so, until it is not. */
    assert_int_equal(ori_pace_slow_ns(&pace, now, 600), 0);
    assert_int_equal(ori_pace_slow_ns(&pace, now + 7 * SECOND, 600), 7 * SECOND);
    assert_int_equal(ori_pace_slow_ns(&pace, now + 8 * SECOND, 400), 0);
    assert_int_equal(ori_pace_slow_ns(&pace, now + 9 * SECOND, 600), 0);

    /* Held back for a while: that time does not count. */
    ori_pace_skip(&pace, now += 100 * SECOND, 1000);
    assert_true(ori_pace_look(&pace, now += SECOND, 1500));
    assert_true(pace.rate > 499 && pace.rate < 501);
}

/* One that is fast among many that drip, most that are fast, all alike: those
 * are below a tenth of the usual whose loss costs nothing. */
static void the_usual_is_the_mean(void **state)
{
    static const struct {
        const char *label;
        unsigned fast, slow;
        double fast_rate, slow_rate;
        bool slow_is_useless;
    } rows[] = {
        {"one of two", 1, 1, 1e6, 1, true},
        {"one of four", 1, 3, 1e6, 1, true},
        {"one of sixteen", 1, 15, 1e6, 1, true},
        {"one of sixteen, not that fast", 1, 15, 20e3, 1, true},
        {"all but one", 15, 1, 1e6, 1, true},
        {"an eighth of the others", 15, 1, 8e6, 1e6, false},
        {"many small ones are half of the whole", 1, 15, 15e6, 1e6, false},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        const unsigned n = rows[i].fast + rows[i].slow;
        struct ori_usual usual;
        ori_usual_init(&usual, 10240);
        assert_false(usual.known);
        for (unsigned seconds = 0; seconds < 60; seconds++)
            ori_usual_learn(
                &usual, (rows[i].fast * rows[i].fast_rate + rows[i].slow * rows[i].slow_rate) / n);
        for (unsigned dropped = 0; dropped < rows[i].slow; dropped++) {
            if ((rows[i].slow_rate < usual.rate / 10) != rows[i].slow_is_useless ||
                rows[i].fast_rate < usual.rate / 10)
                fail_msg("%s: usual %g after %u", rows[i].label, usual.rate, dropped);
            ori_usual_lower(&usual); /* one less: no reason to keep the next */
        }
    }
}

static void the_usual_falls_slowly(void **state)
{
    struct ori_usual usual;

    (void)state;
    ori_usual_init(&usual, 10240);
    ori_usual_learn(&usual, 1e6);
    assert_true(usual.known && usual.rate > 999e3);
    for (unsigned seconds = 0; seconds < 10; seconds++)
        ori_usual_learn(&usual, 5000);
    assert_true(usual.rate > 300e3); /* all drip since: they are seen as slow */
    for (unsigned times = 0; times < 5; times++)
        ori_usual_lower(&usual);
    assert_true(usual.rate > 4999 && usual.rate < 5001); /* and the rest is as good as it gets */
    for (unsigned seconds = 0; seconds < 100; seconds++)
        ori_usual_learn(&usual, 1);
    ori_usual_lower(&usual);
    assert_true(usual.rate > 1000); /* but dripping is never usual */
}

/* Whoever asks, in pieces of 16 KiB as they come, and however long the steps:
 * no more than the rate, and no less by much. */
static void the_bucket_keeps_the_rate(void **state)
{
    static const uint64_t rates[] = {10 * KB, MB, 40 * MB, GB};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rates); i++) {
        struct ori_bucket bucket = {0};
        uint64_t now = SECOND, total = 0, seed = 7;
        ori_bucket_set(&bucket, rates[i], now);
        while (now < 61 * SECOND) {
            const uint64_t wait_ms = ori_bucket_wait_ms(&bucket, now);
            if (wait_ms > 0) {
                now += wait_ms * 1000000u;
                continue;
            }
            for (; ori_bucket_may(&bucket); total += 16 * KB)
                ori_bucket_take(&bucket, 16 * KB);
            now += next_random(&seed) % 20000000u; /* writing takes time too */
        }
        const uint64_t allowed = 61 * rates[i];
        if (total > allowed + 16 * KB || total < allowed / 100 * 95 - 16 * KB)
            fail_msg("%llu of %llu", (unsigned long long)total, (unsigned long long)allowed);
    }
}

static void nothing_is_saved_up(void **state)
{
    struct ori_bucket bucket = {0};
    uint64_t total = 0;

    (void)state;
    ori_bucket_set(&bucket, 4 * MB, SECOND);
    assert_int_equal(ori_bucket_wait_ms(&bucket, 3600 * SECOND), 0);
    for (; ori_bucket_may(&bucket); total += 16 * KB)
        ori_bucket_take(&bucket, 16 * KB);
    assert_int_equal(total, MB); /* a quarter of a second, after an hour */
}

static void no_limit_holds_nothing_back(void **state)
{
    struct ori_bucket bucket = {0};

    (void)state;
    ori_bucket_set(&bucket, 0, SECOND);
    ori_bucket_take(&bucket, GB);
    assert_true(ori_bucket_may(&bucket));
    assert_int_equal(ori_bucket_wait_ms(&bucket, SECOND), 0);
    ori_bucket_set(&bucket, 1000, SECOND); /* a limit comes into force at once */
    assert_false(ori_bucket_may(&bucket));
    assert_int_equal(ori_bucket_wait_ms(&bucket, SECOND), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_connections_while_they_pay),
        cmocka_unit_test(sooner_on_a_long_way),
        cmocka_unit_test(no_more_when_they_do_not_pay),
        cmocka_unit_test(a_collapse_halves_them),
        cmocka_unit_test(what_teaches_nothing),
        cmocka_unit_test(a_cap_rests_and_is_tried),
        cmocka_unit_test(a_cap_that_fails_again_rests_longer),
        cmocka_unit_test(pace_is_smoothed),
        cmocka_unit_test(the_usual_is_the_mean),
        cmocka_unit_test(the_usual_falls_slowly),
        cmocka_unit_test(the_bucket_keeps_the_rate),
        cmocka_unit_test(nothing_is_saved_up),
        cmocka_unit_test(no_limit_holds_nothing_back),
    };
    return cmocka_run_group_tests_name("pace of a transfer", tests, NULL, NULL);
}
