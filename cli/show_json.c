/* The facts of a model, as JSON. */
#include "json.h"
#include "kv_type.h"
#include "show.h"

#include <stdlib.h>

static json_t *types_array(const struct show *show)
{
    json_t *array = json_array();

    for (size_t i = 0; i < show->n_types; i++)
        cli_json_add(&array,
                     json_pack("{s:o, s:o, s:o}", "type", cli_json_text(show->types[i].name),
                               "count", cli_json_count(show->types[i].count), "bytes",
                               cli_json_count(show->types[i].bytes)));
    return array;
}

static json_t *model_object(const struct show *show)
{
    const orion_model_info *m = &show->info;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "name", cli_json_text(m->name), "architecture", cli_json_text(m->architecture),
        "quantization", cli_json_text(m->quantization), "license", cli_json_text(m->license),
        "chat_template", cli_json_text(m->chat_template), "n_params", cli_json_count(m->n_params),
        "file_bytes", cli_json_count(m->file_bytes), "n_layers", cli_json_count(m->n_layers),
        "n_embd", cli_json_count(m->n_embd), "n_heads", cli_json_count(m->n_heads), "n_heads_kv",
        cli_json_count(m->n_heads_kv), "head_dim", cli_json_count(m->head_dim), "n_ff",
        cli_json_count(m->n_ff), "n_vocab", cli_json_count(m->n_vocab), "context_tokens",
        cli_json_count(m->context_tokens), "sliding_window_tokens",
        cli_json_count(m->sliding_window_tokens), "embedding_length",
        cli_json_count(m->embedding_length), "pooling", cli_json_text(m->pooling), "kv_type",
        cli_kv_type_name(show->kv_type), "kv_bytes_per_token",
        cli_json_count(show->kv_bytes_per_token), "memory_bytes",
        cli_json_count(show->memory_bytes), "memory_context_tokens", cli_json_count(show->context),
        "n_tensors", cli_json_count(orion_model_n_tensors(show->model)), "tensor_types",
        types_array(show), "n_experts", cli_json_count(m->n_experts), "n_experts_used",
        cli_json_count(m->n_experts_used), "active_bytes", cli_json_count(m->active_bytes));
}

static json_t *metadata_object(const struct show *show)
{
    json_t *object = json_object();

    for (size_t i = 0; object && i < orion_model_n_metadata(show->model); i++) {
        const char *key;
        char *value = show_value(show->model, i, &key);

        if (value)
            (void)json_object_set_new(object, key, cli_json_text(value));
        free(value);
    }
    return object;
}

static json_t *tensors_array(const struct show *show)
{
    json_t *array = json_array();
    orion_tensor_info t;

    for (size_t i = 0; array && orion_model_tensor(show->model, i, &t); i++) {
        json_t *shape = json_array();
        for (uint32_t d = 0; d < t.n_dims && d < 4; d++)
            cli_json_add(&shape, cli_json_count(t.dims[d]));
        cli_json_add(&array, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", cli_json_text(t.name),
                                       "type", cli_json_text(t.type), "shape", shape, "bytes",
                                       cli_json_count(t.size_bytes), "offset",
                                       cli_json_count(t.offset_bytes)));
    }
    return array;
}

/* null when the file has none. */
static json_t *template_text(const struct show *show)
{
    char *text = show_template_text(show);
    json_t *json = text ? cli_json_text(text) : json_null();

    free(text);
    return json;
}

int show_json(const struct show *show, bool metadata, bool tensors, bool template)
{
    json_t *document = json_pack("{s:o, s:o, s:o}", "path", cli_json_text(show->path), "file",
                                 show->facts ? cli_json_facts(show->facts) : json_null(), "model",
                                 model_object(show));

    if (document && metadata)
        (void)json_object_set_new(document, "metadata", metadata_object(show));
    if (document && tensors)
        (void)json_object_set_new(document, "tensors", tensors_array(show));
    if (document && template)
        (void)json_object_set_new(document, "template", template_text(show));
    return cli_json_print(show->cli, document);
}
