/* What an endpoint is asked, as JSON in OpenAI's shape. */
#ifndef ORI_REMOTE_BODY_H
#define ORI_REMOTE_BODY_H

#include "base/buf.h"

#define ORI_BODY_MAX_BYTES ((size_t)64 << 20)

/* `extended`: say what OpenAI's API has no words for in those of our own server
 * (top_k, min_p, repeat_penalty), so that its answer is the one that a session
 * gives; ORION_E_UNSUPPORTED when even those don't say it.  Otherwise it is left
 * out.  ORION_E_ARGUMENT for what no JSON can hold, ORION_E_TOO_LONG, ORION_E_NOMEM. */
orion_status ori_body_write(const orion_request *request, const char *model, bool extended,
                            struct ori_buf *out, orion_error *err);

#endif
