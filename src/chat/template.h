/* What the files of the chat room share: one row for each template. */
#ifndef ORI_CHAT_TEMPLATE_H
#define ORI_CHAT_TEMPLATE_H

#include "chat/chat.h"

/* The markup around one role's messages; NULL `before`: there is no such turn. */
struct chat_turn {
    const char *before;
    const char *after;
};

struct ori_chat_template {
    const char *name, *also; /* another name of it; or NULL */
    /* All of `marks` and none of `foreign` in a file's template: it is this one.  Without
     * marks it is had by name only. */
    const char *marks[3];
    const char *foreign[2];
    struct chat_turn system, user, assistant;
    const char *open; /* begins the answer */
    /* Without a system turn, the system text stands in front of the next user
     * message, between these. */
    struct chat_turn inlined;
    /* Stands in front of every user turn but the first (BOS comes by itself). */
    const char *again;
    bool trims; /* white space around messages is taken off */
};

/* Append a run of text to a prompt, whose text must have been initialised. */
orion_status ori_chat_put(struct ori_chat_prompt *out, const char *text, size_t len, bool special);

/* Every message has a role that we know, and content, or else calls. */
orion_status ori_chat_check(const orion_message *messages, size_t n_messages, orion_error *err);

/* Set chat->skills by its program and the source of it. */
void ori_chat_probe(struct ori_chat *chat, struct ori_str source);

#endif
