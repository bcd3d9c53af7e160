/* One event of a streamed answer, in OpenAI's shape: of a chat or of a text. */
#ifndef ORI_REMOTE_DELTA_H
#define ORI_REMOTE_DELTA_H

#include <jansson.h>

#include "base/base.h"

struct ori_delta {
    json_t *json;     /* owns the texts */
    const char *text; /* "" when there is none; whole UTF-8 characters, no NUL in it */
    size_t text_bytes;
    const char *thinking; /* the same, of what the model thinks */
    size_t thinking_bytes;
    const json_t *calls; /* fragments, or NULL */
    bool ended;          /* with `finish` */
    orion_finish finish;
    bool counted; /* with these, of the whole answer */
    uint32_t prompt_tokens, cached_tokens, output_tokens;
    bool last; /* "[DONE]" */
};

/* ORION_E_NETWORK when it is no such event, or tells of an error; nothing to
 * release then. */
orion_status ori_delta_read(const char *data, size_t len, struct ori_delta *out, orion_error *err);
void ori_delta_release(struct ori_delta *delta);

/* The sentence in an error's body, whatever its shape ({"error":{"message":""}},
 * {"error":""}, {"message":""}, {"detail":""}), fit to be shown; "" when there is
 * none.  *code is its "code", "" when there is none. */
void ori_delta_error(const json_t *body, char *message, size_t message_bytes, char *code,
                     size_t code_bytes);

#endif
