/* The ground: arithmetic, memory, errors, borrowed strings, buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/utf8.h"

/* ---- arithmetic ---- */

static void checked_arithmetic(void **state)
{
    (void)state;
    size_t n = 7;
    uint64_t u = 7;

    assert_true(ori_add(SIZE_MAX - 1, 1, &n));
    assert_true(n == SIZE_MAX);
    n = 7;
    assert_false(ori_add(SIZE_MAX, 1, &n));
    assert_false(ori_mul(SIZE_MAX / 2 + 1, 2, &n));
    assert_int_equal(n, 7);
    assert_true(ori_mul(SIZE_MAX / 2, 2, &n));
    assert_true(n == SIZE_MAX - 1);
    assert_true(ori_add_u64(UINT64_MAX, 0, &u));
    u = 7;
    assert_false(ori_add_u64(UINT64_MAX, 1, &u));
    assert_false(ori_mul_u64(1ull << 32, 1ull << 32, &u));
    assert_int_equal(u, 7);
    assert_true(ori_mul_u64(1ull << 32, (1ull << 32) - 1, &u));
    assert_true(u == 0xFFFFFFFF00000000ull);
}

static void aligning(void **state)
{
    (void)state;
    static const struct {
        uint64_t n, align, want;
    } rows[] = {{0, 32, 0},   {1, 32, 32}, {32, 32, 32},
                {33, 32, 64}, {5, 1, 5},   {65535, 65536, 65536}};
    uint64_t out = 3;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        assert_true(ori_align_up_u64(rows[i].n, rows[i].align, &out));
        assert_int_equal(out, rows[i].want);
    }
    out = 3;
    assert_false(ori_align_up_u64(UINT64_MAX - 30, 32, &out));
    assert_int_equal(out, 3);
}

static void allocation_sizes(void **state)
{
    (void)state;
    /* volatile: compilers warn of what is meant to be refused */
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(ori_alloc_array(huge, 3));
    assert_null(ori_calloc_array(huge, 3));
    assert_null(ori_alloc_aligned(huge, 3));
    assert_null(ori_alloc_aligned(SIZE_MAX - (huge - huge), 1));
    assert_null(ori_alloc_aligned_raw(huge, 3));
    void *none = ori_alloc_array(0, 8);
    assert_non_null(none); /* NULL would look like a failure */
    free(none);
    static const size_t sizes[] = {0, 1, 37, 64, 65, 300, (2 << 20) - 1, 2 << 20, (2 << 20) + 1};
    for (size_t i = 0; i < ORI_COUNT(sizes); i++) {
        uint8_t *memory = ori_alloc_aligned(sizes[i], 1);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        for (size_t at = 0; at < sizes[i]; at++)
            if (memory[at] != 0)
                fail_msg("byte %zu of %zu is not cleared", at, sizes[i]);
        free(memory);
    }
}

/* ---- errors ---- */

static void every_status_has_a_text(void **state)
{
    (void)state;
    const char *unknown = orion_status_text((orion_status)-1000);
    for (int status = ORION_E_NAME; status <= ORION_OK; status++) {
        const char *text = orion_status_text((orion_status)status);
        assert_true(strlen(text) > 1);
        assert_string_not_equal(text, unknown);
        for (int other = status + 1; other <= ORION_OK; other++)
            assert_string_not_equal(text, orion_status_text((orion_status)other));
    }
}

static void an_error_is_filled(void **state)
{
    (void)state;
    orion_error err;
    memset(&err, 0xAA, sizeof(err));
    assert_int_equal(ori_fail(&err, ORION_E_BUSY, "%s %d", "text", 5), ORION_E_BUSY);
    assert_int_equal(err.status, ORION_E_BUSY);
    assert_true(err.offset == ORION_NO_OFFSET);
    assert_string_equal(err.name, "");
    assert_string_equal(err.message, "text 5");
    assert_int_equal(ori_fail_at(&err, ORION_E_FORMAT, 12, "key", "bad"), ORION_E_FORMAT);
    assert_int_equal(err.offset, 12);
    assert_string_equal(err.name, "key");
    assert_int_equal(ori_fail_nomem(&err, "a test"), ORION_E_NOMEM);
    assert_non_null(strstr(err.message, "a test"));
    assert_int_equal(ori_fail(NULL, ORION_E_IO, "nobody listens"), ORION_E_IO);
}

