/* /orion/v1/loaded: models in memory. */
#include "native.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "params.h"

const char *native_kv_type(orion_kv_type type)
{
    return type == ORION_KV_Q8_0 ? "q8_0" : type == ORION_KV_F32 ? "f32" : "f16";
}

static json_t *entry(const struct loaded_facts *facts)
{
    json_t *expires =
        facts->expires_unix ? json_integer((json_int_t)facts->expires_unix) : json_null();

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:o, s:b}", "id",
                     facts->id, "name", facts->name, "path", facts->path, "architecture",
                     facts->architecture, "quantization", facts->quantization, "n_params",
                     (json_int_t)facts->n_params, "file_bytes", (json_int_t)facts->file_bytes,
                     "memory_bytes", (json_int_t)facts->memory_bytes, "context_tokens",
                     (json_int_t)facts->context_tokens, "kv_type", native_kv_type(facts->kv_type),
                     "running", (json_int_t)facts->running, "waiting", (json_int_t)facts->waiting,
                     "expires_unix", expires, "unloading", facts->unloading);
}

json_t *native_loaded_json(struct server *server)
{
    struct loaded_facts *facts = NULL;
    size_t n = 0;

    if (loaded_list(server->loaded, &facts, &n, NULL) != ORION_OK)
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++) {
        if (json_array_append_new(array, entry(&facts[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    free(facts);
    return array;
}

static json_t *bytes_or_null(uint64_t bytes)
{
    return bytes > 0 ? json_integer((json_int_t)bytes) : json_null();
}

void native_loaded_list(struct http_request *request, void *user)
{
    orion_machine machine;

    orion_machine_get(&machine);
    http_reply_json(request, 200,
                    json_pack("{s:o, s:{s:o, s:o}}", "loaded", native_loaded_json(user), "memory",
                              "total_bytes", bytes_or_null(machine.memory_bytes), "available_bytes",
                              bytes_or_null(machine.available_bytes)));
}

/* ---- load ---- */

struct load_fields {
    const char *model;
    uint32_t context_tokens;
    json_t *keep_alive; /* a number, or NULL */
};

#define FIELD(member) .offset = offsetof(struct load_fields, member)

static const struct param load_params[] = {
    {"model", PARAM_TEXT, FIELD(model), .required = true},
    {"context_tokens", PARAM_COUNT, FIELD(context_tokens), .min = 1, .max = UINT32_MAX},
    {"keep_alive_seconds", PARAM_JSON, FIELD(keep_alive)},
    {.kind = PARAM_END},
};

static orion_status read_load(const json_t *body, struct load_fields *fields,
                              struct loaded_wish *wish, orion_error *err)
{
    const orion_status status = params_read(body, load_params, NULL, fields, err);
    if (status != ORION_OK)
        return status;
    if (fields->keep_alive && !json_is_integer(fields->keep_alive))
        return params_fail(err, ORION_E_ARGUMENT, "keep_alive_seconds",
                           "must be a whole number of seconds");
    *wish = (struct loaded_wish){.context_tokens = fields->context_tokens,
                                 .keep_alive_given = fields->keep_alive != NULL,
                                 .keep_alive_s = json_integer_value(fields->keep_alive)};
    return ORION_OK;
}

/* Its entry, from the list: it stays for as long as it is held. */
static json_t *entry_of(struct server *server, const char *id)
{
    json_t *array = native_loaded_json(server), *found = NULL, *one;
    size_t i;

    json_array_foreach(array, i, one)
    {
        const char *its = json_string_value(json_object_get(one, "id"));
        if (its && strcmp(its, id) == 0)
            found = json_incref(one);
    }
    json_decref(array);
    return found;
}

void native_loaded_load(struct http_request *request, void *user)
{
    struct server *server = user;
    struct load_fields fields = {0};
    struct loaded_wish wish;
    struct loaded_model *model;
    orion_error err;

    const json_t *body = http_json(request);
    if (!body)
        return;
    if (read_load(body, &fields, &wish, &err) != ORION_OK) {
        params_reply(request, &err);
        return;
    }
    if (loaded_acquire(server->loaded, fields.model, &wish, &model, &err) != ORION_OK) {
        answer_refuse(request, &err);
        return;
    }
    if (loaded_remote(model))
        http_reply_failure(request, 422, ORION_E_UNSUPPORTED, "model",
                           "'%.200s' is a remote model: it is in no memory of this machine",
                           fields.model);
    else
        http_reply_json(request, 200, entry_of(server, loaded_id(model)));
    loaded_release(model);
}

void native_loaded_unload(struct http_request *request, void *user)
{
    struct server *server = user;
    orion_error err;

    if (loaded_unload(server->loaded, http_part(request, "id"), &err) == ORION_OK)
        http_reply_empty(request, 204);
    else
        http_reply_error(request, &err);
}
