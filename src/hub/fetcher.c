/* The jobs of a fetcher, and which of them gets a connection. */
#include "hub/fetching.h"

#include <stdlib.h>

#include "base/clock.h"

#define SECOND_NS 1000000000ull
#define TICK_MS 200               /* look at the rates at least this often */
#define UNKNOWN_RATE 10240.0      /* usual until something is known */
#define SOON_DONE_RATE 1e18       /* of a connection that has only just begun */
#define UNIT_LATENCIES 20         /* a request brings at least what comes in that time */
#define SPLIT_WORTH_S 0.2         /* a connection is not begun for less ... */
#define SPLIT_WORTH_LATENCIES 2.5 /* ... or for less than this many times the way there */

/* ---- life ---- */

static unsigned cap_of(const struct ori_fetch_limits *limits)
{
    const uint32_t asked = limits ? limits->max_connections : 0;
    return asked == 0 || asked > ORI_FETCHER_MAX_CONNECTIONS ? ORI_FETCHER_MAX_CONNECTIONS : asked;
}

orion_status ori_fetcher_new(const struct ori_hub *hub, const struct ori_fetch_limits *limits,
                             struct ori_fetcher **out, orion_error *err)
{
    const uint64_t now_ns = ori_now_ns();

    *out = NULL;
    struct ori_fetcher *f = calloc(1, sizeof(*f));
    if (!f)
        return ori_fail_nomem(err, "the transfer engine");
    f->hub = hub;
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        lane->fetcher = f;
    ori_ramp_init(&f->ramp, ORI_FETCHER_START_CONNECTIONS, cap_of(limits), now_ns);
    ori_bucket_set(&f->bucket, limits ? limits->bytes_per_second : 0, now_ns);
    const orion_status status = ori_engine_new(hub, &f->engine, err);
    if (status != ORION_OK) {
        free(f);
        return status;
    }
    *out = f;
    return ORION_OK;
}

void ori_fetcher_free(struct ori_fetcher *f)
{
    if (!f)
        return;
    ori_engine_free(f->engine);
    free(f);
}

void ori_fetcher_set_limits(struct ori_fetcher *f, const struct ori_fetch_limits *limits)
{
    ori_ramp_set_cap(&f->ramp, cap_of(limits));
    ori_bucket_set(&f->bucket, limits->bytes_per_second, ori_now_ns());
}

static void free_state(struct ori_fetch_job_state *state)
{
    ori_units_release(&state->units);
    free(state->redirected);
    free(state);
}

orion_status ori_fetcher_add(struct ori_fetcher *f, struct ori_fetch_job *job, orion_error *err)
{
    const orion_status status = ori_engine_check_online(f->hub, err);
    if (status != ORION_OK)
        return status;
    struct ori_fetch_job_state *state = calloc(1, sizeof(*state));
    if (!state || ori_units_init(&state->units, job->file->size_bytes, job->have) != ORION_OK) {
        free(state);
        return ori_fail_nomem(err, "a transfer");
    }
    state->job = job;
    state->stale = !job->file->url;
    state->progress_ns = ori_now_ns();
    ori_cap_init(&state->cap, ORI_FETCHER_MAX_CONNECTIONS);
    ori_pace_init(&state->pace, state->progress_ns);
    ori_usual_init(&state->usual, UNKNOWN_RATE);

    job->done = false;
    job->status = ORION_OK;
    job->written_bytes = job->transferred_bytes = 0;
    job->connections = 0;
    job->note[0] = '\0';
    job->state = state;
    struct ori_fetch_job_state **last = &f->jobs;
    while (*last)
        last = &(*last)->next;
    *last = state;
    return ORION_OK;
}

static void stop(struct ori_fetcher *f, struct ori_fetch_job *job)
{
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        if (lane->job == job)
            ori_lane_close(lane);
    ori_renewal_stop(f, job);
}

void ori_fetcher_remove(struct ori_fetcher *f, struct ori_fetch_job *job)
{
    if (!job->state)
        return;
    stop(f, job);
    struct ori_fetch_job_state **at = &f->jobs;
    while (*at && *at != job->state)
        at = &(*at)->next;
    if (*at)
        *at = job->state->next;
    free_state(job->state);
    job->state = NULL;
}

void ori_job_finish(struct ori_fetcher *f, struct ori_fetch_job *job, const orion_error *why)
{
    stop(f, job);
    f->news = true;
    job->done = true;
    job->note[0] = '\0';
    job->status = why ? why->status : ORION_OK;
    if (why)
        job->error = *why;
}

