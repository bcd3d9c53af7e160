/* What the opaque handles of orion.h hold.  They are the rooms' own objects
 * under their public names; the functions here check arguments and forward. */
#ifndef ORI_API_HANDLES_H
#define ORI_API_HANDLES_H

#include "model/model.h"
#include "runtime/session.h"

struct orion_model {
    struct ori_model *model;
};

struct orion_session {
    struct ori_session *session;
};

/* ORION_E_ARGUMENT with the name of the call. */
orion_status ori_api_null_argument(orion_error *err, const char *call);

/* Copy a caller's option struct into the library's own: members that the
 * caller's version lacks keep their defaults.  False when `size` (the first
 * member of both) is 0, i.e. *_init() was not called. */
bool ori_api_take_options(void *ours, size_t our_bytes, const void *theirs);

#endif
