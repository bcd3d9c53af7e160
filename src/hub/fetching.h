/* What the files of the transfer engine share.
 *
 * fetcher.c   jobs, and who gets a connection
 * lane.c      one connection: its request, its reply, its bytes
 * verdict.c   what the end of a connection means for its job
 * watch.c     what is too slow, and for how long
 * renew.c     asking the hub for a new address
 * units.h, ramp.h, cap.h, pace.h   the rules, without sockets or clocks
 */
#ifndef ORI_HUB_FETCHING_H
#define ORI_HUB_FETCHING_H

#include "hub/ask.h"
#include "hub/cap.h"
#include "hub/fetcher.h"
#include "hub/http.h"
#include "hub/pace.h"
#include "hub/ramp.h"
#include "hub/units.h"

/* Why a connection ended before its span was brought. */
enum ori_fault {
    ORI_FAULT_NONE,
    ORI_FAULT_SINK,    /* write() refused, or memory is short: the job ends */
    ORI_FAULT_WRONG,   /* the answer cannot be right */
    ORI_FAULT_EXPIRED, /* the address is good no more, or another file is behind it */
    ORI_FAULT_BUSY,    /* the server wants to be left alone for a while */
    ORI_FAULT_CROWDED, /* it serves others of this job, but not this one */
    ORI_FAULT_BROKEN,  /* the network's fault */
    ORI_FAULT_FATAL,   /* asking again would change nothing */
};

/* A connection at work. */
struct ori_lane {
    struct ori_fetcher *fetcher;
    struct ori_fetch_job *job; /* NULL: the lane is free */
    struct ori_transfer transfer;
    struct ori_span span;
    char *url; /* what was asked; owned */
    unsigned redirects;
    unsigned generation; /* of the job's address when the lane began */
    bool answered;       /* data is coming */
    bool whole;          /* 200: everything, from the start */
    bool finished;       /* what else comes is not wanted */
    bool was_held;       /* by the limit, since its pace was looked at */
    enum ori_fault fault;
    uint64_t answer_end; /* where the data of this answer ends */
    uint64_t got_bytes;  /* received */
    uint64_t new_bytes;  /* of them, written */
    uint64_t began_ns;
    struct ori_pace pace;
};

struct ori_renewal;

struct ori_fetch_job_state {
    struct ori_fetch_job *job;
    struct ori_fetch_job_state *next;
    struct ori_units units;
    bool ended;             /* write() has failed; the lanes are about to be closed */
    struct ori_lane *whole; /* the lane that brings everything, or NULL */

    /* The address: file->url, or where that leads. */
    char *redirected; /* or NULL */
    char etag[160];   /* the data server's, when strong */
    unsigned etag_changes;
    unsigned generation;         /* counts renewals */
    bool stale;                  /* to be renewed before anything else is asked */
    struct ori_renewal *renewal; /* under way, or NULL */
    uint64_t renewed_ns;         /* 0: never */

    /* Setbacks. */
    struct ori_cap cap; /* how many connections it may have */
    uint64_t not_before_ns;
    uint64_t progress_ns;                        /* when a byte last came */
    unsigned failures, faults, renewals, wholes; /* since a byte was written */
    orion_error why;                             /* the last setback; status ORION_OK: none */

    /* What is usual here. */
    struct ori_pace pace;   /* of all its connections together */
    struct ori_usual usual; /* of one of them */
    double latency_s;       /* from asking to the first byte */
    bool tried;             /* while work is handed out */
};

struct ori_fetcher {
    const struct ori_hub *hub;
    struct ori_engine *engine;
    struct ori_lane lanes[ORI_FETCHER_MAX_CONNECTIONS];
    struct ori_fetch_job_state *jobs; /* in the order of arrival */
    struct ori_ramp ramp;
    struct ori_bucket bucket;
    uint64_t total_bytes;    /* received by all */
    unsigned collapses;      /* of the ramp, that were answered */
    uint64_t fresh_since_ns; /* no connection from before that is used again; 0: any may be */
    unsigned n_renewals;
    bool news; /* a job has ended since the step began: whoever called wants to know */
};

static inline struct ori_lane *ori_lanes_end(struct ori_fetcher *f)
{
    return f->lanes + ORI_FETCHER_MAX_CONNECTIONS;
}

/* ---- lane.c ---- */

/* Ask for lane->span, which is entered in the job's units; at `url` (taken
 * over), or NULL: where the job's bytes are. */
orion_status ori_lane_begin(struct ori_lane *lane, struct ori_fetch_job *job, char *url,
                            uint64_t now_ns, orion_error *err);
/* Stop; what it did not bring is free again. */
void ori_lane_close(struct ori_lane *lane);
bool ori_lane_is_busy(const struct ori_lane *lane);
/* Far below what is usual when it was last looked at. */
bool ori_lane_crawls(const struct ori_lane *lane);
bool ori_reply_is_data(const struct ori_reply *reply);
/* "<host> <what> (at byte N)", ORION_E_NETWORK. */
orion_status ori_lane_wrong(const struct ori_lane *lane, orion_error *err, const char *what);

/* ---- verdict.c ---- */

/* lane->transfer is done: judge and close it, or send it elsewhere. */
void ori_lane_ended(struct ori_lane *lane, uint64_t now_ns);
/* Something of the job failed; `gained`: after it had brought a good deal.
 * retry_after_ms is what the server asked for. */
#define ORI_NOT_SAID UINT64_MAX
void ori_job_setback(struct ori_fetcher *f, struct ori_fetch_job *job, enum ori_fault fault,
                     bool gained, uint64_t retry_after_ms, const orion_error *why, uint64_t now_ns);

/* No more connections than `limit` for a while. */
void ori_job_make_do(struct ori_fetcher *f, struct ori_fetch_job *job, unsigned limit,
                     uint64_t now_ns);

/* ---- renew.c ---- */

void ori_renewal_begin(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns);
void ori_renewal_look(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns);
void ori_renewal_stop(struct ori_fetcher *f, struct ori_fetch_job *job);

/* ---- watch.c ---- */

/* Drop connections that crawl, end jobs without hope, write the notes. */
void ori_fetcher_watch(struct ori_fetcher *f, uint64_t now_ns);

/* ---- fetcher.c ---- */

/* End the job: with ORION_OK, or with *why. */
void ori_job_finish(struct ori_fetcher *f, struct ori_fetch_job *job, const orion_error *why);

#endif
