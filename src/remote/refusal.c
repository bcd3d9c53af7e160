/* What an endpoint's refusals mean, in sentences. */
#include "remote/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "remote/delta.h"

static orion_status status_of(int http, const char *code)
{
    if (strcmp(code, "context_length_exceeded") == 0)
        return ORION_E_TOO_LONG;
    switch (http) {
    case 400:
    case 422:
        return ORION_E_ARGUMENT;
    case 401:
    case 403:
        return ORION_E_DENIED;
    case 404:
        return ORION_E_NOT_FOUND;
    case 413:
        return ORION_E_TOO_LONG;
    case 429:
    case 503:
        return ORION_E_BUSY;
    default:
        return ORION_E_NETWORK;
    }
}

static const char *meaning(int http)
{
    if (http >= 300 && http < 400)
        return "redirects, which is not followed with a request";
    switch (http) {
    case 401:
        return "does not accept the key, or wants one";
    case 403:
        return "denies it";
    case 404:
        return "has no such address or model";
    case 413:
        return "finds the request too long";
    case 429:
        return "has had too many requests";
    case 503:
        return "has no time for it";
    default:
        return http >= 500 ? "failed" : http >= 400 ? "refuses the request" : "gave no answer";
    }
}

/* A server that echoes what it was sent must not make us show the key. */
static void read_error(const struct ori_endpoint *endpoint, const struct ori_buf *body,
                       char *message, size_t message_bytes, char *code, size_t code_bytes)
{
    const char *key = endpoint->line->token;
    json_t *json = NULL;

    *message = *code = '\0';
    if (key && body->len > 0 && strstr(ori_buf_text(body), key))
        return;
    if (body->len > 0)
        (void)ori_json_parse(ori_buf_text(body), body->len, "an error", &json, NULL);
    ori_delta_error(json, message, message_bytes, code, code_bytes);
    json_decref(json);
}

orion_status ori_endpoint_refusal(const struct ori_endpoint *endpoint,
                                  const struct ori_reply *reply, const struct ori_buf *body,
                                  orion_error *err)
{
    char message[300], code[40], later[48] = "";

    read_error(endpoint, body, message, sizeof(message), code, sizeof(code));
    const orion_status status = status_of(reply->status, code);
    if (status == ORION_E_BUSY && reply->has_retry_after)
        (void)snprintf(later, sizeof(later), "; try again in %llu s",
                       (unsigned long long)(reply->retry_after_ms / 1000));
    return ori_fail_at(err, status, ORION_NO_OFFSET, endpoint->model, "%s %s (%d)%s%s%s",
                       endpoint->title, meaning(reply->status), reply->status, *message ? ": " : "",
                       message, later);
}
