/* Messages -> prompt text, by the row of a template.
 *
 * Markup and text are kept apart as spans: control tokens are recognised in
 * the first only, so that no message can end its own turn.
 */
#include "base/ascii.h"
#include "chat/template.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PROMPT_BYTES (8u << 20)

struct renderer {
    const struct ori_chat_template *row;
    struct ori_chat_prompt *out;
    bool has_user; /* a user turn has been laid out */
};

/* Lengthen the last span, or begin another one. */
static orion_status add_span(struct ori_chat_prompt *out, size_t len, bool special)
{
    if (out->n_spans > 0 && out->spans[out->n_spans - 1].special == special) {
        out->spans[out->n_spans - 1].len += len;
        return ORION_OK;
    }
    if (out->n_spans == out->cap) {
        const size_t cap = out->cap ? out->cap * 2 : 16;
        size_t bytes;
        if (!ori_mul(cap, sizeof(*out->spans), &bytes))
            return ORION_E_NOMEM;
        struct ori_chat_span *spans = realloc(out->spans, bytes);
        if (!spans)
            return ORION_E_NOMEM;
        out->spans = spans;
        out->cap = cap;
    }
    out->spans[out->n_spans++] =
        (struct ori_chat_span){.offset = out->text.len - len, .len = len, .special = special};
    return ORION_OK;
}

orion_status ori_chat_put(struct ori_chat_prompt *out, const char *text, size_t len, bool special)
{
    if (len == 0)
        return ORION_OK;
    const orion_status status = ori_buf_add(&out->text, text, len);
    return status == ORION_OK ? add_span(out, len, special) : status;
}

static orion_status put_markup(struct renderer *renderer, const char *markup)
{
    return markup ? ori_chat_put(renderer->out, markup, strlen(markup), true) : ORION_OK;
}

static orion_status put_content(struct renderer *renderer, const char *content)
{
    size_t len = strlen(content);

    if (renderer->row->trims) {
        while (ori_is_space(*content)) {
            content++;
            len--;
        }
        while (len > 0 && ori_is_space(content[len - 1]))
            len--;
    }
    return ori_chat_put(renderer->out, content, len, false);
}

static orion_status put_turn(struct renderer *renderer, const struct chat_turn *turn,
                             const char *content)
{
    orion_status status = put_markup(renderer, turn->before);
    if (status == ORION_OK)
        status = put_content(renderer, content);
    return status == ORION_OK ? put_markup(renderer, turn->after) : status;
}

static bool is_role(const orion_message *message, const char *role)
{
    return strcmp(message->role, role) == 0;
}

/* A user turn: the system texts messages[begin..end) that wait for it, then
 * `user`, which is NULL when no user message follows them. */
static orion_status put_user(struct renderer *renderer, const orion_message *messages, size_t begin,
                             size_t end, const orion_message *user)
{
    const struct ori_chat_template *row = renderer->row;
    orion_status status = ORION_OK;

    if (renderer->has_user)
        status = put_markup(renderer, row->again);
    renderer->has_user = true;
    if (status == ORION_OK)
        status = put_markup(renderer, row->user.before);
    for (size_t i = begin; i < end && status == ORION_OK; i++)
        if (is_role(&messages[i], "system"))
            status = put_turn(renderer, &row->inlined, messages[i].content);
    if (status == ORION_OK && user)
        status = put_content(renderer, user->content);
    return status == ORION_OK ? put_markup(renderer, row->user.after) : status;
}

static orion_status put_all(struct renderer *renderer, const orion_message *messages, size_t n)
{
    const struct ori_chat_template *row = renderer->row;
    const bool inlines = row->system.before == NULL;
    size_t begin = 0; /* of the messages whose system texts still wait */
    bool waits = false;
    orion_status status = ORION_OK;

    for (size_t i = 0; i < n && status == ORION_OK; i++) {
        if (is_role(&messages[i], "system") && inlines) {
            waits = true;
        } else if (is_role(&messages[i], "system")) {
            status = put_turn(renderer, &row->system, messages[i].content);
        } else if (is_role(&messages[i], "assistant")) {
            status = put_turn(renderer, &row->assistant, messages[i].content);
        } else {
            status = put_user(renderer, messages, inlines ? begin : i, i, &messages[i]);
            begin = i + 1;
            waits = false;
        }
    }
    if (status == ORION_OK && waits) /* nothing is dropped: it becomes a turn */
        status = put_user(renderer, messages, begin, n, NULL);
    return status == ORION_OK ? put_markup(renderer, row->open) : status;
}

static bool is_known_role(const char *role)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};

    for (size_t i = 0; i < ORI_COUNT(roles); i++)
        if (strcmp(role, roles[i]) == 0)
            return true;
    return false;
}

orion_status ori_chat_check(const orion_message *messages, size_t n_messages, orion_error *err)
{
    if (n_messages == 0)
        return ori_fail(err, ORION_E_ARGUMENT, "there is no message to answer");
    for (size_t i = 0; i < n_messages; i++) {
        const orion_message *m = &messages[i];
        if (!m->role || (!m->content && !m->tool_calls))
            return ori_fail(err, ORION_E_ARGUMENT, "message %zu has no %s", i + 1,
                            m->role ? "content" : "role");
        if (!is_known_role(m->role))
            return ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, m->role,
                               "message %zu has the role '%.100s'; system, user, assistant and "
                               "tool are possible",
                               i + 1, m->role);
        if (m->tool_calls && !is_role(m, "assistant"))
            return ori_fail(err, ORION_E_ARGUMENT,
                            "message %zu has tool calls, but its role is '%.100s', not 'assistant'",
                            i + 1, m->role);
    }
    return ORION_OK;
}

/* Of tools the built-in layouts know nothing. */
static orion_status check_plain(const orion_message *messages, size_t n_messages, orion_error *err)
{
    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].tool_calls || is_role(&messages[i], "tool"))
            return ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, "messages",
                               "message %zu is about a call of a tool, and the built-in layouts "
                               "have no place for it",
                               i + 1);
    return ORION_OK;
}

orion_status ori_chat_render(const struct ori_chat_template *chat_template,
                             const orion_message *messages, size_t n_messages,
                             struct ori_chat_prompt *out, orion_error *err)
{
    struct renderer renderer = {.row = chat_template, .out = out};
    orion_status status = ori_chat_check(messages, n_messages, err);
    if (status == ORION_OK)
        status = check_plain(messages, n_messages, err);
    if (status != ORION_OK)
        return status;

    ori_buf_init(&out->text, MAX_PROMPT_BYTES);
    status = put_all(&renderer, messages, n_messages);
    if (status == ORION_OK)
        return ORION_OK;
    ori_chat_prompt_release(out);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "the prompt");
    return ori_fail(err, status, "the messages make a prompt of more than %u bytes; shorten them",
                    MAX_PROMPT_BYTES);
}

void ori_chat_prompt_release(struct ori_chat_prompt *prompt)
{
    ori_buf_release(&prompt->text);
    free(prompt->spans);
    *prompt = (struct ori_chat_prompt){0};
}
