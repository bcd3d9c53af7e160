/* Durations and points in time, as requests and replies write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "server/duration.h"
#include "server/instant.h"

#define REFUSED INT64_MIN
#define YEAR INT64_C(31536000)

static const struct {
    const char *json;
    int64_t seconds;
} durations[] = {
    {"0", 0},
    {"300", 300},
    {"1.5", 2},
    {"0.1", 1}, /* not gone at once */
    {"-1", DURATION_FOR_EVER},
    {"-0.5", DURATION_FOR_EVER},
    {"1e300", 100 * YEAR},
    {"\"0\"", 0},
    {"\"-0\"", 0},
    {"\"5m\"", 300},
    {"\"5m0s\"", 300},
    {"\"1h30m\"", 5400},
    {"\"+2.5s\"", 3},
    {"\".5h\"", 1800},
    {"\"1500ms\"", 2},
    {"\"300us\"", 1},
    {"\"300\\u00b5s\"", 1},
    {"\"1ns\"", 1},
    {"\"24h\"", 86400},
    {"\"-1m\"", DURATION_FOR_EVER},
    {"\"99999999999999999999999h\"", 100 * YEAR},
    {"\"300\"", REFUSED}, /* of what? */
    {"\"\"", REFUSED},
    {"\"-\"", REFUSED},
    {"\"m\"", REFUSED},
    {"\".s\"", REFUSED},
    {"\"5 m\"", REFUSED},
    {"\"5d\"", REFUSED},
    {"\"5m3\"", REFUSED},
    {"\"1e3s\"", REFUSED},
    {"\"0x10s\"", REFUSED},
    {"\"infs\"", REFUSED},
    {"\"--5s\"", REFUSED},
    {"true", REFUSED},
    {"null", REFUSED},
    {"[5]", REFUSED},
};

static void durations_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        int64_t seconds = REFUSED;
        json_t *value = json_loads(durations[i].json, JSON_DECODE_ANY, NULL);

        assert_non_null(value);
        const bool taken = duration_read(value, &seconds);
        if (seconds != durations[i].seconds || taken != (seconds != REFUSED))
            fail_msg("%s is %lld", durations[i].json, (long long)seconds);
        json_decref(value);
    }
}

static const struct {
    int64_t unix_s;
    const char *text;
} instants[] = {
    {0, "1970-01-01T00:00:00Z"},          {951782400, "2000-02-29T00:00:00Z"},
    {1767323045, "2026-01-02T03:04:05Z"}, {-1, "1970-01-01T00:00:00Z"},
    {INT64_MAX, "9999-12-31T23:59:59Z"},
};

static void instants_are_written(void **state)
{
    char text[INSTANT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        instant_text(instants[i].unix_s, text);
        assert_string_equal(text, instants[i].text);
    }
    instant_now(text);
    assert_int_equal(strlen(text), strlen("2026-01-02T03:04:05.123456789Z"));
    assert_true(text[19] == '.' && text[29] == 'Z');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(instants_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
