/* Messages for templates that know no system role. */
#include "chat/input.h"

#include <stdlib.h>
#include <string.h>

static bool is_system(const struct ori_jinja_message *message)
{
    return strcmp(message->role, "system") == 0;
}

bool ori_chat_has_system(const struct ori_chat_input *input)
{
    for (size_t i = 0; i < input->n; i++)
        if (is_system(&input->messages[i]))
            return true;
    return false;
}

/* The texts of messages[begin..end) that are system messages, then that of `user`. */
static void fold_one(struct ori_chat_folded *out, const struct ori_jinja_message *messages,
                     size_t begin, size_t end, const struct ori_jinja_message *user)
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

/* Room for all from the beginning, so that nothing in `texts` moves. */
static orion_status make_room(const struct ori_chat_input *input, struct ori_chat_folded *out)
{
    size_t room = 1;

    for (size_t i = 0; i < input->n; i++)
        room += (input->messages[i].content ? strlen(input->messages[i].content) : 0) + 3;
    ori_buf_init(&out->texts, room);
    out->messages = ori_calloc_array(input->n + 1, sizeof(*out->messages));
    char *all = ori_calloc_array(room, 1);
    const bool has_room = out->messages && all && ori_buf_add(&out->texts, all, room) == ORION_OK;
    free(all);
    ori_buf_clear(&out->texts);
    return has_room ? ORION_OK : ORION_E_NOMEM;
}

orion_status ori_chat_fold(const struct ori_chat_input *input, struct ori_chat_folded *out)
{
    const struct ori_jinja_message *messages = input->messages;
    const size_t n = input->n;
    size_t begin = 0;
    bool waits = false;

    *out = (struct ori_chat_folded){0};
    if (make_room(input, out) != ORION_OK)
        return ORION_E_NOMEM;
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

void ori_chat_folded_release(struct ori_chat_folded *folded)
{
    ori_buf_release(&folded->texts);
    free(folded->messages);
    *folded = (struct ori_chat_folded){0};
}
