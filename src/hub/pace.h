/* How fast something goes: one connection, or all under a limit.  Plain data;
 * the caller brings the clock. */
#ifndef ORI_HUB_PACE_H
#define ORI_HUB_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* ---- the rate of one connection, smoothed over a few seconds ---- */

struct ori_pace {
    double rate; /* bytes a second */
    bool known;  /* it was looked at for long enough */
    uint64_t looked_ns, looked_bytes;
    uint64_t slow_since_ns; /* 0: not slow */
};

void ori_pace_init(struct ori_pace *pace, uint64_t now_ns);
/* True when a new rate came of it (about once a second). */
bool ori_pace_look(struct ori_pace *pace, uint64_t now_ns, uint64_t bytes);
/* The connection was held back: measure anew. */
void ori_pace_skip(struct ori_pace *pace, uint64_t now_ns, uint64_t bytes);
/* For how long the rate has been below `least`; call after each look. */
uint64_t ori_pace_slow_ns(struct ori_pace *pace, uint64_t now_ns, double least);

/* ---- what one connection brings when all is well ----
 *
 * The mean of those at work, or what it was not long ago.  All that are below a
 * tenth of the mean bring less than a tenth of the whole: to do without them
 * costs little, whether most are like that or few.  It is never taken to be less
 * than a kilobyte: a connection that drips is worth beginning anew. */

struct ori_usual {
    double rate; /* bytes a second */
    double mean; /* the last that was learnt */
    bool known;  /* it is not just assumed */
};

void ori_usual_init(struct ori_usual *usual, double assumed);
/* Once a second: up at once, down slowly. */
void ori_usual_learn(struct ori_usual *usual, double mean);
/* Connections were dropped for being below: less is expected from now on, or on
 * a link that has become slow they would be again. */
void ori_usual_lower(struct ori_usual *usual);

/* ---- a limit on all of them: a bucket of tokens, one a byte ---- */

struct ori_bucket {
    uint64_t bytes_per_second; /* 0: no limit */
    double level;              /* bytes that may come now; negative is a debt */
    uint64_t filled_ns;
};

void ori_bucket_set(struct ori_bucket *bucket, uint64_t bytes_per_second, uint64_t now_ns);
bool ori_bucket_may(const struct ori_bucket *bucket); /* may anything come? */
void ori_bucket_take(struct ori_bucket *bucket, uint64_t bytes);
/* Fill up.  Milliseconds until it is worth going on; 0: now. */
uint64_t ori_bucket_wait_ms(struct ori_bucket *bucket, uint64_t now_ns);

#endif
