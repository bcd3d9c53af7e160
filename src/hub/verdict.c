/* What the end of a connection means for its job.
 *
 * As long as another connection of the job is at work, no failure ends the job:
 * it makes do with fewer.  Only when the last one fails is the failure taken
 * at its word. */
#include "hub/fetching.h"

#include <stdlib.h>

#include "hub/retry.h"

#define SECOND_NS 1000000000ull
#define MAX_FAULTS 3   /* answers that are wrong, without a byte in between */
#define MAX_RENEWALS 3 /* of the address, without a byte in between */
#define RENEW_AGAIN_NS (30 * SECOND_NS)
#define CAP_NS (60 * SECOND_NS)      /* the server was seen to refuse more */
#define CAP_BRIEF_NS (5 * SECOND_NS) /* or it may just have been a bad moment */
#define GAIN_BYTES (64u << 10)       /* a connection that brought this much was worth it */
#define LEARN_BYTES (256u << 10)
#define LEARN_NS (SECOND_NS / 4)

/* ---- what was it? ---- */

/* A signed URL has expired, or the file has moved.  If it is about permission
 * after all, the hub will say so when it is asked again. */
static bool is_expiry(int http_status)
{
    switch (http_status) {
    case 400:
    case 401:
    case 403:
    case 404:
    case 410:
    case 416:
        return true;
    default:
        return false;
    }
}

static enum ori_fault judge_answer(struct ori_lane *lane, orion_error *why)
{
    const struct ori_reply *reply = &lane->transfer.reply;
    const struct ori_hub_file *file = lane->job->file;
    orion_error what;

    if (ori_hub_is_transient(reply->status)) {
        (void)ori_hub_refusal(lane->fetcher->hub, reply, file->repo, file->path, "", why);
        return ORI_FAULT_BUSY;
    }
    const bool expired = is_expiry(reply->status);
    (void)ori_lane_wrong(lane, &what,
                         expired ? "refuses the address that the hub gives for the data"
                                 : "gives no data");
    (void)ori_fail_at(why, ORION_E_NETWORK, lane->span.next, file->path, "%.400s: status %d",
                      what.message, reply->status);
    return expired ? ORI_FAULT_EXPIRED : ORI_FAULT_FATAL;
}

static enum ori_fault judge(struct ori_lane *lane, orion_error *why)
{
    struct ori_transfer *t = &lane->transfer;

    *why = t->error;
    if (lane->finished)
        return ORI_FAULT_NONE;
    if (t->refused)
        return lane->fault;
    if (t->status != ORION_OK)
        return t->worth_retrying ? ORI_FAULT_BROKEN : ORI_FAULT_FATAL;
    if (!ori_reply_is_data(&t->reply))
        return judge_answer(lane, why);
    if (lane->got_bytes > 0) /* all of it, or as much as this server gives at a time */
        return ORI_FAULT_NONE;
    (void)ori_lane_wrong(lane, why, "ended before the file did");
    return ORI_FAULT_BROKEN;
}

/* ---- what comes of it? ---- */

static unsigned answering(const struct ori_fetcher *f, const struct ori_fetch_job *job)
{
    unsigned n = 0;
    for (size_t i = 0; i < ORI_FETCHER_MAX_CONNECTIONS; i++)
        n += f->lanes[i].job == job && f->lanes[i].answered;
    return n;
}

void ori_job_make_do(struct ori_fetcher *f, struct ori_fetch_job *job, unsigned limit,
                     uint64_t now_ns)
{
    ori_cap_lower(&job->state->cap, limit, answering(f, job) > 0 ? CAP_NS : CAP_BRIEF_NS, now_ns);
}

static void wait_a_while(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t retry_after_ms,
                         const orion_error *why, uint64_t now_ns)
{
    struct ori_fetch_job_state *state = job->state;
    const uint64_t patience_ms = f->hub->give_up_ms;
    const bool alone = job->connections == 0;

    /* Several that fail at once are one failure. */
    if (now_ns >= state->not_before_ns)
        state->failures++;
    uint64_t delay_ms = ori_retry_delay_ms(state->failures, ori_retry_random());
    if (retry_after_ms != ORI_NOT_SAID && (alone || retry_after_ms < patience_ms / 2))
        delay_ms = retry_after_ms;
    const uint64_t until_ns = now_ns + delay_ms * 1000000u;
    if (until_ns > state->not_before_ns)
        state->not_before_ns = until_ns;
    if (alone && retry_after_ms != ORI_NOT_SAID &&
        until_ns - state->progress_ns > patience_ms * 1000000u)
        ori_job_finish(f, job, why); /* it asks for more patience than we have */
}

