/* orion_prefix_cache_*, orion_session_save, orion_session_restore. */
#include "api/manager.h"

#include <stdlib.h>

#define DEFAULT_MAX_BYTES ((uint64_t)2 << 30)

void orion_prefix_cache_options_init(orion_prefix_cache_options *options)
{
    *options = (orion_prefix_cache_options){.size = sizeof(*options)};
}

/* What options leave out comes from the configuration. */
static void complete(const orion_manager *manager, orion_prefix_cache_options *o)
{
    uint64_t max_bytes = 0;
    const char *dir = manager ? ori_manager_cache_dir(manager->manager, &max_bytes) : NULL;

    if (!o->dir || !*o->dir)
        o->dir = dir;
    if (o->max_bytes == 0)
        o->max_bytes = max_bytes > 0 ? max_bytes : DEFAULT_MAX_BYTES;
}

orion_status orion_prefix_cache_open(orion_manager *manager,
                                     const orion_prefix_cache_options *options,
                                     orion_prefix_cache **out, orion_error *err)
{
    orion_prefix_cache_options o;

    if (!out)
        return ori_api_null_argument(err, __func__);
    *out = NULL;
    orion_prefix_cache_options_init(&o);
    if (options && !ori_api_take_options(&o, sizeof(o), options))
        return ori_api_not_set_up(err, "orion_prefix_cache_options_init");
    complete(manager, &o);
    if (!o.dir)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "no folder for the prefix cache: set ORION_CACHE, or HOME, or name one");

    orion_prefix_cache *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "the prefix cache");
    const orion_status status =
        ori_prefixes_open(o.dir, o.max_bytes, !o.existing_only, &handle->prefixes, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

void orion_prefix_cache_close(orion_prefix_cache *cache)
{
    if (!cache)
        return;
    ori_prefixes_close(cache->prefixes);
    free(cache);
}

orion_status orion_prefix_cache_usage(const orion_prefix_cache *cache, uint64_t *n_files,
                                      uint64_t *bytes, orion_error *err)
{
    uint64_t files = 0;
    uint64_t size = 0;

    const orion_status status = cache ? ori_prefixes_usage(cache->prefixes, &files, &size, err)
                                      : ori_api_null_argument(err, __func__);
    if (n_files)
        *n_files = files;
    if (bytes)
        *bytes = size;
    return status;
}

orion_status orion_prefix_cache_clear(const orion_prefix_cache *cache, orion_error *err)
{
    return cache ? ori_prefixes_clear(cache->prefixes, err) : ori_api_null_argument(err, __func__);
}

orion_status orion_session_save(orion_session *session, orion_error *err)
{
    return session ? ori_session_save(session->session, err) : ori_api_null_argument(err, __func__);
}

orion_status orion_session_restore(orion_session *session, const int32_t *tokens, size_t n_tokens,
                                   uint32_t *n_restored, orion_error *err)
{
    uint32_t n = 0;
    orion_status status = ORION_OK;

    if (!session || (!tokens && n_tokens > 0))
        status = ori_api_null_argument(err, __func__);
    else
        status = ori_session_restore(session->session, tokens, n_tokens, &n, err);
    if (n_restored)
        *n_restored = n;
    return status;
}