/* ---- handing out work ---- */

static bool is_ready(struct ori_fetch_job_state *state, uint64_t now_ns)
{
    const struct ori_fetch_job *job = state->job;

    if (job->done || state->stale || state->whole || now_ns < state->not_before_ns)
        return false;
    return job->connections < (job->in_order ? 1 : ori_cap_limit(&state->cap, now_ns));
}

static bool take(struct ori_fetcher *f, struct ori_fetch_job_state *state, struct ori_span *span)
{
    const bool alone = state->job->in_order || state->cap.limit == 1;
    const double least = state->usual.rate * state->latency_s * UNIT_LATENCIES;
    return ori_units_take(&state->units, alone ? 1 : f->ramp.limit, (uint64_t)least, span);
}

static bool split(struct ori_fetcher *f, struct ori_fetch_job_state *state, struct ori_span *span)
{
    const double way_s = SPLIT_WORTH_LATENCIES * state->latency_s;
    (void)f;
    return ori_units_split(&state->units, way_s > SPLIT_WORTH_S ? way_s : SPLIT_WORTH_S,
                           state->usual.rate, span);
}

static bool hedge(struct ori_fetcher *f, struct ori_fetch_job_state *state, struct ori_span *span)
{
    (void)f;
    return ori_units_hedge(&state->units, state->usual.rate, span);
}

static bool (*const ways[])(struct ori_fetcher *, struct ori_fetch_job_state *,
                            struct ori_span *) = {take, split, hedge};

/* Of those that could use another connection, the one with the fewest. */
static struct ori_fetch_job_state *next_job(struct ori_fetcher *f, uint64_t now_ns)
{
    struct ori_fetch_job_state *best = NULL;
    for (struct ori_fetch_job_state *state = f->jobs; state; state = state->next)
        if (!state->tried && is_ready(state, now_ns) &&
            (!best || state->job->connections < best->job->connections))
            best = state;
    return best;
}

/* Give a free lane something to do.  False when there is nothing. */
static bool employ(struct ori_fetcher *f, struct ori_lane *lane, uint64_t now_ns)
{
    struct ori_fetch_job_state *state;
    orion_error why;

    for (size_t i = 0; i < ORI_COUNT(ways); i++) {
        for (struct ori_fetch_job_state *each = f->jobs; each; each = each->next)
            each->tried = false;
        while ((state = next_job(f, now_ns))) {
            state->tried = true;
            if (!ways[i](f, state, &lane->span))
                continue;
            if (ori_lane_begin(lane, state->job, NULL, now_ns, &why) == ORION_OK) {
                lane->span.rate = SOON_DONE_RATE;
                return true;
            }
            ori_lane_close(lane);
            ori_job_finish(f, state->job, &why);
        }
    }
    return false;
}

static unsigned busy_lanes(struct ori_fetcher *f)
{
    unsigned busy = 0;
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        busy += ori_lane_is_busy(lane);
    return busy;
}

static bool all_crawl(struct ori_fetcher *f)
{
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        if (ori_lane_is_busy(lane) && !ori_lane_crawls(lane))
            return false;
    return true;
}

/* The slowest connection, of one job or (NULL) of all. */
static struct ori_lane *slowest_lane(struct ori_fetcher *f, const struct ori_fetch_job *job)
{
    struct ori_lane *slowest = NULL;
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        if (ori_lane_is_busy(lane) && (!job || lane->job == job) &&
            (!slowest || lane->pace.rate < slowest->pace.rate))
            slowest = lane;
    return slowest;
}

/* A job that has no connection gets one from the job that has the most. */
static void share(struct ori_fetcher *f, uint64_t now_ns)
{
    for (struct ori_fetch_job_state *poor = f->jobs; poor; poor = poor->next) {
        if (poor->job->connections > 0 || !is_ready(poor, now_ns))
            continue;
        const struct ori_fetch_job *rich = NULL;
        for (struct ori_fetch_job_state *state = f->jobs; state; state = state->next)
            if (state->job->connections > 1 &&
                (!rich || state->job->connections > rich->connections))
                rich = state->job;
        struct ori_lane *lane = rich ? slowest_lane(f, rich) : NULL;
        if (!lane)
            return;
        ori_lane_close(lane);
        (void)employ(f, lane, now_ns);
    }
}

