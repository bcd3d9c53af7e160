/* Messages and options through the template of a model. */
#include "base/ascii.h"
#include "chat/jinja/jinja.h"
#include "chat/template.h"

#include <stdlib.h>
#include <string.h>

/* ---- messages, as templates find them ---- */

struct laid_out {
    struct ori_jinja_message *messages; /* [n] */
    size_t n;
    json_t *calls;     /* a list that owns the messages' tool_calls */
    json_t *variables; /* NULL: none */
};

static void release(struct laid_out *in)
{
    json_decref(in->calls);
    json_decref(in->variables);
    free(in->messages);
    *in = (struct laid_out){0};
}

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
                                 struct laid_out *in, orion_error *err)
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

/* ---- what a template does not know ---- */

static orion_status unknown(const char *name, orion_error *err, const char *what)
{
    return ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, name,
                       "this model's chat template %s", what);
}

static orion_status check_messages(const struct ori_chat *chat, const struct ori_chat_ask *ask,
                                   orion_error *err)
{
    for (size_t i = 0; i < ask->n_messages; i++)
        if ((ask->messages[i].tool_calls || strcmp(ask->messages[i].role, "tool") == 0) &&
            !chat->skills.shows_calls)
            return unknown("messages", err,
                           "has no place for calls of tools and their results: it knows only "
                           "what the user and the assistant say");
    return ORION_OK;
}

static orion_status check_options(const struct ori_chat *chat, const orion_chat_options *o,
                                  orion_error *err)
{
    const uint32_t flags = chat->skills.flags;

    if (o->tools && !(flags & ORION_CHAT_TOOLS))
        return unknown("tools", err,
                       chat->skills.form.calls
                           ? "does not show tools to it"
                           : "knows no tools, or has their calls written in a form that can't be "
                             "read");
    if (o->documents && !(flags & ORION_CHAT_DOCUMENTS))
        return unknown("documents", err, "has no place for documents; put them in a message");
    if (o->thinking == ORION_THINKING_ON &&
        !(flags & (ORION_CHAT_MARKS_THINKING | ORION_CHAT_SWITCHES_THINKING)))
        return unknown("thinking", err, "knows no thinking: it can't be told to think");
    if (o->thinking == ORION_THINKING_OFF && (flags & ORION_CHAT_MARKS_THINKING) &&
        !(flags & ORION_CHAT_SWITCHES_THINKING))
        return unknown("thinking", err,
                       flags & ORION_CHAT_EFFORT
                           ? "can't be told not to think; a low effort is the least that it knows"
                           : "can't be told not to think");
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
                                 struct laid_out *in, orion_error *err)
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

/* ---- rendering ---- */

static orion_status run(const struct ori_chat *chat, const struct laid_out *in,
                        struct ori_chat_prompt *out, orion_error *err)
{
    const time_t now = time(NULL);
    struct ori_jinja_input input = {
        .messages = in->messages,
        .n_messages = in->n,
        .variables = in->variables,
        .bos_token = chat->bos_token,
        .eos_token = chat->eos_token,
        .add_generation_prompt = true,
    };
    (void)localtime_r(&now, &input.now); /* if it can't, the date is that of 1900 */
    return ori_jinja_render(chat->program, &input, out, err);
}

/* ---- without a system role ---- */

static bool is_system(const struct ori_jinja_message *message)
{
    return strcmp(message->role, "system") == 0;
}

/* Messages without a system role: its texts stand in front of the next user
 * message, or are one themselves where none follows. */
struct folded {
    struct ori_jinja_message *messages; /* [n], their contents in `texts` or borrowed */
    size_t n;
    struct ori_buf texts; /* one behind the other, each with its NUL */
};

/* The texts of messages[begin..end) that are system messages, then that of `user`. */
static void fold_one(struct folded *out, const struct ori_jinja_message *messages, size_t begin,
                     size_t end, const struct ori_jinja_message *user)
{
    const size_t at = out->texts.len;

    for (size_t i = begin; i < end; i++) {
        if (!is_system(&messages[i]))
            continue;
        ori_buf_adds(&out->texts, messages[i].content);
        ori_buf_adds(&out->texts, user || i + 1 < end ? "\n\n" : "");
    }
    ori_buf_adds(&out->texts, user ? user->content : "");
    ori_buf_add(&out->texts, "", 1);
    out->messages[out->n++] =
        (struct ori_jinja_message){.role = "user", .content = ori_buf_text(&out->texts) + at};
}

/* `texts` has room for all from the beginning, so that nothing in it moves. */
static orion_status fold(const struct ori_jinja_message *messages, size_t n, struct folded *out)
{
    size_t begin = 0, room = 1;
    bool waits = false;

    out->messages = ori_calloc_array(n + 1, sizeof(*out->messages));
    for (size_t i = 0; i < n; i++)
        room += (messages[i].content ? strlen(messages[i].content) : 0) + 3;
    ori_buf_init(&out->texts, room);
    char *all = ori_calloc_array(room, 1);
    if (!out->messages || !all || ori_buf_add(&out->texts, all, room) != ORION_OK) {
        free(all);
        return ORION_E_NOMEM;
    }
    free(all);
    ori_buf_clear(&out->texts);
    for (size_t i = 0; i < n; i++) {
        const bool user = strcmp(messages[i].role, "user") == 0;
        if (is_system(&messages[i])) {
            waits = true;
        } else if (user && waits) {
            fold_one(out, messages, begin, i, &messages[i]);
            waits = false;
            begin = i + 1;
        } else {
            out->messages[out->n++] = messages[i];
        }
    }
    if (waits)
        fold_one(out, messages, begin, n, NULL);
    return out->texts.status;
}

