/* One connection: it asks for a range and hands on what comes.
 *
 * A range is asked for always, also from 0: servers of very large files answer
 * nothing else. */
#include "hub/fetching.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ETAG_CHANGES 3 /* after that its servers just don't agree on one */
#define MAX_WHOLES 5       /* answers from the start, without a new byte in between */
#define LATENCY_FRESH 0.3
#define SECOND_NS 1000000000ull
#define FRESH_S 60

bool ori_lane_is_busy(const struct ori_lane *lane)
{
    return lane->job != NULL;
}

bool ori_lane_crawls(const struct ori_lane *lane)
{
    return lane->pace.slow_since_ns != 0;
}

bool ori_reply_is_data(const struct ori_reply *reply)
{
    return reply->status == 200 || reply->status == 206;
}

orion_status ori_lane_wrong(const struct ori_lane *lane, orion_error *err, const char *what)
{
    char host[128];
    ori_url_host(lane->url, host, sizeof(host));
    return ori_fail_at(err, ORION_E_NETWORK, lane->span.next, lane->job->file->path,
                       "%s %s (at byte %" PRIu64 ")", host, what, lane->span.next);
}

static orion_status refuse(struct ori_lane *lane, enum ori_fault fault, orion_error *err,
                           const char *what)
{
    lane->fault = fault;
    return ori_lane_wrong(lane, err, what);
}

static orion_status wrong(struct ori_lane *lane, orion_error *err, const char *what)
{
    return refuse(lane, ORI_FAULT_WRONG, err, what);
}

/* ---- the head of an answer ---- */

/* Servers of one file may disagree on its ETag; the hub knows whether it
 * changed. */
static orion_status check_etag(struct ori_lane *lane, const struct ori_reply *reply,
                               orion_error *err)
{
    struct ori_fetch_job_state *state = lane->job->state;

    if (!ori_reply_etag_is_strong(reply->etag))
        return ORION_OK;
    if (state->etag[0] && strcmp(state->etag, reply->etag) != 0 &&
        state->etag_changes < MAX_ETAG_CHANGES) {
        state->etag_changes++;
        return refuse(lane, ORI_FAULT_EXPIRED, err, "has another file now than it had before");
    }
    memcpy(state->etag, reply->etag, sizeof(state->etag));
    return ORION_OK;
}

static orion_status check_range(struct ori_lane *lane, const struct ori_reply *reply,
                                orion_error *err)
{
    const uint64_t size = lane->job->file->size_bytes;

    if (!reply->has_range || reply->range_begin != lane->transfer.range_begin ||
        reply->range_end > lane->transfer.range_end)
        return wrong(lane, err, "answered with other bytes than it was asked for");
    if (reply->has_total && reply->total != size)
        return wrong(lane, err, "has a file of another size than the hub says");
    if (reply->has_length && reply->length != reply->range_end - reply->range_begin + 1)
        return wrong(lane, err, "announces another length than that of the range");
    lane->answer_end = reply->range_end + 1;
    return ORION_OK;
}

static bool others_answered(const struct ori_lane *lane)
{
    for (size_t i = 0; i < ORI_FETCHER_MAX_CONNECTIONS; i++) {
        const struct ori_lane *other = &lane->fetcher->lanes[i];
        if (other != lane && other->job == lane->job && other->answered)
            return true;
    }
    return false;
}

/* 200: everything from the start, whatever was asked for.  It is as good as
 * any: what is there already is let pass. */
static orion_status check_whole(struct ori_lane *lane, const struct ori_reply *reply,
                                orion_error *err)
{
    struct ori_fetch_job_state *state = lane->job->state;
    const uint64_t size = lane->job->file->size_bytes;

    if (strstr(reply->content_type, "text/html"))
        return wrong(lane, err,
                     "answered with a web page instead of data; perhaps this network wants "
                     "you to log in first");
    if (reply->has_length && reply->length != size)
        return wrong(lane, err, "has a file of another size than the hub says");
    if (others_answered(lane))
        return refuse(lane, ORI_FAULT_CROWDED, err, "sends the whole file when asked for a part");
    if (ori_ranges_total(&state->units.done) > 0 && ++state->wholes > MAX_WHOLES)
        return refuse(lane, ORI_FAULT_FATAL, err,
                      "cannot continue a download, and keeps breaking it off");
    lane->whole = true;
    lane->span.next = 0;
    lane->span.end = lane->answer_end = size;
    state->whole = lane;
    return ORION_OK;
}

static void remember_answer(struct ori_lane *lane)
{
    struct ori_fetch_job_state *state = lane->job->state;
    const double s = (double)(lane->transfer.heard_ns - lane->began_ns) / 1e9;

    lane->answered = true;
    state->latency_s =
        state->latency_s > 0.0 ? LATENCY_FRESH * s + (1 - LATENCY_FRESH) * state->latency_s : s;
    lane->fetcher->ramp.way_s = state->latency_s;
    if (lane->redirects > 0 && lane->generation == state->generation) {
        free(state->redirected); /* memory short: it is asked the long way again */
        state->redirected = strdup(lane->url);
    }
}

