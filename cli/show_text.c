/* The facts of a model, for a person. */
#include "facts.h"
#include "kv_type.h"
#include "show.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_where(const struct show *show)
{
    const orion_model_facts *f = show->facts;

    cli_fact("name", "%s", show->info.name);
    cli_fact("id", "%s", f ? f->id : "");
    cli_fact("path", "%s", show->path);
    cli_fact("link to", "%s", f ? f->link_target : "");
    cli_fact("licence", "%s", f && f->license[0] ? f->license : show->info.license);
    cli_fact("repository", "%s", f ? f->repo : "");
    cli_fact("revision", "%s", f ? f->revision : "");
    cli_fact("sha256", "%s", f ? f->sha256 : "");
}

static void print_shape(const orion_model_info *info)
{
    if (info->n_layers > 0)
        cli_fact("layers", "%u, width %u, feed-forward %u", info->n_layers, info->n_embd,
                 info->n_ff);
    cli_fact_experts(info->n_experts, info->n_experts_used, info->active_bytes);
    if (info->n_heads > 0)
        cli_fact("heads", "%u of %u, %u for keys and values", info->n_heads, info->head_dim,
                 info->n_heads_kv);
    cli_fact("vocabulary", "%u tokens", info->n_vocab);
    if (info->sliding_window_tokens > 0)
        cli_fact("context", "%u tokens, sliding window %u", info->context_tokens,
                 info->sliding_window_tokens);
    else if (info->context_tokens > 0)
        cli_fact("context", "%u tokens", info->context_tokens);
    if (info->embedding_length > 0 && info->pooling[0])
        cli_fact("embeddings", "%u numbers each, pooled by '%s'", info->embedding_length,
                 info->pooling);
    else if (info->embedding_length > 0)
        cli_fact("embeddings", "%u numbers each; the file does not say how they are pooled",
                 info->embedding_length);
    cli_fact("chat template", "%s", info->chat_template);
}

static void print_memory(const struct show *show)
{
    char a[CLI_NUMBER_BYTES], b[CLI_NUMBER_BYTES];

    if (show->kv_bytes_per_token == 0)
        return;
    if (show->info.embedding_length == 0)
        cli_fact("KV cache", "%s a token in %s", cli_text_bytes(show->kv_bytes_per_token, a),
                 cli_kv_type_name(show->kv_type));
    cli_fact("memory", "about %s at %u tokens (of which %s cache)",
             cli_text_bytes(show->memory_bytes, a), show->context,
             cli_text_bytes(show->kv_bytes, b));
}

void show_facts(const struct show *show)
{
    char number[CLI_NUMBER_BYTES];

    print_where(show);
    cli_fact("architecture", "%s", show->info.architecture);
    if (show->info.n_params > 0)
        cli_fact("parameters", "%s", cli_fact_count(show->info.n_params, number, sizeof(number)));
    cli_fact("quantization", "%s", show->info.quantization);
    cli_fact("size", "%s", cli_text_bytes(show->info.file_bytes, number));
    print_shape(&show->info);
    print_memory(show);
    for (size_t i = 0; i < show->n_types; i++)
        cli_fact(i == 0 ? "tensors" : "", "%" PRIu64 " %s, %s", show->types[i].count,
                 show->types[i].name, cli_text_bytes(show->types[i].bytes, number));
}

/* ---- tensors ---- */

static const struct cli_column tensor_columns[] = {
    {"TENSOR", false}, {"TYPE", false}, {"SHAPE", false}, {"BYTES", true}, {"OFFSET", true}};

static void write_shape(const orion_tensor_info *tensor, char *out, size_t out_bytes)
{
    size_t used = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < tensor->n_dims && i < 4 && used < out_bytes; i++) {
        const int n = snprintf(out + used, out_bytes - used, "%s%" PRIu64, i > 0 ? " x " : "",
                               tensor->dims[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static void tensor_cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const struct show *show = rows;
    orion_tensor_info tensor;

    out[0] = '\0';
    if (!orion_model_tensor(show->model, row, &tensor))
        return;
    if (column == 0)
        (void)snprintf(out, out_bytes, "%s", tensor.name);
    else if (column == 1)
        (void)snprintf(out, out_bytes, "%s", tensor.type);
    else if (column == 2)
        write_shape(&tensor, out, out_bytes);
    else
        (void)snprintf(out, out_bytes, "%" PRIu64,
                       column == 3 ? tensor.size_bytes : tensor.offset_bytes);
}

void show_tensors(const struct show *show)
{
    cli_table_print(tensor_columns, CLI_COUNT(tensor_columns), orion_model_n_tensors(show->model),
                    tensor_cell, show);
}

/* ---- metadata ---- */

char *show_value(const orion_model *model, size_t index, const char **key)
{
    char nothing[1];

    *key = NULL;
    const size_t length = orion_model_metadata(model, index, key, nothing, sizeof(nothing));
    if (!*key)
        return NULL;
    char *value = calloc(1, length + 1);
    if (value)
        (void)orion_model_metadata(model, index, key, value, length + 1);
    return value;
}

int show_metadata(const struct show *show)
{
    for (size_t i = 0; i < orion_model_n_metadata(show->model); i++) {
        const char *key;
        char *value = show_value(show->model, i, &key);

        if (!value) {
            cli_error(show->cli, "not enough memory for the metadata.");
            return CLI_NO_FIT;
        }
        cli_text_put_escaped(stdout, key);
        (void)fputs(" = ", stdout);
        cli_text_put_escaped(stdout, value);
        (void)fputc('\n', stdout);
        free(value);
    }
    return CLI_OK;
}

/* ---- the chat template ---- */

char *show_template_text(const struct show *show)
{
    const char *key = "";

    for (size_t i = 0; key; i++) {
        char *value = show_value(show->model, i, &key);
        if (value && strcmp(key, "tokenizer.chat_template") == 0)
            return value;
        free(value);
    }
    return NULL;
}

int show_template(const struct show *show)
{
    char *text = show_template_text(show);

    if (!text) {
        cli_error(show->cli, "the file has no chat template.");
        return CLI_NOT_FOUND;
    }
    const size_t len = strlen(text);
    cli_text_put(stdout, text, len);
    if (len == 0 || text[len - 1] != '\n')
        (void)fputc('\n', stdout);
    free(text);
    return CLI_OK;
}
