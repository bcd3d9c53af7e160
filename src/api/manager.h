/* The manager's handle, for the files of this room that take one. */
#ifndef ORI_API_MANAGER_H
#define ORI_API_MANAGER_H

#include "api/handles.h"
#include "api/headers.h"
#include "manager/manager.h"

struct orion_manager {
    struct ori_manager *manager;
    struct ori_headers headers;
};

/* fit.c: what orion_manager_fit() does. */
orion_status ori_api_fit(orion_manager *handle, const char *name, const orion_fit_options *asked,
                         orion_fit *out, orion_error *err);

#endif
