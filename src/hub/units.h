/* Which bytes of a file to ask for next.  Plain data: no sockets, no clock.
 *
 * A file is a set of bytes that were delivered, and a few spans, each being
 * brought by one connection.  What is in neither is free.  Spans overlap only
 * when one was hedged.
 */
#ifndef ORI_HUB_UNITS_H
#define ORI_HUB_UNITS_H

#include "base/ranges.h"

#define ORI_UNITS_MAX_SPANS 16
#define ORI_UNITS_MAX_BYTES (64ull << 20)
#define ORI_UNITS_MIN_BYTES (1ull << 20)
#define ORI_UNITS_MIN_SPLIT (256ull << 10)

/* What one connection is to bring. */
struct ori_span {
    uint64_t next, end; /* still to come: [next, end); both move */
    double rate;        /* bytes a second, kept by whoever measures; 0: nothing comes */
    bool hedged;        /* another span brings the same bytes */
};

struct ori_units {
    uint64_t size_bytes;
    struct ori_ranges done; /* delivered */
    struct ori_span *spans[ORI_UNITS_MAX_SPANS];
    size_t n_spans;
};

/* `have` (may be NULL) is copied. */
orion_status ori_units_init(struct ori_units *units, uint64_t size_bytes,
                            const struct ori_ranges *have);
void ori_units_release(struct ori_units *units);

/* The three ways to find work; each fills *span and enters it, or returns
 * false and enters nothing.
 *
 * take: the first free stretch, as much of it as is good to ask for at once
 * when `connections` share the file, but not less than `least_bytes`; all of it
 * for one connection. */
bool ori_units_take(struct ori_units *units, unsigned connections, uint64_t least_bytes,
                    struct ori_span *span);
/* split: the tail half of the span that would take longest, if it would take
 * longer than `worth_s` seconds, and than its half at the usual rate. */
bool ori_units_split(struct ori_units *units, double worth_s, double usual_rate,
                     struct ori_span *span);
/* hedge: a second go at the slowest span, if it is below a quarter of the usual
 * rate; whoever delivers first wins. */
bool ori_units_hedge(struct ori_units *units, double usual_rate, struct ori_span *span);

/* The connection is gone: what it did not bring is free again. */
void ori_units_let_go(struct ori_units *units, struct ori_span *span);

/* The first stretch of [from, limit) that was not delivered yet. */
bool ori_units_wanted(const struct ori_units *units, uint64_t from, uint64_t limit,
                      struct ori_range *piece);
orion_status ori_units_deliver(struct ori_units *units, struct ori_range piece);
bool ori_units_complete(const struct ori_units *units);

#endif
