/* The ground: arithmetic, errors, buffers, UTF-8, hashing, mappings, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/seal.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "scratch.h"

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
    for (int status = ORION_E_BUSY; status <= ORION_OK; status++) {
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

/* ---- UTF-8: the corners of Unicode's table of well-formed bytes ---- */

static const struct {
    const char *label;
    const char *bytes;
    size_t len, valid;
    bool partial;
} utf8_rows[] = {
    {"nothing", "", 0, 0, false},
    {"NUL", "\0", 1, 1, false},
    {"U+7F", "\x7F", 1, 1, false},
    {"lone continuation", "\x80", 1, 0, false},
    {"C0", "\xC0\x80", 2, 0, false},
    {"C1", "\xC1\xBF", 2, 0, false},
    {"U+80", "\xC2\x80", 2, 2, false},
    {"U+7FF", "\xDF\xBF", 2, 2, false},
    {"C2 alone", "\xC2", 1, 0, true},
    {"C2 and a letter", "\xC2\x41", 2, 0, false},
    {"overlong E0", "\xE0\x9F\xBF", 3, 0, false},
    {"U+800", "\xE0\xA0\x80", 3, 3, false},
    {"U+D7FF", "\xED\x9F\xBF", 3, 3, false},
    {"surrogate", "\xED\xA0\x80", 3, 0, false},
    {"surrogate begins", "\xED\xA0", 2, 0, false},
    {"U+E000", "\xEE\x80\x80", 3, 3, false},
    {"U+FFFF", "\xEF\xBF\xBF", 3, 3, false},
    {"two of three", "\xE2\x82", 2, 0, true},
    {"overlong F0", "\xF0\x8F\xBF\xBF", 4, 0, false},
    {"U+10000", "\xF0\x90\x80\x80", 4, 4, false},
    {"U+10FFFF", "\xF4\x8F\xBF\xBF", 4, 4, false},
    {"beyond U+10FFFF", "\xF4\x90\x80\x80", 4, 0, false},
    {"F5", "\xF5\x80\x80\x80", 4, 0, false},
    {"three of four", "\xF0\x9F\x98", 3, 0, true},
    {"third byte wrong", "\xF0\x9F\x41\x80", 4, 0, false},
    {"FF", "\xFF", 1, 0, false},
    {"only the first counts", "\xC3\xA9\xFF", 3, 2, false},
};

static void utf8_characters(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(utf8_rows); i++) {
        if (ori_utf8_char(utf8_rows[i].bytes, utf8_rows[i].len) != utf8_rows[i].valid ||
            ori_utf8_is_partial(utf8_rows[i].bytes, utf8_rows[i].len) != utf8_rows[i].partial)
            fail_msg("utf8: %s", utf8_rows[i].label);
    }
    assert_int_equal(ori_utf8_valid_len("ab\xC3\xA9\xE2\x82\xAC!\xC3", 9), 8);
    assert_int_equal(ori_utf8_valid_len("", 0), 0);
}

/* Every code point, encoded here from the definition, is one character, and
 * every proper beginning of it is partial. */
static void utf8_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char text[4];
        size_t len = 0;
        if (c < 0x80) {
            text[len++] = (char)c;
        } else if (c < 0x800) {
            text[len++] = (char)(0xC0 | c >> 6);
        } else if (c < 0x10000) {
            text[len++] = (char)(0xE0 | c >> 12);
            text[len++] = (char)(0x80 | (c >> 6 & 0x3F));
        } else {
            text[len++] = (char)(0xF0 | c >> 18);
            text[len++] = (char)(0x80 | (c >> 12 & 0x3F));
            text[len++] = (char)(0x80 | (c >> 6 & 0x3F));
        }
        if (c >= 0x80)
            text[len++] = (char)(0x80 | (c & 0x3F));
        const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        if (ori_utf8_char(text, len) != (surrogate ? 0 : len))
            fail_msg("U+%04X", c);
        for (size_t cut = 1; cut < len; cut++)
            if (ori_utf8_is_partial(text, cut) != !(surrogate && cut > 1))
                fail_msg("U+%04X cut to %zu", c, cut);
    }
}

/* ---- SHA-256: vectors of FIPS 180-2 and RFC 6234 ---- */

static const struct {
    const char *text;
    size_t repeat;
    const char *hex;
} sha256_rows[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    {"0123456701234567012345670123456701234567012345670123456701234567", 10,
     "594847328451bdfa85056225462cc1d867d877fb388df0ce35f25ab5562bfbb5"},
};

