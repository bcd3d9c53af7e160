/* The calls of an answer, out of the forms that models write them in. */
#include "base/match.h"
#include "chat/form.h"

#include <string.h>

json_t *ori_call_new(json_t *name, json_t *arguments, json_t *id)
{
    json_t *call = json_pack("{s:s, s:{s:O, s:o}}", "type", "function", "function", "name", name,
                             "arguments", arguments);
    if (call && json_is_string(id) && json_object_set(call, "id", id) != 0) {
        json_decref(call);
        return NULL;
    }
    return call;
}

json_t *ori_call_arguments(json_t *arguments)
{
    if (!json_is_string(arguments))
        return json_incref(arguments);
    json_t *inside =
        json_loadb(json_string_value(arguments), json_string_length(arguments), 0, NULL);
    return inside ? inside : json_incref(arguments);
}

static bool add(json_t *calls, json_t *name, json_t *arguments, json_t *id)
{
    if (!json_is_string(name) || json_string_length(name) == 0 ||
        json_string_length(name) > ORI_MAX_TOOL_NAME_BYTES)
        return false;
    json_t *inside = arguments ? ori_call_arguments(arguments) : json_object();
    if (!json_is_object(inside)) {
        json_decref(inside);
        return false;
    }
    return json_array_append_new(calls, ori_call_new(name, inside, id)) == 0;
}

/* {"name": ..., "arguments": {...}}, or "parameters", perhaps inside of "function". */
static bool add_object(json_t *calls, const json_t *object)
{
    const json_t *function = json_object_get(object, "function");
    const json_t *inside = json_is_object(function) ? function : object;
    json_t *arguments = json_object_get(inside, "arguments");

    if (!arguments)
        arguments = json_object_get(inside, "parameters");
    return add(calls, json_object_get(inside, "name"), arguments, json_object_get(object, "id"));
}

static bool add_value(json_t *calls, const json_t *value)
{
    size_t i;
    json_t *item;

    if (!json_is_array(value))
        return json_is_object(value) && add_object(calls, value);
    json_array_foreach(value, i, item)
    {
        if (!json_is_object(item) || !add_object(calls, item))
            return false;
    }
    return true;
}

static size_t skip(const char *text, size_t len, const char *set)
{
    size_t at = 0;
    while (at < len && text[at] && strchr(set, text[at]))
        at++;
    return at;
}

#define SPACE " \t\r\n"

/* Values one after the other, with white space, ',' or ';' between them. */
bool ori_calls_json(const char *text, size_t len, json_t *calls)
{
    size_t at = skip(text, len, SPACE);

    while (at < len) {
        json_error_t error;
        json_t *value = json_loadb(text + at, len - at, JSON_DISABLE_EOF_CHECK, &error);
        const bool added = value && add_value(calls, value);
        json_decref(value);
        if (!added || error.position <= 0)
            return false;
        at += (size_t)error.position;
        at += skip(text + at, len - at, SPACE ",;");
    }
    return json_array_size(calls) > 0;
}

bool ori_calls_named(const char *name, const char *text, size_t len, json_t *calls)
{
    json_t *called = json_string(name);
    json_t *arguments =
        skip(text, len, SPACE) == len ? json_object() : json_loadb(text, len, 0, NULL);
    const bool added = arguments && add(calls, called, arguments, NULL);

    json_decref(arguments);
    json_decref(called);
    return added;
}

/* ---- Mistral ---- */

#define ARGS "[ARGS]"
#define CALL_ID "[CALL_ID]"
#define ANOTHER "[TOOL_CALLS]"

/* NAME[ARGS]{...} or NAME[CALL_ID]ID[ARGS]{...} */
static bool add_mistral(const char *text, size_t len, json_t *calls)
{
    const size_t args = ori_match_find(text, len, ARGS);
    const size_t mark = ori_match_find(text, args, CALL_ID);
    const size_t before = skip(text, len, SPACE);
    json_t *name = mark > before ? json_stringn(text + before, mark - before) : NULL;
    json_t *id = NULL, *arguments = NULL;

    if (mark < args)
        id = json_stringn(text + mark + strlen(CALL_ID), args - mark - strlen(CALL_ID));
    if (args < len)
        arguments = json_loadb(text + args + strlen(ARGS), len - args - strlen(ARGS), 0, NULL);
    const bool added = arguments && add(calls, name, arguments, id);
    json_decref(name);
    json_decref(id);
    json_decref(arguments);
    return added;
}

/* A list of objects, as at first; or names with their arguments. */
bool ori_calls_mistral(const char *text, size_t len, json_t *calls)
{
    const size_t before = skip(text, len, SPACE);

    if (before < len && strchr("[{", text[before]))
        return ori_calls_json(text, len, calls);
    for (size_t at = 0; at < len;) {
        const size_t n = ori_match_find(text + at, len - at, ANOTHER);
        if (!add_mistral(text + at, n, calls))
            return false;
        at += n + (n < len - at ? strlen(ANOTHER) : 0);
    }
    return json_array_size(calls) > 0;
}

/* ---- DeepSeek ---- */

#define CALL_BEGIN "<｜tool▁call▁begin｜>"
#define CALL_SEPARATOR "<｜tool▁sep｜>"
#define CALL_END "<｜tool▁call▁end｜>"
#define FENCE "```"

/* function<sep>NAME\n```json\n{...}\n``` */
static bool add_deepseek(const char *text, size_t len, json_t *calls)
{
    const size_t separator = ori_match_find(text, len, CALL_SEPARATOR);
    if (separator == len)
        return false;
    const char *rest = text + separator + strlen(CALL_SEPARATOR);
    const size_t rest_len = len - separator - strlen(CALL_SEPARATOR);
    const size_t name_len = ori_match_find(rest, rest_len, "\n");
    size_t begin = ori_match_find(rest, rest_len, "{");
    const size_t fence = ori_match_find(rest + begin, rest_len - begin, "\n" FENCE);
    char name[ORI_MAX_TOOL_NAME_BYTES + 1];

    if (name_len == 0 || name_len > ORI_MAX_TOOL_NAME_BYTES || begin == rest_len)
        return false;
    memcpy(name, rest, name_len);
    name[name_len] = '\0';
    return ori_calls_named(name, rest + begin, fence, calls);
}

bool ori_calls_deepseek(const char *text, size_t len, json_t *calls)
{
    for (size_t at = 0; at < len;) {
        const size_t begin = ori_match_find(text + at, len - at, CALL_BEGIN);
        if (begin == len - at)
            break;
        at += begin + strlen(CALL_BEGIN);
        const size_t n = ori_match_find(text + at, len - at, CALL_END);
        if (!add_deepseek(text + at, n, calls))
            return false;
        at += n;
    }
    return json_array_size(calls) > 0;
}
