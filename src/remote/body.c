#include "remote/body.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

/* Of an earlier answer: OpenAI has the arguments as the text of an object. */
static json_t *calls(const char *text)
{
    json_t *list = json_loads(text, 0, NULL);
    size_t i;
    json_t *call;

    json_array_foreach(list, i, call)
    {
        json_t *function = json_object_get(call, "function");
        const json_t *arguments = json_object_get(function, "arguments");
        char *written = json_is_object(arguments) ? json_dumps(arguments, JSON_COMPACT) : NULL;
        if (written)
            (void)json_object_set_new(function, "arguments", json_string(written));
        free(written);
    }
    return list;
}

/* Of a message, which may be without content beside calls.  OpenAI takes no thinking back. */
static json_t *message(const orion_message *m, bool extended)
{
    json_t *one = json_pack("{s:s, s:s?}", "role", m->role, "content", m->content);
    bool ok = one != NULL;

    if (m->thinking && extended)
        ok = ok && json_object_set_new(one, "reasoning_content", json_string(m->thinking)) == 0;
    if (m->tool_calls)
        ok = ok && json_object_set_new(one, "tool_calls", calls(m->tool_calls)) == 0;
    if (m->tool_call_id)
        ok = ok && json_object_set_new(one, "tool_call_id", json_string(m->tool_call_id)) == 0;
    if (m->tool_name)
        ok = ok && json_object_set_new(one, "name", json_string(m->tool_name)) == 0;
    if (ok)
        return one;
    json_decref(one);
    return NULL;
}

