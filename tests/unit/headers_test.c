/* What is known of models' headers: of which file, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "api/headers.h"

#define NOW_S 1000

static struct stat file(uint64_t inode)
{
    return (struct stat){.st_dev = 7,
                         .st_ino = inode,
                         .st_size = 100,
                         .st_mtim = {.tv_sec = 10, .tv_nsec = 5},
                         .st_ctim = {.tv_sec = 10, .tv_nsec = 6}};
}

static struct ori_header_facts facts(uint64_t n_params)
{
    return (struct ori_header_facts){.n_params = n_params};
}

/* 0: not known. */
static uint64_t params_of(struct ori_headers *headers, struct stat st)
{
    struct ori_header_facts found;
    return ori_headers_get(headers, &st, &found) ? found.n_params : 0;
}

static void put(struct ori_headers *headers, struct stat st, uint64_t n_params)
{
    const struct ori_header_facts known = facts(n_params);
    ori_headers_put(headers, &st, NOW_S, &known);
}

static void test_another_file(void **state)
{
    struct ori_headers headers;
    struct stat others[6];

    (void)state;
    for (size_t i = 0; i < 6; i++)
        others[i] = file(1);
    others[0].st_dev++;
    others[1].st_ino++;
    others[2].st_size++;
    others[3].st_mtim.tv_sec++;
    others[4].st_mtim.tv_nsec++;
    others[5].st_ctim.tv_nsec++;
    ori_headers_init(&headers);
    put(&headers, file(1), 11);
    assert_int_equal(params_of(&headers, file(1)), 11);
    for (size_t i = 0; i < 6; i++)
        if (params_of(&headers, others[i]) != 0)
            fail_msg("%zu counts as the same file", i);
    put(&headers, others[2], 22); /* written to: what was known goes */
    assert_int_equal(params_of(&headers, others[2]), 22);
    assert_int_equal(params_of(&headers, file(1)), 0);
    ori_headers_release(&headers);
}

/* The times of what is written twice within their grain tell nothing. */
static void test_just_written(void **state)
{
    struct ori_headers headers;
    struct stat written = file(1), linked = file(2), settled = file(3), later = file(4);

    (void)state;
    written.st_mtim.tv_sec = NOW_S - 2;
    linked.st_ctim.tv_sec = NOW_S;
    settled.st_mtim.tv_sec = settled.st_ctim.tv_sec = NOW_S - 3;
    later.st_mtim.tv_sec = NOW_S + 50; /* a clock that was put back */
    ori_headers_init(&headers);
    put(&headers, written, 1);
    put(&headers, linked, 2);
    put(&headers, settled, 3);
    put(&headers, later, 4);
    assert_int_equal(params_of(&headers, written), 0);
    assert_int_equal(params_of(&headers, linked), 0);
    assert_int_equal(params_of(&headers, settled), 3);
    assert_int_equal(params_of(&headers, later), 0);
    ori_headers_release(&headers);
}

/* Two files may have the same place: the later one has it. */
static void test_one_place(void **state)
{
    struct ori_headers headers;

    (void)state;
    ori_headers_init(&headers);
    for (uint64_t i = 1; i <= ORI_HEADERS + 2; i++)
        put(&headers, file(i), i);
    for (uint64_t i = 1; i <= ORI_HEADERS + 2; i++)
        assert_int_equal(params_of(&headers, file(i)), i <= 2 ? 0 : i);
    ori_headers_release(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_file),
        cmocka_unit_test(test_just_written),
        cmocka_unit_test(test_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
