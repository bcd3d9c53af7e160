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
    if (status != ORION_OK)
        (void)snprintf(out->why_not, sizeof(out->why_not), "%.*s", (int)sizeof(out->why_not) - 1,
                       why.message);
    return ORION_OK;
}

orion_status ori_chat_use(struct ori_chat *out, const char *wanted, orion_error *err)
{
    const struct ori_str source = {wanted, strlen(wanted)};
    const struct ori_chat_template *builtin = ori_chat_by_name(wanted);
    struct ori_jinja *program = NULL;

    if (!builtin && !strchr(wanted, '{'))
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, wanted,
                           "there is no chat template '%.100s' built in; there are chatml, llama3, "
                           "gemma, phi4-mini, phi3, phi3-no-system, llama2, mistral-v1, mistral-v3 "
                           "and zephyr",
                           wanted);
    if (!builtin) {
        const orion_status status = ori_jinja_parse(source, &program, err);
        if (status != ORION_OK)
            return status;
    }
    ori_jinja_free(out->program);
    out->program = program;
    out->builtin = builtin ? builtin : ori_chat_recognise(source);
    out->why_not[0] = '\0';
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

/* ---- laying out ---- */

static orion_status run(const struct ori_chat *chat, const orion_message *messages,
                        size_t n_messages, struct ori_chat_prompt *out, orion_error *err)
{
    const time_t now = time(NULL);
    struct ori_jinja_input input = {
        .messages = messages,
        .n_messages = n_messages,
        .bos_token = chat->bos_token,
        .eos_token = chat->eos_token,
        .add_generation_prompt = true,
    };
    (void)localtime_r(&now, &input.now); /* if it can't, the date is that of 1900 */
    return ori_jinja_render(chat->program, &input, out, err);
}

static bool is_system(const orion_message *message)
{
    return strcmp(message->role, "system") == 0;
}

/* Messages without a system role: its texts stand in front of the next user
 * message, or are one themselves where none follows. */
struct folded {
    orion_message *messages; /* [n], their contents in `texts` or borrowed */
    size_t n;
    struct ori_buf texts; /* one behind the other, each with its NUL */
};

/* The texts of messages[begin..end) that are system messages, then that of `user`. */
static void fold_one(struct folded *out, const orion_message *messages, size_t begin, size_t end,
                     const orion_message *user)
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
    out->messages[out->n++] = (orion_message){"user", ori_buf_text(&out->texts) + at};
}

/* `texts` has room for all from the beginning, so that nothing in it moves. */
static orion_status fold(const orion_message *messages, size_t n, struct folded *out)
{
    size_t begin = 0, room = 1;
    bool waits = false;

    out->messages = ori_calloc_array(n + 1, sizeof(*out->messages));
    for (size_t i = 0; i < n; i++)
        room += strlen(messages[i].content) + 3;
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

static orion_status run_folded(const struct ori_chat *chat, const orion_message *messages,
                               size_t n_messages, struct ori_chat_prompt *out, orion_error *err)
{
    struct folded folded = {0};
    orion_status status = fold(messages, n_messages, &folded);

    status = status == ORION_OK ? run(chat, folded.messages, folded.n, out, err)
                                : ori_fail_nomem(err, "the messages");
    ori_buf_release(&folded.texts);
    free(folded.messages);
    return status;
}

static bool has_system(const orion_message *messages, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_system(&messages[i]))
            return true;
    return false;
}

static orion_status run_program(const struct ori_chat *chat, const orion_message *messages,
                                size_t n_messages, struct ori_chat_prompt *out, orion_error *err)
{
    orion_error refusal = {0};

    orion_status status = run(chat, messages, n_messages, out, &refusal);
    if (status == ORION_OK)
        return ORION_OK;
    if (status == ORION_E_ARGUMENT && has_system(messages, n_messages)) {
        const orion_status folded = run_folded(chat, messages, n_messages, out, err);
        if (folded == ORION_OK || folded == ORION_E_NOMEM)
            return folded;
    }
    if (err)
        *err = refusal; /* of what was asked, not of what we made of it */
    return status;
}

orion_status ori_chat_layout(const struct ori_chat *chat, const orion_message *messages,
                             size_t n_messages, struct ori_chat_prompt *out, orion_error *err)
{
    if (!chat->program && chat->builtin)
        return ori_chat_render(chat->builtin, messages, n_messages, out, err);
    if (!chat->program && chat->why_not[0])
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "%s; choose another with --template, or give plain text to continue "
                        "(orion run --raw)",
                        chat->why_not);
    if (!chat->program)
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "the model has no chat template; choose one with --template, or give "
                        "plain text to continue (orion run --raw)");
    const orion_status status = ori_chat_check(messages, n_messages, err);
    return status == ORION_OK ? run_program(chat, messages, n_messages, out, err) : status;
}
