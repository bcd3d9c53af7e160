/* What a request in OpenAI's shapes may say. */
#include "openai.h"

#include <string.h>

#define DEFAULT_COMPLETION_TOKENS 16 /* as OpenAI's own */

/* A request as it is written; openai_fields is what it comes to. */
struct written {
    struct openai_fields fields;
    bool logprobs;         /* of a chat */
    uint32_t top_logprobs; /* of a chat; of a completion: `logprobs` */
    json_t *prompt, *modalities, *response_format, *tool_choice;
    const char *effort;
};

#define FIELD(member) .offset = offsetof(struct written, member)

static const struct param stream_params[] = {
    {"include_usage", PARAM_FLAG, FIELD(fields.include_usage)},
    {"include_obfuscation", .kind = PARAM_NOTHING},
    {.kind = PARAM_END},
};

static const struct param common_params[] = {
    {"model", PARAM_TEXT, FIELD(fields.model), .required = true},
    {"temperature", PARAM_NUMBER, FIELD(fields.sampling.generate.temperature), .max = 2},
    {.kind = PARAM_TABLE, FIELD(fields.sampling), .inside = sampling_params},
    {"max_tokens", PARAM_COUNT, FIELD(fields.sampling.generate.max_tokens), .min = 1,
     .max = UINT32_MAX},
    {"n", PARAM_COUNT, FIELD(fields.n), .min = 1, .max = 1},
    {"stream", PARAM_FLAG, FIELD(fields.stream)},
    {"stream_options", PARAM_OBJECT, .inside = stream_params},
    {"logit_bias", .kind = PARAM_REFUSED},
    {"metadata", .kind = PARAM_NOTHING},
    {"prompt_cache_key", .kind = PARAM_NOTHING},
    {"prompt_cache_retention", .kind = PARAM_NOTHING},
    {"safety_identifier", .kind = PARAM_NOTHING},
    {"service_tier", .kind = PARAM_NOTHING},
    {"store", .kind = PARAM_NOTHING},
    {"user", .kind = PARAM_NOTHING},
    {.kind = PARAM_END},
};

static const struct param chat_params[] = {
    {.kind = PARAM_TABLE, .inside = common_params},
    {"messages", PARAM_JSON, FIELD(fields.messages), .required = true},
    {"max_completion_tokens", PARAM_COUNT, FIELD(fields.sampling.generate.max_tokens), .min = 1,
     .max = UINT32_MAX},
    {"logprobs", PARAM_FLAG, FIELD(logprobs)},
    {"top_logprobs", PARAM_COUNT, FIELD(top_logprobs), .max = ORION_MAX_LOGPROBS},
    {"modalities", PARAM_JSON, FIELD(modalities)},
    {"response_format", PARAM_JSON, FIELD(response_format)},
    {"audio", .kind = PARAM_REFUSED},
    {"function_call", .kind = PARAM_NOTHING}, /* without functions */
    {"functions", .kind = PARAM_REFUSED},
    {"parallel_tool_calls", .kind = PARAM_NOTHING}, /* how many calls come is the model's choice */
    {"prediction", .kind = PARAM_NOTHING},          /* what is guessed never changes an answer */
    {"reasoning_effort", PARAM_TEXT, FIELD(effort)},
    {"tool_choice", PARAM_JSON, FIELD(tool_choice)},
    {"tools", PARAM_JSON, FIELD(fields.tools)},
    {"documents", PARAM_JSON, FIELD(fields.documents)},            /* not OpenAI's: vLLM's */
    {"chat_template_kwargs", PARAM_JSON, FIELD(fields.variables)}, /* vLLM's and llama-server's */
    {"verbosity", .kind = PARAM_NOTHING},
    {"web_search_options", .kind = PARAM_REFUSED},
    {.kind = PARAM_END},
};

