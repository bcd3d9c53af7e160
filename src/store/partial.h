/* An unfinished download, as its own files see it: partial.c fills it, follow.c
 * hashes it, sync.c makes it last, room.c finds it a place.
 *
 * Threads: the one that fills it, one that hashes and one that syncs.  What
 * changes is guarded by `mutex`; `have` is changed by the filling thread alone,
 * which may therefore read it without. */
#ifndef ORI_STORE_PARTIAL_H
#define ORI_STORE_PARTIAL_H

#include <pthread.h>

#include "store/internal.h"

enum ori_unit_state {
    ORI_UNIT_TO_CHECK = 0,
    ORI_UNIT_CHECKED = 1,
    ORI_UNIT_DAMAGED = 2, /* not what it was when it was hashed first */
};

struct ori_partial {
    /* ---- constant while open ---- */
    const struct ori_store *store;
    struct ori_lock lock;
    char key[ORI_STORE_KEY_BYTES];
    char place[ORI_STORE_PATH_MAX];
    int fd;
    uint64_t size_bytes;
    uint8_t *block; /* of the hashing thread */

    /* ---- of the filling thread ---- */
    int note_fd; /* -1: there is none */
    uint64_t note_turn, noted_bytes;
    bool settled; /* published, held or discarded: nothing more to write down */

    /* ---- guarded ---- */
    pthread_mutex_t mutex;
    pthread_cond_t to_hash, to_sync, to_filler; /* each thread waits for its own */
    bool stop;
    struct ori_journal journal;
    struct ori_ranges have;    /* written */
    struct ori_ranges earlier; /* of that, before this process began */
    uint64_t written_bytes;    /* by this process */

    pthread_t hash_thread;
    bool hash_runs;
    struct ori_chain chain;
    uint8_t *units;                  /* [chain.n_units], enum ori_unit_state */
    uint32_t unit;                   /* the first to check; n_units when none is left */
    uint64_t hashed_to;              /* within that unit */
    bool damaged;                    /* one of the units is */
    bool mismatch;                   /* the whole has another digest */
    char sha256[ORI_SHA256_HEX + 1]; /* of the whole, once known */
    orion_status hash_status;
    orion_error hash_error;

    pthread_t sync_thread;
    bool sync_runs, stop_sync;
    bool sync_due;
    uint64_t synced_ns, synced_at_bytes; /* when, and how much was written by then */
    uint64_t durable_bytes;
    orion_status sync_status; /* sticky: after a failure nothing is claimed any more */
    orion_error sync_error;
    bool data_lost; /* the data itself could not be synced */
};

/* ---- follow.c ---- */

orion_status ori_follow_start(struct ori_partial *p, orion_error *err);
/* The mutex is held for these: */
bool ori_follow_can_go_on(const struct ori_partial *p);
void ori_follow_recheck(struct ori_partial *p, uint64_t begin, uint64_t end);

/* ---- sync.c ---- */

/* Data, then the journal that speaks of it.  `quiet`: no one writes, so that
 * the file's time may be believed later. */
orion_status ori_sync_now(struct ori_partial *p, bool quiet, orion_error *err);
/* Now and then, in its own thread.  The mutex is held. */
void ori_sync_when_due(struct ori_partial *p);

#endif
