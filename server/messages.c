/* The messages of a chat. */
#include "messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"

/* One message, as it is written. */
struct fields {
    const char *role, *thinking, *tool_call_id, *tool_name;
    json_t *content, *tool_calls;
};

#define FIELD(member) .offset = offsetof(struct fields, member)

static const struct param message_params[] = {
    {"role", PARAM_TEXT, FIELD(role), .required = true},
    {"content", PARAM_JSON, FIELD(content)},
    {"reasoning", PARAM_TEXT, FIELD(thinking)},
    {"reasoning_content", PARAM_TEXT, FIELD(thinking)},
    {"thinking", PARAM_TEXT, FIELD(thinking)},
    {"tool_calls", PARAM_JSON, FIELD(tool_calls)},
    {"tool_call_id", PARAM_TEXT, FIELD(tool_call_id)},
    {"name", PARAM_TEXT, FIELD(tool_name)}, /* of a user it changes nothing here */
    {"tool_name", PARAM_TEXT, FIELD(tool_name)},
    {"refusal", .kind = PARAM_NOTHING},
    {"annotations", .kind = PARAM_NOTHING},
    {"audio", .kind = PARAM_REFUSED},
    {"function_call", .kind = PARAM_REFUSED},
    {"images", .kind = PARAM_REFUSED},
    {.kind = PARAM_END},
};

struct part {
    const char *type, *text;
};

static const struct param part_params[] = {
    {"type", PARAM_TEXT, .offset = offsetof(struct part, type), .required = true},
    {"text", PARAM_TEXT, .offset = offsetof(struct part, text), .required = true},
    {.kind = PARAM_END},
};

static const struct {
    const char *written, *meant; /* NULL: not supported */
} roles[] = {
    {"system", "system"},       {"developer", "system"}, {"user", "user"},
    {"assistant", "assistant"}, {"tool", "tool"},        {"function", NULL},
};

/* Where something stands in a request: "messages[12].content[3]". */
struct where {
    char text[80];
};

static struct where inside(const struct where *around, const char *name)
{
    struct where where;
    (void)snprintf(where.text, sizeof(where.text), "%.40s.%s", around->text, name);
    return where;
}

static struct where nth(const char *list, size_t i)
{
    struct where where;
    (void)snprintf(where.text, sizeof(where.text), "%.50s[%zu]", list, i);
    return where;
}

static orion_status no_memory(orion_error *err)
{
    (void)params_fail(err, ORION_E_NOMEM, "messages", "take more memory than can be had");
    return ORION_E_NOMEM;
}

static orion_status read_role(const char *written, const struct where *message, const char **out,
                              orion_error *err)
{
    const struct where where = inside(message, "role");

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].written, written) != 0)
            continue;
        *out = roles[i].meant;
        return *out ? ORION_OK
                    : params_fail(err, ORION_E_UNSUPPORTED, where.text,
                                  "is '%s', but functions are called tools now", written);
    }
    return params_fail(err, ORION_E_ARGUMENT, where.text,
                       "must be system, developer, user, assistant or tool");
}

/* ---- content as parts ---- */

static orion_status read_part(const json_t *value, const struct where *where, struct part *part,
                              orion_error *err)
{
    const char *type = json_string_value(json_object_get(value, "type"));

    if (!json_is_object(value))
        return params_fail(err, ORION_E_ARGUMENT, where->text, "must be an object");
    if (type && strcmp(type, "text") != 0)
        return params_fail(err, ORION_E_UNSUPPORTED, where->text,
                           "is of type '%.40s', but only text is supported: no images, audio or "
                           "files",
                           type);
    *part = (struct part){0};
    return params_read(value, part_params, where->text, part, err);
}

static orion_status check_parts(const json_t *parts, const struct where *content, size_t *bytes,
                                orion_error *err)
{
    size_t i;
    json_t *value;
    struct part part;

    *bytes = 0;
    json_array_foreach(parts, i, value)
    {
        const struct where where = nth(content->text, i);
        const orion_status status = read_part(value, &where, &part, err);
        if (status != ORION_OK)
            return status;
        *bytes += strlen(part.text); /* no overflow: they are all in the request's body */
    }
    return ORION_OK;
}