static void an_error_may_quote_itself(void **state)
{
    (void)state;
    orion_error err;
    (void)ori_fail_at(&err, ORION_E_FORMAT, 1, "key", "inner");
    (void)ori_fail_at(&err, ORION_E_FORMAT, err.offset, err.name, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner");
    assert_string_equal(err.name, "key");
}

static void an_error_is_cut_at_a_character(void **state)
{
    (void)state;
    orion_error err;
    char text[1200] = "x"; /* an odd byte, so that a character straddles the end */
    for (size_t i = 1; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xC3\xA9", 3);
    (void)ori_fail_at(&err, ORION_E_FORMAT, 0, text, "%s", text);
    assert_true(strlen(err.message) >= sizeof(err.message) - 3);
    assert_true(strlen(err.name) >= sizeof(err.name) - 3);
    assert_int_equal(ori_utf8_valid_len(err.message, strlen(err.message)), strlen(err.message));
    assert_int_equal(ori_utf8_valid_len(err.name, strlen(err.name)), strlen(err.name));
    assert_null(strchr(err.message, '?'));
    assert_null(strchr(err.name, '?'));
}

static void an_error_steers_no_terminal(void **state)
{
    (void)state;
    orion_error err;
    (void)ori_fail_at(&err, ORION_E_FORMAT, 0, "\x1b[31m", "a\nb\x7F\xFF\xC3\xA9");
    assert_string_equal(err.name, "?[31m");
    assert_string_equal(err.message, "a?b??\xC3\xA9");
}

static const struct {
    int error;
    orion_status status;
} errno_rows[] = {
    {ENOENT, ORION_E_NOT_FOUND}, {ENOTDIR, ORION_E_NOT_FOUND}, {EACCES, ORION_E_DENIED},
    {EPERM, ORION_E_DENIED},     {EROFS, ORION_E_DENIED},      {ENOSPC, ORION_E_NO_SPACE},
    {EDQUOT, ORION_E_NO_SPACE},  {ENOMEM, ORION_E_NOMEM},      {EIO, ORION_E_IO},
};

static void errno_becomes_a_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(errno_rows); i++) {
        orion_error err;
        errno = errno_rows[i].error;
        assert_int_equal(ori_fail_errno(&err, "open '%s'", "x"), errno_rows[i].status);
        assert_int_equal(errno, errno_rows[i].error);
        assert_memory_equal(err.message, "open 'x': ", 10);
        assert_true(strlen(err.message) > 12);
    }
}

static void borrowed_strings(void **state)
{
    (void)state;
    assert_true(ori_str_eq((struct ori_str){"abcdef", 3}, "abc"));
    assert_false(ori_str_eq((struct ori_str){"abcdef", 3}, "abcd"));
    assert_false(ori_str_eq((struct ori_str){"abc", 3}, "abd"));
    assert_true(ori_str_eq((struct ori_str){NULL, 0}, ""));
}

static void classes_of_bytes(void **state)
{
    static const char space[] = " \t\n\v\f\r", hex[] = "0123456789abcdef0123456789ABCDEF";

    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char c = (char)byte;
        const char *digit = strchr(hex, c);
        assert_int_equal(ori_is_space(c), strchr(space, c) != NULL);
        assert_int_equal(ori_is_digit(c), byte >= '0' && byte <= '9');
        assert_int_equal(ori_hex_digit(c), digit ? (digit - hex) % 16 : -1);
    }
    assert_false(ori_is_space('\0'));
    assert_int_equal(ori_hex_digit('\0'), -1);
}

/* ---- buffers ---- */

static void a_buffer_grows(void **state)
{
    (void)state;
    struct ori_buf buf;
    ori_buf_init(&buf, 100000);
    assert_string_equal(ori_buf_text(&buf), "");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ori_buf_addf(&buf, "%03d,", i), ORION_OK);
        assert_int_equal(buf.data[buf.len], '\0');
    }
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.data + 4 * 437, "437,", 4);
    ori_buf_clear(&buf);
    assert_string_equal(ori_buf_text(&buf), "");
    assert_int_equal(ori_buf_adds(&buf, "again"), ORION_OK);
    assert_string_equal(ori_buf_text(&buf), "again");
    ori_buf_release(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.max, 100000);
}

static void a_buffer_keeps_to_its_maximum(void **state)
{
    (void)state;
    struct ori_buf buf;
    ori_buf_init(&buf, 10);
    assert_int_equal(ori_buf_add(&buf, "0123456789", 10), ORION_OK);
    assert_int_equal(ori_buf_add(&buf, "", 0), ORION_OK);
    assert_int_equal(ori_buf_add(&buf, "x", 1), ORION_E_TOO_LONG);
    assert_string_equal(ori_buf_text(&buf), "0123456789");
    /* sticky, also for what would fit */
    assert_int_equal(ori_buf_add(&buf, "", 0), ORION_E_TOO_LONG);
    assert_int_equal(ori_buf_addf(&buf, "%s", ""), ORION_E_TOO_LONG);
    assert_null(ori_buf_take(&buf));
    ori_buf_clear(&buf);
    assert_int_equal(ori_buf_addf(&buf, "%s", "0123456789x"), ORION_E_TOO_LONG);
    assert_string_equal(ori_buf_text(&buf), "");
    ori_buf_release(&buf);
    ori_buf_init(&buf, SIZE_MAX);
    assert_int_equal(ori_buf_adds(&buf, "x"), ORION_OK);
    assert_int_equal(ori_buf_add(&buf, "y", SIZE_MAX), ORION_E_TOO_LONG);
    ori_buf_release(&buf);
}

static void a_buffer_is_taken(void **state)
{
    (void)state;
    struct ori_buf buf;
    ori_buf_init(&buf, 10);
    char *text = ori_buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(ori_buf_add(&buf, "a\0b", 3), ORION_OK);
    text = ori_buf_take(&buf);
    assert_memory_equal(text, "a\0b", 4);
    free(text);
    assert_int_equal(buf.len, 0);
    assert_null(buf.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked_arithmetic),
        cmocka_unit_test(aligning),
        cmocka_unit_test(allocation_sizes),
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(an_error_is_filled),
        cmocka_unit_test(an_error_may_quote_itself),
        cmocka_unit_test(an_error_is_cut_at_a_character),
        cmocka_unit_test(an_error_steers_no_terminal),
        cmocka_unit_test(errno_becomes_a_status),
        cmocka_unit_test(borrowed_strings),
        cmocka_unit_test(classes_of_bytes),
        cmocka_unit_test(a_buffer_grows),
        cmocka_unit_test(a_buffer_keeps_to_its_maximum),
        cmocka_unit_test(a_buffer_is_taken),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
