/* sections.h - an answer as it comes, cut into what is thought, said and called.
 *
 * Marks are looked for in the text, of which control tokens that are marks
 * (ori_reply_form_has_mark()) must be part; they may come in any number of pieces.
 * Only what may begin a mark is held back.  Thinking is looked for at the beginning
 * alone: an answer may speak of "<think>". */
#ifndef ORI_CHAT_SECTIONS_H
#define ORI_CHAT_SECTIONS_H

#include "base/buf.h"
#include "chat/form.h"

/* A part: whole characters if whole characters came, NUL-terminated.  Non-zero stops. */
typedef int (*ori_section_fn)(orion_piece_kind kind, const char *text, size_t len, void *user);

enum section_state {
    SECTION_BEGINNING, /* nothing but white space yet: the answer, or thinking? */
    SECTION_THINKING,
    SECTION_BETWEEN, /* behind thinking or a call: white space goes */
    SECTION_SAYING,
    SECTION_CALLING,
    SECTION_HEADER, /* of channels: up to its message */
    SECTION_MESSAGE,
    SECTION_PAUSE, /* of channels: behind a message */
};

struct ori_sections {
    struct ori_reply_form form;
    ori_section_fn tell;
    void *user;
    enum section_state state;
    struct ori_buf held;                    /* read, and not told of */
    size_t searched;                        /* of it, for the end of a call */
    bool thought;                           /* something of the thinking was told of */
    bool called;                            /* a call has been read */
    orion_piece_kind kind;                  /* of a channel's message */
    char name[ORI_MAX_TOOL_NAME_BYTES + 1]; /* of the tool that it calls; "": none */
    orion_status status;                    /* the first failure */
};

void ori_sections_init(struct ori_sections *sections, const struct ori_reply_form *form,
                       ori_section_fn tell, void *user);
void ori_sections_release(struct ori_sections *sections);

/* ORION_E_CANCELLED when `tell` stops it, ORION_E_NOMEM. */
orion_status ori_sections_add(struct ori_sections *sections, const char *text, size_t len);
/* The end: what was held back is told of. */
orion_status ori_sections_finish(struct ori_sections *sections);

/* ---- between sections.c and channels.c ---- */

/* Tell of the first n held bytes, and drop them. */
void ori_sections_tell(struct ori_sections *sections, orion_piece_kind kind, size_t n);
/* Tell of a list of calls, which is taken over. */
void ori_sections_tell_calls(struct ori_sections *sections, json_t *calls);
/* One step of the states of channels.  False: more text is needed. */
bool ori_channels_step(struct ori_sections *sections, bool at_end);

#define ORI_MAX_CALL_BYTES ((size_t)1 << 20) /* one that is longer is text */

#endif
