/* The transfer engine's rules, without sockets and with a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hub/fetching.h"

#define KB 1024ull
#define MB (1024 * KB)
#define GB (1024 * MB)
#define SECOND 1000000000ull

/* Numbers that are the same in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- units ---- */

static void units_are_long_and_then_shorter(void **state)
{
    static const struct {
        uint64_t size_bytes, have_bytes;
        unsigned connections;
        uint64_t least_bytes, begin, end;
    } rows[] = {
        {1, 0, 4, 0, 0, 1},
        {MB, 0, 4, 0, 0, MB},
        {MB + MB / 2, 0, 4, 0, 0, MB + MB / 2}, /* half a unit is not worth a request */
        {3 * MB, 0, 4, 0, 0, MB},
        {8 * MB, 0, 1, 0, 0, 8 * MB},
        {80 * MB, 0, 4, 0, 0, 10 * MB},
        {GB, 0, 4, 0, 0, 64 * MB},
        {GB, 0, 16, 0, 0, 32 * MB},
        {GB, GB - 100 * MB, 16, 0, GB - 100 * MB, GB - 84 * MB}, /* not below 16 MiB */
        {100 * GB, 0, 16, 0, 0, 64 * MB},
        {100 * GB, 7, 16, 0, 7, 64 * MB}, /* ends are even */
        {100 * GB, 0, 1, 0, 0, 100 * GB},
        {100 * MB, 0, 16, 0, 0, 3 * MB},
        {100 * MB, 0, 16, 20 * MB, 0, 20 * MB}, /* fast, and far away */
        {100 * GB, 0, 16, 200 * MB, 0, 64 * MB},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_range there = {0, rows[i].have_bytes};
        const struct ori_ranges have = {.list = &there, .count = rows[i].have_bytes > 0, .cap = 1};
        struct ori_units units;
        struct ori_span span;
        assert_int_equal(ori_units_init(&units, rows[i].size_bytes, &have), ORION_OK);
        assert_true(ori_units_take(&units, rows[i].connections, rows[i].least_bytes, &span));
        if (span.next != rows[i].begin || span.end != rows[i].end)
            fail_msg("row %zu: %llu to %llu", i, (unsigned long long)span.next,
                     (unsigned long long)span.end);
        ori_units_release(&units);
    }
}

static void gaps_are_filled_from_the_start(void **state)
{
    struct ori_range there[] = {{0, 10}, {20, 30}, {90, 100}};
    const struct ori_ranges have = {.list = there, .count = 3, .cap = 3};
    struct ori_units units;
    struct ori_span a, b, c;

    (void)state;
    assert_int_equal(ori_units_init(&units, 100, &have), ORION_OK);
    assert_true(ori_units_take(&units, 4, 0, &a));
    assert_true(a.next == 10 && a.end == 20);
    assert_true(ori_units_take(&units, 4, 0, &b));
    assert_true(b.next == 30 && b.end == 90);
    assert_false(ori_units_take(&units, 4, 0, &c)); /* all is on its way */

    /* The first brings half and is dropped: its rest is free again. */
    assert_int_equal(ori_units_deliver(&units, (struct ori_range){10, 15}), ORION_OK);
    a.next = 15;
    ori_units_let_go(&units, &a);
    assert_true(ori_units_take(&units, 4, 0, &c));
    assert_true(c.next == 15 && c.end == 20);
    assert_false(ori_units_complete(&units));
    assert_int_equal(ori_units_deliver(&units, (struct ori_range){15, 20}), ORION_OK);
    assert_int_equal(ori_units_deliver(&units, (struct ori_range){30, 90}), ORION_OK);
    assert_true(ori_units_complete(&units));
    ori_units_release(&units);
}

