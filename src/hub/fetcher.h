/* The transfer engine: many files, many connections, one thread.
 *
 * Jobs share one pool of connections and one budget of bytes a second.  A
 * job's missing bytes are cut into units; an idle connection takes the next
 * unit, or the tail half of the slowest one under way.  The number of
 * connections follows what they bring (hub.md R2 to R5).  The engine writes no
 * file: bytes go to the job's sink, each byte once, in whatever order they
 * arrive.
 *
 * Threads: a fetcher and its jobs belong to one thread.
 */
#ifndef ORI_HUB_FETCHER_H
#define ORI_HUB_FETCHER_H

#include "base/ranges.h"
#include "hub/hub.h"

#define ORI_FETCHER_START_CONNECTIONS 4
#define ORI_FETCHER_MAX_CONNECTIONS 16

struct ori_fetch_limits {
    uint32_t max_connections;  /* of all jobs together; 0: 16 */
    uint64_t bytes_per_second; /* of all jobs together; 0: none */
};

struct ori_fetcher;

orion_status ori_fetcher_new(const struct ori_hub *hub, const struct ori_fetch_limits *limits,
                             struct ori_fetcher **out, orion_error *err);
void ori_fetcher_free(struct ori_fetcher *fetcher); /* NULL is a no-op; all jobs were removed */
void ori_fetcher_set_limits(struct ori_fetcher *fetcher, const struct ori_fetch_limits *limits);

/* One file to complete.  The caller owns it and keeps it until removed. */
struct ori_fetch_job {
    /* ---- set before ori_fetcher_add() ---- */
    struct ori_hub_file *file;     /* its url is renewed when it expires, and asked for
                                    * when it is NULL */
    const struct ori_ranges *have; /* bytes that are there already; read by _add() only */
    bool in_order; /* one connection, from the first gap on: for disks and file systems that
                    * suffer from gaps */
    /* Takes bytes at any offset.  Not ORION_OK ends the job with it. */
    orion_status (*write)(void *self, uint64_t offset, const void *data, size_t len,
                          orion_error *err);
    void *self;

    /* ---- read at any time ---- */
    bool done;
    orion_status status; /* once done; ORION_OK: every byte went to write() */
    orion_error error;
    uint64_t written_bytes;       /* handed to write() */
    uint64_t transferred_bytes;   /* received, waste included */
    _Atomic uint32_t connections; /* at work now; any thread may read it */
    char note[200];               /* what is being waited for, or "" */

    struct ori_fetch_job_state *state; /* the engine's own */
};

/* ORION_E_OFFLINE, ORION_E_NOMEM: the job was not added. */
orion_status ori_fetcher_add(struct ori_fetcher *fetcher, struct ori_fetch_job *job,
                             orion_error *err);
/* Done or not: its connections are closed and nothing more is written. */
void ori_fetcher_remove(struct ori_fetcher *fetcher, struct ori_fetch_job *job);

/* Move all jobs on, waiting up to wait_ms for something to happen. */
void ori_fetcher_step(struct ori_fetcher *fetcher, int wait_ms);
/* Make a step in progress, or the next, return at once.  From any thread. */
void ori_fetcher_wake(struct ori_fetcher *fetcher);

#endif
