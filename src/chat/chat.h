/* chat - messages to prompt text.
 *
 * A template lays messages out as a run of pieces: its own markup, in which
 * control tokens are recognised, and the messages' text, in which they are not.
 *
 * A model's file carries its template as a program (Jinja), which is run; some
 * layouts are built in by name, for files whose program can't be.
 */
#ifndef ORI_CHAT_H
#define ORI_CHAT_H

#include "base/base.h"
#include "base/buf.h"
#include "chat/form.h"

struct ori_chat_template; /* one that is built in: static, immutable */
struct ori_jinja;         /* a program: jinja/jinja.h */

/* Recognise the template that a model file carries (tokenizer.chat_template)
 * by the control tokens in it.  Without one (source.len 0), NULL. */
const struct ori_chat_template *ori_chat_recognise(struct ori_str source);
const struct ori_chat_template *ori_chat_by_name(const char *name); /* "phi3", ... or NULL */
const char *ori_chat_name(const struct ori_chat_template *chat_template);
const struct ori_chat_template *ori_chat_at(size_t i); /* one after the other; NULL: no more */

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
 * assistant; ORION_E_ARGUMENT names any other, ORION_E_UNSUPPORTED tools' results and
 * calls, of which built-in layouts know nothing.  Where a template has no system
 * turn, the system text goes in front of the first user message.
 * *out must be zero; release with ori_chat_prompt_release() in any case. */
orion_status ori_chat_render(const struct ori_chat_template *chat_template,
                             const orion_message *messages, size_t n_messages,
                             struct ori_chat_prompt *out, orion_error *err);
void ori_chat_prompt_release(struct ori_chat_prompt *prompt);

/* ---- how one model lays out its chats (chat.c) ---- */

/* What a template knows (skills.c): found by rendering small chats with and without. */
struct ori_chat_skills {
    uint32_t flags;           /* ORION_CHAT_... */
    const char *think_switch; /* the variable that switches thinking; or NULL */
    bool shows_calls;         /* earlier calls and their results, when handed in so: */
    bool without_content;     /* content is none beside calls, not "" */
    bool arguments_as_text;   /* and arguments JSON, not an object */
    struct ori_reply_form form;
};

struct ori_chat {
    struct ori_jinja *program;               /* owned; NULL: `builtin` lays out */
    const struct ori_chat_template *builtin; /* that the program is known to be; or NULL */
    const char *bos_token, *eos_token;       /* borrowed; NULL: none */
    char why_not[256]; /* the program can't be run, in words; "" when it can */
    struct ori_chat_skills skills;
};

/* By a program.  One that does not parse is put aside for the built-in layout that
 * it is recognised as; without one, *out lays out nothing and says why in
 * why_not.  Without a program (source.len 0), nothing.  Fails only for lack of
 * memory.  Release with ori_chat_release() in any case. */
orion_status ori_chat_init(struct ori_chat *out, struct ori_str source, const char *bos_token,
                           const char *eos_token, orion_error *err);
/* By what someone asks for: the name of a built-in layout, or a program (it has a
 * tag), which must parse.  `out` keeps its tokens, and what it had on failure.
 * ORION_E_NOT_FOUND for a name of none. */
orion_status ori_chat_use(struct ori_chat *out, const char *wanted, orion_error *err);
void ori_chat_release(struct ori_chat *chat);

/* "phi3", "jinja" for a program that is none of the built-in ones, "" for none. */
const char *ori_chat_label(const struct ori_chat *chat);

/* What is asked. */
struct ori_chat_ask {
    const orion_message *messages; /* [n_messages] */
    size_t n_messages;
    const orion_chat_options *options; /* as large as ours; NULL: defaults */
};

/* Lay out messages and open the assistant's turn, as ori_chat_render().  Where a
 * program refuses a system message, its text goes in front of the next user
 * message.  *form is what the answer may consist of.
 *
 * ORION_E_UNSUPPORTED when there is no template, or it does not know what is asked
 * (err->name: "tools", "documents", "thinking", "messages"); ORION_E_FORMAT for JSON
 * that is none; else what ori_jinja_render() returns. */
orion_status ori_chat_layout(const struct ori_chat *chat, const struct ori_chat_ask *ask,
                             struct ori_chat_prompt *out, struct ori_reply_form *form,
                             orion_error *err);

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
