/* compose.h - Unicode's form NFC (Unicode Standard Annex 15), by utf8proc. */
#ifndef ORI_TOKENIZER_COMPOSE_H
#define ORI_TOKENIZER_COMPOSE_H

#include "base/buf.h"

/* A text grows at most so many times. */
#define ORI_COMPOSE_GROWTH 3

/* True when it is sure, without looking closely. */
bool ori_is_composed(const char *text, size_t len);

/* Append the text in form NFC.  Bytes that are not UTF-8 stay as they are, and
 * nothing is composed across them.  ORION_E_NOMEM, ORION_E_TOO_LONG. */
orion_status ori_compose(const char *text, size_t len, struct ori_buf *out);

#endif
