/* The store's folder and the names in it. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "store/internal.h"

#include "base/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static orion_status open_nowhere(struct ori_store **out, orion_error *err)
{
    struct ori_store *store = calloc(1, sizeof(*store));
    char *root = store ? calloc(1, 1) : NULL;

    if (!root) {
        free(store);
        return ori_fail_nomem(err, "the store");
    }
    *store = (struct ori_store){.root = root, .fd = -1};
    *out = store;
    return ORION_OK;
}

orion_status ori_store_check(const struct ori_store *store, orion_error *err)
{
    return store->fd >= 0 ? ORION_OK
                          : ori_fail(err, ORION_E_ARGUMENT,
                                     "no models directory: set ORION_MODELS, or HOME, or name one");
}

orion_status ori_store_open(const char *root, struct ori_store **out, orion_error *err)
{
    *out = NULL;
    if (!root)
        return open_nowhere(out, err);
    orion_status status = ori_dir_make_root(root, "the models directory", err);
    if (status != ORION_OK)
        return status;
    const int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ori_fail_errno(err, "cannot open the models directory '%s'", root);

    struct ori_store *store = calloc(1, sizeof(*store));
    char *absolute = store ? realpath(root, NULL) : NULL;
    if (!absolute) {
        status = store ? ori_fail_errno(err, "cannot tell where the models directory '%s' is", root)
                       : ori_fail_nomem(err, "the store");
        free(store);
        (void)close(fd);
        return status;
    }
    store->fd = fd;
    store->root = absolute;
    *out = store;
    return ORION_OK;
}

void ori_store_close(struct ori_store *store)
{
    if (!store)
        return;
    if (store->fd >= 0)
        (void)close(store->fd);
    free(store->root);
    free(store);
}

const char *ori_store_root(const struct ori_store *store)
{
    return store->root;
}

orion_status ori_store_place(const char *repo, const char *file, char path[ORI_STORE_PATH_MAX],
                             orion_error *err)
{
    const int n = snprintf(path, ORI_STORE_PATH_MAX, "%s/%s", repo, file);
    if (n < 0 || n >= ORI_STORE_PATH_MAX || !ori_name_path_ok(repo) || !ori_name_path_ok(file) ||
        !ori_name_is_gguf(file)) {
        path[0] = '\0';
        return ori_fail(err, ORION_E_FORMAT, "'%.100s/%.100s' is not the name of a model's file",
                        repo, file);
    }
    return ORION_OK;
}

void ori_store_key(const struct ori_digest *digest, char key[ORI_STORE_KEY_BYTES])
{
    (void)snprintf(key, ORI_STORE_KEY_BYTES, "%s%s",
                   digest->kind == ORI_DIGEST_GIT_SHA1 ? "sha1-" : "", digest->hex);
}

void ori_store_key_path(const char *folder, const char *key, const char *ending,
                        char path[ORI_STORE_PATH_MAX])
{
    (void)snprintf(path, ORI_STORE_PATH_MAX, "%s/%s%s", folder, key, ending);
}

static bool beside(const char *path, const char *ending, char out[ORI_STORE_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    if (strlen(name) + strlen(".") + strlen(ending) > NAME_MAX)
        return false;
    const int n =
        snprintf(out, ORI_STORE_PATH_MAX, "%.*s.%s%s", (int)(name - path), path, name, ending);
    return n > 0 && n < ORI_STORE_PATH_MAX;
}

bool ori_store_record_path(const char *path, char record[ORI_STORE_PATH_MAX])
{
    return beside(path, ".json", record);
}

bool ori_store_units_path(const char *path, char units[ORI_STORE_PATH_MAX])
{
    return beside(path, ".units", units);
}
