/* How many connections a server lets one job have.  Plain data; the caller
 * brings the clock.
 *
 * When a connection more turned out to be of no use, the job makes do with
 * those that are left, and rests.  After that twice as many are tried.  An
 * attempt that fails again doubles the rest; one that lasts is followed by the
 * next, and the rest is forgotten.
 */
#ifndef ORI_HUB_CAP_H
#define ORI_HUB_CAP_H

#include <stdbool.h>
#include <stdint.h>

struct ori_cap {
    unsigned limit; /* use no more than this ... */
    unsigned most;  /* ... nor ever than this */
    uint64_t until_ns;
    uint64_t rest_ns; /* of the last lowering; 0: none, or outlived */
    bool trying;      /* more than were left then */
};

void ori_cap_init(struct ori_cap *cap, unsigned most);
/* Make do with `limit`, at least for rest_ns. */
void ori_cap_lower(struct ori_cap *cap, unsigned limit, uint64_t rest_ns, uint64_t now_ns);
/* The limit now, raised when it is time. */
unsigned ori_cap_limit(struct ori_cap *cap, uint64_t now_ns);

#endif
