/* jinja - the templates that models' files carry, interpreted.
 *
 * The part of Jinja2 that chat templates use, with Hugging Face's settings
 * (trim_blocks, lstrip_blocks) and additions (raise_exception, strftime_now,
 * tojson, generation).  A template is a program from a stranger: source, nesting,
 * steps, memory and output are bounded, and it can reach nothing but what it is given.
 */
#ifndef ORI_CHAT_JINJA_H
#define ORI_CHAT_JINJA_H

#include <time.h>

#include "base/base.h"
#include "base/json.h"
#include "chat/chat.h"

struct ori_jinja; /* immutable: shared by threads without locks */

/* ORION_E_FORMAT: the message gives line and column, err->offset the byte.
 * ORION_E_TOO_LONG: more than 128 KiB.  ORION_E_NOMEM. */
orion_status ori_jinja_parse(struct ori_str source, struct ori_jinja **out, orion_error *err);
void ori_jinja_free(struct ori_jinja *jinja); /* NULL is a no-op */

/* One message as templates find it; what is NULL is not there, but content, which is none. */
struct ori_jinja_message {
    const char *role, *content;
    const char *thinking;     /* as reasoning_content and as thinking: each template knows one */
    const json_t *tool_calls; /* a list */
    const char *tool_call_id, *name;
};

struct ori_jinja_input {
    const struct ori_jinja_message *messages; /* [n_messages] */
    size_t n_messages;
    /* More variables (tools, documents, enable_thinking, date_string, ...), an
     * object or NULL; before all of the others.  Its text is not trusted, but
     * for the names of roles. */
    const json_t *variables;
    const char *bos_token, *eos_token; /* NULL: undefined */
    bool add_generation_prompt;
    struct tm now; /* what strftime_now() shows */
};

/* Append what the template makes of it to *out, which may be zero.
 *
 * ORION_E_ARGUMENT (the template refuses the messages: raise_exception),
 * ORION_E_FORMAT (it fails on them), ORION_E_TOO_LONG (it passes a bound),
 * ORION_E_NOMEM.  *out is released on failure. */
orion_status ori_jinja_render(const struct ori_jinja *jinja, const struct ori_jinja_input *input,
                              struct ori_chat_prompt *out, orion_error *err);

#endif
