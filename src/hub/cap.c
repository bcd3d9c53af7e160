#include "hub/cap.h"

#define SECOND_NS 1000000000ull
#define STEP_NS (5 * SECOND_NS)
#define STEP_PART 4 /* of the rest: longer than it takes to see that a new one crawls */
#define MAX_REST_NS (600 * SECOND_NS)

void ori_cap_init(struct ori_cap *cap, unsigned most)
{
    *cap = (struct ori_cap){.limit = most, .most = most};
}

void ori_cap_lower(struct ori_cap *cap, unsigned limit, uint64_t rest_ns, uint64_t now_ns)
{
    /* Several that fail together are one failure. */
    if (cap->trying)
        cap->rest_ns *= 2;
    if (cap->rest_ns > MAX_REST_NS)
        cap->rest_ns = MAX_REST_NS;
    if (cap->rest_ns < rest_ns)
        cap->rest_ns = rest_ns;
    cap->trying = false;
    cap->limit = limit;
    cap->until_ns = now_ns + cap->rest_ns;
}

unsigned ori_cap_limit(struct ori_cap *cap, uint64_t now_ns)
{
    if (cap->limit >= cap->most || now_ns < cap->until_ns)
        return cap->limit;
    if (cap->trying)
        cap->rest_ns = 0;
    cap->trying = true;
    cap->limit = 2 * cap->limit < cap->most ? 2 * cap->limit : cap->most;
    const uint64_t step_ns = cap->rest_ns / STEP_PART;
    cap->until_ns = now_ns + (step_ns > STEP_NS ? step_ns : STEP_NS);
    return cap->limit;
}
