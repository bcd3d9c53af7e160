/* The `remote` entries of the configuration file: names that stand for models
 * elsewhere, at endpoints that speak OpenAI's API.
 *
 *   {"remote": {"big": {"url": "https://host/v1", "model": "llama-3.3-70b",
 *                       "api_key_env": "BIG_KEY", "timeout_seconds": 300}}}
 */
#ifndef ORI_MANAGER_REMOTES_H
#define ORI_MANAGER_REMOTES_H

#include <jansson.h>

#include "base/base.h"

#define ORI_REMOTES_MAX 64
#define ORI_REMOTE_NAME_MAX 100

struct ori_remote {
    char *name;
    char *url;
    char *model;              /* what it is called there */
    char *key_file, *key_env; /* where the key is, at most one of them; NULL: none is sent */
    uint32_t timeout_ms;      /* of silence; 0: the default */
};

struct ori_remotes {
    struct ori_remote *items; /* [n], in the order of the file */
    size_t n;
    char *source; /* the file; NULL when there is none */
};

/* Read the section.  ORION_E_ARGUMENT with the key for what is wrong; `out` is to
 * be released all the same. */
orion_status ori_remotes_read(const json_t *section, const char *path, struct ori_remotes *out,
                              orion_error *err);
void ori_remotes_release(struct ori_remotes *remotes);

/* NULL when there is none of that name. */
const struct ori_remote *ori_remotes_find(const struct ori_remotes *remotes, const char *name);

#endif
