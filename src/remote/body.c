#include "remote/body.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

static json_t *messages(const orion_request *request)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < request->n_messages; i++) {
        const orion_message *m = &request->messages[i];
        json_t *one = json_pack("{s:s, s:s}", "role", m->role, "content", m->content);
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
                       const char *model)
{
    const bool chat = request->n_messages > 0;
    bool ok = json_object_set_new(body, "model", json_string(model)) == 0;
    ok = ok && json_object_set_new(body, chat ? "messages" : "prompt",
                                   chat ? messages(request) : json_string(request->prompt)) == 0;
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

static bool is_sayable(const orion_request *request, const orion_generate_params *p)
{
    bool ok = isfinite(p->temperature) && isfinite(p->top_p) && isfinite(p->min_p) &&
              isfinite(p->repeat_penalty) && isfinite(p->frequency_penalty) &&
              isfinite(p->presence_penalty);
    ok = ok && (request->n_messages > 0 || is_text(request->prompt));
    for (size_t i = 0; i < request->n_messages && ok; i++)
        ok = is_text(request->messages[i].content) && is_text(request->messages[i].role);
    for (size_t i = 0; i < p->n_stop && ok; i++)
        ok = is_text(p->stop[i]);
    return ok;
}

orion_status ori_body_write(const orion_request *request, const char *model, bool extended,
                            struct ori_buf *out, orion_error *err)
{
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
                        "the request holds a text that is not UTF-8, or a number that is none");
    json_t *body = json_object();
    const bool ok = body && add_common(body, request, p, model) && add_given(body, p) &&
                    (!extended || add_extended(body, p));
    ori_json_write(ok ? body : NULL, JSON_COMPACT, out);
    json_decref(body);
    if (out->status == ORION_E_TOO_LONG)
        return ori_fail(err, ORION_E_TOO_LONG, "the request has more than %zu bytes", out->max);
    return out->status == ORION_OK ? ORION_OK : ori_fail_nomem(err, "a request");
}