static orion_status join(const json_t *parts, const struct where *content, char **out,
                         orion_error *err)
{
    size_t i, bytes, used = 0;
    json_t *value;

    const orion_status status = check_parts(parts, content, &bytes, err);
    if (status != ORION_OK)
        return status;
    char *text = malloc(bytes + 1);
    if (!text)
        return no_memory(err);
    json_array_foreach(parts, i, value)
    {
        const json_t *piece = json_object_get(value, "text");
        memcpy(text + used, json_string_value(piece), json_string_length(piece));
        used += json_string_length(piece);
    }
    text[used] = '\0';
    *out = text;
    return ORION_OK;
}

/* ---- content ---- */

static orion_status read_content(const json_t *content, const struct where *message,
                                 orion_message *out, char **joined, orion_error *err)
{
    const struct where where = inside(message, "content");
    orion_status status = ORION_OK;

    if (!content && out->tool_calls)
        return ORION_OK;
    if (!content)
        return params_fail(err, ORION_E_ARGUMENT, where.text, "is missing");
    if (json_is_array(content))
        status = join(content, &where, joined, err);
    else if (!json_is_string(content))
        status =
            params_fail(err, ORION_E_ARGUMENT, where.text, "must be a text or a list of parts");
    out->content = *joined ? *joined : json_string_value(content);
    return status;
}

/* ---- calls of tools ---- */

struct called {
    const char *name;
    json_t *arguments;
};

struct call {
    const char *id, *type;
    struct called function;
};

static const struct param called_params[] = {
    {"name", PARAM_TEXT, .offset = offsetof(struct called, name), .required = true},
    {"arguments", PARAM_JSON, .offset = offsetof(struct called, arguments)},
    {"index", .kind = PARAM_NOTHING},
    {.kind = PARAM_END},
};

static const struct param call_params[] = {
    {"id", PARAM_TEXT, .offset = offsetof(struct call, id)},
    {"type", PARAM_TEXT, .offset = offsetof(struct call, type)},
    {"index", .kind = PARAM_NOTHING},
    {"function", PARAM_OBJECT, .offset = offsetof(struct call, function), .inside = called_params,
     .required = true},
    {.kind = PARAM_END},
};

static orion_status check_function(const char *type, const struct where *where, orion_error *err)
{
    if (!type || strcmp(type, "function") == 0)
        return ORION_OK;
    return params_fail(err, ORION_E_UNSUPPORTED, where->text,
                       "is of type '%.40s', but only functions are supported", type);
}

static orion_status check_call(const json_t *value, const struct where *where, orion_error *err)
{
    struct call call = {.id = NULL};

    if (!json_is_object(value))
        return params_fail(err, ORION_E_ARGUMENT, where->text, "must be an object");
    orion_status status =
        check_function(json_string_value(json_object_get(value, "type")), where, err);
    if (status == ORION_OK)
        status = params_read(value, call_params, where->text, &call, err);
    const json_t *arguments = call.function.arguments;
    if (status == ORION_OK && arguments && !json_is_object(arguments) && !json_is_string(arguments))
        return params_fail(err, ORION_E_ARGUMENT, where->text,
                           "has arguments that are neither an object nor the text of one");
    return status;
}

/* The calls of an earlier answer; an empty list is as good as none. */
static orion_status read_calls(const json_t *calls, const struct where *message, char **text,
                               orion_error *err)
{
    const struct where where = inside(message, "tool_calls");
    size_t i;
    json_t *value;

    if (!json_is_array(calls))
        return params_fail(err, ORION_E_ARGUMENT, where.text, "must be a list");
    json_array_foreach(calls, i, value)
    {
        const struct where at = nth(where.text, i);
        const orion_status status = check_call(value, &at, err);
        if (status != ORION_OK)
            return status;
    }
    if (json_array_size(calls) == 0)
        return ORION_OK;
    *text = json_dumps(calls, JSON_COMPACT);
    return *text ? ORION_OK : no_memory(err);
}

/* ---- the list ---- */

static orion_status read_message(const json_t *value, const struct where *where,
                                 struct messages *out, size_t i, orion_error *err)
{
    orion_message *message = &out->items[i];
    struct fields fields = {0};

