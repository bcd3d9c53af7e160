/* An unfinished download: lock, journal, bytes. */
#include "store/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dir.h"
#include "base/file.h"
#include "base/page_cache.h"

#define NOTE_EVERY_BYTES (64u << 10)
#define TICK_NS 100000000

/* ---- opening ---- */

/* Take up what an earlier attempt left, as far as its journal vouches for it.
 * The hash starts where it stood if the file is the one that it was taken
 * from; else it starts over, in the background, and finds what has changed. */
static orion_status take_up(struct ori_partial *p, const struct stat *st, bool *trusted,
                            orion_error *err)
{
    struct ori_journal old;

    *trusted = false;
    orion_status status = ori_journal_read(p->store, p->key, &old, err);
    if (status == ORION_E_NOT_FOUND || status == ORION_E_FORMAT)
        return ORION_OK;
    if (status != ORION_OK) /* it may be good: what it tells of is not to be lost */
        return status;
    if (!ori_journal_is_of(&old, &p->journal.digest, p->size_bytes))
        goto done;
    status = ori_journal_claim(p->store, p->key, &old, (uint64_t)st->st_size);
    if (status != ORION_OK) {
        (void)ori_fail_nomem(err, "a download");
        goto done;
    }
    p->have = old.done;
    old.done = (struct ori_ranges){0};
    ori_chain_from_json(&p->chain, old.chain);
    const bool whole = ori_ranges_covers(&p->have, 0, p->size_bytes);
    const bool same = ori_journal_matches(&old, st);
    if (same && old.held && whole && ori_sha256_is_hex(old.verified)) {
        memset(p->units, ORI_UNIT_CHECKED, p->chain.n_units);
        memcpy(p->sha256, old.verified, sizeof(p->sha256));
        memcpy(p->journal.verified, old.verified, sizeof(old.verified));
        p->journal.held = true;
    } else if (same && strcmp(old.boot_id, p->journal.boot_id) == 0) {
        for (uint32_t i = 0; i + 1 < p->chain.known; i++)
            if (ori_ranges_covers(&p->have, ori_chain_begin(&p->chain, i),
                                  ori_chain_end(&p->chain, i)))
                p->units[i] = ORI_UNIT_CHECKED;
    }
    *trusted = same;
done:
    ori_journal_release(&old);
    if (status == ORION_OK && ori_ranges_copy(&p->have, &p->earlier) != ORION_OK)
        status = ori_fail_nomem(err, "a download");
    return status;
}

