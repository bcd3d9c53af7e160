/* UTF-8: what is a character, what may become one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"
#include "base/utf8.h"

/* The corners of Unicode's table of well-formed bytes. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_characters),
        cmocka_unit_test(utf8_every_code_point),
    };
    return cmocka_run_group_tests_name("UTF-8", tests, NULL, NULL);
}
