/* How many connections to use at once: as many as pay.  Plain data; the caller
 * brings the clock.
 *
 * Four at first.  Their number doubles every half second while that brings a
 * tenth more (every eighth of one when the way is long: there each connection
 * takes a second to get going, and is not to wait for the others), then grows
 * by two every two seconds while that does.  When less than half of the best
 * rate arrives for five seconds it is halved, and left alone for a minute: some
 * servers punish many connections.
 */
#ifndef ORI_HUB_RAMP_H
#define ORI_HUB_RAMP_H

#include <stdbool.h>
#include <stdint.h>

struct ori_ramp {
    unsigned limit;                   /* use this many */
    unsigned cap;                     /* and never more than this */
    bool rushing;                     /* still doubling */
    double way_s;                     /* from asking to the first byte; kept by the caller */
    uint64_t looked_ns, looked_bytes; /* where the window began */
    double rate_before;               /* bytes a second, before the last growth */
    double best;
    uint64_t low_since_ns, hold_until_ns; /* 0: not */
    unsigned collapses;
};

void ori_ramp_init(struct ori_ramp *ramp, unsigned start, unsigned cap, uint64_t now_ns);
void ori_ramp_set_cap(struct ori_ramp *ramp, unsigned cap);

/* Look at what has arrived so far; call it often.  `busy` connections were at
 * work; when they were fewer than `limit`, or the rate was held back on
 * purpose, nothing is learnt. */
void ori_ramp_look(struct ori_ramp *ramp, uint64_t now_ns, uint64_t total_bytes, unsigned busy,
                   bool held_back);

#endif
