/* The calls of tools in a streamed answer, which come in fragments. */
#ifndef ORI_REMOTE_CALLS_H
#define ORI_REMOTE_CALLS_H

#include <jansson.h>

#include "base/buf.h"

#define ORI_REMOTE_MAX_CALLS 32

struct ori_remote_calls {
    struct ori_remote_call {
        struct ori_buf id, name, arguments;
    } at[ORI_REMOTE_MAX_CALLS]; /* [n] */
    size_t n;
};

/* Take fragments in: [{"index", "id", "function": {"name", "arguments"}}].
 * ORION_E_NETWORK when they are none, or too many. */
orion_status ori_remote_calls_add(struct ori_remote_calls *calls, const json_t *fragments,
                                  orion_error *err);
/* A call that is whole, as ORION_PIECE_TOOL_CALL has it, appended to `out`. */
orion_status ori_remote_calls_write(const struct ori_remote_call *call, struct ori_buf *out,
                                    orion_error *err);
void ori_remote_calls_release(struct ori_remote_calls *calls);

#endif
