/* input.h - what is asked, as the program of a template finds it. */
#ifndef ORI_CHAT_INPUT_H
#define ORI_CHAT_INPUT_H

#include "chat/chat.h"
#include "chat/jinja/jinja.h"

struct ori_chat_input {
    struct ori_jinja_message *messages; /* [n]; their texts are the caller's */
    size_t n;
    json_t *calls;     /* a list that owns the messages' tool_calls */
    json_t *variables; /* of the options; NULL: none */
};

/* Release in any case.  ORION_E_FORMAT for JSON that is none, ORION_E_ARGUMENT for a
 * variable that is not the caller's to set; `err` must be given. */
orion_status ori_chat_input_init(struct ori_chat_input *out, const struct ori_chat *chat,
                                 const struct ori_chat_ask *ask, orion_error *err);
void ori_chat_input_release(struct ori_chat_input *input);

/* ---- without a system role (fold.c) ---- */

bool ori_chat_has_system(const struct ori_chat_input *input);

/* The same messages without a system role: its texts stand in front of the next user
 * message, or are one themselves where none follows. */
struct ori_chat_folded {
    struct ori_jinja_message *messages; /* [n], their contents in `texts` or the input's */
    size_t n;
    struct ori_buf texts; /* one behind the other, each with its NUL */
};

/* ORION_E_NOMEM, without a sentence.  Release in any case. */
orion_status ori_chat_fold(const struct ori_chat_input *input, struct ori_chat_folded *out);
void ori_chat_folded_release(struct ori_chat_folded *folded);

#endif