static orion_status run_folded(const struct ori_chat *chat, const struct laid_out *in,
                               struct ori_chat_prompt *out, orion_error *err)
{
    struct folded folded = {0};
    orion_status status = fold(in->messages, in->n, &folded);
    const struct laid_out other = {
        .messages = folded.messages, .n = folded.n, .variables = in->variables};

    status = status == ORION_OK ? run(chat, &other, out, err) : ori_fail_nomem(err, "the messages");
    ori_buf_release(&folded.texts);
    free(folded.messages);
    return status;
}

static bool has_system(const struct laid_out *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (is_system(&in->messages[i]))
            return true;
    return false;
}

static orion_status run_program(const struct ori_chat *chat, const struct laid_out *in,
                                struct ori_chat_prompt *out, orion_error *err)
{
    orion_error refusal = {0};

    const orion_status status = run(chat, in, out, &refusal);
    if (status == ORION_OK)
        return ORION_OK;
    if (status == ORION_E_ARGUMENT && has_system(in)) {
        const orion_status folded = run_folded(chat, in, out, err);
        if (folded == ORION_OK || folded == ORION_E_NOMEM)
            return folded;
    }
    *err = refusal; /* of what was asked, not of what we made of it */
    return status;
}

/* ---- both kinds ---- */

static orion_status prepare(const struct ori_chat *chat, const struct ori_chat_ask *ask,
                            struct laid_out *in, orion_error *err)
{
    orion_status status = ORION_OK;

    in->messages = ori_calloc_array(ask->n_messages, sizeof(*in->messages));
    in->calls = json_array();
    if (!in->messages || !in->calls)
        return ori_fail_nomem(err, "the messages");
    for (size_t i = 0; i < ask->n_messages && status == ORION_OK; i++)
        status = take_message(chat, &ask->messages[i], in, err);
    if (status == ORION_OK && ask->options)
        status = take_options(chat, ask->options, in, err);
    return status;
}

static orion_status lay_out(const struct ori_chat *chat, const struct ori_chat_ask *ask,
                            struct ori_chat_prompt *out, orion_error *err)
{
    struct laid_out in = {0};
    orion_error unread = {0}; /* callers may give none, and parts of this look at it */
    orion_error *why = err ? err : &unread;

    orion_status status = check_messages(chat, ask, why);
    if (status == ORION_OK)
        status = prepare(chat, ask, &in, why);
    if (status == ORION_OK)
        status = run_program(chat, &in, out, why);
    release(&in);
    return status;
}

/* The prompt has begun the model's thinking for it: it ends in the mark. */
static bool ends_in_mark(const struct ori_chat_prompt *prompt, const char *mark)
{
    const size_t len = mark ? strlen(mark) : 0;
    const char *text = ori_buf_text(&prompt->text);
    size_t end = prompt->text.len;

    while (end > 0 && ori_is_space(text[end - 1]))
        end--;
    return len > 0 && end >= len && prompt->n_spans > 0 &&
           prompt->spans[prompt->n_spans - 1].special &&
           end - len >= prompt->spans[prompt->n_spans - 1].offset &&
           memcmp(text + end - len, mark, len) == 0;
}

static orion_status no_template(const struct ori_chat *chat, orion_error *err)
{
    if (chat->why_not[0])
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "%s; choose another with --template, or give plain text to continue "
                        "(orion run --raw)",
                        chat->why_not);
    return ori_fail(err, ORION_E_UNSUPPORTED,
                    "the model has no chat template; choose one with --template, or give "
                    "plain text to continue (orion run --raw)");
}

orion_status ori_chat_layout(const struct ori_chat *chat, const struct ori_chat_ask *ask,
                             struct ori_chat_prompt *out, struct ori_reply_form *form,
                             orion_error *err)
{
    orion_status status = ORION_OK;

    *form = (struct ori_reply_form){0};
    if (!chat->program && !chat->builtin)
        return no_template(chat, err);
    status = ori_chat_check(ask->messages, ask->n_messages, err);
    if (status == ORION_OK && ask->options)
        status = check_options(chat, ask->options, err);
    if (status != ORION_OK)
        return status;
    status = chat->program
                 ? lay_out(chat, ask, out, err)
                 : ori_chat_render(chat->builtin, ask->messages, ask->n_messages, out, err);
    if (status != ORION_OK)
        return status;
    *form = chat->skills.form;
    form->begins_thinking = ends_in_mark(out, form->think_begin);
    if (!ask->options || !ask->options->tools)
        form->calls = NULL;
    return ORION_OK;
}
