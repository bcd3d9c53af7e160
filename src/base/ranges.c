#include "base/ranges.h"

#include <stdlib.h>
#include <string.h>

void ori_ranges_release(struct ori_ranges *set)
{
    free(set->list);
    *set = (struct ori_ranges){0};
}

static orion_status reserve(struct ori_ranges *set, size_t count)
{
    size_t cap = set->cap ? set->cap : 8;
    size_t bytes;

    if (count <= set->cap)
        return ORION_OK;
    while (cap < count)
        cap *= 2;
    if (!ori_mul(cap, sizeof(*set->list), &bytes))
        return ORION_E_NOMEM;
    struct ori_range *list = realloc(set->list, bytes);
    if (!list)
        return ORION_E_NOMEM;
    set->list = list;
    set->cap = cap;
    return ORION_OK;
}

/* Index of the first range that ends at or after `at`; count when none does. */
static size_t first_reaching(const struct ori_ranges *set, uint64_t at)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (set->list[middle].end < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Put `n` ranges where `gone` were; there is room. */
static void splice(struct ori_ranges *set, size_t at, size_t gone, const struct ori_range *put,
                   size_t n)
{
    memmove(set->list + at + n, set->list + at + gone,
            (set->count - at - gone) * sizeof(*set->list));
    if (n > 0)
        memcpy(set->list + at, put, n * sizeof(*put));
    set->count = set->count - gone + n;
}

orion_status ori_ranges_add(struct ori_ranges *set, uint64_t begin, uint64_t end)
{
    struct ori_range joined = {begin, end};

    if (begin >= end)
        return ORION_OK;
    const orion_status status = reserve(set, set->count + 1);
    if (status != ORION_OK)
        return status;
    const size_t first = first_reaching(set, begin);
    size_t last = first;
    for (; last < set->count && set->list[last].begin <= end; last++) {
        if (set->list[last].begin < joined.begin)
            joined.begin = set->list[last].begin;
        if (set->list[last].end > joined.end)
            joined.end = set->list[last].end;
    }
    splice(set, first, last - first, &joined, 1);
    return ORION_OK;
}

orion_status ori_ranges_remove(struct ori_ranges *set, uint64_t begin, uint64_t end)
{
    struct ori_range rest[2];
    size_t n = 0;

    if (begin >= end || set->count == 0)
        return ORION_OK;
    const orion_status status = reserve(set, set->count + 1);
    if (status != ORION_OK)
        return status;
    size_t first = first_reaching(set, begin);
    if (first < set->count && set->list[first].end == begin)
        first++; /* only touches */
    size_t last = first;
    for (; last < set->count && set->list[last].begin < end; last++) {
        const struct ori_range r = set->list[last];
        if (r.begin < begin)
            rest[n++] = (struct ori_range){r.begin, begin};
        if (r.end > end)
            rest[n++] = (struct ori_range){end, r.end};
    }
    splice(set, first, last - first, rest, n);
    return ORION_OK;
}

orion_status ori_ranges_copy(const struct ori_ranges *set, struct ori_ranges *out)
{
    *out = (struct ori_ranges){0};
    const orion_status status = reserve(out, set->count);
    if (status != ORION_OK)
        return status;
    if (set->count > 0)
        memcpy(out->list, set->list, set->count * sizeof(*set->list));
    out->count = set->count;
    return ORION_OK;
}

uint64_t ori_ranges_total(const struct ori_ranges *set)
{
    uint64_t total = 0;
    for (size_t i = 0; i < set->count; i++)
        total += set->list[i].end - set->list[i].begin;
    return total;
}

uint64_t ori_ranges_prefix(const struct ori_ranges *set)
{
    return set->count > 0 && set->list[0].begin == 0 ? set->list[0].end : 0;
}

uint64_t ori_ranges_reach(const struct ori_ranges *set, uint64_t from)
{
    size_t i = first_reaching(set, from);

    if (i < set->count && set->list[i].end == from)
        i++; /* only touches */
    return i < set->count && set->list[i].begin <= from ? set->list[i].end : from;
}

bool ori_ranges_covers(const struct ori_ranges *set, uint64_t begin, uint64_t end)
{
    struct ori_range gap;
    return !ori_ranges_next_gap(set, begin, end, &gap);
}

bool ori_ranges_next_gap(const struct ori_ranges *set, uint64_t from, uint64_t limit,
                         struct ori_range *gap)
{
    size_t i = first_reaching(set, from);

    for (; i < set->count && set->list[i].begin <= from; i++)
        if (set->list[i].end > from)
            from = set->list[i].end;
    if (from >= limit)
        return false;
    const uint64_t next = i < set->count ? set->list[i].begin : limit;
    *gap = (struct ori_range){from, next < limit ? next : limit};
    return true;
}
