/* The server itself, and room on disk. */
#include "native.h"

#include <string.h>

/* ---- the server ---- */

static json_t *hub_of(const struct server *server)
{
    orion_setting_list *list = NULL;
    json_t *hub = NULL;

    if (orion_manager_settings(server->manager, &list, NULL) != ORION_OK)
        return json_null();
    for (size_t i = 0; i < list->count && !hub; i++)
        if (strcmp(list->settings[i].key, "hub.url") == 0)
            hub = native_text(list->settings[i].value);
    orion_setting_list_free(list);
    return hub ? hub : json_null();
}

void native_server(struct http_request *request, void *user)
{
    const struct server *server = user;
    const struct server_options *o = &server->options;
    orion_machine machine;

    if (!query_read(request, query_of_nothing, NULL))
        return;
    orion_machine_get(&machine);
    http_reply_json(
        request, 200,
        json_pack("{s:s, s:I, s:b, s:o, s:b, s:b, s:b, s:i, s:o, s:i, s:s, s:o, s:{s:s, s:i}, s:o}",
                  "version", orion_version(), "started_unix", (json_int_t)server->started_unix,
                  "offline", orion_manager_is_offline(server->manager), "hub", hub_of(server),
                  "mirror", o->mirror, "metrics", o->metrics, "keeps_downloads",
                  server->keeps_downloads, "threads",
                  (int)(o->threads ? o->threads : machine.cores), "context_tokens",
                  native_count(o->context_tokens), "sequences", (int)o->sequences, "kv_type",
                  native_kv_name(o->kv_type), "keep_alive_seconds",
                  o->keep_alive_s < 0 ? json_null() : json_integer(o->keep_alive_s), "cpu", "tier",
                  machine.cpu_tier, "cores", (int)machine.cores, "memory", native_memory()));
}

/* ---- room ---- */

static json_t *sum(uint64_t count, uint64_t bytes)
{
    return json_pack("{s:I, s:I}", "count", (json_int_t)count, "bytes", (json_int_t)bytes);
}

static json_t *prefix_cache_of(const struct server *server)
{
    orion_prefix_cache_options options;
    orion_prefix_cache *cache = NULL;
    uint64_t n = 0, bytes = 0;

    orion_prefix_cache_options_init(&options);
    options.existing_only = true;
    if (orion_prefix_cache_open(server->manager, &options, &cache, NULL) != ORION_OK)
        return json_null();
    const orion_status status = orion_prefix_cache_usage(cache, &n, &bytes, NULL);
    orion_prefix_cache_close(cache);
    return status == ORION_OK ? sum(n, bytes) : json_null();
}

void native_storage(struct http_request *request, void *user)
{
    const struct server *server = user;
    orion_usage u;
    orion_error err;

    if (!query_read(request, query_of_nothing, NULL))
        return;
    if (orion_manager_usage(server->manager, &u, &err) != ORION_OK) {
        http_reply_error(request, &err);
        return;
    }
    http_reply_json(
        request, 200,
        json_pack("{s:o, s:o, s:o, s:I, s:o, s:o}", "models", sum(u.n_models, u.model_bytes),
                  "partials", sum(u.n_partials, u.partial_bytes), "prefix_cache",
                  prefix_cache_of(server), "free_bytes", (json_int_t)u.free_bytes, "total_bytes",
                  native_count(u.disk_bytes), "quota_bytes", native_count(u.quota_bytes)));
}