static void expire(struct ori_fetcher *f, struct ori_fetch_job *job, const orion_error *why,
                   uint64_t now_ns)
{
    struct ori_fetch_job_state *state = job->state;
    const bool alone = job->connections == 0;
    const bool just_renewed = state->renewed_ns != 0 && now_ns - state->renewed_ns < RENEW_AGAIN_NS;

    if (state->stale)
        return; /* it is being asked for */
    /* A new address that is refused while others deliver, or before they have
     * spoken: it may be the number of connections that is minded. */
    if (!alone && (just_renewed || answering(f, job) == 0)) {
        ori_job_make_do(f, job, job->connections, now_ns);
        return;
    }
    if (++state->renewals > MAX_RENEWALS)
        ori_job_finish(f, job, why);
    else
        state->stale = true;
}

void ori_job_setback(struct ori_fetcher *f, struct ori_fetch_job *job, enum ori_fault fault,
                     bool gained, uint64_t retry_after_ms, const orion_error *why, uint64_t now_ns)
{
    struct ori_fetch_job_state *state = job->state;
    const bool alone = job->connections == 0;

    state->why = *why;
    if (fault == ORI_FAULT_SINK || (fault == ORI_FAULT_FATAL && alone)) {
        ori_job_finish(f, job, why);
        return;
    }
    if (fault == ORI_FAULT_EXPIRED) {
        expire(f, job, why, now_ns);
        return;
    }
    if (fault == ORI_FAULT_WRONG && alone && ++state->faults >= MAX_FAULTS) {
        ori_job_finish(f, job, why);
        return;
    }
    if (!alone && !(fault == ORI_FAULT_BROKEN && gained))
        ori_job_make_do(f, job, job->connections, now_ns);
    wait_a_while(f, job, retry_after_ms, why, now_ns);
}

/* ---- redirects ---- */

static bool is_redirect(const struct ori_transfer *t)
{
    return t->done && t->status == ORION_OK && t->reply.status >= 300 && t->reply.status < 400 &&
           t->reply.location[0];
}

/* The same span again, elsewhere.  False with `why` when that won't do. */
static bool follow(struct ori_lane *lane, uint64_t now_ns, orion_error *why)
{
    struct ori_fetcher *f = lane->fetcher;
    struct ori_fetch_job *job = lane->job;

    if (lane->redirects >= ORI_MAX_REDIRECTS) {
        (void)ori_lane_wrong(lane, why, "redirects in circles");
        return false;
    }
    char *next;
    if (ori_hub_follow(lane->url, lane->transfer.reply.location, &next, why) != ORION_OK)
        return false;
    const unsigned generation = lane->generation;
    ori_engine_remove(f->engine, &lane->transfer);
    free(lane->url);
    lane->url = NULL;
    lane->redirects++;
    job->connections--; /* ori_lane_begin() counts it again */
    const orion_status status = ori_lane_begin(lane, job, next, now_ns, why);
    lane->generation = generation;
    return status == ORION_OK;
}

/* ---- the end ---- */

/* What a connection brings is known after a second; here sooner, if one has
 * ended. */
static void learn_rate(const struct ori_lane *lane, uint64_t now_ns)
{
    struct ori_usual *usual = &lane->job->state->usual;
    const uint64_t ns = now_ns - lane->began_ns;

    if (!usual->known && lane->fetcher->bucket.bytes_per_second == 0 &&
        lane->got_bytes >= LEARN_BYTES && ns >= LEARN_NS)
        ori_usual_learn(usual, (double)lane->got_bytes * 1e9 / (double)ns);
}

void ori_lane_ended(struct ori_lane *lane, uint64_t now_ns)
{
    struct ori_fetcher *f = lane->fetcher;
    struct ori_fetch_job *job = lane->job;
    const struct ori_reply *reply = &lane->transfer.reply;
    enum ori_fault fault = ORI_FAULT_FATAL;
    orion_error why;

    if (!is_redirect(&lane->transfer))
        fault = judge(lane, &why);
    else if (follow(lane, now_ns, &why))
        return;
    learn_rate(lane, now_ns);
    const bool gained = lane->new_bytes >= GAIN_BYTES;
    /* An address that has been renewed since is just asked again. */
    const bool outdated = lane->generation != job->state->generation;
    const uint64_t retry_after_ms = reply->has_retry_after ? reply->retry_after_ms : ORI_NOT_SAID;
    ori_lane_close(lane);
    if (fault == ORI_FAULT_NONE || (fault == ORI_FAULT_EXPIRED && outdated))
        return;
    ori_job_setback(f, job, fault, gained, retry_after_ms, &why, now_ns);
}
