/* A growable byte buffer with a declared maximum.
 *
 * Invariants: data is NULL or NUL-terminated at data[len]; len <= max.  A
 * failed add sets `status` and leaves the contents as they were; every later
 * add fails too, so that a run of adds may be checked once at its end.
 */
#ifndef ORI_BASE_BUF_H
#define ORI_BASE_BUF_H

#include "base/base.h"

struct ori_buf {
    char *data;
    size_t len;
    size_t cap; /* allocated, without the NUL */
    size_t max;
    orion_status status; /* ORION_OK, ORION_E_NOMEM or ORION_E_TOO_LONG; sticky */
};

void ori_buf_init(struct ori_buf *buf, size_t max_bytes);
void ori_buf_release(struct ori_buf *buf);
void ori_buf_clear(struct ori_buf *buf); /* empty, memory and status OK kept */

orion_status ori_buf_add(struct ori_buf *buf, const void *data, size_t len);
orion_status ori_buf_adds(struct ori_buf *buf, const char *text);
orion_status ori_buf_addf(struct ori_buf *buf, const char *fmt, ...) ORI_PRINTF(2, 3);

/* Take the first n bytes, of those that are there, away. */
void ori_buf_drop(struct ori_buf *buf, size_t n);

/* The contents so far, NUL-terminated; "" when nothing was added. */
const char *ori_buf_text(const struct ori_buf *buf);

/* Hand the NUL-terminated contents to the caller (free()); buf is empty
 * afterwards.  NULL when memory is short or buf->status is set. */
char *ori_buf_take(struct ori_buf *buf);

#endif
