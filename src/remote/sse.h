/* Server-sent events, as they arrive: what an endpoint streams its answers as. */
#ifndef ORI_REMOTE_SSE_H
#define ORI_REMOTE_SSE_H

#include "base/buf.h"

#define ORI_SSE_MAX_BYTES ((size_t)1 << 20) /* of a line, and of the data of an event */

/* The data of one event, NUL-terminated, valid during the call.  What it returns
 * is what ori_sse_feed() returns; not ORION_OK ends the reading. */
typedef orion_status (*ori_sse_fn)(void *self, const char *data, size_t len, orion_error *err);

struct ori_sse {
    struct ori_buf line; /* that has not ended yet */
    struct ori_buf data; /* of the event that has not ended yet, each line with its '\n' */
    bool after_cr;       /* a '\n' now belongs to the line end before it */
    ori_sse_fn on_event;
    void *self;
};

void ori_sse_init(struct ori_sse *sse, ori_sse_fn on_event, void *self);
void ori_sse_release(struct ori_sse *sse);

/* Take the next bytes, cut anywhere.  ORION_E_NETWORK when a line or an event is
 * beyond all reason, ORION_E_NOMEM. */
orion_status ori_sse_feed(struct ori_sse *sse, const char *bytes, size_t n, orion_error *err);

#endif