static const struct param completion_params[] = {
    {.kind = PARAM_TABLE, .inside = common_params},
    {"prompt", PARAM_JSON, FIELD(prompt), .required = true},
    {"logprobs", PARAM_COUNT, FIELD(top_logprobs), .max = 5},
    {"echo", PARAM_FLAG, FIELD(fields.echo)},
    {"best_of", PARAM_COUNT, FIELD(fields.n), .min = 1, .max = 1},
    {"suffix", .kind = PARAM_REFUSED},
    {.kind = PARAM_END},
};

#define NOT_GIVEN UINT32_MAX

static struct written defaults(void)
{
    struct written written = {.top_logprobs = NOT_GIVEN};
    sampling_init(&written.fields.sampling);
    return written;
}

/* ---- what a table can't say ---- */

static orion_status check_stream(const json_t *body, const struct openai_fields *fields,
                                 orion_error *err)
{
    if (!fields->stream && json_is_object(json_object_get(body, "stream_options")))
        return params_fail(err, ORION_E_ARGUMENT, "stream_options",
                           "is only for streams: set 'stream' to true, or leave it out");
    return ORION_OK;
}

static orion_status check_format(const json_t *format, orion_error *err)
{
    const char *type = json_string_value(json_object_get(format, "type"));

    if (!format || (type && strcmp(type, "text") == 0))
        return ORION_OK;
    if (!type)
        return params_fail(err, ORION_E_ARGUMENT, "response_format",
                           "must be an object with a type: {\"type\": \"text\"}");
    return params_fail(err, ORION_E_UNSUPPORTED, "response_format",
                       "is '%.40s', but only 'text' is supported", type);
}

static orion_status check_modalities(const json_t *modalities, orion_error *err)
{
    size_t i;
    json_t *value;

    if (modalities && !json_is_array(modalities))
        return params_fail(err, ORION_E_ARGUMENT, "modalities", "must be a list");
    json_array_foreach(modalities, i, value) if (
        !json_is_string(value) ||
        strcmp(json_string_value(value), "text") !=
            0) return params_fail(err, ORION_E_UNSUPPORTED, "modalities",
                                  "may be [\"text\"] only: no other kind of answer is supported");
    return ORION_OK;
}

static orion_status take_chat_logprobs(const struct written *written, struct openai_fields *out,
                                       orion_error *err)
{
    const bool top = written->top_logprobs != NOT_GIVEN;

    if (top && !written->logprobs)
        return params_fail(err, ORION_E_ARGUMENT, "top_logprobs",
                           "is only for log-probabilities: set 'logprobs' to true, or leave it "
                           "out");
    out->top_logprobs = !written->logprobs ? ORION_NO_LOGPROBS
                        : top              ? (int32_t)written->top_logprobs
                                           : 0;
    return ORION_OK;
}

/* What forces a call, or one of them, is more than a prompt can do. */
static orion_status take_tool_choice(const json_t *choice, struct openai_fields *out,
                                     orion_error *err)
{
    const char *word = json_string_value(choice);

    if (!choice || (word && strcmp(word, "auto") == 0))
        return ORION_OK;
    if (!word || strcmp(word, "none") != 0)
        return params_fail(err, ORION_E_UNSUPPORTED, "tool_choice",
                           "may be \"auto\" or \"none\": no call can be forced");
    out->tools = NULL;
    return ORION_OK;
}

static orion_status take_effort(const char *effort, orion_chat_options *out, orion_error *err)
{
    static const struct {
        const char *written, *meant; /* NULL: no thinking at all */
    } efforts[] = {
        {"none", NULL},       {"minimal", "low"}, {"low", "low"},
        {"medium", "medium"}, {"high", "high"},   {"xhigh", "high"},
    };

    for (size_t i = 0; effort && i < sizeof(efforts) / sizeof(efforts[0]); i++) {
        if (strcmp(efforts[i].written, effort) != 0)
            continue;
        out->reasoning_effort = efforts[i].meant;
        if (!efforts[i].meant)
            out->thinking = ORION_THINKING_OFF;
        return ORION_OK;
    }
    return !effort ? ORION_OK
                   : params_fail(err, ORION_E_ARGUMENT, "reasoning_effort",
                                 "must be none, minimal, low, medium, high or xhigh");
}

