/* Vectors of texts. */
#include "embed.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "params.h"

/* ---- what is given ---- */

static bool is_list_of(const json_t *value, bool (*is)(const json_t *item))
{
    size_t i;
    json_t *item;

    json_array_foreach(value, i, item)
    {
        if (!is(item))
            return false;
    }
    return json_is_array(value) && json_array_size(value) > 0;
}

static bool is_text(const json_t *value)
{
    return json_is_string(value);
}

static bool is_token(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           json_integer_value(value) <= INT32_MAX;
}

static bool is_tokens(const json_t *value)
{
    return is_list_of(value, is_token);
}

/* Take one input; tokens go to *to, which has room for them. */
static orion_embed_input take(const json_t *value, int32_t **to)
{
    const size_t n = json_array_size(value);

    if (json_is_string(value))
        return (orion_embed_input){.text = json_string_value(value),
                                   .text_bytes = json_string_length(value)};
    const orion_embed_input input = {.tokens = *to, .n_tokens = n};
    for (size_t i = 0; i < n; i++)
        *(*to)++ = (int32_t)json_integer_value(json_array_get(value, i));
    return input;
}

static size_t count_tokens(const json_t *value, bool single)
{
    size_t n = single ? json_array_size(value) : 0;

    for (size_t i = 0; i < json_array_size(value) && !single; i++)
        n += json_array_size(json_array_get(value, i));
    return n;
}

orion_status embed_read(const json_t *value, const char *field, bool tokens,
                        struct embed_inputs *out, orion_error *err)
{
    const bool single = json_is_string(value) || (tokens && is_tokens(value));
    const size_t n = single ? 1 : json_array_size(value);

    *out = (struct embed_inputs){0};
    if (!single && n > 0 && !is_list_of(value, is_text) &&
        !(tokens && is_list_of(value, is_tokens)))
        return params_fail(err, ORION_E_ARGUMENT, field, "must be a text or a list of texts%s",
                           tokens ? ", or tokens in the place of each" : "");
    if (!single && !json_is_array(value))
        return params_fail(err, ORION_E_ARGUMENT, field, "must be a text or a list of texts");
    if (n > EMBED_MAX_INPUTS)
        return params_fail(err, ORION_E_ARGUMENT, field, "has %zu inputs, but may have %d at most",
                           n, EMBED_MAX_INPUTS);
    out->items = calloc(n + 1, sizeof(*out->items)); /* never of nothing */
    out->tokens = calloc(count_tokens(value, single) + 1, sizeof(*out->tokens));
    if (!out->items || !out->tokens)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for the inputs");
    int32_t *to = out->tokens;
    for (; out->n < n; out->n++)
        out->items[out->n] = take(single ? value : json_array_get(value, out->n), &to);
    return ORION_OK;
}

void embed_inputs_release(struct embed_inputs *inputs)
{
    free(inputs->items);
    free(inputs->tokens);
    *inputs = (struct embed_inputs){0};
}

/* ---- the vectors ---- */

static void on_gone(void *user)
{
    atomic_store((atomic_bool *)user, true);
}

static int keep_on(size_t done, size_t total, void *user)
{
    (void)done;
    (void)total;
    return atomic_load((atomic_bool *)user);
}

static orion_status make(struct http_request *request, struct loaded_model *model,
                         const struct embed_inputs *inputs, uint32_t *n_tokens,
                         struct embed_result *out, orion_error *err)
{
    http_on_gone(request, on_gone, &out->gone);
    const orion_status status = loaded_embed(model, inputs->items, inputs->n, keep_on, &out->gone,
                                             out->vectors, n_tokens, err);
    for (size_t i = 0; i < inputs->n; i++)
        out->n_tokens += n_tokens[i];
    return status;
}

orion_status embed_run(struct http_request *request, struct loaded_model *model,
                       const struct embed_inputs *inputs, struct embed_result *out,
                       orion_error *err)
{
    out->n = inputs->n;
    out->length = loaded_embedding_length(model);
    if (out->length == 0)
        return server_fail(err, ORION_E_UNSUPPORTED,
                           "'%.200s' makes no embeddings; use a model that was made for them",
                           loaded_id(model));
    if (inputs->n == 0)
        return ORION_OK;
    out->vectors = calloc(inputs->n, out->length * sizeof(float));
    uint32_t *n_tokens = calloc(inputs->n, sizeof(*n_tokens));
    const orion_status status =
        out->vectors && n_tokens
            ? make(request, model, inputs, n_tokens, out, err)
            : server_fail(err, ORION_E_NOMEM, "not enough memory for %zu vectors", inputs->n);
    free(n_tokens);
    return status;
}

void embed_result_release(struct embed_result *result)
{
    free(result->vectors);
    result->vectors = NULL;
}

/* ---- in a reply ---- */

json_t *embed_numbers(const struct embed_result *result, size_t i)
{
    const float *vector = result->vectors + i * result->length;
    json_t *list = json_array();

    for (uint32_t k = 0; list && k < result->length; k++) {
        if (json_array_append_new(list, json_real((double)vector[k])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static void put_four(const unsigned char *three, size_t n, char out[4])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned bits =
        (unsigned)three[0] << 16 | (n > 1 ? (unsigned)three[1] << 8 : 0) | (n > 2 ? three[2] : 0);

    for (size_t k = 0; k < 4; k++)
        out[k] = k <= n ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
}

json_t *embed_base64(const struct embed_result *result, size_t i)
{
    const float *vector = result->vectors + i * result->length;
    const size_t n_bytes = result->length * sizeof(float), n_chars = (n_bytes + 2) / 3 * 4;
    char *text = malloc(n_chars + 1);

    if (!text)
        return NULL;
    const unsigned char *bytes = (const unsigned char *)vector; /* the machine's order is little */
    for (size_t at = 0; at < n_bytes; at += 3)
        put_four(bytes + at, n_bytes - at < 3 ? n_bytes - at : 3, text + at / 3 * 4);
    json_t *value = json_stringn(text, n_chars);
    free(text);
    return value;
}
