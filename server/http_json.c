/* A body as JSON. */
#include "exchange.h"

#include <string.h>

#define DEPTH_MAX 64

/* Are brackets nested at most DEPTH_MAX deep?  Looked at before it is parsed, by
 * brackets outside of strings; whether it is JSON at all is the parser's to say. */
static bool is_shallow(const char *text, size_t n)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > DEPTH_MAX)
            return false;
    }
    return true;
}

json_t *http_json(struct http_request *request)
{
    json_error_t err;
    size_t n;
    const char *text = http_body(request, &n);

    if (request->json)
        return request->json;
    if (!is_shallow(text, n)) {
        http_reply_failure(request, 400, ORION_E_FORMAT, NULL,
                           "the request's JSON is nested more than %d levels deep", DEPTH_MAX);
        return NULL;
    }
    json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &err);
    if (!json_is_object(json)) {
        json_decref(json);
        if (json)
            http_reply_failure(request, 400, ORION_E_FORMAT, NULL,
                               "the request's body must be a JSON object");
        else
            http_reply_failure(request, 400, ORION_E_FORMAT, NULL,
                               "the request's body is not JSON: wrong at line %d, column %d",
                               err.line, err.column);
        return NULL;
    }
    request->json = json;
    return json;
}
