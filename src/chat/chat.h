/* chat - messages to prompt text.
 *
 * A template lays messages out as a run of pieces: its own markup, in which
 * control tokens are recognised, and the messages' text, in which they are not.
 */
#ifndef ORI_CHAT_H
#define ORI_CHAT_H

#include "base/base.h"
#include "base/buf.h"

struct ori_chat_template; /* static, immutable */

/* Recognise the template that a model file carries (tokenizer.chat_template)
 * by the control tokens in it.  Without one (source.len 0), NULL. */
const struct ori_chat_template *ori_chat_recognise(struct ori_str source);
const struct ori_chat_template *ori_chat_by_name(const char *name); /* "phi3", ... or NULL */
const char *ori_chat_name(const struct ori_chat_template *chat_template);

/* One run of the laid-out text: [offset, offset+len) of ori_chat_prompt.text. */
struct ori_chat_span {
    size_t offset;
    size_t len;
    bool special; /* markup: control tokens are recognised */
};

struct ori_chat_prompt {
    struct ori_buf text;
    struct ori_chat_span *spans; /* [n_spans] */
    size_t n_spans;
    size_t cap;
};

/* Lay out messages and open the assistant's turn.  Roles: system, user,
 * assistant; ORION_E_ARGUMENT names any other.  Where a template has no system
 * turn, the system text goes in front of the first user message.
 * *out must be zero; release with ori_chat_prompt_release() in any case. */
orion_status ori_chat_render(const struct ori_chat_template *chat_template,
                             const orion_message *messages, size_t n_messages,
                             struct ori_chat_prompt *out, orion_error *err);
void ori_chat_prompt_release(struct ori_chat_prompt *prompt);

/* ---- the request for a summary (summary.c) ---- */

enum ori_lang { ORI_LANG_EN = 0, ORI_LANG_ES = 1 };

/* The language of a text by its function words and letters; English when
 * nothing speaks for Spanish. */
enum ori_lang ori_lang_guess(const char *text, size_t len);
/* "en"/"es" (also "es-MX", "EN"); false when it is neither. */
bool ori_lang_by_name(const char *name, enum ori_lang *out);

/* The user message that asks for a summary of records (already joined);
 * period may be NULL.  Appends to out. */
orion_status ori_summary_request(enum ori_lang lang, const char *period, const char *records,
                                 size_t records_len, struct ori_buf *out);

#endif