static json_t *messages(const orion_request *request, bool extended)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < request->n_messages; i++) {
        json_t *one = message(&request->messages[i], extended);
        if (!one || json_array_append_new(array, one) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *stops(const orion_generate_params *params)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < params->n_stop; i++) {
        if (json_array_append_new(array, json_string(params->stop[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* json_object_set_new() refuses NULL, which stands for a value that failed. */
static bool add_common(json_t *body, const orion_request *request, const orion_generate_params *p,
                       const char *model, bool extended)
{
    const bool chat = request->n_messages > 0;
    bool ok = json_object_set_new(body, "model", json_string(model)) == 0;
    ok = ok && json_object_set_new(body, chat ? "messages" : "prompt",
                                   chat ? messages(request, extended)
                                        : json_string(request->prompt)) == 0;
    ok = ok && json_object_set_new(body, "stream", json_true()) == 0;
    ok = ok &&
         json_object_set_new(body, "stream_options", json_pack("{s:b}", "include_usage", 1)) == 0;
    ok = ok && json_object_set_new(body, "temperature", json_real((double)p->temperature)) == 0;
    ok = ok && json_object_set_new(body, "top_p", json_real((double)p->top_p)) == 0;
    ok = ok &&
         json_object_set_new(body, "seed", json_integer((json_int_t)(p->seed & INT64_MAX))) == 0;
    return ok;
}

/* What is as it is by default is not said: not everyone knows every field. */
static bool add_given(json_t *body, const orion_generate_params *p)
{
    bool ok = true;

    if (p->max_tokens > 0)
        ok = json_object_set_new(body, "max_tokens", json_integer(p->max_tokens)) == 0;
    if (p->n_stop > 0)
        ok = ok && json_object_set_new(body, "stop", stops(p)) == 0;
    if (p->frequency_penalty != 0)
        ok = ok && json_object_set_new(body, "frequency_penalty",
                                       json_real((double)p->frequency_penalty)) == 0;
    if (p->presence_penalty != 0)
        ok = ok && json_object_set_new(body, "presence_penalty",
                                       json_real((double)p->presence_penalty)) == 0;
    return ok;
}

/* Any OpenAI's API knows tools and an effort. */
static bool add_chat(json_t *body, const orion_chat_options *chat)
{
    bool ok = true;

    if (chat->tools)
        ok = json_object_set_new(body, "tools", json_loads(chat->tools, 0, NULL)) == 0;
    if (chat->reasoning_effort)
        ok = ok && json_object_set_new(body, "reasoning_effort",
                                       json_string(chat->reasoning_effort)) == 0;
    return ok;
}

/* These are words of our own server, and of some others. */
static bool add_extended_chat(json_t *body, const orion_chat_options *chat)
{
    json_t *variables = chat->variables ? json_loads(chat->variables, 0, NULL) : json_object();
    bool ok = variables != NULL;

    if (chat->documents)
        ok = json_object_set_new(body, "documents", json_loads(chat->documents, 0, NULL)) == 0;
    if (chat->thinking != ORION_THINKING_AS_IS)
        ok = ok && json_object_set_new(variables, "enable_thinking",
                                       json_boolean(chat->thinking == ORION_THINKING_ON)) == 0;
    if (ok && json_object_size(variables) > 0)
        return json_object_set_new(body, "chat_template_kwargs", variables) == 0;
    json_decref(variables);
    return ok;
}

static bool add_extended(json_t *body, const orion_generate_params *p)
{
    /* Said even when there is no limit: completions have one by default. */
    const uint32_t max_tokens = p->max_tokens > 0 ? p->max_tokens : UINT32_MAX;
    return json_object_set_new(body, "max_tokens", json_integer(max_tokens)) == 0 &&
           json_object_set_new(body, "top_k", json_integer(p->top_k)) == 0 &&
           json_object_set_new(body, "min_p", json_real((double)p->min_p)) == 0 &&
           json_object_set_new(body, "repeat_penalty", json_real((double)p->repeat_penalty)) == 0;
}

static bool can_be_said(const orion_request *request, const orion_generate_params *p)
{
    orion_generate_params usual;

    orion_generate_params_init(&usual);
    return p->repeat_last_tokens == usual.repeat_last_tokens && p->lookup == ORION_LOOKUP_AUTO &&
           p->seed <= INT64_MAX && !(request->n_messages == 0 && request->parse_special);
}

static bool is_text(const char *text)
{
    const size_t len = strlen(text);
    return ori_utf8_valid_len(text, len) == len;
}

static bool is_text_or_none(const char *text)
{
    return !text || is_text(text);
}

static bool is_json_or_none(const char *text)
{
    json_t *json = text ? json_loads(text, 0, NULL) : json_null();
    const bool is = json != NULL;
    json_decref(json);
    return is;
}

static bool is_sayable_chat(const orion_chat_options *chat)
{
    return !chat || (is_text_or_none(chat->reasoning_effort) && is_json_or_none(chat->tools) &&
                     is_json_or_none(chat->documents) && is_json_or_none(chat->variables));
}

static bool is_sayable_message(const orion_message *m)
{
    return is_text(m->role) && is_text_or_none(m->content) && is_text_or_none(m->thinking) &&
           is_json_or_none(m->tool_calls) && is_text_or_none(m->tool_call_id) &&
           is_text_or_none(m->tool_name);
}

static bool is_sayable(const orion_request *request, const orion_generate_params *p)
{
    bool ok = isfinite(p->temperature) && isfinite(p->top_p) && isfinite(p->min_p) &&
              isfinite(p->repeat_penalty) && isfinite(p->frequency_penalty) &&
              isfinite(p->presence_penalty);
    ok = ok && is_sayable_chat(request->chat) &&
         (request->n_messages > 0 || is_text(request->prompt));
    for (size_t i = 0; i < request->n_messages && ok; i++)
        ok = is_sayable_message(&request->messages[i]);
    for (size_t i = 0; i < p->n_stop && ok; i++)
        ok = is_text(p->stop[i]);
    return ok;
}

orion_status ori_body_write(const orion_request *request, const char *model, bool extended,
                            struct ori_buf *out, orion_error *err)
{
    orion_chat_options chat = {0};
    orion_generate_params usual;
    const orion_generate_params *p = request->params ? request->params : &usual;

    orion_generate_params_init(&usual);
    if (request->top_logprobs != ORION_NO_LOGPROBS)
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "log-probabilities can't be had of a model elsewhere");
    if (extended && !can_be_said(request, p))
        return ori_fail(err, ORION_E_UNSUPPORTED, "the server's API has no words for that");
    if (!is_sayable(request, p))
        return ori_fail(err, ORION_E_ARGUMENT,
                        "the request holds a text that is not UTF-8, or a number or JSON that is "
                        "none");
    if (request->chat)
        chat = *request->chat;
    if (!extended && (chat.thinking != ORION_THINKING_AS_IS || chat.documents || chat.variables))
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "a model elsewhere can't be told whether to think, nor be given documents: "
                        "OpenAI's API has no words for it");
    json_t *body = json_object();
    const bool ok = body && add_common(body, request, p, model, extended) && add_given(body, p) &&
                    add_chat(body, &chat) &&
                    (!extended || (add_extended(body, p) && add_extended_chat(body, &chat)));
    ori_json_write(ok ? body : NULL, JSON_COMPACT, out);
    json_decref(body);
    if (out->status == ORION_E_TOO_LONG)
        return ori_fail(err, ORION_E_TOO_LONG, "the request has more than %zu bytes", out->max);
    return out->status == ORION_OK ? ORION_OK : ori_fail_nomem(err, "a request");
}
