/* What may be sent off this machine; ORION_OK, or why not in err. */
#ifndef ORI_API_REMOTES_H
#define ORI_API_REMOTES_H

#include "api/manager.h"

/* Anything at all: not offline, and privacy.allow_remote. */
orion_status ori_api_check_way_out(const struct ori_manager *manager, const char *what,
                                   orion_error *err);
/* To a remote: that, and the strategy. */
orion_status ori_api_check_remote(const struct ori_manager *manager, const char *name,
                                  orion_error *err);

#endif
