/* form.h - how a model writes what it thinks and what it calls.
 *
 * Its template tells: it lays out earlier thinking and calls in the same marks. */
#ifndef ORI_CHAT_FORM_H
#define ORI_CHAT_FORM_H

#include "base/base.h"
#include "base/json.h"

/* Calls of tools, as they stand in an answer. */
struct ori_call_form {
    const char *sign;        /* in the template's source: it is this form */
    const char *begin, *end; /* around a call or several; `end` NULL: the answer's end */
    const char *marks[3];    /* further control tokens inside */
    bool bare;               /* an answer that begins with '{' is a call, too */
    /* Append the calls of a text to a list, each as ORION_PIECE_TOOL_CALL has it.
     * False when it is not of this form. */
    bool (*read)(const char *text, size_t len, json_t *calls);
};

/* What the answer to a prompt may consist of; plain data, which points to static texts. */
struct ori_reply_form {
    const char *think_begin, *think_end; /* NULL: thinking is not marked */
    bool begins_thinking;                /* the prompt ends in think_begin */
    bool channels;                       /* gpt-oss's: thinking and calls by channel */
    const struct ori_call_form *calls;   /* NULL: none are looked for */
};

/* By the source of a template: begins_thinking is not set, calls are what they would be. */
void ori_reply_form_find(struct ori_str source, struct ori_reply_form *out);

/* Is this, the text of a control token, one of the form's marks? */
bool ori_reply_form_has_mark(const struct ori_reply_form *form, struct ori_str text);

/* The marks of channels. */
#define ORI_MARK_START "<|start|>"
#define ORI_MARK_CHANNEL "<|channel|>"
#define ORI_MARK_MESSAGE "<|message|>"
#define ORI_MARK_END "<|end|>"

/* ---- calls as programs and templates find them (calls.c) ---- */

#define ORI_MAX_TOOL_NAME_BYTES 256u /* names go back into prompts and out to programs */

/* {"type": "function", "function": {"name", "arguments"}, "id"}; `arguments` is taken over,
 * and an id that is no string left out.  NULL: memory is short, or an argument is NULL. */
json_t *ori_call_new(json_t *name, json_t *arguments, json_t *id);

/* A new reference to arguments, or to the JSON that they are the text of. */
json_t *ori_call_arguments(json_t *arguments);

/* ---- readers (calls.c) ---- */

bool ori_calls_json(const char *text, size_t len, json_t *calls);
bool ori_calls_mistral(const char *text, size_t len, json_t *calls);
bool ori_calls_deepseek(const char *text, size_t len, json_t *calls);
/* One call whose arguments are the text. */
bool ori_calls_named(const char *name, const char *text, size_t len, json_t *calls);

#endif
