/* The hash follows what is written, in a thread of its own.
 *
 * It takes the first unit that is not checked and hashes as much of it as is
 * there, reading back from the page cache.  Where the journal knows what the
 * state after a unit was, a difference means that the bytes on disk have
 * changed since: the unit is marked, and the hash goes on from the state that
 * it should have had. */
#define _GNU_SOURCE /* sync_file_range() */
#include "store/partial.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/thread.h"

#define BLOCK_BYTES ORI_STORE_HASH_BYTES
#define WRITEBACK_BYTES (8u << 20)

bool ori_follow_can_go_on(const struct ori_partial *p)
{
    if (p->unit == p->chain.n_units || p->hash_status != ORION_OK)
        return false;
    const uint64_t end = ori_chain_end(&p->chain, p->unit);
    const uint64_t there = ori_ranges_reach(&p->have, p->hashed_to);
    return there >= end || there - p->hashed_to >= BLOCK_BYTES;
}

static void to_first_unchecked(struct ori_partial *p)
{
    p->unit = 0;
    while (p->unit < p->chain.n_units && p->units[p->unit] != ORI_UNIT_TO_CHECK)
        p->unit++;
    p->hashed_to = ori_chain_begin(&p->chain, p->unit);
}

void ori_follow_recheck(struct ori_partial *p, uint64_t begin, uint64_t end)
{
    for (uint32_t i = 0; i < p->chain.n_units; i++)
        if (ori_chain_begin(&p->chain, i) < end && begin < ori_chain_end(&p->chain, i))
            p->units[i] = ORI_UNIT_TO_CHECK;
    to_first_unchecked(p);
}

/* All of a unit was hashed. */
static void end_unit(struct ori_partial *p, struct ori_hasher *hasher)
{
    const uint32_t unit = p->unit;
    uint8_t found = ORI_UNIT_CHECKED;

    if (unit + 1 == p->chain.n_units) {
        p->mismatch = !ori_hasher_finish(hasher, &p->journal.digest, p->sha256);
    } else {
        uint32_t state[8];
        ori_sha256_state(&hasher->sha256, state);
        if (unit + 1 == p->chain.known) {
            memcpy(p->chain.state[unit + 1], state, sizeof(state));
            p->chain.known++;
        } else if (memcmp(p->chain.state[unit + 1], state, sizeof(state)) != 0) {
            found = ORI_UNIT_DAMAGED;
            p->damaged = true;
        }
    }
    p->units[unit] = found;
    to_first_unchecked(p);
}

static orion_status hash_block(struct ori_partial *p, struct ori_hasher *hasher, uint64_t at,
                               size_t len, orion_error *err)
{
    size_t got = 0;

    const orion_status status = ori_file_read_at(p->fd, p->block, len, at, &got, err);
    if (status != ORION_OK)
        return status;
    if (got < len)
        return ori_fail(err, ORION_E_IO, "a partial file became shorter while it was filled");
    ori_hasher_update(hasher, p->block, len);
    /* Begin to write back, so that the next sync has little to wait for. */
    if ((at + len) % WRITEBACK_BYTES < len && at + len >= WRITEBACK_BYTES)
        (void)sync_file_range(p->fd, (off_t)(at + len - WRITEBACK_BYTES), WRITEBACK_BYTES,
                              SYNC_FILE_RANGE_WRITE);
    return ORION_OK;
}

static void *follow(void *self)
{
    struct ori_partial *p = self;
    struct ori_hasher hasher;

    (void)pthread_mutex_lock(&p->mutex);
    while (!p->stop) {
        if (!ori_follow_can_go_on(p)) {
            (void)pthread_cond_wait(&p->to_hash, &p->mutex);
            continue;
        }
        const uint64_t at = p->hashed_to;
        const uint64_t end = ori_chain_end(&p->chain, p->unit);
        const uint64_t there = ori_ranges_reach(&p->have, at);
        const uint64_t limit = there < end ? there : end;
        const size_t len = limit - at < BLOCK_BYTES ? (size_t)(limit - at) : BLOCK_BYTES;
        if (at == ori_chain_begin(&p->chain, p->unit)) {
            ori_hasher_init(&hasher, p->journal.digest.kind, p->size_bytes);
            ori_sha256_resume(&hasher.sha256, p->chain.state[p->unit], at);
        }
        (void)pthread_mutex_unlock(&p->mutex);

        orion_error why;
        const orion_status status = hash_block(p, &hasher, at, len, &why);

        (void)pthread_mutex_lock(&p->mutex);
        if (status != ORION_OK) {
            p->hash_status = status;
            p->hash_error = why;
        } else {
            p->hashed_to = at + len;
            if (p->hashed_to == end)
                end_unit(p, &hasher);
        }
        (void)pthread_cond_broadcast(&p->to_filler);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return NULL;
}

orion_status ori_follow_start(struct ori_partial *p, orion_error *err)
{
    to_first_unchecked(p);
    const int rc = ori_thread_start(&p->hash_thread, follow, p);
    if (rc != 0)
        return ori_fail(err, ORION_E_NOMEM, "cannot start the thread that hashes a download");
    p->hash_runs = true;
    return ORION_OK;
}