static orion_status on_reply(struct ori_transfer *t, orion_error *err)
{
    struct ori_lane *lane = t->self;
    const struct ori_reply *reply = &t->reply;

    if (!ori_reply_is_data(reply))
        return ORION_OK; /* judged when it has ended */
    if (reply->content_encoding[0] && strcmp(reply->content_encoding, "identity") != 0)
        return wrong(lane, err, "compresses the data although asked not to");
    orion_status status = check_etag(lane, reply, err);
    if (status == ORION_OK)
        status =
            reply->status == 206 ? check_range(lane, reply, err) : check_whole(lane, reply, err);
    if (status == ORION_OK)
        remember_answer(lane);
    return status;
}

/* ---- its bytes ---- */

static bool may_take(struct ori_transfer *t)
{
    struct ori_lane *lane = t->self;
    if (ori_bucket_may(&lane->fetcher->bucket))
        return true;
    lane->was_held = true;
    return false;
}

static void note_progress(struct ori_lane *lane, uint64_t bytes)
{
    struct ori_fetch_job_state *state = lane->job->state;
    lane->job->written_bytes += bytes;
    lane->new_bytes += bytes;
    state->failures = state->faults = state->renewals = state->wholes = 0;
}

/* Write what no one has brought yet of the bytes from `at` on. */
static orion_status deliver(struct ori_lane *lane, uint64_t at, const char *data, uint64_t len,
                            orion_error *err)
{
    struct ori_fetch_job *job = lane->job;
    struct ori_range piece;

    for (uint64_t from = at; ori_units_wanted(&job->state->units, from, at + len, &piece);
         from = piece.end) {
        const uint64_t bytes = piece.end - piece.begin;
        orion_status status =
            job->write(job->self, piece.begin, data + (piece.begin - at), (size_t)bytes, err);
        if (status == ORION_OK && ori_units_deliver(&job->state->units, piece) != ORION_OK)
            status = ori_fail_nomem(err, "a transfer");
        if (status != ORION_OK) {
            lane->fault = ORI_FAULT_SINK;
            job->state->ended = true;
            return status;
        }
        note_progress(lane, bytes);
    }
    return ORION_OK;
}

static void count(struct ori_lane *lane, size_t len)
{
    lane->got_bytes += len;
    lane->job->transferred_bytes += len;
    lane->fetcher->total_bytes += len;
    ori_bucket_take(&lane->fetcher->bucket, len);
}

static orion_status on_body(struct ori_transfer *t, const void *data, size_t len, orion_error *err)
{
    struct ori_lane *lane = t->self;
    struct ori_span *span = &lane->span;

    count(lane, len);
    if (!ori_reply_is_data(&t->reply))
        return ORION_OK; /* an error's text */
    if (len > lane->answer_end - span->next)
        return wrong(lane, err, "sent more bytes than it said");
    lane->job->state->progress_ns = t->heard_ns;
    const uint64_t left = span->end - span->next;
    const uint64_t bytes = len < left ? len : left;
    if (!lane->job->state->ended) {
        const orion_status status = deliver(lane, span->next, data, bytes, err);
        if (status != ORION_OK)
            return status;
    }
    span->next += bytes;
    /* Its tail went to another connection: stop. */
    lane->finished =
        lane->job->state->ended || (span->next == span->end && span->end < lane->answer_end);
    return lane->finished ? ORION_E_CANCELLED : ORION_OK;
}

/* ---- its life ---- */

/* Of a connection that may be used again. */
static unsigned max_age_s(const struct ori_fetcher *f, uint64_t now_ns)
{
    const uint64_t s = (now_ns - f->fresh_since_ns) / SECOND_NS;
    return f->fresh_since_ns > 0 && s < FRESH_S ? (unsigned)s + 1 : 0;
}

orion_status ori_lane_begin(struct ori_lane *lane, struct ori_fetch_job *job, char *url,
                            uint64_t now_ns, orion_error *err)
{
    struct ori_fetch_job_state *state = job->state;

    lane->job = job;
    lane->generation = state->generation;
    lane->began_ns = now_ns;
    ori_pace_init(&lane->pace, now_ns);
    job->connections++;
    lane->url = url ? url : strdup(state->redirected ? state->redirected : job->file->url);
    if (!lane->url)
        return ori_fail_nomem(err, "a transfer");
    lane->transfer = (struct ori_transfer){
        .url = lane->url,
        .ranged = true,
        .range_begin = lane->span.next,
        .range_end = lane->span.end - 1,
        .if_range = state->etag[0] && state->etag_changes < MAX_ETAG_CHANGES ? state->etag : NULL,
        .max_age_s = max_age_s(lane->fetcher, now_ns),
        .on_reply = on_reply,
        .on_body = on_body,
        .may_take = may_take,
        .self = lane,
    };
    return ori_engine_add(lane->fetcher->engine, &lane->transfer, err);
}

void ori_lane_close(struct ori_lane *lane)
{
    struct ori_fetcher *f = lane->fetcher;
    struct ori_fetch_job *job = lane->job;

    ori_engine_remove(f->engine, &lane->transfer);
    ori_units_let_go(&job->state->units, &lane->span);
    if (job->state->whole == lane)
        job->state->whole = NULL;
    job->connections--;
    free(lane->url);
    *lane = (struct ori_lane){.fetcher = f};
}