static void a_gap_between_spans_is_all_that_is_taken(void **state)
{
    struct ori_units units;
    struct ori_span a, b, c;

    (void)state;
    assert_int_equal(ori_units_init(&units, 80 * MB, NULL), ORION_OK);
    assert_true(ori_units_take(&units, 4, 0, &a));
    assert_true(ori_units_take(&units, 4, 0, &b));
    a.next = 3 * MB;
    assert_int_equal(ori_units_deliver(&units, (struct ori_range){0, 3 * MB}), ORION_OK);
    ori_units_let_go(&units, &a);
    assert_true(ori_units_take(&units, 1, 0, &c));
    assert_true(c.next == 3 * MB && c.end == b.next);
    ori_units_release(&units);
}

static void the_slowest_is_halved(void **state)
{
    struct ori_units units;
    struct ori_span fast, slow, help, more;

    (void)state;
    assert_int_equal(ori_units_init(&units, 40 * MB, NULL), ORION_OK);
    assert_true(ori_units_take(&units, 2, 0, &fast)); /* a quarter */
    assert_true(ori_units_take(&units, 1, 0, &slow)); /* the rest */
    fast.rate = 100.0 * (double)MB;
    slow.rate = 1.0 * (double)MB;
    slow.next += 10 * MB;
    assert_false(ori_units_split(&units, 60, 1e9, &help));             /* all is done before that */
    assert_false(ori_units_split(&units, 1, 0.4 * (double)MB, &help)); /* it is the best there is */
    assert_true(ori_units_split(&units, 1, 1e9, &help));
    assert_true(slow.next == 20 * MB && slow.end == 30 * MB);
    assert_true(help.next == 30 * MB && help.end == 40 * MB && !help.hedged);

    /* What never sent a byte is slower than anything; too little stays whole. */
    slow.next = slow.end - 2 * ORI_UNITS_MIN_SPLIT + 1;
    help.next = help.end - 2 * ORI_UNITS_MIN_SPLIT + 1;
    fast.next = fast.end - 2 * MB;
    slow.rate = 0;
    assert_false(ori_units_split(&units, 1, 1e9, &more));
    fast.rate = 0;
    assert_true(ori_units_split(&units, 1, 1e9, &more));
    assert_true(more.end == 10 * MB && more.next == 9 * MB && fast.end == 9 * MB);
    ori_units_release(&units);
}

static void the_slowest_is_hedged_once(void **state)
{
    struct ori_units units;
    struct ori_span crawling, hedge, more;
    struct ori_range piece;

    (void)state;
    assert_int_equal(ori_units_init(&units, 100 * KB, NULL), ORION_OK);
    assert_true(ori_units_take(&units, 4, 0, &crawling));
    crawling.next = 50 * KB;
    assert_int_equal(ori_units_deliver(&units, (struct ori_range){0, 50 * KB}), ORION_OK);
    crawling.rate = 25.0 * (double)KB;
    assert_false(ori_units_hedge(&units, 80.0 * (double)KB, &hedge)); /* a third of it */
    crawling.rate = 26.0 * (double)KB;
    assert_false(ori_units_hedge(&units, 1.0 * (double)MB, &hedge)); /* soon done */
    crawling.rate = 1.0 * (double)KB;
    assert_true(ori_units_hedge(&units, 1.0 * (double)MB, &hedge));
    assert_true(hedge.next == 50 * KB && hedge.end == 100 * KB);
    assert_false(ori_units_hedge(&units, 1.0 * (double)MB, &more));
    assert_false(ori_units_split(&units, 1, 1e9, &more));

    /* Each byte is wanted once. */
    assert_true(ori_units_wanted(&units, 50 * KB, 60 * KB, &piece));
    assert_int_equal(ori_units_deliver(&units, piece), ORION_OK);
    assert_false(ori_units_wanted(&units, 50 * KB, 60 * KB, &piece));
    assert_true(ori_units_wanted(&units, 50 * KB, 70 * KB, &piece));
    assert_true(piece.begin == 60 * KB && piece.end == 70 * KB);

    /* When the hedge is lost, another may be tried. */
    ori_units_let_go(&units, &hedge);
    assert_true(ori_units_hedge(&units, 1.0 * (double)MB, &more));
    ori_units_release(&units);
}

