/* Watching what goes on: who crawls, who waits for too long, and what to say of
 * it.  (Who is silent is seen in http.c.) */
#include "hub/fetching.h"

#include <stdio.h>

#define SECOND_NS 1000000000ull
#define SLOW_NS (10 * SECOND_NS)
#define SLOW_PART 0.1      /* of the usual rate: dropped when it lasts */
#define SLOW_START_WAYS 10 /* the rate of a connection grows for so many times the way ... */
#define SLOW_START_MAX_S 2.0
#define IN_VAIN_BYTES (64u << 10) /* a connection that brought less was never of use */
#define ALONE_NS (60 * SECOND_NS) /* for so long one stays alone when all crawled */
#define SILENT_NS (5 * SECOND_NS) /* worth a note */

static void learn_usual(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns)
{
    struct ori_fetch_job_state *state = job->state;

    if (job->connections == 0 || f->bucket.bytes_per_second > 0)
        ori_pace_skip(&state->pace, now_ns, job->transferred_bytes);
    else if (ori_pace_look(&state->pace, now_ns, job->transferred_bytes))
        ori_usual_learn(&state->usual, state->pace.rate / job->connections);
}

/* For how long the connection has crawled. */
static uint64_t crawling_ns(struct ori_lane *lane, uint64_t now_ns)
{
    return ori_lane_crawls(lane) ? now_ns - lane->pace.slow_since_ns : 0;
}

static bool is_up_to_speed(const struct ori_lane *lane, uint64_t now_ns)
{
    const double s = (double)(now_ns - lane->began_ns) / 1e9;
    return s > SLOW_START_MAX_S || s > SLOW_START_WAYS * lane->job->state->latency_s;
}

static void watch_pace(struct ori_lane *lane, uint64_t now_ns)
{
    struct ori_fetch_job_state *state = lane->job->state;

    if (lane->was_held) {
        lane->was_held = lane->transfer.held;
        ori_pace_skip(&lane->pace, now_ns, lane->got_bytes);
        state->progress_ns = now_ns;
        return;
    }
    if (!ori_pace_look(&lane->pace, now_ns, lane->got_bytes))
        return;
    if (is_up_to_speed(lane, now_ns))
        lane->span.rate = lane->pace.rate;
    if (lane->answered && !lane->whole) /* else not yet begun, or not to be had again */
        (void)ori_pace_slow_ns(&lane->pace, now_ns, SLOW_PART * state->usual.rate);
}

static void blame_host(struct ori_fetcher *f, struct ori_fetch_job *job, const char *what)
{
    char host[128];

    ori_url_host(job->file->url ? job->file->url : f->hub->endpoint, host, sizeof(host));
    (void)ori_fail_at(&job->state->why, ORION_E_NETWORK, ORION_NO_OFFSET, job->file->path, "%s %s",
                      host, what);
}

/* All crawled: a single one is begun anew, once the server has seen the others
 * go.  If a single one never did anything else, it was not their number. */
static void begin_anew(struct ori_fetcher *f, struct ori_fetch_job *job, bool in_vain,
                       uint64_t now_ns)
{
    if (in_vain)
        ori_cap_init(&job->state->cap, ORI_FETCHER_MAX_CONNECTIONS);
    else
        ori_cap_lower(&job->state->cap, 1, ALONE_NS, now_ns);
    job->state->not_before_ns = now_ns + SECOND_NS;
    blame_host(f, job, "sends next to nothing");
}

/* Connections that crawl are dropped; their bytes are kept.  It may be that the
 * server slows down all but a few, so there are fewer from now on.  With one go
 * those that will be next: when all crawl, it is to be seen as such. */
static void watch_lanes(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns)
{
    uint64_t longest_ns = 0, got_bytes = 0;
    const bool alone = job->connections == 1;

    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++) {
        if (lane->job != job)
            continue;
        watch_pace(lane, now_ns);
        got_bytes += lane->got_bytes;
        if (crawling_ns(lane, now_ns) > longest_ns)
            longest_ns = crawling_ns(lane, now_ns);
    }
    if (longest_ns < SLOW_NS)
        return;
    for (struct ori_lane *lane = f->lanes; lane < ori_lanes_end(f); lane++)
        if (lane->job == job && crawling_ns(lane, now_ns) >= SLOW_NS / 2)
            ori_lane_close(lane);
    ori_usual_lower(&job->state->usual);
    if (job->connections > 0)
        ori_job_make_do(f, job, job->connections, now_ns);
    else
        begin_anew(f, job, alone && got_bytes < IN_VAIN_BYTES, now_ns);
}

static void watch_patience(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns)
{
    struct ori_fetch_job_state *state = job->state;
    const uint64_t patience_ns = f->hub->give_up_ms * 1000000ull;
    char what[64];

    if (now_ns - state->progress_ns < patience_ns)
        return;
    if (state->why.status == ORION_OK) {
        (void)snprintf(what, sizeof(what), "has sent nothing for %u seconds",
                       (unsigned)(patience_ns / SECOND_NS));
        blame_host(f, job, what);
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
    for (struct ori_fetch_job_state *state = f->jobs; state; state = state->next) {
        learn_usual(f, state->job, now_ns);
        watch_lanes(f, state->job, now_ns);
        if (!state->job->done)
            watch_patience(f, state->job, now_ns);
        write_note(state, now_ns);
    }
}
