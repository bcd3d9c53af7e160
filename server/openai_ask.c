/* From a request in OpenAI's shapes to the scheduler. */
#include "openai.h"

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

void openai_chat(struct http_request *request, void *server)
{
    struct openai_fields fields;
    struct messages messages = {0};
    orion_request ask;
    orion_error err;

    const json_t *body = http_json(request);
    if (!body)
        return;
    orion_status status = openai_read_chat(body, &fields, &err);
    if (status == ORION_OK)
        status = messages_read(fields.messages, &messages, &err);
    if (status != ORION_OK) {
        params_reply(request, &err);
        return;
    }
    orion_request_init(&ask);
    ask.messages = messages.items;
    ask.n_messages = messages.n;
    ask_model(request, server, &fields, &ask);
    messages_release(&messages);
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