static void hand_out(struct ori_fetcher *f, uint64_t now_ns)
{
    unsigned busy = busy_lanes(f);

    for (; busy > f->ramp.limit; busy--)
        ori_lane_close(slowest_lane(f, NULL));
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++) {
        if (busy == f->ramp.limit)
            break;
        if (ori_lane_is_busy(lane))
            continue;
        if (!employ(f, lane, now_ns))
            break;
        busy++;
    }
    if (busy == f->ramp.limit)
        share(f, now_ns);
    for (struct ori_fetch_job_state *state = f->jobs; state; state = state->next) {
        if (state->stale && !state->job->done && now_ns >= state->not_before_ns)
            ori_renewal_begin(f, state->job, now_ns);
        if (state->job->connections == 0 && is_ready(state, now_ns))
            state->progress_ns = now_ns; /* its turn has not come: no one's fault */
    }
}

/* ---- what has ended ---- */

static void collect(struct ori_fetcher *f, uint64_t now_ns)
{
    struct ori_range missing;

    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++) {
        if (ori_lane_is_busy(lane) && lane->transfer.done)
            ori_lane_ended(lane, now_ns);
    }
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++) {
        if (!ori_lane_is_busy(lane))
            continue;
        struct ori_fetch_job_state *state = lane->job->state;
        const bool outrun =
            lane->span.next < lane->span.end &&
            !ori_units_wanted(&state->units, lane->span.next, lane->span.end, &missing);
        if (!outrun && (!state->whole || state->whole == lane))
            continue;
        if (outrun && ori_lane_crawls(lane)) /* or another would take the next tail */
            ori_job_make_do(f, lane->job, lane->job->connections, now_ns);
        ori_lane_close(lane);
    }
    for (struct ori_fetch_job_state *state = f->jobs; state; state = state->next) {
        if (state->job->done)
            continue;
        ori_renewal_look(f, state->job, now_ns);
        if (!state->job->done && ori_units_complete(&state->units))
            ori_job_finish(f, state->job, NULL);
    }
}

/* ---- a step ---- */

/* Let those go on that the limit held back, the longest waiting first.
 * Milliseconds until it is worth trying again. */
static uint64_t release_held(struct ori_fetcher *f, uint64_t now_ns)
{
    const uint64_t wait_ms = ori_bucket_wait_ms(&f->bucket, now_ns);
    if (wait_ms > 0)
        return wait_ms;
    for (;;) {
        struct ori_lane *longest = NULL;
        for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
            if (ori_lane_is_busy(lane) && lane->transfer.held && !lane->transfer.done &&
                (!longest || lane->transfer.heard_ns < longest->transfer.heard_ns))
                longest = lane;
        if (!longest || !ori_bucket_may(&f->bucket))
            return longest ? ori_bucket_wait_ms(&f->bucket, now_ns) : 0;
        ori_engine_resume(f->engine, &longest->transfer);
    }
}

/* How long nothing needs to be done but wait for the network. */
static int rest_ms(struct ori_fetcher *f, uint64_t now_ns, uint64_t held_ms, int wait_ms)
{
    uint64_t ms = wait_ms > 0 ? (uint64_t)wait_ms : 0;

    if (busy_lanes(f) > 0 && ms > TICK_MS)
        ms = TICK_MS;
    if (held_ms > 0 && ms > held_ms)
        ms = held_ms;
    for (struct ori_fetch_job_state *state = f->jobs; state; state = state->next) {
        if (state->job->done || state->not_before_ns <= now_ns)
            continue;
        const uint64_t until_ms = (state->not_before_ns - now_ns) / 1000000u + 1;
        if (ms > until_ms)
            ms = until_ms;
    }
    return (int)ms;
}

void ori_fetcher_step(struct ori_fetcher *f, int wait_ms)
{
    uint64_t now_ns = ori_now_ns();

    f->news = false;
    collect(f, now_ns); /* what was complete from the outset */
    const uint64_t held_ms = release_held(f, now_ns);
    hand_out(f, now_ns);
    ori_ramp_look(&f->ramp, now_ns, f->total_bytes, busy_lanes(f), held_ms > 0);
    if (f->ramp.collapses != f->collapses) {
        f->collapses = f->ramp.collapses;
        if (all_crawl(f)) /* try other machines of theirs */
            f->fresh_since_ns = now_ns;
    }
    ori_engine_step(f->engine, f->news ? 0 : rest_ms(f, now_ns, held_ms, wait_ms));
    now_ns = ori_now_ns();
    collect(f, now_ns);
    ori_fetcher_watch(f, now_ns);
}

void ori_fetcher_wake(struct ori_fetcher *f)
{
    ori_engine_wake(f->engine);
}
