/* How fast something goes: one connection, or all under a limit.  Plain data;
 * the caller brings the clock. */
#ifndef ORI_HUB_PACE_H
#define ORI_HUB_PACE_H

#include <stdbool.h>
#include <stddef.h>
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

double ori_pace_median(double *rates, size_t n); /* sorts; 0 for none */

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
