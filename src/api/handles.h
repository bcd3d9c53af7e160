/* What the opaque handles of orion.h hold.  They are the rooms' own objects
 * under their public names; the functions here check arguments and forward. */
#ifndef ORI_API_HANDLES_H
#define ORI_API_HANDLES_H

#include "kernels/kernels.h"
#include "model/model.h"
#include "runtime/scheduler.h"
#include "runtime/session.h"

struct orion_model {
    struct ori_model *model;
};

struct orion_session {
    struct ori_session *session;
};

struct orion_scheduler {
    struct ori_scheduler *scheduler;
};

struct orion_prefix_cache {
    struct ori_prefixes *prefixes;
};

/* ORION_E_ARGUMENT with the name of the call. */
orion_status ori_api_null_argument(orion_error *err, const char *call);

/* The public types of a KV cache are the kernels' own, by number. */
_Static_assert((int)ORION_KV_F16 == (int)ORI_KV_F16 && (int)ORION_KV_Q8_0 == (int)ORI_KV_Q8_0 &&
                   (int)ORION_KV_F32 == (int)ORI_KV_F32,
               "the same numbers");

/* ORION_E_ARGUMENT when it is no type. */
orion_status ori_api_check_kv_type(orion_kv_type type, orion_error *err);

/* Parameters of an answer; NULL means defaults.  *out borrows the stop texts. */
orion_status ori_api_take_params(const orion_generate_params *params, struct ori_generate *out,
                                 orion_error *err);

/* ---- request.c ---- */

/* A caller's request with all its members, looked at: there is a prompt or messages. */
orion_status ori_api_take_request(const orion_request *request, const char *call,
                                  orion_request *out, orion_error *err);
/* ORION_E_ARGUMENT unless there is a prompt, or messages that each have a role and content. */
orion_status ori_api_check_messages(const orion_request *request, const char *call,
                                    orion_error *err);
/* The tokens of its prompt, and how it is to be answered; *how borrows from it.  Tokens
 * are to be released in any case. */
orion_status ori_api_make_prompt(const struct ori_model *model, const orion_request *request,
                                 struct ori_tokens *tokens, bool *answer_starts,
                                 struct ori_generate *how, orion_error *err);

/* An orion_piece_fn that passes the answer on, and nothing else. */
struct ori_api_listener {
    orion_text_fn on_text;
    void *user;
};
int ori_api_pass_answer(const orion_answer_piece *piece, void *listener);

/* Copy a caller's option struct into the library's own: members that the
 * caller's version lacks keep their defaults.  False when `size` (the first
 * member of both) is 0, i.e. *_init() was not called. */
bool ori_api_take_options(void *ours, size_t our_bytes, const void *theirs);
orion_status ori_api_not_set_up(orion_error *err, const char *init); /* what to say then */

#endif
