/* The messages of a chat. */
#include "messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"

/* One message, as it is written. */
struct fields {
    const char *role;
    json_t *content;
};

static const struct param message_params[] = {
    {"role", PARAM_TEXT, .offset = offsetof(struct fields, role), .required = true},
    {"content", PARAM_JSON, .offset = offsetof(struct fields, content), .required = true},
    {"name", .kind = PARAM_NOTHING},
    {"refusal", .kind = PARAM_NOTHING},
    {"annotations", .kind = PARAM_NOTHING},
    {"thinking", .kind = PARAM_NOTHING}, /* of an earlier answer, by another model */
    {"audio", .kind = PARAM_REFUSED},
    {"function_call", .kind = PARAM_REFUSED},
    {"images", .kind = PARAM_REFUSED},
    {"tool_call_id", .kind = PARAM_REFUSED},
    {"tool_calls", .kind = PARAM_REFUSED},
    {"tool_name", .kind = PARAM_REFUSED},
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
    {"assistant", "assistant"}, {"tool", NULL},          {"function", NULL},
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
                                  "is '%s', but tools and functions are not supported", written);
    }
    return params_fail(err, ORION_E_ARGUMENT, where.text,
                       "must be system, developer, user or assistant");
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

/* ---- the list ---- */

static orion_status read_content(const json_t *content, const struct where *message,
                                 orion_message *out, char **joined, orion_error *err)
{
    const struct where where = inside(message, "content");
    orion_status status = ORION_OK;

    if (json_is_array(content))
        status = join(content, &where, joined, err);
    else if (!json_is_string(content))
        status =
            params_fail(err, ORION_E_ARGUMENT, where.text, "must be a text or a list of parts");
    out->content = *joined ? *joined : json_string_value(content);
    return status;
}

static orion_status read_message(const json_t *value, const struct where *where, orion_message *out,
                                 char **joined, orion_error *err)
{
    struct fields fields = {0};

    if (!json_is_object(value))
        return params_fail(err, ORION_E_ARGUMENT, where->text, "must be an object");
    orion_status status = params_read(value, message_params, where->text, &fields, err);
    if (status == ORION_OK)
        status = read_role(fields.role, where, &out->role, err);
    if (status == ORION_OK)
        status = read_content(fields.content, where, out, joined, err);
    return status;
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
    messages.joined = calloc(messages.n, sizeof(*messages.joined));
    if (!messages.items || !messages.joined)
        status = no_memory(err);
    for (size_t i = 0; i < messages.n && status == ORION_OK; i++) {
        const struct where where = nth("messages", i);
        status = read_message(json_array_get(list, i), &where, &messages.items[i],
                              &messages.joined[i], err);
    }
    if (status == ORION_OK)
        *out = messages;
    else
        messages_release(&messages);
    return status;
}

void messages_release(struct messages *messages)
{
    for (size_t i = 0; i < messages->n && messages->joined; i++)
        free(messages->joined[i]);
    free(messages->joined);
    free(messages->items);
    *messages = (struct messages){0};
}
