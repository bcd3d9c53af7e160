/* Long work reports to whoever asked for it, and is told to stop. */
#ifndef ORI_BASE_WATCH_H
#define ORI_BASE_WATCH_H

#include "base/base.h"

/* Called several times a second while something goes on, or is waited for.
 * done_bytes counts what is on disk; `note` is a sentence or "".  Non-zero
 * asks to stop. */
typedef int (*ori_tick_fn)(void *self, orion_phase phase, uint64_t done_bytes, const char *note);

struct ori_watch {
    ori_tick_fn tick; /* may be NULL */
    void *self;
};

/* ORION_OK, or ORION_E_CANCELLED with err filled. */
static inline orion_status ori_watch_tick(const struct ori_watch *watch, orion_phase phase,
                                          uint64_t done_bytes, const char *note, orion_error *err)
{
    if (!watch || !watch->tick || watch->tick(watch->self, phase, done_bytes, note) == 0)
        return ORION_OK;
    return ori_fail(err, ORION_E_CANCELLED, "cancelled; what was fetched is kept");
}

#endif
