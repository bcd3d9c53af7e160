/* From ticks to facts for a person: monotone, timed, at most ten a second. */
#ifndef ORI_MANAGER_PROGRESS_H
#define ORI_MANAGER_PROGRESS_H

#include "base/watch.h"

#define ORI_PROGRESS_SAMPLES 32

struct ori_progress {
    orion_progress_fn fn; /* may be NULL */
    void *user;
    orion_progress facts;
    bool hold; /* what is hashed now does not count as progress */
    uint64_t told_ns;
    bool told;
    /* a window of about three seconds, for the speed */
    struct {
        uint64_t ns, bytes;
    } samples[ORI_PROGRESS_SAMPLES];
    size_t first, n;
};

/* `options` may be NULL. */
void ori_progress_init(struct ori_progress *progress, const orion_pull_options *options,
                       const char *file);
struct ori_watch ori_progress_watch(struct ori_progress *progress);

/* The tick behind the watch, with the time given. */
int ori_progress_tick_at(struct ori_progress *progress, orion_phase phase, uint64_t done_bytes,
                         const char *note, uint64_t now_ns);

/* The last word: everything is there. */
void ori_progress_done(struct ori_progress *progress);

#endif
