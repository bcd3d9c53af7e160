#include "manager/texts.h"

#include <stdlib.h>
#include <string.h>

struct ori_text {
    struct ori_text *next;
    char data[];
};

const char *ori_texts_keep(struct ori_texts *texts, const char *text)
{
    if (!text || !*text)
        return "";
    const size_t bytes = strlen(text) + 1;
    struct ori_text *copy = malloc(sizeof(*copy) + bytes);
    if (!copy) {
        texts->failed = true;
        return "";
    }
    memcpy(copy->data, text, bytes);
    copy->next = texts->first;
    texts->first = copy;
    return copy->data;
}

void ori_texts_release(struct ori_texts *texts)
{
    while (texts->first) {
        struct ori_text *next = texts->first->next;
        free(texts->first);
        texts->first = next;
    }
}
