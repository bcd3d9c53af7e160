/* How a file is cut into units, and which connection gets which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "fetch_numbers.h"
#include "hub/fetching.h"

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
    };
    return cmocka_run_group_tests_name("units of a transfer", tests, NULL, NULL);
}
