/* Messages and options, as templates find them. */
#include "chat/input.h"

#include <stdlib.h>
#include <string.h>

/* The JSON of `text`, of that type, in *out. */
static orion_status parse(const char *text, json_type type, const char *name, json_t **out,
                          orion_error *err)
{
    orion_error why = {0};
    orion_status status = ori_json_parse(text, strlen(text), name, out, &why);

    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, name);
    if (status == ORION_OK && json_typeof(*out) == type)
        return ORION_OK;
    json_decref(*out);
    *out = NULL;
    return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, name, "'%s' is no JSON %s%s%s", name,
                       type == JSON_ARRAY ? "list" : "object", status == ORION_OK ? "" : ": ",
                       status == ORION_OK ? "" : why.message);
}

/* Arguments come as an object or as the text of one; templates want one of the two. */
static json_t *arguments_of(const json_t *function, bool as_text)
{
    json_t *arguments = json_object_get(function, "arguments");

    if (!arguments)
        return as_text ? json_string("{}") : json_object();
    if (!as_text)
        return ori_call_arguments(arguments);
    if (json_is_string(arguments))
        return json_incref(arguments);
    char *text = json_dumps(arguments, JSON_ENCODE_ANY);
    json_t *written = text ? json_string(text) : NULL;
    free(text);
    return written;
}

/* Append to `calls` what a message's tool_calls are to the template. */
static orion_status take_calls(const struct ori_chat *chat, const char *text, json_t *calls,
                               orion_error *err)
{
    json_t *given, *one;
    size_t i;
    orion_status status = parse(text, JSON_ARRAY, "tool_calls", &given, err);

    if (status != ORION_OK)
        return status;
    json_array_foreach(given, i, one)
    {
        const json_t *function = json_object_get(one, "function");
        json_t *name = json_object_get(function, "name");
        if (!json_is_string(name))
            status = ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, "tool_calls",
                                 "a call of 'tool_calls' has no function with a name");
        else if (json_array_append_new(
                     calls,
                     ori_call_new(name, arguments_of(function, chat->skills.arguments_as_text),
                                  json_object_get(one, "id"))) != 0)
            status = ori_fail_nomem(err, "the messages");
        if (status != ORION_OK)
            break;
    }
    json_decref(given);
    return status;
}

static orion_status take_message(const struct ori_chat *chat, const orion_message *m,
                                 struct ori_chat_input *in, orion_error *err)
{
    struct ori_jinja_message *out = &in->messages[in->n];
    json_t *calls = NULL;

    if (m->tool_calls) {
        calls = json_array();
        if (json_array_append_new(in->calls, calls) != 0)
            return ori_fail_nomem(err, "the messages");
        const orion_status status = take_calls(chat, m->tool_calls, calls, err);
        if (status != ORION_OK)
            return status;
    }
    *out = (struct ori_jinja_message){
        .role = m->role,
        .content = m->content ? m->content : "",
        .thinking = m->thinking,
        .tool_calls = calls,
        .tool_call_id = m->tool_call_id,
        .name = m->tool_name,
    };
    if (calls && !*out->content && chat->skills.without_content)
        out->content = NULL;
    in->n++;
    return ORION_OK;
}

/* ---- variables ---- */

static orion_status set_json(json_t *variables, const char *name, const char *text,
                             orion_error *err)
{
    json_t *list;
    orion_status status;

    if (!text)
        return ORION_OK;
    status = parse(text, JSON_ARRAY, name, &list, err);
    if (status == ORION_OK && json_array_size(list) == 0)
        json_decref(list); /* as if it was not given */
    else if (status == ORION_OK && json_object_set_new(variables, name, list) != 0)
        status = ori_fail_nomem(err, name);
    return status;
}

/* What a layout stands on can't be another one by a variable. */
static orion_status check_variables(const json_t *variables, orion_error *err)
{
    static const char *const ours[] = {"messages",  "tools",     "documents",
                                       "bos_token", "eos_token", "add_generation_prompt"};

    for (size_t i = 0; i < ORI_COUNT(ours); i++)
        if (json_object_get(variables, ours[i]))
            return ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, "variables",
                               "'%s' can't be set as a variable of the chat template", ours[i]);
    return ORION_OK;
}

static orion_status take_options(const struct ori_chat *chat, const orion_chat_options *o,
                                 struct ori_chat_input *in, orion_error *err)
{
    orion_status status = ORION_OK;
    const char *think_switch = chat->skills.think_switch;

    if (o->variables)
        status = parse(o->variables, JSON_OBJECT, "variables", &in->variables, err);
    else if (!(in->variables = json_object()))
        status = ori_fail_nomem(err, "the prompt");
    if (status == ORION_OK)
        status = check_variables(in->variables, err);
    if (status == ORION_OK)
        status = set_json(in->variables, "tools", o->tools, err);
    if (status == ORION_OK)
        status = set_json(in->variables, "documents", o->documents, err);
    if (status != ORION_OK)
        return status;
    if (o->thinking != ORION_THINKING_AS_IS && think_switch)
        (void)json_object_set_new(in->variables, think_switch,
                                  json_boolean(o->thinking == ORION_THINKING_ON));
    if (o->reasoning_effort && (chat->skills.flags & ORION_CHAT_EFFORT))
        (void)json_object_set_new(in->variables, "reasoning_effort",
                                  json_string(o->reasoning_effort));
    return ORION_OK;
}

/* ---- both ---- */

orion_status ori_chat_input_init(struct ori_chat_input *out, const struct ori_chat *chat,
                                 const struct ori_chat_ask *ask, orion_error *err)
{
    orion_status status = ORION_OK;

    *out = (struct ori_chat_input){
        .messages = ori_calloc_array(ask->n_messages, sizeof(*out->messages)),
        .calls = json_array(),
    };
    if (!out->messages || !out->calls)
        return ori_fail_nomem(err, "the messages");
    for (size_t i = 0; i < ask->n_messages && status == ORION_OK; i++)
        status = take_message(chat, &ask->messages[i], out, err);
    if (status == ORION_OK && ask->options)
        status = take_options(chat, ask->options, out, err);
    return status;
}

void ori_chat_input_release(struct ori_chat_input *input)
{
    json_decref(input->calls);
    json_decref(input->variables);
    free(input->messages);
    *input = (struct ori_chat_input){0};
}
