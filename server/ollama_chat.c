/* POST /api/generate and /api/chat: what they ask for, and the way to an answer. */
#include "ollama.h"

#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "instant.h"
#include "messages.h"
#include "model_file.h"
#include "params.h"
#include "remotes.h"

struct options {
    struct sampling sampling;
    uint32_t num_ctx;
    int64_t num_predict;   /* below 1: until the model ends or the context is full */
    int64_t repeat_last_n; /* -1: all of the context */
};

struct ask {
    const char *model;
    const char *prompt, *system; /* generate */
    bool raw;
    json_t *messages, *tools; /* chat */
    json_t *keep_alive, *think;
    orion_chat_options chat;
    bool stream, logprobs;
    uint32_t top_logprobs; /* with logprobs */
    struct options options;
};

#define OPTION(member) offsetof(struct options, member)
#define ASK(member) offsetof(struct ask, member)

static const struct param option_params[] = {
    {.kind = PARAM_TABLE, .offset = OPTION(sampling), .inside = sampling_params},
    {"temperature", PARAM_NUMBER, OPTION(sampling.generate.temperature), .max = 100},
    {"num_ctx", PARAM_COUNT, OPTION(num_ctx), .max = 1 << 24},
    {"num_predict", PARAM_INTEGER, OPTION(num_predict), .min = -2, .max = UINT32_MAX},
    {"repeat_last_n", PARAM_INTEGER, OPTION(repeat_last_n), .min = -1, .max = 1 << 24},
    {.kind = PARAM_OTHERS},
    {.kind = PARAM_END},
};

/* What both requests may say. */
static const struct param common_params[] = {
    {"model", PARAM_TEXT, .offset = ASK(model), .required = true},
    {"stream", PARAM_FLAG, .offset = ASK(stream)},
    {"keep_alive", PARAM_JSON, .offset = ASK(keep_alive)},
    {"options", PARAM_OBJECT, .offset = ASK(options), .inside = option_params},
    {"format", .kind = PARAM_REFUSED},
    {"think", PARAM_JSON, .offset = ASK(think)},
    {"logprobs", PARAM_FLAG, .offset = ASK(logprobs)},
    {"top_logprobs", PARAM_COUNT, ASK(top_logprobs), .max = ORION_MAX_LOGPROBS},
    {"images", .kind = PARAM_REFUSED},
    {.kind = PARAM_OTHERS},
    {.kind = PARAM_END},
};

static const struct param generate_params[] = {
    {.kind = PARAM_TABLE, .inside = common_params},
    {"prompt", PARAM_TEXT, .offset = ASK(prompt)},
    {"system", PARAM_TEXT, .offset = ASK(system)},
    {"raw", PARAM_FLAG, .offset = ASK(raw)},
    {"suffix", .kind = PARAM_REFUSED},
    {"template", .kind = PARAM_REFUSED},
    {"context", .kind = PARAM_REFUSED},
    {"tools", .kind = PARAM_REFUSED},
    {.kind = PARAM_END},
};

static const struct param chat_params[] = {
    {.kind = PARAM_TABLE, .inside = common_params},
    {"messages", PARAM_JSON, .offset = ASK(messages)},
    {"tools", PARAM_JSON, .offset = ASK(tools)},
    {.kind = PARAM_END},
};

/* What the table can't say. */
static void finish_options(struct options *options)
{
    orion_generate_params *generate = &options->sampling.generate;

    if (options->num_predict > 0)
        generate->max_tokens = (uint32_t)options->num_predict;
    generate->repeat_last_tokens =
        options->repeat_last_n < 0 ? UINT32_MAX : (uint32_t)options->repeat_last_n;
    if (options->sampling.seed == -1)
        options->sampling.seed = SAMPLING_ANY_SEED;
}

orion_status ollama_read_keep_alive(const json_t *keep_alive, struct loaded_wish *wish,
                                    orion_error *err)
{
    wish->keep_alive_given = keep_alive != NULL;
    if (keep_alive && !duration_read(keep_alive, &wish->keep_alive_s))
        return params_fail(err, ORION_E_ARGUMENT, "keep_alive",
                           "must be a number of seconds, or a text such as \"5m\" or \"1h30m\"");
    return ORION_OK;
}

static orion_status read_wish(const struct ask *ask, struct loaded_wish *wish, orion_error *err)
{
    *wish = (struct loaded_wish){.context_tokens = ask->options.num_ctx};
    return ollama_read_keep_alive(ask->keep_alive, wish, err);
}

/* true, false, or how much. */
static orion_status read_think(const json_t *think, orion_chat_options *out, orion_error *err)
{
    static const char *const efforts[] = {"low", "medium", "high"};
    const char *effort = json_string_value(think);

    if (!think)
        return ORION_OK;
    if (json_is_boolean(think)) {
        out->thinking = json_is_true(think) ? ORION_THINKING_ON : ORION_THINKING_OFF;
        return ORION_OK;
    }
    for (size_t i = 0; effort && i < sizeof(efforts) / sizeof(efforts[0]); i++) {
        if (strcmp(effort, efforts[i]) != 0)
            continue;
        out->thinking = ORION_THINKING_ON;
        out->reasoning_effort = efforts[i];
        return ORION_OK;
    }
    return params_fail(err, ORION_E_ARGUMENT, "think",
                       "must be true, false, \"low\", \"medium\" or \"high\"");
}

/* ---- without a text: load, or let go ---- */

