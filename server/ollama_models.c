/* GET /api/tags and /api/ps, DELETE /api/delete: which models there are. */
#include "ollama.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instant.h"
#include "model_file.h"
#include "remotes.h"

/* ---- what both lists tell of a model ---- */

void ollama_parameter_size(uint64_t n_params, char out[16])
{
    const double billions = (double)n_params / 1e9, millions = (double)n_params / 1e6;

    if (n_params >= 1000000000)
        (void)snprintf(out, 16, "%.1fB", billions);
    else if (n_params >= 1000000)
        (void)snprintf(out, 16, "%.2fM", millions);
    else
        (void)snprintf(out, 16, "%.0fK", ceil((double)n_params / 1e3));
}

json_t *ollama_details(const char *family, const char *quantization, uint64_t n_params)
{
    char size[16];

    ollama_parameter_size(n_params, size);
    return json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s}", "parent_model", "", "format", "gguf",
                     "family", family, "families", family, "parameter_size", size,
                     "quantization_level", quantization);
}

static json_t *entry(const char *id, uint64_t bytes, const char *digest, json_t *details)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:o}", "name", id, "model", id, "size",
                     (json_int_t)bytes, "digest", digest, "details", details);
}

/* ---- on disk ---- */

static json_t *tag(orion_manager *manager, const orion_model_facts *facts)
{
    char modified[INSTANT_BYTES];
    orion_fit fit;

    /* What is no model that can be read has no family. */
    if (orion_manager_fit(manager, facts->id, NULL, &fit, NULL) != ORION_OK)
        fit = (orion_fit){0};
    instant_text(facts->modified_unix, modified);
    json_t *object =
        entry(facts->id, facts->size_bytes, facts->sha256,
              ollama_details(fit.architecture,
                             *fit.quantization ? fit.quantization : facts->version, fit.n_params));
    if (object)
        (void)json_object_set_new(object, "modified_at", json_string(modified));
    return object;
}

/* Ollama has these two fields for models that are not on the machine. */
static json_t *remote_tag(const orion_remote *remote)
{
    json_t *object = entry(remote->name, 0, "", ollama_details("", "", 0));

    if (object) {
        (void)json_object_set_new(object, "remote_model", json_string(remote->model));
        (void)json_object_set_new(object, "remote_host", json_string(remote->url));
    }
    return object;
}

void ollama_tags(struct http_request *request, void *user)
{
    static const struct names_shape tags = {tag, remote_tag};
    const struct server *server = user;
    orion_error err;
    json_t *models;

    if (names_list(server->manager, &tags, &models, &err) == ORION_OK)
        http_reply_json(request, 200, json_pack("{s:o}", "models", models));
    else
        http_reply_error(request, &err);
}

/* ---- in memory ---- */

static const char *digest_of(const orion_model_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->models[i].id, id) == 0)
            return list->models[i].sha256;
    return "";
}

/* Programs show a date, so there is one also for what stays: the last. */
static json_t *running(const struct loaded_facts *facts, const orion_model_list *list)
{
    char expires[INSTANT_BYTES];

    instant_text(facts->expires_unix ? facts->expires_unix : INT64_MAX, expires);
    json_t *object =
        entry(facts->id, facts->memory_bytes, digest_of(list, facts->id),
              ollama_details(facts->architecture, facts->quantization, facts->n_params));
    if (object) {
        (void)json_object_set_new(object, "expires_at", json_string(expires));
        (void)json_object_set_new(object, "size_vram", json_integer(0));
        (void)json_object_set_new(object, "context_length", json_integer(facts->context_tokens));
    }
    return object;
}

void ollama_ps(struct http_request *request, void *user)
{
    struct server *server = user;
    struct loaded_facts *facts = NULL;
    orion_model_list *list;
    orion_error err;
    size_t n = 0;

    if (orion_manager_downloaded(server->manager, &list, &err) != ORION_OK ||
        loaded_list(server->loaded, &facts, &n, &err) != ORION_OK) {
        orion_model_list_free(list);
        http_reply_error(request, &err);
        return;
    }
    json_t *models = json_array();
    for (size_t i = 0; i < n; i++)
        if (!facts[i].unloading) /* takes no more requests: for a client it has gone */
            (void)json_array_append_new(models, running(&facts[i], list));
    orion_model_list_free(list);
    free(facts);
    http_reply_json(request, 200, json_pack("{s:o}", "models", models));
}

/* ---- deleting ---- */

void ollama_delete(struct http_request *request, void *user)
{
    struct server *server = user;
    struct ollama_name name;
    struct model_file file;
    orion_error err;

    if (!ollama_read_name(request, &name))
        return;
    orion_status status = model_file_find(server->manager, name.text, &file, &err);
    if (status == ORION_OK) {
        (void)loaded_unload(server->loaded, file.id, NULL);
        status = orion_manager_remove(server->manager, file.id, &err);
    }
    if (status == ORION_OK)
        http_reply_empty(request, 200);
    else
        http_reply_error(request, &err);
}
