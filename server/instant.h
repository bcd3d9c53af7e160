/* instant.h - points in time, as replies write them. */
#ifndef SERVER_INSTANT_H
#define SERVER_INSTANT_H

#include <stdint.h>

#define INSTANT_BYTES 40

/* "2026-01-02T03:04:05Z"; what has no such date is the nearest that has. */
void instant_text(int64_t unix_s, char out[INSTANT_BYTES]);
/* Now, to the nanosecond: "2026-01-02T03:04:05.123456789Z" */
void instant_now(char out[INSTANT_BYTES]);
/* Of a clock that never goes back: for how long something took. */
int64_t instant_monotonic_ns(void);

#endif
