/* Stop texts: hold back what may be the beginning of one, cut at the first
 * that is complete. */
#ifndef ORI_RUNTIME_STOP_H
#define ORI_RUNTIME_STOP_H

#include "base/buf.h"

struct ori_stop {
    const char *const *texts; /* [n], borrowed; none is empty, all are UTF-8 */
    size_t n;
    struct ori_buf held; /* text not yet passed on */
};

void ori_stop_init(struct ori_stop *stop, const char *const *texts, size_t n);
void ori_stop_release(struct ori_stop *stop);

/* Take text in.  *ready is how many bytes at the front of held may be passed
 * on: up to the first complete stop text (*hit is set then), else all but the
 * longest end that could begin one. */
orion_status ori_stop_add(struct ori_stop *stop, const char *text, size_t len, size_t *ready,
                          bool *hit);
/* Drop n passed-on bytes from the front. */
void ori_stop_drop(struct ori_stop *stop, size_t n);

#endif
