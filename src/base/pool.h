/* A pool of worker threads that share loops.
 *
 * The caller of ori_pool_for() works too, so a pool of one has no threads.
 * Workers spin briefly after a loop and then sleep: an idle pool costs nothing.
 * A pool belongs to one calling thread at a time.
 */
#ifndef ORI_BASE_POOL_H
#define ORI_BASE_POOL_H

#include "base/base.h"

struct ori_pool;

/* n_threads 0 means one for each physical core that we may run on; ORION_E_ARGUMENT
 * beyond ORION_MAX_THREADS.
 * *out is owned by the caller; release with ori_pool_free(). */
orion_status ori_pool_new(uint32_t n_threads, struct ori_pool **out, orion_error *err);
void ori_pool_free(struct ori_pool *pool); /* NULL is a no-op */

uint32_t ori_pool_threads(const struct ori_pool *pool);

/* Compute items [begin, end) in a worker; worker < ori_pool_threads(). */
typedef void (*ori_range_fn)(void *arg, size_t begin, size_t end, uint32_t worker);

/* Run fn over [0, n) cut into pieces of `grain` items (the last may be shorter), fewer than
 * 2^32 of them; returns when all are done.  Each worker goes through a stretch of its own,
 * as memory likes it, and when that is done takes over half of what another has left: so
 * they finish together, though some cores are slower.  What fn computes must therefore not
 * depend on the worker. */
void ori_pool_for(struct ori_pool *pool, size_t n, size_t grain, ori_range_fn fn, void *arg);

/* The same in fewer pieces, each of whole grains: half of what the worker has left, at
 * least one grain. */
void ori_pool_share(struct ori_pool *pool, size_t n, size_t grain, ori_range_fn fn, void *arg);

/* Physical cores among those this process may use, at least 1. */
uint32_t ori_physical_cores(void);

#endif
