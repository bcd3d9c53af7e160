/* When to ask again. */
#ifndef ORI_HUB_RETRY_H
#define ORI_HUB_RETRY_H

#include "hub/internal.h"

struct ori_retry {
    unsigned attempts;     /* failures since the last progress */
    unsigned max_attempts; /* give up after this many of them ... */
    uint64_t patience_ms;  /* ... or after this long without progress */
    uint64_t since_ns;     /* when progress was last made */
};

void ori_retry_init(struct ori_retry *retry, unsigned max_attempts, uint64_t patience_ms);
void ori_retry_progress(struct ori_retry *retry); /* something was gained: start counting anew */

/* How long before attempt `attempt` (1 is the first retry): anything between 0
 * and a limit that doubles from half a second to 30 s, so that many clients do
 * not come back at once.  `random` is any number. */
uint64_t ori_retry_delay_ms(unsigned attempt, uint64_t random);
uint64_t ori_retry_random(void); /* good enough for that */

/* Wait before the next attempt, as long as the server asked for if it did.
 * `why` is the failure, and the result once patience is at its end. */
orion_status ori_retry_wait(struct ori_retry *retry, const struct ori_reply *reply,
                            const orion_error *why, const struct ori_watch *watch,
                            uint64_t done_bytes, orion_error *err);

#endif