static void sha256_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(sha256_rows); i++) {
        struct ori_sha256 hash;
        char hex[ORI_SHA256_HEX + 1];
        ori_sha256_init(&hash);
        for (size_t n = 0; n < sha256_rows[i].repeat; n++)
            ori_sha256_update(&hash, sha256_rows[i].text, strlen(sha256_rows[i].text));
        ori_sha256_hex(&hash, hex);
        assert_string_equal(hex, sha256_rows[i].hex);
    }
}

static void sha256_is_taken_up_again(void **state)
{
    (void)state;
    struct ori_sha256 hash;
    char hex[ORI_SHA256_HEX + 1];
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, "a", 1);
    struct ori_sha256 later = hash; /* a checkpoint */
    ori_sha256_update(&hash, "zzz", 3);
    ori_sha256_hex(&hash, hex);
    ori_sha256_update(&later, "bc", 2);
    ori_sha256_hex(&later, hex);
    assert_string_equal(hex, sha256_rows[1].hex);
}

static void sha256_as_text(void **state)
{
    (void)state;
    char hex[80];
    assert_true(ori_sha256_is_hex(sha256_rows[0].hex));
    assert_false(ori_sha256_is_hex(""));
    (void)snprintf(hex, sizeof(hex), "%s0", sha256_rows[0].hex);
    assert_false(ori_sha256_is_hex(hex));
    hex[63] = '\0';
    assert_false(ori_sha256_is_hex(hex));
    (void)snprintf(hex, sizeof(hex), "%s", sha256_rows[0].hex);
    hex[5] = 'A';
    assert_false(ori_sha256_is_hex(hex));
    hex[5] = 'g';
    assert_false(ori_sha256_is_hex(hex));
}

/* ---- mappings ---- */

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
    ori_map_read_ahead(&map, 5000, 10);
    ori_map_read_ahead(&map, 5000, SIZE_MAX);
    ori_map_read_ahead(&map, SIZE_MAX, 1);
    ori_map_close(&map);
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

/* ---- threads ---- */

struct job {
    size_t n, grain;
    bool share; /* by ori_pool_share() */
    uint32_t threads;
    uint8_t *hits; /* [n] not atomic: two workers on one item are a race */
    _Atomic size_t done;
    _Atomic bool broken; /* a piece of the wrong shape */
};

/* The size of the piece at `begin`, as pool.h says. */
static size_t piece_at(const struct job *job, size_t begin)
{
    const size_t left = job->n - begin;
    size_t piece = left / job->grain / ((size_t)2 * job->threads) * job->grain;

    if (job->share && job->threads == 1)
        return left;
    if (!job->share || piece < job->grain)
        piece = job->grain;
    return left < piece ? left : piece;
}

static void count_items(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct job *job = arg;
    if (begin >= job->n || begin % job->grain != 0 || end - begin != piece_at(job, begin) ||
        worker >= job->threads)
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
    struct ori_pool *pool = (struct ori_pool *)folder;
    orion_error err;
    assert_int_equal(ori_pool_new(ORI_POOL_MAX_THREADS + 1, &pool, &err), ORION_E_ARGUMENT);
    assert_null(pool);
    const uint32_t cores = ori_physical_cores();
    assert_true(cores >= 1 && (long)cores <= sysconf(_SC_NPROCESSORS_ONLN));
    assert_int_equal(ori_pool_new(0, &pool, &err), ORION_OK);
    assert_int_equal(ori_pool_threads(pool), cores);
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

/* ---- seal ---- */

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; hex[2 * n]; n++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * n, "%2x", &byte), 1);
        out[n] = (uint8_t)byte;
    }
    return n;
}

