/* Watching what goes on: who crawls, who waits for too long, and what to say of
 * it.  (Who is silent is seen in http.c.) */
#include "hub/fetching.h"

#include <stdio.h>

#define SECOND_NS 1000000000ull
#define SLOW_NS (10 * SECOND_NS)
#define SILENT_NS (5 * SECOND_NS) /* worth a note */
#define SLOW_PART 0.1             /* of the usual rate: dropped when it lasts */
#define MIN_FOR_MEDIAN 3
#define FORGETTING 0.05 /* of the difference, each second and connection */

/* What one connection of the job brings when all is well: what most bring now,
 * or brought not long ago. */
static void learn_usual(struct ori_fetcher *f, struct ori_fetch_job_state *state)
{
    double rates[ORI_FETCHER_MAX_CONNECTIONS];
    size_t n = 0;

    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        if (lane->job == state->job && lane->answered && lane->pace.known)
            rates[n++] = lane->pace.rate;
    if (n < MIN_FOR_MEDIAN || f->bucket.bytes_per_second > 0)
        return;
    const double median = ori_pace_median(rates, n);
    if (median > state->usual_rate)
        state->usual_rate = median;
    else
        state->usual_rate += FORGETTING * (median - state->usual_rate);
    state->usual_known = true;
}

/* A connection that crawls is dropped; its bytes are kept.  It may be that the
 * server slows down all but a few, so there is one less from now on.  And less
 * is expected, or on a link that has become slow all would be dropped. */
static void watch_pace(struct ori_fetcher *f, struct ori_lane *lane, uint64_t now_ns)
{
    struct ori_fetch_job *job = lane->job;
    struct ori_fetch_job_state *state = job->state;

    if (lane->was_held) {
        lane->was_held = lane->transfer.held;
        ori_pace_skip(&lane->pace, now_ns, lane->got_bytes);
        state->progress_ns = now_ns;
        return;
    }
    if (!ori_pace_look(&lane->pace, now_ns, lane->got_bytes))
        return;
    lane->span.rate = lane->pace.rate;
    if (!lane->answered || lane->whole) /* not yet begun, or not to be had again */
        return;
    learn_usual(f, state);
    if (ori_pace_slow_ns(&lane->pace, now_ns, SLOW_PART * state->usual_rate) < SLOW_NS)
        return;
    state->usual_rate /= 4;
    ori_lane_close(lane);
    if (job->connections > 0)
        ori_job_make_do(f, job, now_ns);
}

static void watch_patience(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns)
{
    struct ori_fetch_job_state *state = job->state;
    const uint64_t patience_ns = f->hub->give_up_ms * 1000000ull;
    char host[128];

    if (now_ns - state->progress_ns < patience_ns)
        return;
    if (state->why.status == ORION_OK) {
        ori_url_host(job->file->url ? job->file->url : f->hub->endpoint, host, sizeof(host));
        (void)ori_fail_at(&state->why, ORION_E_NETWORK, ORION_NO_OFFSET, job->file->path,
                          "%s has sent nothing for %u seconds", host,
                          (unsigned)(patience_ns / SECOND_NS));
    }
    ori_job_finish(f, job, &state->why);
}

static void write_note(struct ori_fetch_job_state *state, uint64_t now_ns)
{
    struct ori_fetch_job *job = state->job;

    job->note[0] = '\0';
    if (job->done)
        return;
    const uint64_t silent_ns = now_ns - state->progress_ns;
    if (job->connections > 0 && silent_ns >= SILENT_NS) {
        (void)snprintf(job->note, sizeof(job->note), "nothing has come for %u s",
                       (unsigned)(silent_ns / SECOND_NS));
    } else if (job->connections == 0 && now_ns < state->not_before_ns) {
        (void)snprintf(job->note, sizeof(job->note), "%.160s; trying again in %u s",
                       state->why.message,
                       (unsigned)((state->not_before_ns - now_ns + SECOND_NS - 1) / SECOND_NS));
    } else if (job->connections == 0 && state->stale) {
        (void)snprintf(job->note, sizeof(job->note), "asking the hub for a new address");
    }
}

void ori_fetcher_watch(struct ori_fetcher *f, uint64_t now_ns)
{
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        if (ori_lane_is_busy(lane))
            watch_pace(f, lane, now_ns);
    for (struct ori_fetch_job_state *state = f->jobs; state; state = state->next) {
        if (!state->job->done)
            watch_patience(f, state->job, now_ns);
        write_note(state, now_ns);
    }
}