/* enable_thinking is known whatever a template calls it; the rest is the template's own. */
static orion_status take_variables(struct openai_fields *out, orion_error *err)
{
    const json_t *thinks = json_object_get(out->variables, "enable_thinking");

    if (out->variables && !json_is_object(out->variables))
        return params_fail(err, ORION_E_ARGUMENT, "chat_template_kwargs", "must be an object");
    if (thinks && !json_is_boolean(thinks))
        return params_fail(err, ORION_E_ARGUMENT, "chat_template_kwargs.enable_thinking",
                           "must be true or false");
    if (thinks)
        out->chat.thinking = json_is_true(thinks) ? ORION_THINKING_ON : ORION_THINKING_OFF;
    return ORION_OK;
}

static orion_status check_documents(const json_t *documents, orion_error *err)
{
    size_t i;
    json_t *value;

    if (documents && !json_is_array(documents))
        return params_fail(err, ORION_E_ARGUMENT, "documents", "must be a list of objects");
    json_array_foreach(documents, i, value)
    {
        if (!json_is_object(value))
            return params_fail(err, ORION_E_ARGUMENT, "documents", "must be a list of objects");
    }
    return ORION_OK;
}

/* A text, or a list of one. */
static orion_status take_prompt(const json_t *prompt, struct openai_fields *out, orion_error *err)
{
    const bool one = json_is_array(prompt) && json_array_size(prompt) == 1;
    const json_t *text = one ? json_array_get(prompt, 0) : prompt;

    if (json_is_array(text) || json_is_integer(text))
        return params_fail(err, ORION_E_UNSUPPORTED, "prompt",
                           "must be one text: several, and lists of tokens, are not supported");
    if (!json_is_string(text))
        return params_fail(err, ORION_E_ARGUMENT, "prompt", "must be a text");
    out->prompt = json_string_value(text);
    return ORION_OK;
}

/* ---- both kinds ---- */

orion_status openai_read_chat(const json_t *body, struct openai_fields *out, orion_error *err)
{
    struct written written = defaults();

    orion_status status = params_read(body, chat_params, NULL, &written, err);
    if (status == ORION_OK)
        status = check_stream(body, &written.fields, err);
    if (status == ORION_OK)
        status = check_format(written.response_format, err);
    if (status == ORION_OK)
        status = check_modalities(written.modalities, err);
    *out = written.fields;
    orion_chat_options_init(&out->chat);
    if (status == ORION_OK)
        status = take_chat_logprobs(&written, out, err);
    if (status == ORION_OK)
        status = take_tool_choice(written.tool_choice, out, err);
    if (status == ORION_OK)
        status = take_effort(written.effort, &out->chat, err);
    if (status == ORION_OK)
        status = take_variables(out, err);
    return status == ORION_OK ? check_documents(out->documents, err) : status;
}

orion_status openai_read_completion(const json_t *body, struct openai_fields *out, orion_error *err)
{
    struct written written = defaults();

    written.fields.sampling.generate.max_tokens = DEFAULT_COMPLETION_TOKENS;
    orion_status status = params_read(body, completion_params, NULL, &written, err);
    if (status == ORION_OK)
        status = check_stream(body, &written.fields, err);
    *out = written.fields;
    if (status == ORION_OK)
        status = take_prompt(written.prompt, out, err);
    const bool logprobs = written.top_logprobs != NOT_GIVEN;
    out->top_logprobs = logprobs ? (int32_t)written.top_logprobs : ORION_NO_LOGPROBS;
    if (status == ORION_OK && logprobs && out->echo)
        status = params_fail(err, ORION_E_UNSUPPORTED, "logprobs",
                             "is not supported together with 'echo': of a prompt it is not known "
                             "how likely its tokens were");
    return status;
}
