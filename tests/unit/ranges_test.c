/* Sets of byte ranges: a table of cases, and random work against a plain map
 * of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/ranges.h"

/* "0-5 8-9" */
static void show(const struct ori_ranges *set, char out[200])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < set->count; i++)
        used += (size_t)snprintf(out + used, 200 - used, "%s%llu-%llu", i ? " " : "",
                                 (unsigned long long)set->list[i].begin,
                                 (unsigned long long)set->list[i].end);
}

static void putting_in_and_taking_out(void **state)
{
    static const struct {
        const char *label;
        struct ori_range before[3];
        bool remove;
        uint64_t begin, end;
        const char *after;
    } rows[] = {
        {"into nothing", {{0, 0}}, false, 5, 9, "5-9"},
        {"empty", {{2, 3}}, false, 7, 7, "2-3"},
        {"backwards", {{2, 3}}, false, 9, 7, "2-3"},
        {"before", {{5, 9}}, false, 1, 3, "1-3 5-9"},
        {"touching before", {{5, 9}}, false, 1, 5, "1-9"},
        {"touching after", {{5, 9}}, false, 9, 12, "5-12"},
        {"after", {{5, 9}}, false, 10, 12, "5-9 10-12"},
        {"bridging", {{1, 3}, {5, 9}}, false, 3, 5, "1-9"},
        {"over all", {{1, 3}, {5, 9}, {20, 21}}, false, 0, 30, "0-30"},
        {"within", {{1, 30}}, false, 5, 9, "1-30"},
        {"to the end of numbers", {{1, 3}}, false, 9, UINT64_MAX, "1-3 9-18446744073709551615"},
        {"out of nothing", {{0, 0}}, true, 5, 9, ""},
        {"a hole", {{1, 30}}, true, 5, 9, "1-5 9-30"},
        {"a head", {{1, 30}}, true, 0, 9, "9-30"},
        {"a tail", {{1, 30}}, true, 9, 99, "1-9"},
        {"all", {{1, 3}, {5, 9}}, true, 0, UINT64_MAX, ""},
        {"across", {{1, 3}, {5, 9}, {11, 15}}, true, 2, 12, "1-2 12-15"},
        {"only touching", {{1, 3}, {5, 9}}, true, 3, 5, "1-3 5-9"},
        {"exactly one", {{1, 3}, {5, 9}}, true, 5, 9, "1-3"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_ranges set = {0};
        char text[200];
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(ori_ranges_add(&set, rows[i].before[k].begin, rows[i].before[k].end),
                             ORION_OK);
        assert_int_equal(
            (rows[i].remove ? ori_ranges_remove : ori_ranges_add)(&set, rows[i].begin, rows[i].end),
            ORION_OK);
        show(&set, text);
        if (strcmp(text, rows[i].after) != 0)
            fail_msg("%s: '%s'", rows[i].label, text);
        ori_ranges_release(&set);
    }
}

static void questions(void **state)
{
    struct ori_ranges set = {0}, copy;
    struct ori_range gap;

    (void)state;
    assert_int_equal(ori_ranges_prefix(&set), 0);
    assert_int_equal(ori_ranges_reach(&set, 7), 7);
    assert_true(ori_ranges_next_gap(&set, 0, 10, &gap));
    assert_true(gap.begin == 0 && gap.end == 10);
    assert_false(ori_ranges_next_gap(&set, 10, 10, &gap));
    assert_int_equal(ori_ranges_add(&set, 0, 5), ORION_OK);
    assert_int_equal(ori_ranges_add(&set, 10, 20), ORION_OK);
    assert_int_equal(ori_ranges_prefix(&set), 5);
    assert_int_equal(ori_ranges_total(&set), 15);
    static const uint64_t reach[][2] = {{0, 5},   {4, 5},   {5, 5},  {7, 7},
                                        {10, 20}, {19, 20}, {20, 20}};
    for (size_t i = 0; i < ORI_COUNT(reach); i++)
        assert_int_equal(ori_ranges_reach(&set, reach[i][0]), reach[i][1]);
    assert_true(ori_ranges_covers(&set, 11, 20) && ori_ranges_covers(&set, 3, 3));
    assert_false(ori_ranges_covers(&set, 11, 21) || ori_ranges_covers(&set, 4, 11));
    assert_true(ori_ranges_next_gap(&set, 2, 99, &gap) && gap.begin == 5 && gap.end == 10);
    assert_true(ori_ranges_next_gap(&set, 6, 8, &gap) && gap.begin == 6 && gap.end == 8);
    assert_true(ori_ranges_next_gap(&set, 15, 99, &gap) && gap.begin == 20 && gap.end == 99);
    assert_false(ori_ranges_next_gap(&set, 12, 20, &gap));
    assert_int_equal(ori_ranges_copy(&set, &copy), ORION_OK);
    ori_ranges_release(&set);
    assert_int_equal(ori_ranges_total(&copy), 15);
    ori_ranges_release(&copy);
    assert_int_equal(ori_ranges_copy(&set, &copy), ORION_OK);
    assert_int_equal(copy.count, 0);
    ori_ranges_release(&copy);
}

#define BYTES 200u

static void compare(const struct ori_ranges *set, const bool map[BYTES])
{
    struct ori_range gap;
    uint64_t total = 0;

    for (size_t i = 0; i < set->count; i++) {
        assert_true(set->list[i].begin < set->list[i].end);
        assert_true(i == 0 || set->list[i - 1].end < set->list[i].begin);
    }
    for (uint64_t i = 0; i < BYTES; i++) {
        total += map[i];
        assert_true(ori_ranges_covers(set, i, i + 1) == map[i]);
        uint64_t reach = i, free_from = i;
        while (reach < BYTES && map[reach])
            reach++;
        assert_int_equal(ori_ranges_reach(set, i), reach);
        while (free_from < BYTES && map[free_from])
            free_from++;
        assert_true(ori_ranges_next_gap(set, i, BYTES, &gap) == (free_from < BYTES));
        assert_true(free_from == BYTES || gap.begin == free_from);
    }
    assert_int_equal(ori_ranges_total(set), total);
}

static void random_work(void **state)
{
    struct ori_ranges set = {0};
    bool map[BYTES] = {false};
    uint32_t seed = 12345;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        seed = seed * 1664525u + 1013904223u;
        const uint64_t begin = (seed >> 8) % BYTES;
        const uint64_t end = begin + (seed >> 20) % 30;
        const bool put = (seed >> 29) < 4;
        assert_int_equal(
            (put ? ori_ranges_add : ori_ranges_remove)(&set, begin, end < BYTES ? end : BYTES),
            ORION_OK);
        for (uint64_t i = begin; i < end && i < BYTES; i++)
            map[i] = put;
        if (round % 10 == 0)
            compare(&set, map);
    }
    ori_ranges_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(putting_in_and_taking_out),
        cmocka_unit_test(questions),
        cmocka_unit_test(random_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
