/* Strings that live and die together, as those of a list handed out do. */
#ifndef ORI_MANAGER_TEXTS_H
#define ORI_MANAGER_TEXTS_H

#include "base/base.h"

struct ori_text;

struct ori_texts {
    struct ori_text *first;
    bool failed; /* memory was short somewhere; checked once at the end */
};

/* A copy, valid until the release; "" for NULL, and when memory is short. */
const char *ori_texts_keep(struct ori_texts *texts, const char *text);
void ori_texts_release(struct ori_texts *texts);

#endif
