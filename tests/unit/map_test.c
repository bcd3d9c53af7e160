/* Mapped files: also what is none, one that shrinks, and handlers of SIGBUS that others set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/map.h"
#include "scratch.h"

static void write_pages(const char *path, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < bytes; i++)
        assert_int_not_equal(fputc('x', file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void a_file_is_mapped(void **state)
{
    (void)state;
    const char *path = path_of("map");
    struct ori_map map;
    write_pages(path, 10000);
    assert_int_equal(ori_map_open(path, &map, NULL), ORION_OK);
    assert_int_equal(map.size, 10000);
    assert_int_equal(map.data[9999], 'x');
    assert_false(ori_map_is_damaged(&map));
    ori_map_read_ahead_begin(&map);
    ori_map_read_ahead(&map, 5000, 10);
    ori_map_read_ahead(&map, 5000, SIZE_MAX);
    ori_map_read_ahead(&map, SIZE_MAX, 1);
    ori_map_read_ahead_end(&map);
    ori_map_close(&map);
    ori_map_read_ahead_begin(&map); /* of none: nothing */
    ori_map_read_ahead_end(&map);
    assert_null(map.data);
    ori_map_close(&map); /* again: nothing */
    assert_int_equal(unlink(path), 0);
}

static void what_is_not_mapped(void **state)
{
    (void)state;
    struct ori_map map = {.data = (const uint8_t *)folder};
    const char *path = path_of("empty");
    assert_int_equal(ori_map_open(path, &map, NULL), ORION_E_NOT_FOUND);
    assert_null(map.data);
    write_pages(path, 0);
    assert_int_equal(ori_map_open(path, &map, NULL), ORION_E_FORMAT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ori_map_open(path, &map, NULL), ORION_E_FORMAT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ori_map_open(folder, &map, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_map_open("/dev/null", &map, NULL), ORION_E_FORMAT);
    assert_false(ori_map_is_damaged(&map));
}

static void two_maps_and_one_shrinks(void **state)
{
    (void)state;
    char a[300], b[300];
    struct ori_map left, right;
    (void)snprintf(a, sizeof(a), "%s/a", folder);
    (void)snprintf(b, sizeof(b), "%s/b", folder);
    write_pages(a, 100000);
    write_pages(b, 100000);
    assert_int_equal(ori_map_open(a, &left, NULL), ORION_OK);
    assert_int_equal(ori_map_open(b, &right, NULL), ORION_OK);
    assert_int_equal(truncate(b, 1), 0);
    assert_int_equal(((const volatile uint8_t *)left.data)[99999], 'x');
    assert_int_equal(((const volatile uint8_t *)right.data)[0], 'x');
    assert_false(ori_map_is_damaged(&right));
    for (size_t at = 8192; at < 100000; at += 4096)
        assert_int_equal(((const volatile uint8_t *)right.data)[at], 0);
    assert_true(ori_map_is_damaged(&right));
    assert_false(ori_map_is_damaged(&left));
    ori_map_close(&right);
    /* its place is clean for the next */
    assert_int_equal(ori_map_open(a, &right, NULL), ORION_OK);
    assert_false(ori_map_is_damaged(&right));
    ori_map_close(&right);
    ori_map_close(&left);
    assert_int_equal(unlink(a), 0);
    assert_int_equal(unlink(b), 0);
}

static void more_maps_than_places(void **state)
{
    (void)state;
    enum { MANY = 200 };
    const char *path = path_of("many");
    struct ori_map maps[MANY];
    size_t n = 0;
    orion_status status = ORION_OK;
    write_pages(path, 10);
    while (n < MANY && (status = ori_map_open(path, &maps[n], NULL)) == ORION_OK)
        n++;
    assert_int_equal(status, ORION_E_UNSUPPORTED);
    assert_true(n >= 32);
    for (size_t i = 0; i < n; i++)
        ori_map_close(&maps[i]);
    assert_int_equal(ori_map_open(path, &maps[0], NULL), ORION_OK);
    ori_map_close(&maps[0]);
    assert_int_equal(unlink(path), 0);
}

static volatile sig_atomic_t foreign_signals;

static void foreign_handler(int signal_number)
{
    (void)signal_number;
    foreign_signals++;
}

/* A SIGBUS that is not about our mappings goes to whom it went before, and
 * the handler is theirs again at the end. */
static void other_handlers_stay(void **state)
{
    (void)state;
    const char *path = path_of("handler");
    struct sigaction before, now;
    struct sigaction theirs = {.sa_handler = foreign_handler};
    struct ori_map map;

    write_pages(path, 10);
    assert_int_equal(sigaction(SIGBUS, &theirs, &before), 0);
    assert_int_equal(ori_map_open(path, &map, NULL), ORION_OK);
    assert_int_equal(raise(SIGBUS), 0);
    assert_int_equal(foreign_signals, 1);
    ori_map_close(&map);
    assert_int_equal(sigaction(SIGBUS, &before, &now), 0);
    assert_ptr_equal((void *)(uintptr_t)now.sa_handler, (void *)(uintptr_t)foreign_handler);
    assert_int_equal(unlink(path), 0);
}

static struct sigaction under_theirs;

static void chaining_handler(int signal_number, siginfo_t *info, void *context)
{
    foreign_signals++;
    if (foreign_signals < 10 && (under_theirs.sa_flags & SA_SIGINFO))
        under_theirs.sa_sigaction(signal_number, info, context);
}

/* Someone lays a handler over ours and passes on to it; we close and open
 * again; a signal that is nobody's must still come to an end. */
static void handlers_do_not_chase_each_other(void **state)
{
    (void)state;
    const char *path = path_of("chase");
    struct sigaction before;
    struct sigaction quiet = {.sa_handler = SIG_IGN};
    struct sigaction theirs = {.sa_flags = SA_SIGINFO};
    struct ori_map map;

    theirs.sa_sigaction = chaining_handler;
    foreign_signals = 0;
    write_pages(path, 10);
    assert_int_equal(sigaction(SIGBUS, &quiet, &before), 0);
    assert_int_equal(ori_map_open(path, &map, NULL), ORION_OK);
    assert_int_equal(sigaction(SIGBUS, &theirs, &under_theirs), 0);
    ori_map_close(&map);
    assert_int_equal(ori_map_open(path, &map, NULL), ORION_OK);
    assert_int_equal(raise(SIGBUS), 0);
    assert_int_equal(foreign_signals, 1);
    assert_int_equal(sigaction(SIGBUS, &under_theirs, NULL), 0);
    ori_map_close(&map);
    assert_int_equal(sigaction(SIGBUS, &before, NULL), 0);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_mapped),
        cmocka_unit_test(what_is_not_mapped),
        cmocka_unit_test(two_maps_and_one_shrinks),
        cmocka_unit_test(more_maps_than_places),
        cmocka_unit_test(other_handlers_stay),
        cmocka_unit_test(handlers_do_not_chase_each_other),
    };
    return cmocka_run_group_tests_name("mappings", tests, make_folder, remove_folder);
}