static void load(struct http_request *request, struct server *server, const struct ask *ask,
                 const struct loaded_wish *wish, bool chat)
{
    const struct ollama_name name = ollama_name(ask->model);
    struct loaded_model *model;
    orion_error err;

    if (loaded_acquire(server->loaded, name.text, wish, &model, &err) != ORION_OK) {
        answer_refuse(request, &err);
        return;
    }
    loaded_release(model);
    http_reply_json(request, 200, ollama_answer_empty(ask->model, chat, "load"));
}

/* It is let go also when it was not in memory, or is elsewhere, but not when it does not
 * exist. */
static void unload(struct http_request *request, struct server *server, const struct ask *ask,
                   bool chat)
{
    const struct ollama_name name = ollama_name(ask->model);
    struct model_file file;
    orion_error err;

    orion_status status = loaded_unload(server->loaded, name.text, &err);
    if (status == ORION_E_NOT_FOUND && remotes_answer(server->manager, name.text))
        status = ORION_OK;
    if (status == ORION_E_NOT_FOUND)
        status = model_file_find(server->manager, name.text, &file, &err);
    if (status == ORION_OK)
        http_reply_json(request, 200, ollama_answer_empty(ask->model, chat, "unload"));
    else
        http_reply_error(request, &err);
}

static void load_or_unload(struct http_request *request, struct server *server,
                           const struct ask *ask, const struct loaded_wish *wish, bool chat)
{
    if (wish->keep_alive_given && wish->keep_alive_s == 0)
        unload(request, server, ask, chat);
    else
        load(request, server, ask, wish, chat);
}

/* ---- an answer ---- */

static void answer(struct http_request *request, struct server *server, struct ask *ask,
                   const struct loaded_wish *wish, orion_request *what)
{
    const struct ollama_name name = ollama_name(ask->model);
    struct ollama_answer_options options = {.model = ask->model,
                                            .chat = ask->messages != NULL,
                                            .top_logprobs = ORION_NO_LOGPROBS,
                                            .began_ns = instant_monotonic_ns()};
    struct answer_job job = {
        .request = request, .shape = &ollama_answer_shape, .stream = ask->stream};
    orion_error err;

    if (loaded_acquire(server->loaded, name.text, wish, &job.model, &err) != ORION_OK) {
        answer_refuse(request, &err);
        return;
    }
    if (ask->logprobs)
        options.top_logprobs = (int32_t)ask->top_logprobs;
    options.loaded_ns = instant_monotonic_ns();
    job.state = ollama_answer_new(&options);
    if (!job.state) {
        loaded_release(job.model);
        http_reply_json(request, 200, NULL);
        return;
    }
    what->params = sampling_finish(&ask->options.sampling);
    what->top_logprobs = options.top_logprobs;
    answer_start(&job, what);
}

/* The body, read; false after a reply. */
static bool read_ask(struct http_request *request, const struct param *table, struct ask *ask,
                     struct loaded_wish *wish)
{
    orion_error err;
    const json_t *body = http_json(request);

    if (!body)
        return false;
    *ask = (struct ask){.prompt = "", .system = "", .stream = true};
    sampling_init(&ask->options.sampling);
    orion_chat_options_init(&ask->chat);
    ask->options.repeat_last_n = ask->options.sampling.generate.repeat_last_tokens;
    orion_status status = params_read(body, table, NULL, ask, &err);
    if (status == ORION_OK)
        status = read_wish(ask, wish, &err);
    if (status == ORION_OK)
        status = read_think(ask->think, &ask->chat, &err);
    if (status != ORION_OK) {
        params_reply(request, &err);
        return false;
    }
    finish_options(&ask->options);
    return true;
}

void ollama_generate(struct http_request *request, void *user)
{
    struct loaded_wish wish;
    struct ask ask;
    orion_request what;

    if (!read_ask(request, generate_params, &ask, &wish))
        return;
    if (!*ask.prompt) {
        load_or_unload(request, user, &ask, &wish, false);
        return;
    }
    /* clang-format off */
    const orion_message messages[] = {{"system", ask.system}, {"user", ask.prompt}};
    /* clang-format on */
    const size_t n_system = *ask.system ? 1 : 0;

    orion_request_init(&what);
    if (ask.raw) {
        what.prompt = ask.prompt;
        what.parse_special = true;
    } else {
        what.messages = messages + 1 - n_system;
        what.n_messages = 1 + n_system;
        what.chat = &ask.chat;
    }
    answer(request, user, &ask, &wish, &what);
}

static bool is_empty_list(const json_t *value)
{
    return json_is_array(value) && json_array_size(value) == 0;
}

void ollama_chat(struct http_request *request, void *user)
{
    struct messages messages = {0};
    struct loaded_wish wish;
    char *tools = NULL;
    struct ask ask;
    orion_request what;
    orion_error err;

    if (!read_ask(request, chat_params, &ask, &wish))
        return;
    if (!ask.messages || is_empty_list(ask.messages)) {
        load_or_unload(request, user, &ask, &wish, true);
        return;
    }
    if (messages_read(ask.messages, &messages, &err) == ORION_OK &&
        messages_read_tools(ask.tools, &tools, &err) == ORION_OK) {
        orion_request_init(&what);
        what.messages = messages.items;
        what.n_messages = messages.n;
        ask.chat.tools = tools;
        what.chat = &ask.chat;
        answer(request, user, &ask, &wish, &what);
    } else {
        params_reply(request, &err);
    }
    messages_release(&messages);
    free(tools);
}
