/* The catalogue and what is on disk: a list, one of them, and deleting one. */
#include "native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native_events.h"
#include "remotes.h"

#define VALUE_BYTES 2048 /* of a file's metadata, at most */

/* ---- one model's facts ---- */

static json_t *languages_of(const orion_model_facts *m)
{
    json_t *list = json_array();

    for (const char *at = m->languages; *at;) {
        const size_t n = strcspn(at, " ");
        (void)json_array_append_new(list, json_stringn(at, n));
        at += n + (at[n] == ' ');
    }
    return list;
}

static json_t *verified_of(const orion_model_facts *m)
{
    if (!m->downloaded)
        return json_null();
    if (m->verified_unix == 0)
        return json_string("unknown");
    return json_string(m->intact ? "intact" : "changed");
}

static json_t *link_of(const orion_model_facts *m)
{
    switch (m->link) {
    case ORION_LINK_NONE:
        break;
    case ORION_LINK_INTACT:
        return json_string("intact");
    case ORION_LINK_CHANGED:
        return json_string("changed");
    case ORION_LINK_GONE:
        return json_string("gone");
    }
    return json_null();
}

static json_t *fit_object(const orion_fit *fit, bool exact)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b}", "verdict", native_verdict(fit->verdict),
                     "memory_bytes", native_count(fit->memory_bytes), "available_bytes",
                     native_count(fit->available_bytes), "sequences", native_count(fit->sequences),
                     "context_tokens", native_count(fit->context_tokens), "exact", exact);
}

/* By the file's header, if it is here; else by the catalogue. */
static json_t *fit_of(const struct server *server, const orion_model_facts *m)
{
    orion_machine machine;
    orion_fit fit;

    if (m->downloaded && strcmp(m->role, "model") == 0 &&
        native_ask_fit(server, m->id, server->options.context_tokens, server->options.kv_type, &fit,
                       NULL) == ORION_OK)
        return fit_object(&fit, true);
    if (m->downloaded || m->memory_bytes == 0)
        return json_null();
    orion_machine_get(&machine);
    fit = (orion_fit){.verdict = orion_fit_judge(m->memory_bytes, machine.available_bytes),
                      .sequences = 1,
                      .memory_bytes = m->memory_bytes,
                      .available_bytes = machine.available_bytes};
    return fit_object(&fit, false);
}

static bool is_loaded(const json_t *loaded, const char *id)
{
    for (size_t i = 0; i < json_array_size(loaded); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(loaded, i), "id"));
        if (other && strcmp(other, id) == 0)
            return true;
    }
    return false;
}

static json_t *model_object(const struct server *server, const orion_model_facts *m,
                            const json_t *loaded)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:b, "
        "s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
        "id", native_text(m->id), "name", native_text(m->name), "repo", native_text(m->repo),
        "file", native_text(m->file), "revision", native_text(m->revision), "role", m->role,
        "n_files", (int)m->n_files, "size_bytes", native_count(m->size_bytes), "quantization",
        native_text(m->version), "license", native_text(m->license), "languages", languages_of(m),
        "summary", native_text(m->summary), "in_catalogue", m->in_catalogue, "supported",
        m->in_catalogue ? json_boolean(m->supported) : json_null(), "downloaded", m->downloaded,
        "partial_bytes", (json_int_t)m->partial_bytes, "modified_unix",
        native_time(m->modified_unix), "sha256", native_text(m->sha256), "verified", verified_of(m),
        "verified_unix", native_time(m->verified_unix), "link", link_of(m), "link_target",
        native_text(m->link_target), "fit", fit_of(server, m), "loaded", is_loaded(loaded, m->id));
}

/* ---- the list ---- */

struct which {
    bool downloaded;
};

static const struct param which_params[] = {
    {"downloaded", PARAM_FLAG, .offset = offsetof(struct which, downloaded)},
    {.kind = PARAM_END},
};

static json_t *remote_object(const orion_remote *remote)
{
    return json_pack("{s:o, s:o, s:o}", "name", native_text(remote->name), "model",
                     native_text(remote->model), "url", native_text(remote->url));
}

void native_models(struct http_request *request, void *user)
{
    struct server *server = user;
    struct which which = {false};
    orion_model_list *list = NULL;
    orion_error err;

    if (!query_read(request, which_params, &which))
        return;
    const orion_status status = which.downloaded
                                    ? orion_manager_downloaded(server->manager, &list, &err)
                                    : orion_manager_available(server->manager, &list, &err);
    if (status != ORION_OK) {
        http_reply_error(request, &err);
        return;
    }
    json_t *models = json_array();
    json_t *loaded = native_loaded_array(server);
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(models, model_object(server, &list->models[i], loaded));
    json_decref(loaded);
    orion_model_list_free(list);
    json_t *remotes = json_array();
    if (!which.downloaded)
        remotes_add(server->manager, remote_object, remotes);
    http_reply_json(request, 200, json_pack("{s:o, s:o}", "models", models, "remotes", remotes));
}

