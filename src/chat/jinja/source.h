/* A template's text, and saying where in it something is wrong. */
#ifndef ORI_CHAT_JINJA_SOURCE_H
#define ORI_CHAT_JINJA_SOURCE_H

#include "base/base.h"

/* Fill err (may be NULL) with "the chat template, line 3, column 7: ..." and
 * return the status given.  `at` is the byte offset in the source. */
orion_status ori_jinja_report(orion_error *err, orion_status status, struct ori_str source,
                              size_t at, const char *fmt, va_list args) ORI_PRINTF(5, 0);

#endif
