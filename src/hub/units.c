#include "hub/units.h"

#define HEDGE_WORTH_S 2.0 /* less is left to luck */
#define ALIGN_BYTES (1ull << 20)

orion_status ori_units_init(struct ori_units *units, uint64_t size_bytes,
                            const struct ori_ranges *have)
{
    *units = (struct ori_units){.size_bytes = size_bytes};
    return have ? ori_ranges_copy(have, &units->done) : ORION_OK;
}

void ori_units_release(struct ori_units *units)
{
    ori_ranges_release(&units->done);
    units->n_spans = 0;
}

static uint64_t left_of(const struct ori_span *span)
{
    return span->end > span->next ? span->end - span->next : 0;
}

static bool enter(struct ori_units *units, struct ori_span *span, uint64_t next, uint64_t end)
{
    *span = (struct ori_span){.next = next, .end = end};
    units->spans[units->n_spans++] = span;
    return true;
}

/* ---- what is free ---- */

static const struct ori_span *span_over(const struct ori_units *units, uint64_t at)
{
    for (size_t i = 0; i < units->n_spans; i++)
        if (units->spans[i]->next <= at && at < units->spans[i]->end)
            return units->spans[i];
    return NULL;
}

/* The first stretch from `from` on that is neither delivered nor on its way. */
static bool next_free(const struct ori_units *units, uint64_t from, struct ori_range *gap)
{
    while (ori_ranges_next_gap(&units->done, from, units->size_bytes, gap)) {
        const struct ori_span *over = span_over(units, gap->begin);
        if (over) {
            from = over->end;
            continue;
        }
        for (size_t i = 0; i < units->n_spans; i++) {
            const struct ori_span *s = units->spans[i];
            if (left_of(s) > 0 && s->next > gap->begin && s->next < gap->end)
                gap->end = s->next;
        }
        return true;
    }
    return false;
}

static uint64_t free_bytes(const struct ori_units *units)
{
    uint64_t total = 0;
    struct ori_range gap;
    for (uint64_t from = 0; next_free(units, from, &gap); from = gap.end)
        total += gap.end - gap.begin;
    return total;
}

/* Long at first, so that few requests are made; shorter towards the end, so
 * that all end together. */
static uint64_t unit_bytes(const struct ori_units *units, unsigned connections, uint64_t least)
{
    uint64_t part = units->size_bytes / 64;
    if (part > ORI_UNITS_MAX_BYTES / 4)
        part = ORI_UNITS_MAX_BYTES / 4;
    if (part < ORI_UNITS_MIN_BYTES)
        part = ORI_UNITS_MIN_BYTES;
    if (least < part)
        least = part;
    const uint64_t share = free_bytes(units) / (2ull * connections);
    if (share > ORI_UNITS_MAX_BYTES || least > ORI_UNITS_MAX_BYTES)
        return ORI_UNITS_MAX_BYTES;
    return share > least ? share : least;
}

bool ori_units_take(struct ori_units *units, unsigned connections, uint64_t least_bytes,
                    struct ori_span *span)
{
    struct ori_range gap;

    if (units->n_spans == ORI_UNITS_MAX_SPANS || !next_free(units, 0, &gap))
        return false;
    if (connections > 1) {
        const uint64_t bytes = unit_bytes(units, connections, least_bytes);
        /* What would be left is not worth a request of its own. */
        if (gap.end - gap.begin > bytes + bytes / 2) {
            const uint64_t cut = (gap.begin + bytes) / ALIGN_BYTES * ALIGN_BYTES;
            gap.end = cut > gap.begin ? cut : gap.begin + bytes;
        }
    }
    return enter(units, span, gap.begin, gap.end);
}

/* ---- helping others ---- */

static double seconds_left(const struct ori_span *span)
{
    const double left = (double)left_of(span);
    return span->rate > 0.0 ? left / span->rate : left * 1e9;
}

bool ori_units_split(struct ori_units *units, double worth_s, double usual_rate,
                     struct ori_span *span)
{
    struct ori_span *slowest = NULL;

    for (size_t i = 0; i < units->n_spans; i++) {
        struct ori_span *s = units->spans[i];
        if (s->hedged || left_of(s) < 2 * ORI_UNITS_MIN_SPLIT || seconds_left(s) <= worth_s ||
            s->rate >= 2 * usual_rate)
            continue;
        if (!slowest || seconds_left(s) > seconds_left(slowest))
            slowest = s;
    }
    if (!slowest || units->n_spans == ORI_UNITS_MAX_SPANS)
        return false;
    const uint64_t end = slowest->end;
    slowest->end -= left_of(slowest) / 2;
    return enter(units, span, slowest->end, end);
}

bool ori_units_hedge(struct ori_units *units, double usual_rate, struct ori_span *span)
{
    struct ori_span *slowest = NULL;

    for (size_t i = 0; i < units->n_spans; i++) {
        struct ori_span *s = units->spans[i];
        if (s->hedged || left_of(s) == 0 || s->rate >= usual_rate / 4 ||
            seconds_left(s) <= HEDGE_WORTH_S)
            continue;
        if (!slowest || seconds_left(s) > seconds_left(slowest))
            slowest = s;
    }
    if (!slowest || units->n_spans == ORI_UNITS_MAX_SPANS)
        return false;
    slowest->hedged = true;
    enter(units, span, slowest->next, slowest->end);
    span->hedged = true;
    return true;
}

void ori_units_let_go(struct ori_units *units, struct ori_span *span)
{
    size_t kept = 0;

    for (size_t i = 0; i < units->n_spans; i++) {
        struct ori_span *s = units->spans[i];
        if (s == span)
            continue;
        if (span->hedged && s->hedged && s->end == span->end)
            s->hedged = false;
        units->spans[kept++] = s;
    }
    units->n_spans = kept;
}

/* ---- what was delivered ---- */

bool ori_units_wanted(const struct ori_units *units, uint64_t from, uint64_t limit,
                      struct ori_range *piece)
{
    return ori_ranges_next_gap(&units->done, from, limit, piece);
}

orion_status ori_units_deliver(struct ori_units *units, struct ori_range piece)
{
    return ori_ranges_add(&units->done, piece.begin, piece.end);
}

bool ori_units_complete(const struct ori_units *units)
{
    return ori_ranges_covers(&units->done, 0, units->size_bytes);
}