/* ---- one of them ---- */

/* NULL after replying. */
static orion_model_list *find(struct http_request *request, const struct server *server)
{
    orion_model_list *list = NULL;
    orion_error err;

    if (orion_manager_model(server->manager, http_part(request, "id"), &list, &err) == ORION_OK)
        return list;
    if (err.status == ORION_E_NAME)
        err.status = ORION_E_NOT_FOUND;
    http_reply_error(request, &err);
    return NULL;
}

static json_t *metadata_of(const orion_model *model)
{
    json_t *list = json_array();
    char value[VALUE_BYTES + 1];
    const char *key;

    for (size_t i = 0; i < orion_model_n_metadata(model); i++) {
        const size_t n = orion_model_metadata(model, i, &key, value, sizeof(value));
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:o, s:b}", "key", native_text(key), "value",
                                              native_text(value), "cut", n >= sizeof(value)));
    }
    return list;
}

static json_t *info_object(const orion_model *model, const char *why_not)
{
    orion_model_info i;

    orion_model_get_info(model, &i);
    return json_pack(
        "{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "runs", !*why_not, "why_not", native_text(why_not), "name", native_text(i.name),
        "architecture", native_text(i.architecture), "quantization", native_text(i.quantization),
        "license", native_text(i.license), "chat_template", native_text(i.chat_template),
        "n_params", native_count(i.n_params), "n_layers", native_count(i.n_layers), "n_vocab",
        native_count(i.n_vocab), "context_tokens", native_count(i.context_tokens),
        "sliding_window_tokens", native_count(i.sliding_window_tokens), "kv_bytes_per_token",
        native_count(i.kv_bytes_per_token), "n_experts", native_count(i.n_experts),
        "n_experts_used", native_count(i.n_experts_used), "active_bytes",
        native_count(i.active_bytes), "metadata", metadata_of(model));
}

/* Of a file that can't be run, as much as its vocabulary tells; null if that is
 * nothing. */
static json_t *info_of(const orion_model_facts *m)
{
    orion_model_options how;
    orion_model *model = NULL;
    orion_error why = {.message = ""};

    if (!m->downloaded)
        return json_null();
    orion_model_options_init(&how);
    if (orion_model_open(m->path, &how, &model, &why) != ORION_OK) {
        how.vocab_only = true;
        (void)orion_model_open(m->path, &how, &model, NULL);
    }
    json_t *info = model ? info_object(model, why.message) : json_null();
    orion_model_close(model);
    return info;
}

void native_model(struct http_request *request, void *user)
{
    struct server *server = user;
    if (!query_read(request, query_of_nothing, NULL))
        return;
    orion_model_list *list = find(request, server);
    if (!list)
        return;
    json_t *loaded = native_loaded_array(server);
    json_t *object = model_object(server, list->models, loaded);
    (void)json_object_set_new(object, "info", info_of(list->models));
    json_decref(loaded);
    orion_model_list_free(list);
    http_reply_json(request, 200, object);
}

/* ---- deleting ---- */

static orion_status delete_model(struct server *server, const orion_model_facts *m,
                                 orion_error *err)
{
    if (!m->downloaded && m->partial_bytes == 0) {
        *err = (orion_error){.status = ORION_E_NOT_FOUND, .offset = ORION_NO_OFFSET};
        (void)snprintf(err->message, sizeof(err->message), "'%.200s' is not downloaded", m->id);
        return err->status;
    }
    if (native_model_is_busy(server, m->id)) {
        *err = (orion_error){.status = ORION_E_BUSY, .offset = ORION_NO_OFFSET};
        (void)snprintf(err->message, sizeof(err->message),
                       "'%.200s' is being worked on; cancel that first", m->id);
        return err->status;
    }
    (void)loaded_unload(server->loaded, m->id, NULL);
    return orion_manager_remove(server->manager, m->id, err);
}

void native_remove(struct http_request *request, void *user)
{
    struct server *server = user;
    orion_error err;

    if (!query_read(request, query_of_nothing, NULL))
        return;
    orion_model_list *list = find(request, server);
    if (!list)
        return;
    const orion_status status = delete_model(server, list->models, &err);
    if (status == ORION_OK) {
        native_forget_jobs(server, list->models->id);
        native_events_models(server->events);
    }
    orion_model_list_free(list);
    if (status == ORION_OK)
        http_reply_empty(request, 204);
    else
        native_refuse(request, NULL, &err);
}
