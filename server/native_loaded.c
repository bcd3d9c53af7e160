/* /orion/v1/loaded: models in memory. */
#include "native.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "native_events.h"

static json_t *loaded_object(const struct loaded_facts *f)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:i, s:i, s:o, s:b}", "id",
                     native_text(f->id), "name", native_text(f->name), "path", native_text(f->path),
                     "architecture", native_text(f->architecture), "quantization",
                     native_text(f->quantization), "n_params", native_count(f->n_params),
                     "file_bytes", native_count(f->file_bytes), "memory_bytes",
                     native_count(f->memory_bytes), "context_tokens",
                     native_count(f->context_tokens), "kv_type", native_kv_name(f->kv_type),
                     "running", (int)f->running, "waiting", (int)f->waiting, "expires_unix",
                     native_time(f->expires_unix), "unloading", f->unloading);
}

json_t *native_loaded_array(struct server *server)
{
    struct loaded_facts *models = NULL;
    json_t *list = json_array();
    size_t n = 0;

    if (loaded_list(server->loaded, &models, &n, NULL) == ORION_OK)
        for (size_t i = 0; i < n; i++)
            (void)json_array_append_new(list, loaded_object(&models[i]));
    free(models);
    return list;
}

void native_loaded(struct http_request *request, void *user)
{
    if (query_read(request, query_of_nothing, NULL))
        http_reply_json(request, 200,
                        json_pack("{s:o, s:o}", "loaded", native_loaded_array(user), "memory",
                                  native_memory()));
}

/* ---- load ---- */

struct load {
    const char *model;
    struct loaded_wish wish;
};

#define NO_KEEP_ALIVE INT64_MIN
#define FIELD(member) .offset = offsetof(struct load, member)

static const struct param load_params[] = {
    {"model", PARAM_TEXT, FIELD(model), .required = true},
    {"context_tokens", PARAM_COUNT, FIELD(wish.context_tokens), .min = 1, .max = UINT32_MAX},
    {"keep_alive_seconds", PARAM_INTEGER, FIELD(wish.keep_alive_s), .min = -1e9, .max = 1e9},
    {.kind = PARAM_END},
};

/* Its entry, from the list: it stays for as long as it is held. */
static json_t *entry_of(struct server *server, const char *id)
{
    json_t *list = native_loaded_array(server), *entry = NULL;

    for (size_t i = 0; i < json_array_size(list) && !entry; i++) {
        const char *other = json_string_value(json_object_get(json_array_get(list, i), "id"));
        if (other && strcmp(other, id) == 0)
            entry = json_incref(json_array_get(list, i));
    }
    json_decref(list);
    return entry;
}

void native_load(struct http_request *request, void *user)
{
    struct server *server = user;
    struct load load = {.wish = {.keep_alive_s = NO_KEEP_ALIVE}};
    struct loaded_model *model = NULL;
    orion_error err;

    if (!native_read(request, load_params, &load))
        return;
    load.wish.keep_alive_given = load.wish.keep_alive_s != NO_KEEP_ALIVE;
    if (loaded_acquire(server->loaded, load.model, &load.wish, &model, &err) != ORION_OK) {
        native_refuse(request, err.status == ORION_E_ARGUMENT ? "context_tokens" : "model", &err);
        return;
    }
    if (loaded_remote(model))
        http_reply_failure(request, 422, ORION_E_UNSUPPORTED, "model",
                           "'%.200s' is a remote model: it is in no memory of this machine",
                           load.model);
    else
        http_reply_json(request, 200, entry_of(server, loaded_id(model)));
    loaded_release(model);
    native_events_look(server->events);
}

void native_unload(struct http_request *request, void *user)
{
    struct server *server = user;
    orion_error err;

    if (!query_read(request, query_of_nothing, NULL))
        return;
    if (loaded_unload(server->loaded, http_part(request, "id"), &err) != ORION_OK) {
        http_reply_error(request, &err);
        return;
    }
    native_events_look(server->events);
    http_reply_empty(request, 204);
}