/* RFC 4231, case 1; a short key counts as one with zeros after it. */
static void hmac_vector(void **state)
{
    uint8_t key[ORI_KEY_BYTES] = {0}, expected[ORI_HMAC_BYTES], got[ORI_HMAC_BYTES];

    (void)state;
    memset(key, 0x0b, 20);
    assert_int_equal(
        from_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", expected), 32);
    assert_true(ori_hmac(key, "Hi There", 8, got));
    assert_memory_equal(got, expected, sizeof(got));
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", cases 14 and 16;
 * each opened again, and refused with any one bit changed. */
static void seal_vectors(void **state)
{
    static const struct {
        const char *key, *nonce, *bound, *clear, *sealed, *tag;
    } rows[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "000000000000000000000000", "", "00000000000000000000000000000000",
         "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
         "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
         "76fc6ece0f4e1768cddf8853bb2d551b"},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        /* key, nonce, bound, tag, data: so that each bit can be changed in turn */
        enum { NONCE = 32, BOUND = 44, TAG = 64, DATA = 80 };
        uint8_t all[160] = {0}, changed[160], clear[80], expected[80], tag[16];
        const size_t n = from_hex(rows[i].clear, clear);
        const size_t n_bound = from_hex(rows[i].bound, all + BOUND);
        struct ori_sealing s = {.key = all,
                                .nonce = all + NONCE,
                                .bound = all + BOUND,
                                .bound_bytes = n_bound,
                                .data = all + DATA,
                                .bytes = n};
        (void)from_hex(rows[i].key, all);
        (void)from_hex(rows[i].nonce, all + NONCE);
        (void)from_hex(rows[i].sealed, expected);
        (void)from_hex(rows[i].tag, tag);
        memcpy(all + DATA, clear, n);
        assert_true(ori_seal(&s, all + TAG));
        assert_memory_equal(all + DATA, expected, n);
        assert_memory_equal(all + TAG, tag, sizeof(tag));
        s = (struct ori_sealing){.key = changed,
                                 .nonce = changed + NONCE,
                                 .bound = changed + BOUND,
                                 .bound_bytes = n_bound,
                                 .data = changed + DATA,
                                 .bytes = n};
        for (size_t bit = 0; bit <= (DATA + n) * 8; bit++) {
            const size_t byte = bit / 8;
            if (byte >= BOUND + n_bound && byte < TAG)
                continue;
            memcpy(changed, all, sizeof(changed));
            if (byte < DATA + n)
                changed[byte] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(ori_unseal(&s, changed + TAG), byte == DATA + n);
        }
        assert_memory_equal(changed + DATA, clear, n);
    }
}

static void random_bytes(void **state)
{
    uint8_t a[300] = {0}, b[300] = {0};

    (void)state;
    assert_int_equal(ori_random(a, sizeof(a), NULL), ORION_OK);
    assert_int_equal(ori_random(b, sizeof(b), NULL), ORION_OK);
    assert_memory_not_equal(a, b, 150);
    assert_memory_not_equal(a + 150, b + 150, 150);
    ori_forget(a, sizeof(a));
    memset(b, 0, sizeof(b));
    assert_memory_equal(a, b, sizeof(a));
}

static const struct CMUnitTest plain[] = {
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
    cmocka_unit_test(a_buffer_grows),
    cmocka_unit_test(a_buffer_keeps_to_its_maximum),
    cmocka_unit_test(a_buffer_is_taken),
    cmocka_unit_test(utf8_characters),
    cmocka_unit_test(utf8_every_code_point),
    cmocka_unit_test(sha256_vectors),
    cmocka_unit_test(sha256_is_taken_up_again),
    cmocka_unit_test(sha256_as_text),
    cmocka_unit_test(a_file_is_mapped),
    cmocka_unit_test(what_is_not_mapped),
    cmocka_unit_test(two_maps_and_one_shrinks),
    cmocka_unit_test(more_maps_than_places),
    cmocka_unit_test(other_handlers_stay),
    cmocka_unit_test(handlers_do_not_chase_each_other),
    cmocka_unit_test(many_short_rounds),
    cmocka_unit_test(sleepers_are_woken),
    cmocka_unit_test(pools_come_and_go),
    cmocka_unit_test(pool_sizes),
    cmocka_unit_test(the_clock_does_not_run_backwards),
    cmocka_unit_test(hmac_vector),
    cmocka_unit_test(seal_vectors),
    cmocka_unit_test(random_bytes),
};

int main(void)
{
    struct CMUnitTest tests[ORI_COUNT(plain) + ORI_COUNT(pool_rows)];
    size_t n = ORI_COUNT(plain);

    memcpy(tests, plain, sizeof(plain));
    for (size_t i = 0; i < ORI_COUNT(pool_rows); i++)
        tests[n++] = (struct CMUnitTest){.name = pool_rows[i].label,
                                         .test_func = pool_test,
                                         .initial_state = (void *)(uintptr_t)&pool_rows[i]};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
