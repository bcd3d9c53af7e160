/* What is asked, through the template of a model. */
#include "base/ascii.h"
#include "chat/input.h"
#include "chat/template.h"

#include <string.h>

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

/* ---- rendering ---- */

static orion_status run(const struct ori_chat *chat, const struct ori_chat_input *in,
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

static orion_status run_folded(const struct ori_chat *chat, const struct ori_chat_input *in,
                               struct ori_chat_prompt *out, orion_error *err)
{
    struct ori_chat_folded folded;
    orion_status status = ori_chat_fold(in, &folded);
    const struct ori_chat_input other = {
        .messages = folded.messages, .n = folded.n, .variables = in->variables};

    status = status == ORION_OK ? run(chat, &other, out, err) : ori_fail_nomem(err, "the messages");
    ori_chat_folded_release(&folded);
    return status;
}

static orion_status run_program(const struct ori_chat *chat, const struct ori_chat_input *in,
                                struct ori_chat_prompt *out, orion_error *err)
{
    orion_error refusal = {0};

    const orion_status status = run(chat, in, out, &refusal);
    if (status == ORION_OK)
        return ORION_OK;
    if (status == ORION_E_ARGUMENT && ori_chat_has_system(in)) {
        const orion_status folded = run_folded(chat, in, out, err);
        if (folded == ORION_OK || folded == ORION_E_NOMEM)
            return folded;
    }
    *err = refusal; /* of what was asked, not of what we made of it */
    return status;
}

static orion_status lay_out(const struct ori_chat *chat, const struct ori_chat_ask *ask,
                            struct ori_chat_prompt *out, orion_error *err)
{
    struct ori_chat_input in = {0};
    orion_error unread = {0}; /* callers may give none, and parts of this look at it */
    orion_error *why = err ? err : &unread;

    orion_status status = check_messages(chat, ask, why);
    if (status == ORION_OK)
        status = ori_chat_input_init(&in, chat, ask, why);
    if (status == ORION_OK)
        status = run_program(chat, &in, out, why);
    ori_chat_input_release(&in);
    return status;
}

/* ---- both kinds of templates ---- */

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
