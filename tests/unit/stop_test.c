/* Stop texts by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "engine.h"
#include "runtime/stop.h"

/* Feed pieces; what comes out, and whether a stop text was met. */
static bool feed(const char *const *stops, size_t n_stops, const char *const *pieces,
                 size_t n_pieces, char *out)
{
    struct ori_stop stop;
    bool hit = false;
    size_t ready = 0;
    size_t len = 0;

    ori_stop_init(&stop, stops, n_stops);
    for (size_t i = 0; i < n_pieces && !hit; i++) {
        assert_int_equal(ori_stop_add(&stop, pieces[i], strlen(pieces[i]), &ready, &hit), ORION_OK);
        memcpy(out + len, ori_buf_text(&stop.held), ready);
        len += ready;
        ori_stop_drop(&stop, ready);
    }
    if (!hit) {
        memcpy(out + len, ori_buf_text(&stop.held), stop.held.len);
        len += stop.held.len;
    }
    out[len] = '\0';
    ori_stop_release(&stop);
    return hit;
}

static void test_stop_texts(void **state)
{
    static const struct {
        const char *label;
        const char *stops[3];
        const char *pieces[6];
        const char *out;
        bool hit;
    } rows[] = {
        {"no stop texts", {NULL}, {"ab", "cd"}, "abcd", false},
        {"in one piece", {"STOP"}, {"ab STOP cd"}, "ab ", true},
        {"across two pieces", {"STOP"}, {"ab ST", "OP cd"}, "ab ", true},
        {"one byte at a time", {"STOP"}, {"S", "T", "O", "P"}, "", true},
        {"nearly", {"STOP"}, {"ab ST", "ART"}, "ab START", false},
        {"nearly, at the end", {"STOP"}, {"ab STO"}, "ab STO", false},
        {"begins within itself", {"aab"}, {"a", "a", "a", "b"}, "a", true},
        {"begins within itself again", {"ababac"}, {"abab", "abac", "x"}, "ab", true},
        {"the first in the text wins", {"two", "one"}, {"x one two"}, "x ", true},
        {"one is the beginning of another", {"abc", "ab"}, {"xabc"}, "x", true},
        {"one within another", {"abcd", "bc"}, {"ab", "c"}, "a", true},
        {"both complete at once", {"bc", "abc"}, {"xab", "c"}, "x", true},
        {"one fails, the other goes on", {"aax", "ab"}, {"a", "a", "b"}, "a", true},
        {"two bytes of a character", {"ñ"}, {"año"}, "a", true},
        {"a character that begins alike", {"ñ"}, {"aáo"}, "aáo", false},
        {"words with accents", {"ñandú"}, {"ñand", "o ña", "ndú"}, "ñando ", true},
        {"a line break", {"\n\n"}, {"a\n", "b\n", "\nc"}, "a\nb", true},
        {"longer than all that comes", {"a very long stop text"}, {"a very"}, "a very", false},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        char out[200];
        size_t n_stops = 0;
        size_t n_pieces = 0;
        while (n_stops < 3 && rows[i].stops[n_stops])
            n_stops++;
        while (n_pieces < 6 && rows[i].pieces[n_pieces])
            n_pieces++;
        const bool hit = feed(rows[i].stops, n_stops, rows[i].pieces, n_pieces, out);
        if (hit != rows[i].hit || strcmp(out, rows[i].out) != 0)
            fail_msg("%s: '%s', %s", rows[i].label, out, hit ? "stopped" : "went on");
    }
}

static void test_stop_after_a_nul(void **state)
{
    static const char *const stops[] = {"STOP"};
    struct ori_stop stop;
    size_t ready;
    bool hit;

    (void)state;
    ori_stop_init(&stop, stops, 1);
    assert_int_equal(ori_stop_add(&stop, "a\0bSTOPc", 8, &ready, &hit), ORION_OK);
    assert_true(hit);
    assert_int_equal(ready, 3);
    ori_stop_release(&stop);
}

/* Random texts of two letters, cut anywhere: as if each piece were searched
 * together with all that came before it. */
static void test_stop_texts_at_random(void **state)
{
    uint32_t seed = 1;
    size_t stopped = 0;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        int32_t noise[64];
        char text[31] = {0};
        char stop_texts[2][8] = {{0}};
        char pieces[30][31];
        const char *stops[2] = {stop_texts[0], stop_texts[1]};
        const char *fed[30];
        char out[200];
        size_t n_pieces = 0;
        const char *expected = NULL;

        some_tokens(noise, 64, 1u << 16, seed++);
        for (size_t i = 0; i < 30; i++)
            text[i] = noise[i] % 2 ? 'a' : 'b';
        for (size_t k = 0; k < 2; k++)
            for (int32_t i = 0; i <= noise[30 + k] % 6; i++)
                stop_texts[k][i] = noise[32 + 8 * (int32_t)k + i] % 2 ? 'a' : 'b';
        for (size_t at = 0; at < 30;) {
            size_t len = 1 + (size_t)noise[at % 14 + 50] % 4;
            len = at + len > 30 ? 30 - at : len;
            memset(pieces[n_pieces], 0, sizeof(pieces[0]));
            memcpy(pieces[n_pieces], text + at, len);
            fed[n_pieces] = pieces[n_pieces];
            n_pieces++;
            at += len;
            if (expected)
                continue;
            char sofar[31] = {0};
            memcpy(sofar, text, at);
            for (size_t k = 0; k < 2; k++) {
                const char *found = strstr(sofar, stops[k]);
                if (found && (!expected || text + (found - sofar) < expected))
                    expected = text + (found - sofar);
            }
        }
        const bool hit = feed(stops, 2, fed, n_pieces, out);
        assert_int_equal(hit, expected != NULL);
        assert_int_equal(strlen(out), expected ? (size_t)(expected - text) : 30);
        assert_int_equal(strncmp(out, text, strlen(out)), 0);
        stopped += hit;
    }
    assert_true(stopped > 1000 && stopped < 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_texts),
        cmocka_unit_test(test_stop_after_a_nul),
        cmocka_unit_test(test_stop_texts_at_random),
    };
    return cmocka_run_group_tests_name("stop texts", tests, NULL, NULL);
}
