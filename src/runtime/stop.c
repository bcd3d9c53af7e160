#include "runtime/stop.h"

#include "base/match.h"

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

orion_status ori_stop_add(struct ori_stop *stop, const char *text, size_t len, size_t *ready,
                          bool *hit)
{
    const orion_status status = ori_buf_add(&stop->held, text, len);
    size_t keep = 0;

    *hit = false;
    *ready = 0;
    if (status != ORION_OK || stop->held.len == 0)
        return status;
    *ready = stop->held.len;
    for (size_t i = 0; i < stop->n; i++) {
        const size_t found = ori_match_find(stop->held.data, stop->held.len, stop->texts[i]);
        const size_t part = ori_match_overlap(stop->held.data, stop->held.len, stop->texts[i]);
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
    ori_buf_drop(&stop->held, n);
}
