/* Cutting texts into units, each small enough for one request.
 *
 * Nothing is left out: every byte of a text is in exactly one unit, in order,
 * but for white space at the ends of units.
 */
#ifndef ORI_RUNTIME_PARTS_H
#define ORI_RUNTIME_PARTS_H

#include "base/base.h"

/* A stretch of a text, borrowed. */
struct ori_part {
    const char *text; /* [len], begins and ends with something visible */
    size_t len;
    size_t n_tokens;
    const char *glue; /* what goes before it: "\n\n" before a text, "\n" within one */
};

struct ori_parts {
    struct ori_part *list; /* [count], owned */
    size_t count;
    size_t cap;
};

void ori_parts_release(struct ori_parts *units);

/* How many tokens a text takes in a request. */
typedef orion_status (*ori_measure_fn)(void *arg, const char *text, size_t len, size_t *n_tokens,
                                       orion_error *err);

/* Append a text to units, halved where it reads well until no piece has more
 * than max_tokens (one of a single byte may).  A text that is all white space
 * adds nothing. */
orion_status ori_parts_add(struct ori_parts *units, const char *text, size_t len, size_t max_tokens,
                           ori_measure_fn measure, void *arg, orion_error *err);

#endif