    if (!json_is_object(value))
        return params_fail(err, ORION_E_ARGUMENT, where->text, "must be an object");
    orion_status status = params_read(value, message_params, where->text, &fields, err);
    if (status == ORION_OK)
        status = read_role(fields.role, where, &message->role, err);
    if (status == ORION_OK && fields.tool_calls)
        status = read_calls(fields.tool_calls, where, &out->owned[i].calls, err);
    message->tool_calls = out->owned[i].calls;
    if (status == ORION_OK)
        status = read_content(fields.content, where, message, &out->owned[i].content, err);
    if (status != ORION_OK)
        return status;
    message->thinking = fields.thinking && *fields.thinking ? fields.thinking : NULL;
    message->tool_call_id = fields.tool_call_id;
    if (strcmp(message->role, "tool") == 0)
        message->tool_name = fields.tool_name;
    return ORION_OK;
}

orion_status messages_read(const json_t *list, struct messages *out, orion_error *err)
{
    struct messages messages = {.n = json_array_size(list)};
    orion_status status = ORION_OK;

    *out = (struct messages){0};
    if (messages.n == 0)
        return params_fail(err, ORION_E_ARGUMENT, "messages",
                           "must be a list of at least one message");
    messages.items = calloc(messages.n, sizeof(*messages.items));
    messages.owned = calloc(messages.n, sizeof(*messages.owned));
    if (!messages.items || !messages.owned)
        status = no_memory(err);
    for (size_t i = 0; i < messages.n && status == ORION_OK; i++) {
        const struct where where = nth("messages", i);
        status = read_message(json_array_get(list, i), &where, &messages, i, err);
    }
    if (status == ORION_OK)
        *out = messages;
    else
        messages_release(&messages);
    return status;
}

void messages_release(struct messages *messages)
{
    for (size_t i = 0; i < messages->n && messages->owned; i++) {
        free(messages->owned[i].content);
        free(messages->owned[i].calls);
    }
    free(messages->owned);
    free(messages->items);
    *messages = (struct messages){0};
}

/* ---- tools ---- */

struct tool {
    const char *type;
    json_t *function;
};

struct function {
    const char *name, *description;
    json_t *parameters;
};

static const struct param function_params[] = {
    {"name", PARAM_TEXT, .offset = offsetof(struct function, name), .required = true},
    {"description", PARAM_TEXT, .offset = offsetof(struct function, description)},
    {"parameters", PARAM_JSON, .offset = offsetof(struct function, parameters)},
    {"strict", .kind = PARAM_NOTHING}, /* what is written is not forced into a form */
    {.kind = PARAM_END},
};

static const struct param tool_params[] = {
    {"type", PARAM_TEXT, .offset = offsetof(struct tool, type)},
    {"function", PARAM_JSON, .offset = offsetof(struct tool, function), .required = true},
    {.kind = PARAM_END},
};

static orion_status check_tool(const json_t *value, const struct where *where, orion_error *err)
{
    struct tool tool = {NULL};
    struct function function = {NULL};
    const struct where within = inside(where, "function");

    if (!json_is_object(value))
        return params_fail(err, ORION_E_ARGUMENT, where->text, "must be an object");
    orion_status status =
        check_function(json_string_value(json_object_get(value, "type")), where, err);
    if (status == ORION_OK)
        status = params_read(value, tool_params, where->text, &tool, err);
    if (status == ORION_OK && !json_is_object(tool.function))
        return params_fail(err, ORION_E_ARGUMENT, within.text, "must be an object");
    if (status == ORION_OK)
        status = params_read(tool.function, function_params, within.text, &function, err);
    if (status == ORION_OK && function.parameters && !json_is_object(function.parameters))
        return params_fail(err, ORION_E_ARGUMENT, within.text,
                           "has parameters that are no JSON schema: an object");
    return status;
}

orion_status messages_read_tools(const json_t *list, char **out, orion_error *err)
{
    size_t i;
    json_t *value;

    *out = NULL;
    if (list && !json_is_array(list))
        return params_fail(err, ORION_E_ARGUMENT, "tools", "must be a list");
    json_array_foreach(list, i, value)
    {
        const struct where where = nth("tools", i);
        const orion_status status = check_tool(value, &where, err);
        if (status != ORION_OK)
            return status;
    }
    if (json_array_size(list) == 0)
        return ORION_OK;
    *out = json_dumps(list, JSON_COMPACT);
    return *out ? ORION_OK : no_memory(err);
}
