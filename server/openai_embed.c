/* POST /v1/embeddings. */
#include "openai.h"

#include <string.h>

#include "embed.h"

struct fields {
    const char *model, *encoding_format;
    json_t *input;
    uint32_t dimensions; /* 0: not given */
};

#define FIELD(member) .offset = offsetof(struct fields, member)

static const struct param params[] = {
    {"model", PARAM_TEXT, FIELD(model), .required = true},
    {"input", PARAM_JSON, FIELD(input), .required = true},
    {"encoding_format", PARAM_TEXT, FIELD(encoding_format)},
    {"dimensions", PARAM_COUNT, FIELD(dimensions), .min = 1, .max = UINT32_MAX},
    {"user", .kind = PARAM_NOTHING},
    {.kind = PARAM_END},
};

static json_t *entry(const struct embed_result *result, size_t i, bool base64)
{
    json_t *vector = base64 ? embed_base64(result, i) : embed_numbers(result, i);

    return json_pack("{s:s, s:i, s:o}", "object", "embedding", "index", (int)i, "embedding",
                     vector);
}

static json_t *whole(const struct embed_result *result, const char *model, bool base64)
{
    const json_int_t n_tokens = (json_int_t)result->n_tokens;
    json_t *data = json_array();

    for (size_t i = 0; data && i < result->n; i++) {
        if (json_array_append_new(data, entry(result, i, base64)) != 0) {
            json_decref(data);
            data = NULL;
        }
    }
    return json_pack("{s:s, s:o, s:s, s:{s:I, s:I}}", "object", "list", "data", data, "model",
                     model, "usage", "prompt_tokens", n_tokens, "total_tokens", n_tokens);
}

static orion_status read(const json_t *body, struct fields *fields, struct embed_inputs *inputs,
                         orion_error *err)
{
    *fields = (struct fields){.encoding_format = "float"};
    const orion_status status = params_read(body, params, NULL, fields, err);

    if (status != ORION_OK)
        return status;
    if (strcmp(fields->encoding_format, "float") != 0 &&
        strcmp(fields->encoding_format, "base64") != 0)
        return params_fail(err, ORION_E_ARGUMENT, "encoding_format",
                           "is '%.40s', but may be 'float' or 'base64'", fields->encoding_format);
    if (json_is_array(fields->input) && json_array_size(fields->input) == 0)
        return params_fail(err, ORION_E_ARGUMENT, "input", "must not be empty");
    return embed_read(fields->input, "input", true, inputs, err);
}

/* A vector that is cut means something only to models that were made for it, which
 * their files don't say. */
static orion_status check_dimensions(const struct fields *fields, const struct loaded_model *model,
                                     orion_error *err)
{
    const uint32_t length = loaded_embedding_length(model);

    if (fields->dimensions == 0 || length == 0 || fields->dimensions == length)
        return ORION_OK;
    return params_fail(err, ORION_E_UNSUPPORTED, "dimensions",
                       "is %u, but this model's vectors have %u, and are not cut",
                       fields->dimensions, length);
}

static void reply(struct http_request *request, const struct fields *fields,
                  struct loaded_model *model, const struct embed_inputs *inputs)
{
    struct embed_result result = {0};
    orion_error err = {.status = ORION_OK};

    if (check_dimensions(fields, model, &err) != ORION_OK)
        params_reply(request, &err);
    else if (embed_run(request, model, inputs, &result, &err) != ORION_OK)
        answer_refuse(request, &err);
    else
        http_reply_json(
            request, 200,
            whole(&result, loaded_id(model), strcmp(fields->encoding_format, "base64") == 0));
    embed_result_release(&result);
}

void openai_embeddings(struct http_request *request, void *user)
{
    struct server *server = user;
    struct embed_inputs inputs = {0};
    struct loaded_model *model = NULL;
    struct fields fields;
    orion_error err;

    const json_t *body = http_json(request);
    if (!body)
        return;
    if (read(body, &fields, &inputs, &err) != ORION_OK)
        params_reply(request, &err);
    else if (loaded_acquire(server->loaded, fields.model, NULL, &model, &err) != ORION_OK)
        openai_refuse_model(request, &err);
    else
        reply(request, &fields, model, &inputs);
    loaded_release(model);
    embed_inputs_release(&inputs);
}