static orion_status open_file(struct ori_partial *p, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    struct stat st;
    bool trusted;

    ori_store_key_path(ORI_STORE_PARTIAL_DIR, p->key, ".part", path);
    p->fd = ori_dir_open(p->store->fd, path, O_RDWR | O_CREAT, 0600);
    if (p->fd < 0)
        return ori_fail_errno(err, "cannot write in the models directory '%s'", p->store->root);
    if (fstat(p->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return ori_fail(err, ORION_E_IO, "the partial file of '%s' cannot be used",
                        p->journal.file);
    orion_status status = take_up(p, &st, &trusted, err);
    if (status != ORION_OK)
        return status;
    if (p->have.count == 0) { /* what it holds is not known */
        ori_note_remove(p->store, p->key);
        if (st.st_size > 0 && ftruncate(p->fd, 0) != 0)
            return ori_fail_errno(err, "cannot use the partial file of '%s'", p->journal.file);
    }
    status = ori_follow_start(p, err);
    if (status == ORION_OK && p->journal.held)
        p->settled = true;
    else if (status == ORION_OK)
        status = ori_sync_now(p, trusted, err);
    return status;
}

orion_status ori_cannot_write(const struct ori_store *store, const orion_error *why,
                              orion_error *err)
{
    return ori_fail(err, why->status, "cannot write in the models directory '%.200s': %.200s",
                    store->root, why->message);
}

orion_status ori_store_make_folders(const struct ori_store *store, orion_error *err)
{
    orion_error why;
    orion_status status = ori_store_check(store, err);
    if (status != ORION_OK)
        return status;
    status = ori_dir_make(store->fd, ORI_STORE_PARTIAL_DIR, &why);
    if (status == ORION_OK)
        status = ori_dir_make(store->fd, ORI_STORE_LOCK_DIR, &why);
    return status == ORION_OK ? ORION_OK : ori_cannot_write(store, &why, err);
}

static orion_status take_lock(struct ori_partial *p, enum ori_partial_state *state,
                              orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    orion_error why;

    orion_status status = ori_store_make_folders(p->store, err);
    if (status != ORION_OK)
        return status;
    ori_store_key_path(ORI_STORE_LOCK_DIR, p->key, ".lock", path);
    status = ori_lock_try(p->store->fd, path, &p->lock, NULL, &why);
    if (status == ORION_E_BUSY) {
        *state = ORI_PARTIAL_OTHERS;
        return ORION_OK;
    }
    return status == ORION_OK ? ORION_OK : ori_cannot_write(p->store, &why, err);
}

static struct ori_partial *new_partial(const struct ori_store *store, const struct ori_blob *blob,
                                       orion_error *err)
{
    pthread_condattr_t monotonic;

    struct ori_partial *p = calloc(1, sizeof(*p));
    if (!p) {
        (void)ori_fail_nomem(err, "a download");
        return NULL;
    }
    p->store = store;
    p->fd = p->note_fd = -1;
    p->lock = (struct ori_lock){.dir = -1, .fd = -1};
    p->size_bytes = blob->size_bytes;
    p->synced_ns = ori_now_ns();
    ori_journal_init(&p->journal, blob);
    ori_store_key(&blob->digest, p->key);
    (void)pthread_mutex_init(&p->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->to_hash, &monotonic);
    (void)pthread_cond_init(&p->to_sync, &monotonic);
    (void)pthread_cond_init(&p->to_filler, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return p;
}

/* Two that sync at once would be in each other's way, and a journal that is
 * written late would outlive its download. */
static void stop_sync(struct ori_partial *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    p->stop_sync = true;
    (void)pthread_cond_broadcast(&p->to_sync);
    (void)pthread_mutex_unlock(&p->mutex);
    if (p->sync_runs)
        (void)pthread_join(p->sync_thread, NULL);
    p->sync_runs = p->stop_sync = false;
}

static void stop_threads(struct ori_partial *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->to_hash);
    (void)pthread_cond_broadcast(&p->to_sync);
    (void)pthread_mutex_unlock(&p->mutex);
    if (p->hash_runs)
        (void)pthread_join(p->hash_thread, NULL);
    p->hash_runs = false;
    stop_sync(p);
}

static void free_partial(struct ori_partial *p)
{
    stop_threads(p);
    if (p->fd >= 0)
        (void)close(p->fd);
    if (p->note_fd >= 0)
        (void)close(p->note_fd);
    ori_lock_release(&p->lock);
    ori_journal_release(&p->journal);
    ori_ranges_release(&p->have);
    ori_ranges_release(&p->earlier);
    ori_chain_release(&p->chain);
    free(p->units);
    free(p->block);
    (void)pthread_cond_destroy(&p->to_hash);
    (void)pthread_cond_destroy(&p->to_sync);
    (void)pthread_cond_destroy(&p->to_filler);
    (void)pthread_mutex_destroy(&p->mutex);
    free(p);
}

orion_status ori_partial_open(const struct ori_store *store, const struct ori_blob *blob,
                              const struct ori_watch *watch, enum ori_partial_state *state,
                              struct ori_partial **out, orion_error *err)
{
    *out = NULL;
    *state = ORI_PARTIAL_OURS;
    orion_status status = ori_watch_tick(watch, ORION_PHASE_RESOLVE, 0, "", err);
    if (status != ORION_OK)
        return status;
    struct ori_partial *p = new_partial(store, blob, err);
    if (!p)
        return ORION_E_NOMEM;
    status = ori_store_place(blob->repo, blob->file, p->place, err);
    if (status == ORION_OK)
        status = ori_chain_init(&p->chain, blob->digest.kind, blob->size_bytes, err);
    if (status == ORION_OK) {
        p->units = ori_calloc_array(p->chain.n_units, 1);
        p->block = malloc(ORI_STORE_HASH_BYTES);
        if (!p->units || !p->block)
            status = ori_fail_nomem(err, "a download");
    }
    if (status == ORION_OK)
        status = take_lock(p, state, err);
    if (status == ORION_OK && *state == ORI_PARTIAL_OURS)
        status = open_file(p, err);
    if (status != ORION_OK || *state == ORI_PARTIAL_OTHERS) {
        free_partial(p); /* what an earlier attempt left stays as it was */
        return status;
    }
    *out = p;
    return ORION_OK;
}

orion_status ori_partial_peek(const struct ori_store *store, const struct ori_blob *blob,
                              uint64_t *done_bytes, long *process)
{
    char key[ORI_STORE_KEY_BYTES], path[ORI_STORE_PATH_MAX];
    struct ori_journal journal;

    *done_bytes = 0;
    ori_store_key(&blob->digest, key);
    ori_store_key_path(ORI_STORE_LOCK_DIR, key, ".lock", path);
    *process = ori_lock_holder(store->fd, path);
    orion_status status = ori_journal_read(store, key, &journal, NULL);
    if (status == ORION_E_NOMEM)
        return status;
    if (status != ORION_OK)
        return *process != 0 ? ORION_OK : ORION_E_NOT_FOUND;
    status = ori_journal_claim(store, key, &journal, journal.size_bytes);
    *done_bytes = ori_ranges_total(&journal.done);
    ori_journal_release(&journal);
    return status;
}

/* ---- filling ---- */

const struct ori_ranges *ori_partial_have(const struct ori_partial *p)
{
    return &p->have;
}

uint64_t ori_partial_durable_bytes(const struct ori_partial *partial)
{
    struct ori_partial *p = (struct ori_partial *)(uintptr_t)partial; /* to lock it */
    (void)pthread_mutex_lock(&p->mutex);
    const uint64_t bytes = p->durable_bytes;
    (void)pthread_mutex_unlock(&p->mutex);
    return bytes;
}

/* A courtesy to whoever comes after a kill: failing does no harm. */
static void take_note(struct ori_partial *p)
{
    if (p->written_bytes - p->noted_bytes < NOTE_EVERY_BYTES || !p->journal.boot_id[0])
        return;
    p->noted_bytes = p->written_bytes;
    if (p->note_fd < 0)
        p->note_fd = ori_note_open(p->store, p->key);
    if (p->note_fd >= 0)
        (void)ori_note_write(p->note_fd, ++p->note_turn, p->journal.boot_id, &p->have);
}

static void drop_note(struct ori_partial *p)
{
    if (p->note_fd >= 0)
        (void)close(p->note_fd);
    p->note_fd = -1;
    ori_note_remove(p->store, p->key);
}

/* Whatever of [begin, end) is the first to come of a huge page. */
static void cache_huge(const struct ori_partial *p, uint64_t begin, uint64_t end)
{
    struct ori_range gap;

    for (uint64_t page = begin - begin % ORI_HUGE_PAGE;
         page < end && p->size_bytes - page >= ORI_HUGE_PAGE; page += ORI_HUGE_PAGE)
        if (ori_ranges_next_gap(&p->have, page, page + ORI_HUGE_PAGE, &gap) &&
            gap.end - gap.begin == ORI_HUGE_PAGE)
            ori_page_cache_huge(p->fd, page);
}

orion_status ori_partial_write(struct ori_partial *p, uint64_t offset, const void *data, size_t len,
                               orion_error *err)
{
    orion_error why;

    if (offset > p->size_bytes || len > p->size_bytes - offset)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "%zu bytes at %" PRIu64 " of a file of %" PRIu64 " bytes", len, offset,
                        p->size_bytes);
    cache_huge(p, offset, offset + len);
    orion_status status = ori_file_write_at(p->fd, data, len, offset, &why);
    (void)pthread_mutex_lock(&p->mutex);
    if (p->sync_status != ORION_OK) {
        status = p->sync_status;
        why = p->sync_error;
    }
    if (status == ORION_OK && ori_ranges_add(&p->have, offset, offset + len) != ORION_OK)
        status = ori_fail_nomem(&why, "a download");
    if (status == ORION_OK) {
        p->settled = false;
        p->written_bytes += len;
        if (ori_follow_can_go_on(p))
            (void)pthread_cond_signal(&p->to_hash);
        ori_sync_when_due(p);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    if (status != ORION_OK)
        return ori_fail_at(err, status, offset, p->journal.file,
                           "'%s' cannot be written in %s: %.200s; what was fetched is kept",
                           p->journal.file, p->store->root, why.message);
    take_note(p);
    return ORION_OK;
}

/* ---- ending ---- */

static void discard(struct ori_partial *p)
{
    ori_partial_discard(p->store, p->key);
    p->settled = true;
}

static orion_status wait_for_hash(struct ori_partial *p, const struct ori_watch *watch,
                                  orion_error *err)
{
    orion_status status = ORION_OK;

    (void)pthread_mutex_lock(&p->mutex);
    (void)pthread_cond_signal(&p->to_hash);
    while (status == ORION_OK && p->unit < p->chain.n_units) {
        struct timespec until;
        if (p->hash_status != ORION_OK) {
            status = p->hash_status;
            if (err)
                *err = p->hash_error;
            break;
        }
        const uint64_t hashed = p->hashed_to;
        (void)pthread_mutex_unlock(&p->mutex);
        status = ori_watch_tick(watch, ORION_PHASE_VERIFY, hashed, "", err);
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_mutex_lock(&p->mutex);
        if (p->unit < p->chain.n_units && status == ORION_OK)
            (void)pthread_cond_timedwait(&p->to_filler, &p->mutex, &until);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return status;
}

/* Units that changed on this disk are to be fetched again.  No thread is at
 * work on them: the hash has come to its end, or was stopped. */
static orion_status drop_damaged(struct ori_partial *p, uint64_t *bytes)
{
    orion_status status = ORION_OK;

    *bytes = 0;
    drop_note(p);
    (void)pthread_mutex_lock(&p->mutex);
    for (uint32_t i = 0; i < p->chain.n_units && status == ORION_OK; i++) {
        const uint64_t begin = ori_chain_begin(&p->chain, i), end = ori_chain_end(&p->chain, i);
        if (p->units[i] != ORI_UNIT_DAMAGED)
            continue;
        status = ori_ranges_remove(&p->have, begin, end);
        if (status == ORION_OK)
            status = ori_ranges_remove(&p->earlier, begin, end);
        if (status == ORION_OK)
            ori_follow_recheck(p, begin, end);
        *bytes += end - begin;
    }
    p->damaged = false;
    (void)pthread_mutex_unlock(&p->mutex);
    return status;
}

/* The whole is wrong and no part of it is known to be.  What came before this
 * process began is suspected first: there may have been a crash in between. */
static orion_status drop_suspects(struct ori_partial *p, uint64_t *bytes)
{
    const uint64_t old = ori_ranges_total(&p->earlier);
    orion_status status = ORION_OK;
    uint64_t first = 0;

    drop_note(p);
    (void)pthread_mutex_lock(&p->mutex);
    if (old > 0 && old < p->size_bytes) {
        first = p->earlier.list[0].begin;
        for (size_t i = 0; i < p->earlier.count && status == ORION_OK; i++)
            status = ori_ranges_remove(&p->have, p->earlier.list[i].begin, p->earlier.list[i].end);
        *bytes = old;
    } else {
        ori_ranges_release(&p->have);
        *bytes = p->size_bytes;
    }
    ori_ranges_release(&p->earlier);
    /* The states after the first suspect are not to be believed either. */
    ori_chain_forget(&p->chain, (uint32_t)(first / p->chain.unit_bytes));
    ori_follow_recheck(p, first, p->size_bytes);
    if (p->size_bytes == 0)
        ori_follow_recheck(p, 0, 1);
    p->mismatch = false;
    (void)pthread_mutex_unlock(&p->mutex);
    return status;
}

static orion_status judge_hash(struct ori_partial *p, orion_error *err)
{
    uint64_t bytes;
    orion_status status;

    if (p->damaged) {
        status = drop_damaged(p, &bytes);
        if (status == ORION_OK)
            status = ori_sync_now(p, false, err);
        return status != ORION_OK
                   ? status
                   : ori_fail_at(err, ORION_E_INTEGRITY, ORION_NO_OFFSET, p->journal.file,
                                 "%" PRIu64 " MB of the unfinished download of '%s' were damaged "
                                 "on this disk and have to be fetched again",
                                 (bytes + 999999) / 1000000, p->journal.file);
    }
    if (p->mismatch) {
        status = drop_suspects(p, &bytes);
        if (status == ORION_OK)
            status = ori_sync_now(p, false, err);
        return status != ORION_OK
                   ? status
                   : ori_fail_at(err, ORION_E_INTEGRITY, ORION_NO_OFFSET, p->journal.file,
                                 "'%s' arrived damaged: its hash is not the one that the hub "
                                 "gives; pull it again",
                                 p->journal.file);
    }
    return ORION_OK;
}

static orion_status check(struct ori_partial *p, const struct ori_watch *watch, orion_error *err)
{
    char magic[4] = "";
    size_t got;

    if (!ori_ranges_covers(&p->have, 0, p->size_bytes))
        return ori_fail(err, ORION_E_ARGUMENT, "'%s' is not complete yet", p->journal.file);
    stop_sync(p); /* more may come later, and starts it again */
    orion_status status = p->settled ? ORION_OK : ori_sync_now(p, false, err);
    if (status == ORION_OK)
        status = wait_for_hash(p, watch, err);
    if (status == ORION_OK)
        status = judge_hash(p, err);
    if (status == ORION_OK)
        status = ori_file_read_at(p->fd, magic, sizeof(magic), 0, &got, err);
    if (status == ORION_OK && (got < sizeof(magic) || memcmp(magic, "GGUF", 4) != 0)) {
        discard(p);
        status = ori_fail_at(err, ORION_E_FORMAT, 0, p->journal.file,
                             "'%s/%s' is not a GGUF file, whatever its name says; it was discarded",
                             p->journal.repo, p->journal.file);
    }
    return status;
}

orion_status ori_partial_publish(struct ori_partial *p, const struct ori_watch *watch,
                                 orion_error *err)
{
    struct ori_record facts;

    orion_status status = check(p, watch, err);
    if (status != ORION_OK)
        return status;
    ori_publish_facts(&p->journal, p->sha256, &facts);
    status = ori_publish(p->store, p->key, p->place, p->fd, &facts, &p->chain, err);
    if (status == ORION_OK)
        p->settled = true;
    return status;
}

orion_status ori_partial_hold(struct ori_partial *p, const struct ori_watch *watch,
                              orion_error *err)
{
    orion_status status = check(p, watch, err);
    if (status != ORION_OK || (p->settled && p->journal.held))
        return status;
    (void)pthread_mutex_lock(&p->mutex);
    p->journal.held = true;
    memcpy(p->journal.verified, p->sha256, sizeof(p->sha256));
    (void)pthread_mutex_unlock(&p->mutex);
    status = ori_sync_now(p, true, err);
    p->journal.held = p->settled = status == ORION_OK;
    return status;
}

bool ori_partial_is_held(const struct ori_partial *p)
{
    return p->journal.held;
}

/* Without what is done here the next attempt only loses a second's bytes. */
static void keep(struct ori_partial *p)
{
    uint64_t bytes;

    if (p->damaged)
        (void)drop_damaged(p, &bytes);
    if (p->data_lost)
        drop_note(p);
    if (p->have.count == 0)
        discard(p);
    else if (p->sync_status == ORION_OK && ori_sync_now(p, true, NULL) == ORION_OK)
        ori_note_remove(p->store, p->key); /* the journal says it all */
}

void ori_partial_close(struct ori_partial *p)
{
    if (!p)
        return;
    stop_threads(p);
    if (!p->settled)
        keep(p);
    free_partial(p);
}
