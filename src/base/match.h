/* match.h - marks in a text, which may come piece by piece. */
#ifndef ORI_BASE_MATCH_H
#define ORI_BASE_MATCH_H

#include "base/base.h"

/* Where `mark`, which is not empty, first begins in data[len], which may hold NULs;
 * len when nowhere. */
size_t ori_match_find(const char *data, size_t len, const char *mark);

/* Is `mark`, which is not empty, in the text? */
static inline bool ori_match_in(struct ori_str text, const char *mark)
{
    return ori_match_find(text.data, text.len, mark) < text.len;
}

/* Length of the longest proper beginning of `mark` that data[len] ends in. */
size_t ori_match_overlap(const char *data, size_t len, const char *mark);

#endif
