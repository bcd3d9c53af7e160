/* POST /api/embed and /api/embeddings. */
#include "ollama.h"

#include "duration.h"
#include "embed.h"
#include "instant.h"
#include "params.h"

struct ask {
    const char *model;
    json_t *input, *prompt; /* embed; embeddings */
    json_t *keep_alive;
};

#define ASK(member) offsetof(struct ask, member)

static const struct param common_params[] = {
    {"model", PARAM_TEXT, .offset = ASK(model), .required = true},
    {"keep_alive", PARAM_JSON, .offset = ASK(keep_alive)},
    {"truncate", .kind = PARAM_REFUSED}, /* nothing is cut */
    {"dimensions", .kind = PARAM_REFUSED},
    {.kind = PARAM_OTHERS},
    {.kind = PARAM_END},
};

static const struct param embed_params[] = {
    {.kind = PARAM_TABLE, .inside = common_params},
    {"input", PARAM_JSON, .offset = ASK(input)},
    {.kind = PARAM_END},
};

static const struct param embeddings_params[] = {
    {.kind = PARAM_TABLE, .inside = common_params},
    {"prompt", PARAM_JSON, .offset = ASK(prompt)},
    {.kind = PARAM_END},
};

struct times {
    int64_t began_ns, loaded_ns;
};

/* How a route writes its reply. */
typedef json_t *(*whole_fn)(const struct ask *ask, const struct embed_result *result,
                            const struct times *times);

static json_t *whole_embed(const struct ask *ask, const struct embed_result *result,
                           const struct times *times)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < result->n; i++) {
        if (json_array_append_new(list, embed_numbers(result, i)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return json_pack("{s:s, s:o, s:I, s:I, s:I}", "model", ask->model, "embeddings", list,
                     "total_duration", (json_int_t)(instant_monotonic_ns() - times->began_ns),
                     "load_duration", (json_int_t)(times->loaded_ns - times->began_ns),
                     "prompt_eval_count", (json_int_t)result->n_tokens);
}

static json_t *whole_embeddings(const struct ask *ask, const struct embed_result *result,
                                const struct times *times)
{
    (void)ask;
    (void)times;
    return json_pack("{s:o}", "embedding", result->n > 0 ? embed_numbers(result, 0) : json_array());
}

/* Without an input the model is loaded, which Ollama's clients do ahead of time. */
static orion_status read_ask(const json_t *body, const struct param *table, struct ask *ask,
                             struct embed_inputs *inputs, struct loaded_wish *wish,
                             orion_error *err)
{
    *ask = (struct ask){0};
    *wish = (struct loaded_wish){0};
    orion_status status = params_read(body, table, NULL, ask, err);

    if (status == ORION_OK)
        status = ollama_read_keep_alive(ask->keep_alive, wish, err);
    if (status == ORION_OK && ask->input)
        status = embed_read(ask->input, "input", false, inputs, err);
    if (status == ORION_OK && ask->prompt)
        status = embed_read(ask->prompt, "prompt", false, inputs, err);
    if (inputs->n == 1 && inputs->items[0].text_bytes == 0)
        inputs->n = 0;
    return status;
}

static void reply(struct http_request *request, const struct ask *ask, struct loaded_model *model,
                  const struct embed_inputs *inputs, const struct times *times, whole_fn whole)
{
    struct embed_result result = {0};
    orion_error err;

    if (embed_run(request, model, inputs, &result, &err) == ORION_OK)
        http_reply_json(request, 200, whole(ask, &result, times));
    else
        answer_refuse(request, &err);
    embed_result_release(&result);
}

static void answer(struct http_request *request, struct server *server, const struct param *table,
                   whole_fn whole)
{
    struct times times = {.began_ns = instant_monotonic_ns()};
    struct embed_inputs inputs = {0};
    struct loaded_model *model = NULL;
    struct loaded_wish wish;
    struct ask ask;
    orion_error err;

    const json_t *body = http_json(request);
    if (!body)
        return;
    if (read_ask(body, table, &ask, &inputs, &wish, &err) != ORION_OK) {
        params_reply(request, &err);
    } else if (loaded_acquire(server->loaded, ollama_name(ask.model).text, &wish, &model, &err) !=
               ORION_OK) {
        answer_refuse(request, &err);
    } else {
        times.loaded_ns = instant_monotonic_ns();
        reply(request, &ask, model, &inputs, &times, whole);
    }
    loaded_release(model);
    embed_inputs_release(&inputs);
}

void ollama_embed(struct http_request *request, void *user)
{
    answer(request, user, embed_params, whole_embed);
}

void ollama_embeddings(struct http_request *request, void *user)
{
    answer(request, user, embeddings_params, whole_embeddings);
}
