/* POST /api/show: what is in a model. */
#include "ollama.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instant.h"
#include "model_file.h"
#include "remotes.h"

/* A value of the file's metadata as JSON; NULL for lists, which are the vocabulary
 * and its like. */
static json_t *value_of(const orion_model *model, size_t i, const char **key)
{
    const orion_value_kind kind = orion_model_metadata_kind(model, i);
    const size_t bytes = orion_model_metadata(model, i, key, NULL, 0) + 1;
    json_t *value = NULL;

    if (kind == ORION_VALUE_LIST)
        return NULL;
    char *text = malloc(bytes);
    if (!text)
        return NULL;
    (void)orion_model_metadata(model, i, NULL, text, bytes);
    if (kind != ORION_VALUE_TEXT)
        value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!value) /* a text, or a number that JSON has no word for */
        value = json_string(text);
    free(text);
    return value;
}

static json_t *model_info(const orion_model *model, const orion_fit *fit)
{
    json_t *object = json_object();

    for (size_t i = 0; i < orion_model_n_metadata(model); i++) {
        const char *key;
        json_t *value = value_of(model, i, &key);
        if (value)
            (void)json_object_set_new(object, key, value);
    }
    (void)json_object_set_new(object, "general.parameter_count",
                              json_integer((json_int_t)fit->n_params));
    return object;
}

/* In Ollama's words. */
static json_t *capabilities(uint32_t skills)
{
    json_t *list = json_pack("[s]", "completion");

    if (skills & ORION_CHAT_TOOLS)
        (void)json_array_append_new(list, json_string("tools"));
    if (skills & ORION_CHAT_MARKS_THINKING)
        (void)json_array_append_new(list, json_string("thinking"));
    return list;
}

static json_t *shown(const struct model_file *file, const orion_fit *fit, const orion_model *model)
{
    char modified[INSTANT_BYTES], modelfile[300], parameters[60];
    orion_model_info info;

    orion_model_get_info(model, &info);
    instant_text(file->st.st_mtim.tv_sec, modified);
    (void)snprintf(modelfile, sizeof(modelfile), "FROM %s\n", file->id);
    (void)snprintf(parameters, sizeof(parameters), "num_ctx %u", fit->trained_tokens);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s}", "license", info.license,
                     "modelfile", modelfile, "parameters", parameters, "template",
                     info.chat_template, "details",
                     ollama_details(fit->architecture, fit->quantization, fit->n_params),
                     "model_info", model_info(model, fit), "capabilities",
                     capabilities(info.chat_skills), "modified_at", modified);
}

/* Reads the header and the vocabulary: also of a model that this version can't run. */
static orion_status look(struct server *server, const char *name, struct model_file *file,
                         orion_fit *fit, orion_model **model, orion_error *err)
{
    orion_model_options options;

    orion_model_options_init(&options);
    options.vocab_only = true;
    orion_status status = model_file_find(server->manager, name, file, err);
    if (status == ORION_OK)
        status = orion_manager_fit(server->manager, file->id, NULL, fit, err);
    if (status == ORION_OK)
        status = orion_model_open(file->path, &options, model, err);
    return status;
}

/* A model elsewhere: where, and that it chats, is all that is known. */
static json_t *remote_shown(orion_manager *manager, const char *name)
{
    orion_remote_list *list;
    json_t *object = NULL;

    if (orion_manager_remotes(manager, &list, NULL) != ORION_OK)
        return NULL;
    for (size_t i = 0; i < list->count && !object; i++)
        if (strcmp(list->remotes[i].name, name) == 0)
            object = json_pack("{s:o, s:{}, s:[s], s:s, s:s}", "details", ollama_details("", "", 0),
                               "model_info", "capabilities", "completion", "remote_model",
                               list->remotes[i].model, "remote_host", list->remotes[i].url);
    orion_remote_list_free(list);
    return object;
}

void ollama_show(struct http_request *request, void *user)
{
    struct server *server = user;
    struct ollama_name name;
    struct model_file file;
    orion_model *model = NULL;
    orion_fit fit;
    orion_error err;

    if (!ollama_read_name(request, &name))
        return;
    if (remotes_answer(server->manager, name.text)) {
        http_reply_json(request, 200, remote_shown(server->manager, name.text));
        return;
    }
    if (look(server, name.text, &file, &fit, &model, &err) == ORION_OK)
        http_reply_json(request, 200, shown(&file, &fit, model));
    else
        http_reply_error(request, &err);
    orion_model_close(model);
}
