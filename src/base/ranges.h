/* A set of byte ranges: which parts of a file are there.
 *
 * Invariants: sorted, disjoint, not touching, none empty.  A zero struct is
 * the empty set.
 */
#ifndef ORI_BASE_RANGES_H
#define ORI_BASE_RANGES_H

#include "base/base.h"

struct ori_range {
    uint64_t begin, end; /* [begin, end) */
};

struct ori_ranges {
    struct ori_range *list; /* [count] */
    size_t count, cap;
};

void ori_ranges_release(struct ori_ranges *set);

/* Put [begin, end) in; empty is a no-op.  ORION_E_NOMEM leaves the set as it
 * was. */
orion_status ori_ranges_add(struct ori_ranges *set, uint64_t begin, uint64_t end);
/* Take [begin, end) out. */
orion_status ori_ranges_remove(struct ori_ranges *set, uint64_t begin, uint64_t end);
orion_status ori_ranges_copy(const struct ori_ranges *set, struct ori_ranges *out);

uint64_t ori_ranges_total(const struct ori_ranges *set);
/* End of the range that begins at 0, or 0. */
uint64_t ori_ranges_prefix(const struct ori_ranges *set);
/* End of the range that holds `from`, or `from` when none does. */
uint64_t ori_ranges_reach(const struct ori_ranges *set, uint64_t from);
bool ori_ranges_covers(const struct ori_ranges *set, uint64_t begin, uint64_t end);
/* The first stretch of [from, limit) that is not in the set. */
bool ori_ranges_next_gap(const struct ori_ranges *set, uint64_t from, uint64_t limit,
                         struct ori_range *gap);

#endif
