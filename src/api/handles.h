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

/* ORION_E_ARGUMENT unless each message has a role and a content. */
orion_status ori_api_check_messages(const orion_message *messages, size_t n_messages,
                                    const char *call, orion_error *err);

/* Copy a caller's option struct into the library's own: members that the
 * caller's version lacks keep their defaults.  False when `size` (the first
 * member of both) is 0, i.e. *_init() was not called. */
bool ori_api_take_options(void *ours, size_t our_bytes, const void *theirs);

#endif
