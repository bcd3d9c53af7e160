#include "runtime/stop.h"

#include <string.h>

/* Held text is at most one token's text and the longest stop text. */
#define MAX_HELD (16u << 20)

void ori_stop_init(struct ori_stop *stop, const char *const *texts, size_t n)
{
    *stop = (struct ori_stop){.texts = texts, .n = n};
    ori_buf_init(&stop->held, MAX_HELD);
}

void ori_stop_release(struct ori_stop *stop)
{
    ori_buf_release(&stop->held);
}

/* Length of the longest proper beginning of `text` that the held bytes end in. */
static size_t overlap(const struct ori_buf *held, const char *text)
{
    size_t len = strlen(text) - 1;
    if (len > held->len)
        len = held->len;
    for (; len > 0; len--)
        if (memcmp(held->data + held->len - len, text, len) == 0)
            return len;
    return 0;
}

/* Where `text` first begins in the held bytes, which may hold NULs; held->len
 * when nowhere. */
static size_t find(const struct ori_buf *held, const char *text)
{
    const size_t len = strlen(text);
    for (size_t at = 0; at + len <= held->len; at++)
        if (memcmp(held->data + at, text, len) == 0)
            return at;
    return held->len;
}

orion_status ori_stop_add(struct ori_stop *stop, const char *text, size_t len, size_t *ready,
                          bool *hit)
{
    const orion_status status = ori_buf_add(&stop->held, text, len);
    size_t keep = 0;

    *hit = false;
    *ready = 0;
    if (status != ORION_OK)
        return status;
    *ready = stop->held.len;
    for (size_t i = 0; i < stop->n; i++) {
        const size_t found = find(&stop->held, stop->texts[i]);
        const size_t part = overlap(&stop->held, stop->texts[i]);
        if (found < *ready) {
            *ready = found;
            *hit = true;
        }
        if (part > keep)
            keep = part;
    }
    if (!*hit)
        *ready = stop->held.len - keep;
    return ORION_OK;
}

void ori_stop_drop(struct ori_stop *stop, size_t n)
{
    if (n == 0)
        return;
    memmove(stop->held.data, stop->held.data + n, stop->held.len - n + 1);
    stop->held.len -= n;
}
