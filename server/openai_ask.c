/* From a request in OpenAI's shapes to the scheduler. */
#include "openai.h"

#include <stdlib.h>

#include "messages.h"

void openai_refuse_model(struct http_request *request, const orion_error *err)
{
    if (err->status == ORION_E_NOT_FOUND)
        http_reply_failure(request, 404, err->status, "model", "%s", err->message);
    else
        answer_refuse(request, err);
}

/* Hands the model and the request over, whatever happens. */
static void start(struct http_request *request, struct loaded_model *model,
                  struct openai_fields *fields, orion_request *ask)
{
    const struct answer_job job = {
        .request = request,
        .model = model,
        .shape = &openai_answer_shape,
        .state = openai_answer_new(fields, loaded_id(model)),
        .stream = fields->stream,
    };

    if (!job.state) {
        loaded_release(model);
        http_reply_json(request, 500, NULL);
        return;
    }
    ask->params = sampling_finish(&fields->sampling);
    ask->top_logprobs = fields->top_logprobs;
    answer_start(&job, ask);
}

static void ask_model(struct http_request *request, struct server *server,
                      struct openai_fields *fields, orion_request *ask)
{
    struct loaded_model *model;
    orion_error err;

    if (loaded_acquire(server->loaded, fields->model, NULL, &model, &err) == ORION_OK)
        start(request, model, fields, ask);
    else
        openai_refuse_model(request, &err);
}

/* What of a chat is JSON, as texts; free(). */
struct texts {
    char *tools, *documents, *variables; /* or NULL */
};

static void texts_release(struct texts *texts)
{
    free(texts->tools);
    free(texts->documents);
    free(texts->variables);
}

/* Of a list or an object; NULL when it is empty, or not there. */
static orion_status write_text(const json_t *json, const char *field, char **out, orion_error *err)
{
    if (json_array_size(json) == 0 && json_object_size(json) == 0)
        return ORION_OK;
    *out = json_dumps(json, JSON_COMPACT);
    return *out ? ORION_OK
                : params_fail(err, ORION_E_NOMEM, field, "takes more memory than can be had");
}

static orion_status read_chat(const json_t *body, struct openai_fields *fields,
                              struct messages *messages, struct texts *texts, orion_error *err)
{
    orion_status status = openai_read_chat(body, fields, err);

    if (status == ORION_OK)
        status = messages_read(fields->messages, messages, err);
    if (status == ORION_OK)
        status = messages_read_tools(fields->tools, &texts->tools, err);
    if (status == ORION_OK)
        status = write_text(fields->documents, "documents", &texts->documents, err);
    if (status == ORION_OK)
        status = write_text(fields->variables, "chat_template_kwargs", &texts->variables, err);
    fields->chat.tools = texts->tools;
    fields->chat.documents = texts->documents;
    fields->chat.variables = texts->variables;
    return status;
}

void openai_chat(struct http_request *request, void *server)
{
    struct openai_fields fields;
    struct messages messages = {0};
    struct texts texts = {NULL};
    orion_request ask;
    orion_error err;

    const json_t *body = http_json(request);
    if (!body)
        return;
    if (read_chat(body, &fields, &messages, &texts, &err) == ORION_OK) {
        orion_request_init(&ask);
        ask.messages = messages.items;
        ask.n_messages = messages.n;
        ask.chat = &fields.chat;
        ask_model(request, server, &fields, &ask);
    } else {
        params_reply(request, &err);
    }
    messages_release(&messages);
    texts_release(&texts);
}

void openai_completion(struct http_request *request, void *server)
{
    struct openai_fields fields;
    orion_request ask;
    orion_error err;

    const json_t *body = http_json(request);
    if (!body)
        return;
    if (openai_read_completion(body, &fields, &err) != ORION_OK) {
        params_reply(request, &err);
        return;
    }
    orion_request_init(&ask);
    ask.prompt = fields.prompt;
    ask.parse_special = true; /* whoever writes a raw prompt writes its markup too */
    ask_model(request, server, &fields, &ask);
}
