/* The template that a model's chats are laid out by. */
#include "chat/jinja/jinja.h"
#include "chat/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- choosing ---- */

orion_status ori_chat_init(struct ori_chat *out, struct ori_str source, const char *bos_token,
                           const char *eos_token, orion_error *err)
{
    orion_error why = {0};

    *out = (struct ori_chat){.bos_token = bos_token, .eos_token = eos_token};
    if (source.len == 0)
        return ORION_OK;
    out->builtin = ori_chat_recognise(source);
    const orion_status status = ori_jinja_parse(source, &out->program, &why);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "the chat template");
    ori_chat_probe(out, source);
    if (status != ORION_OK)
        (void)snprintf(out->why_not, sizeof(out->why_not), "%.*s", (int)sizeof(out->why_not) - 1,
                       why.message);
    return ORION_OK;
}

static orion_status unknown_name(const char *wanted, orion_error *err)
{
    const struct ori_chat_template *row;
    char names[320] = "";
    size_t at = 0;

    for (size_t i = 0; (row = ori_chat_at(i)) && at < sizeof(names); i++)
        if (ori_chat_by_name(ori_chat_name(row)) == row) /* a name may have several rows */
            at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i > 0 ? ", " : "",
                                   ori_chat_name(row));
    return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, wanted,
                       "there is no chat template '%.100s' built in; there are: %s", wanted, names);
}

orion_status ori_chat_use(struct ori_chat *out, const char *wanted, orion_error *err)
{
    const struct ori_str source = {wanted, strlen(wanted)};
    const struct ori_chat_template *builtin = ori_chat_by_name(wanted);
    struct ori_jinja *program = NULL;

    if (!builtin && !strchr(wanted, '{'))
        return unknown_name(wanted, err);
    if (!builtin) {
        const orion_status status = ori_jinja_parse(source, &program, err);
        if (status != ORION_OK)
            return status;
    }
    ori_jinja_free(out->program);
    out->program = program;
    out->builtin = builtin ? builtin : ori_chat_recognise(source);
    out->why_not[0] = '\0';
    if (program)
        ori_chat_probe(out, source);
    else /* a layout by name says nothing of how the model thinks; the file's program did */
        out->skills = (struct ori_chat_skills){
            .flags = out->skills.flags & ORION_CHAT_MARKS_THINKING,
            .form = {out->skills.form.think_begin, out->skills.form.think_end}};
    return ORION_OK;
}

void ori_chat_release(struct ori_chat *chat)
{
    ori_jinja_free(chat->program);
    *chat = (struct ori_chat){0};
}

const char *ori_chat_label(const struct ori_chat *chat)
{
    if (chat->builtin)
        return ori_chat_name(chat->builtin);
    return chat->program ? "jinja" : "";
}
