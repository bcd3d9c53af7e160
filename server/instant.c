#include "instant.h"

#include <stdio.h>
#include <time.h>

#define LAST_UNIX INT64_C(253402300799) /* of the year 9999 */

static void utc(int64_t unix_s, struct tm *out)
{
    const time_t t = (time_t)(unix_s < 0 ? 0 : unix_s > LAST_UNIX ? LAST_UNIX : unix_s);
    (void)gmtime_r(&t, out);
}

void instant_text(int64_t unix_s, char out[INSTANT_BYTES])
{
    struct tm tm;

    utc(unix_s, &tm);
    (void)strftime(out, INSTANT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void instant_now(char out[INSTANT_BYTES])
{
    struct timespec now;
    struct tm tm;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    utc(now.tv_sec, &tm);
    const size_t n = strftime(out, INSTANT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, INSTANT_BYTES - n, ".%09ldZ", now.tv_nsec);
}

int64_t instant_monotonic_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
