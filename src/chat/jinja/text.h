/* Text that knows, byte by byte, where it comes from.
 *
 * What the template's author wrote is trusted: control tokens in it are
 * recognised.  What the messages say is not.  Every operation keeps the
 * origin of the bytes that it passes on; text is immutable, so parts share
 * their bytes.  Comparing looks at the bytes alone.
 *
 * Any bytes may be in a text; a character is a valid UTF-8 sequence or else one
 * byte.  Whatever takes memory or time is charged to the interpreter.
 */
#ifndef ORI_CHAT_JINJA_TEXT_H
#define ORI_CHAT_JINJA_TEXT_H

#include <string.h>

#include "base/base.h"

struct interp;

struct text {
    const char *data; /* [len]; lives as long as the template or the rendering */
    size_t len;
    const uint8_t *marks; /* [len] 1: trusted; NULL: all bytes are as `trusted` says */
    bool trusted;
};

static inline struct text ori_jtext_trusted(struct ori_str str)
{
    return (struct text){str.data, str.len, NULL, true};
}

static inline bool ori_jname_same(struct ori_str a, struct ori_str b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* The bytes [begin, end). */
struct text ori_jtext_part(struct text text, size_t begin, size_t end);
bool ori_jtext_is(struct text text, const char *literal);
bool ori_jtext_equal(struct text a, struct text b);
int ori_jtext_order(struct text a, struct text b); /* -1, 0, 1: by code points */

/* Where `part` begins at or behind `from`; text.len + 1 when it does not. */
size_t ori_jtext_find(struct interp *ip, struct text text, struct text part, size_t from);

/* ---- characters ---- */

size_t ori_jtext_char(struct text text, size_t at); /* bytes of the one at `at` */
size_t ori_jtext_chars(struct interp *ip, struct text text);
/* The byte at which character `index` begins; text.len when there is none. */
size_t ori_jtext_offset(struct interp *ip, struct text text, size_t index);
/* The code point; for a byte that is no character, U+FFFD. */
uint32_t ori_jtext_code(struct text text, size_t at);
bool ori_jtext_is_space(struct text text, size_t at);

/* Without the white space, or the characters that are in `set` (data NULL: white
 * space), at the beginning and at the end. */
struct text ori_jtext_strip(struct interp *ip, struct text text, struct text set, bool left,
                            bool right);

/* ---- building ---- */

struct builder {
    char *data;
    uint8_t *marks;
    size_t len, cap;
    bool holds[2]; /* [trusted]: some byte is */
};

void ori_jbuild(struct interp *ip, struct builder *builder, struct text text);
void ori_jbuild_trusted(struct interp *ip, struct builder *builder, const char *literal);
/* Formatted, for numbers and escapes; at most 64 bytes. */
void ori_jbuild_format(struct interp *ip, struct builder *builder, bool trusted, const char *fmt,
                       ...) ORI_PRINTF(4, 5);
struct text ori_jbuilt(const struct builder *builder);

enum letter_case { CASE_LOWER, CASE_UPPER };
/* One character, its case changed (ASCII, Latin-1, Greek and Cyrillic letters). */
void ori_jbuild_cased(struct interp *ip, struct builder *builder, struct text character,
                      enum letter_case to);
struct text ori_jtext_cased(struct interp *ip, struct text text, enum letter_case to);
bool ori_jtext_is_letter(struct text text, size_t at); /* one that has a case */

#endif
