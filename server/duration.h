/* duration.h - durations, as requests write them. */
#ifndef SERVER_DURATION_H
#define SERVER_DURATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define DURATION_FOR_EVER (-1)

/* A number of seconds, or a text with units: "5m", "1h30m", "2.5s", "300ms", "0".  What
 * is negative is for ever; less than a second of something is a second.  False when it
 * is neither. */
bool duration_read(const json_t *value, int64_t *seconds);

#endif