static void spans_are_bounded(void **state)
{
    struct ori_span spans[ORI_UNITS_MAX_SPANS + 1];
    struct ori_units units;

    (void)state;
    assert_int_equal(ori_units_init(&units, GB, NULL), ORION_OK);
    for (size_t i = 0; i < ORI_UNITS_MAX_SPANS; i++)
        assert_true(ori_units_take(&units, 16, 0, &spans[i]));
    assert_false(ori_units_take(&units, 16, 0, &spans[ORI_UNITS_MAX_SPANS]));
    assert_false(ori_units_split(&units, 0, 1e9, &spans[ORI_UNITS_MAX_SPANS]));
    assert_false(ori_units_hedge(&units, 1e9, &spans[ORI_UNITS_MAX_SPANS]));
    ori_units_release(&units);
}

/* Connections of all speeds come, bring some, and go; splits and hedges happen
 * where they may.  In the end every byte has come, and been wanted, once. */
static void every_byte_comes_once(uint64_t seed, uint64_t size_bytes, unsigned connections)
{
    struct ori_span spans[ORI_UNITS_MAX_SPANS];
    bool busy[ORI_UNITS_MAX_SPANS] = {false};
    struct ori_units units;
    struct ori_range piece;
    uint64_t delivered = 0;

    assert_int_equal(ori_units_init(&units, size_bytes, NULL), ORION_OK);
    for (unsigned steps = 0; !ori_units_complete(&units); steps++) {
        const size_t i = (size_t)(next_random(&seed) % connections);
        struct ori_span *span = &spans[i];
        assert_true(steps < 1000000);
        if (!busy[i]) {
            busy[i] = ori_units_take(&units, connections, 0, span) ||
                      ori_units_split(&units, 0.5, 1e7, span) || ori_units_hedge(&units, 1e7, span);
            if (busy[i])
                span->rate = (double)(next_random(&seed) % 10000000);
            continue;
        }
        uint64_t bytes = next_random(&seed) % (size_bytes / 50 + 2);
        if (bytes > span->end - span->next)
            bytes = span->end - span->next;
        for (uint64_t from = span->next; ori_units_wanted(&units, from, span->next + bytes, &piece);
             from = piece.end) {
            assert_true(piece.begin >= from && piece.end <= span->next + bytes);
            assert_int_equal(ori_units_deliver(&units, piece), ORION_OK);
            delivered += piece.end - piece.begin;
        }
        span->next += bytes;
        if (span->next == span->end || next_random(&seed) % 20 == 0) {
            ori_units_let_go(&units, span);
            busy[i] = false;
        }
    }
    assert_int_equal(delivered, size_bytes);
    ori_units_release(&units);
}

static void whatever_happens_every_byte_comes_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        every_byte_comes_once(seed * 0x9e3779b97f4a7c15u, 1 + seed * seed * seed * 97,
                              1 + (unsigned)(seed % ORI_UNITS_MAX_SPANS));
}

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
        cmocka_unit_test(units_are_long_and_then_shorter),
        cmocka_unit_test(gaps_are_filled_from_the_start),
        cmocka_unit_test(a_gap_between_spans_is_all_that_is_taken),
        cmocka_unit_test(the_slowest_is_halved),
        cmocka_unit_test(the_slowest_is_hedged_once),
        cmocka_unit_test(spans_are_bounded),
        cmocka_unit_test(whatever_happens_every_byte_comes_once),
        cmocka_unit_test(more_connections_while_they_pay),
        cmocka_unit_test(sooner_on_a_long_way),
        cmocka_unit_test(no_more_when_they_do_not_pay),
        cmocka_unit_test(a_collapse_halves_them),
        cmocka_unit_test(what_teaches_nothing),
        cmocka_unit_test(pace_is_smoothed),
        cmocka_unit_test(the_usual_is_the_mean),
        cmocka_unit_test(the_usual_falls_slowly),
        cmocka_unit_test(a_cap_rests_and_is_tried),
        cmocka_unit_test(a_cap_that_fails_again_rests_longer),
        cmocka_unit_test(the_bucket_keeps_the_rate),
        cmocka_unit_test(nothing_is_saved_up),
        cmocka_unit_test(no_limit_holds_nothing_back),
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
