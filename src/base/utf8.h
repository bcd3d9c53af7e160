/* UTF-8 as bytes come: strict (no overlong forms, surrogates or > U+10FFFF). */
#ifndef ORI_BASE_UTF8_H
#define ORI_BASE_UTF8_H

#include "base/base.h"

/* Length 1..4 of the valid character at text[0..len), or 0 when the bytes are
 * not one (broken, or cut off by len).  len may be 0. */
size_t ori_utf8_char(const char *text, size_t len);

/* True when the bytes could be the beginning of a valid character and only
 * more bytes are missing. */
bool ori_utf8_is_partial(const char *text, size_t len);

/* Offset of the first byte that is not valid, or len when all are. */
size_t ori_utf8_valid_len(const char *text, size_t len);

#endif
