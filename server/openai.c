/* OpenAI's API: the routes, errors, and the list of models. */
#include "openai.h"

#include <stdio.h>
#include <string.h>

#include "model_file.h"
#include "remotes.h"

/* ---- errors ---- */

static const char *error_type(int code)
{
    if (code == 401)
        return "authentication_error";
    if (code == 403)
        return "permission_error";
    return code >= 500 ? "server_error" : "invalid_request_error";
}

static const char *error_code(orion_status status, const char *field)
{
    switch (status) {
    case ORION_E_TOO_LONG:
        return "context_length_exceeded";
    case ORION_E_NOT_FOUND:
        return field && strcmp(field, "model") == 0 ? "model_not_found" : "not_found";
    case ORION_E_UNSUPPORTED:
        return "unsupported";
    case ORION_E_ARGUMENT:
        return field ? "invalid_value" : NULL;
    case ORION_E_NOMEM:
        return "out_of_memory";
    case ORION_E_BUSY:
        return "server_busy";
    default:
        return NULL;
    }
}

json_t *openai_error(int code, orion_status status, const char *message, const char *field)
{
    return json_pack("{s:{s:s, s:s, s:s?, s:s?}}", "error", "message", message, "type",
                     error_type(code), "param", field, "code", error_code(status, field));
}

/* ---- models ---- */

static json_t *model_json(const orion_model_facts *facts)
{
    const char *place = *facts->repo ? facts->repo : facts->id; /* "org/..." */
    const char *owner = strchr(place, '/') ? place : "local";

    return json_pack("{s:s, s:s, s:I, s:s%}", "id", facts->id, "object", "model", "created",
                     (json_int_t)facts->modified_unix, "owned_by", owner, strcspn(owner, "/"));
}

/* What is sent there leaves this machine, which "owned_by" says. */
static json_t *remote_json(const char *name)
{
    return json_pack("{s:s, s:s, s:i, s:s}", "id", name, "object", "model", "created", 0,
                     "owned_by", "remote");
}

static json_t *local_entry(orion_manager *manager, const orion_model_facts *facts)
{
    (void)manager;
    return model_json(facts);
}

static json_t *remote_entry(const orion_remote *remote)
{
    return remote_json(remote->name);
}

static void list_models(struct http_request *request, void *user)
{
    static const struct names_shape entries = {local_entry, remote_entry};
    const struct server *server = user;
    orion_error err;
    json_t *models;

    if (names_list(server->manager, &entries, &models, &err) == ORION_OK)
        http_reply_json(request, 200, json_pack("{s:s, s:o}", "object", "list", "data", models));
    else
        http_reply_error(request, &err);
}

static void reply_model(struct http_request *request, const orion_model_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->models[i].id, id) == 0) {
            http_reply_json(request, 200, model_json(&list->models[i]));
            return;
        }
    }
    http_reply_failure(request, 404, ORION_E_NOT_FOUND, "model", "model '%.200s' is gone", id);
}

static void show_model(struct http_request *request, void *user)
{
    const struct server *server = user;
    const char *name = http_part(request, "model");
    struct model_file file;
    orion_model_list *list = NULL;
    orion_error err;

    if (remotes_answer(server->manager, name)) {
        http_reply_json(request, 200, remote_json(name));
        return;
    }
    orion_status status = model_file_find(server->manager, name, &file, &err);
    if (status == ORION_OK)
        status = orion_manager_downloaded(server->manager, &list, &err);
    if (status == ORION_OK)
        reply_model(request, list, file.id);
    else
        http_reply_failure(request, http_code(status), status, "model", "%s", err.message);
    orion_model_list_free(list);
}

/* ---- routes ---- */

const struct http_route openai_routes[] = {
    {"GET", "/v1/models", list_models, openai_error},
    {"GET", "/v1/models/{model...}", show_model, openai_error},
    {"POST", "/v1/chat/completions", openai_chat, openai_error},
    {"POST", "/v1/completions", openai_completion, openai_error},
    {"POST", "/v1/embeddings", openai_embeddings, openai_error},
    {.method = NULL},
};
