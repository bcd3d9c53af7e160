/* What makes a download last: the data is synced, then the journal that speaks
 * of it is.  While it is filled a thread of its own does that, so that the
 * network is not kept waiting for the disk. */
#include "store/partial.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

#define EVERY_NS 1000000000u
#define EVERY_BYTES (64u << 20)

/* After a failed sync the kernel may have dropped what it could not write:
 * nothing is claimed any more beyond the last journal. */
static void give_up(struct ori_partial *p, bool lost, orion_status status, const orion_error *why)
{
    p->sync_status = status;
    p->sync_error = *why;
    p->data_lost |= lost;
}

/* The journal as of now, but claiming only `done`.  The mutex is held. */
static json_t *journal_now(struct ori_partial *p, const struct ori_ranges *done, bool quiet)
{
    struct stat st;

    p->journal.inode = 0;
    p->journal.modified_ns = 0;
    /* Only what was hashed from this file, and not found damaged, is vouched for. */
    if (quiet && p->unit + 1 >= p->chain.known && !p->damaged && fstat(p->fd, &st) == 0) {
        p->journal.inode = (uint64_t)st.st_ino;
        p->journal.modified_ns = ori_stat_modified_ns(&st);
    }
    return ori_journal_to_json(&p->journal, done, &p->chain);
}

orion_status ori_sync_now(struct ori_partial *p, bool quiet, orion_error *err)
{
    struct ori_ranges done;
    orion_error why;

    (void)pthread_mutex_lock(&p->mutex);
    orion_status status = p->sync_status;
    if (status == ORION_OK)
        status = ori_ranges_copy(&p->have, &done) == ORION_OK ? ORION_OK
                                                              : ori_fail_nomem(&why, "a journal");
    else
        why = p->sync_error;
    const uint64_t at_bytes = p->written_bytes;
    (void)pthread_mutex_unlock(&p->mutex);
    if (status != ORION_OK) {
        if (err)
            *err = why;
        return status;
    }

    const bool lost = fdatasync(p->fd) != 0;
    if (lost)
        status = ori_fail_errno(&why, "cannot sync the partial file of '%s'", p->journal.file);
    if (status == ORION_OK) {
        (void)pthread_mutex_lock(&p->mutex);
        json_t *json = journal_now(p, &done, quiet);
        (void)pthread_mutex_unlock(&p->mutex);
        status = ori_journal_write(p->store, p->key, json, &why);
    }
    (void)pthread_mutex_lock(&p->mutex);
    p->synced_ns = ori_now_ns();
    p->synced_at_bytes = at_bytes;
    if (status == ORION_OK)
        p->durable_bytes = ori_ranges_total(&done);
    else
        give_up(p, lost, status, &why);
    (void)pthread_cond_broadcast(&p->to_filler);
    (void)pthread_mutex_unlock(&p->mutex);
    ori_ranges_release(&done);
    if (status != ORION_OK && err)
        *err = why;
    return status;
}

static bool is_due(const struct ori_partial *p)
{
    return p->written_bytes - p->synced_at_bytes >= EVERY_BYTES ||
           (p->written_bytes > p->synced_at_bytes && ori_now_ns() - p->synced_ns >= EVERY_NS);
}

static void wait_a_second(struct ori_partial *p)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 1;
    (void)pthread_cond_timedwait(&p->to_sync, &p->mutex, &until);
}

static void *keep_synced(void *self)
{
    struct ori_partial *p = self;

    (void)pthread_mutex_lock(&p->mutex);
    while (!p->stop && !p->stop_sync && p->sync_status == ORION_OK) {
        if (!is_due(p)) {
            wait_a_second(p);
            continue;
        }
        (void)pthread_mutex_unlock(&p->mutex);
        (void)ori_sync_now(p, false, NULL);
        (void)pthread_mutex_lock(&p->mutex);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return NULL;
}

void ori_sync_when_due(struct ori_partial *p)
{
    if (p->sync_runs) {
        if (p->written_bytes - p->synced_at_bytes >= EVERY_BYTES)
            (void)pthread_cond_broadcast(&p->to_sync);
        return;
    }
    /* A small download ends before that, and needs no thread. */
    if (is_due(p))
        p->sync_runs = ori_thread_start(&p->sync_thread, keep_synced, p) == 0;
}
