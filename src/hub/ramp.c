#include "hub/ramp.h"

#define SECOND_NS 1000000000u
#define RUSH_WINDOW_NS (SECOND_NS / 2)
#define LONG_WAY_S 0.1
#define LONG_WAY_WINDOW_NS (SECOND_NS / 8)
#define WINDOW_NS (2ull * SECOND_NS)
#define COLLAPSE_NS (5ull * SECOND_NS)
#define HOLD_NS (60ull * SECOND_NS)
#define GAIN 1.1

void ori_ramp_init(struct ori_ramp *ramp, unsigned start, unsigned cap, uint64_t now_ns)
{
    *ramp = (struct ori_ramp){
        .limit = start < cap ? start : cap, .cap = cap, .rushing = true, .looked_ns = now_ns};
}

void ori_ramp_set_cap(struct ori_ramp *ramp, unsigned cap)
{
    ramp->cap = cap;
    if (ramp->limit > cap)
        ramp->limit = cap;
}

static void grow(struct ori_ramp *ramp, double rate, uint64_t now_ns)
{
    if (ramp->limit >= ramp->cap || now_ns < ramp->hold_until_ns)
        return;
    if (rate < ramp->rate_before * GAIN) {
        if (!ramp->rushing)
            ramp->hold_until_ns = now_ns + HOLD_NS;
        ramp->rushing = false;
        return;
    }
    ramp->rate_before = rate;
    ramp->limit = ramp->rushing ? 2 * ramp->limit : ramp->limit + 2;
    if (ramp->limit > ramp->cap)
        ramp->limit = ramp->cap;
}

/* True when the number was reduced. */
static bool collapsed(struct ori_ramp *ramp, double rate, uint64_t began_ns, uint64_t now_ns)
{
    if (rate > ramp->best)
        ramp->best = rate;
    if (rate >= ramp->best / 2 || ramp->limit == 1) {
        ramp->low_since_ns = 0;
        return false;
    }
    if (ramp->low_since_ns == 0)
        ramp->low_since_ns = began_ns;
    if (now_ns - ramp->low_since_ns < COLLAPSE_NS)
        return false;
    ramp->limit /= 2;
    ramp->collapses++;
    ramp->rushing = false;
    ramp->hold_until_ns = now_ns + HOLD_NS;
    ramp->best /= 2; /* if it is still far below that, they will be halved again */
    ramp->rate_before = 0;
    ramp->low_since_ns = 0;
    return true;
}

static uint64_t window_ns(const struct ori_ramp *ramp)
{
    if (!ramp->rushing)
        return WINDOW_NS;
    return ramp->way_s < LONG_WAY_S ? RUSH_WINDOW_NS : LONG_WAY_WINDOW_NS;
}

void ori_ramp_look(struct ori_ramp *ramp, uint64_t now_ns, uint64_t total_bytes, unsigned busy,
                   bool held_back)
{
    const uint64_t began_ns = ramp->looked_ns;
    const uint64_t bytes = total_bytes - ramp->looked_bytes;

    if (!held_back && busy >= ramp->limit && now_ns - began_ns < window_ns(ramp))
        return;
    ramp->looked_ns = now_ns;
    ramp->looked_bytes = total_bytes;
    /* With nothing at all the network is away, which says nothing of numbers. */
    if (held_back || busy < ramp->limit || bytes == 0 || now_ns == began_ns) {
        ramp->low_since_ns = 0;
        return;
    }
    const double rate = (double)bytes * 1e9 / (double)(now_ns - began_ns);
    if (!collapsed(ramp, rate, began_ns, now_ns) && ramp->low_since_ns == 0)
        grow(ramp, rate, now_ns);
}
