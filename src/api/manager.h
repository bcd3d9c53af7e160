/* The manager's handle, for the files of this room that take one. */
#ifndef ORI_API_MANAGER_H
#define ORI_API_MANAGER_H

#include "api/handles.h"
#include "manager/manager.h"

struct orion_manager {
    struct ori_manager *manager;
};

/* fit.c: what orion_manager_fit() does. */
orion_status ori_api_fit(struct ori_manager *manager, const char *name, uint32_t context_tokens,
                         enum ori_kv_type kv_type, orion_fit *out, orion_error *err);

#endif
