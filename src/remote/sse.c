/* Events: lines up to an empty one.  Only "data:" lines matter here; an event
 * that the stream ends in the middle of is none. */
#include "remote/sse.h"

#include <string.h>

void ori_sse_init(struct ori_sse *sse, ori_sse_fn on_event, void *self)
{
    *sse = (struct ori_sse){.on_event = on_event, .self = self};
    ori_buf_init(&sse->line, ORI_SSE_MAX_BYTES);
    ori_buf_init(&sse->data, ORI_SSE_MAX_BYTES);
}

void ori_sse_release(struct ori_sse *sse)
{
    ori_buf_release(&sse->line);
    ori_buf_release(&sse->data);
}

static orion_status full(const struct ori_buf *buf, orion_error *err)
{
    return buf->status == ORION_E_NOMEM
               ? ori_fail_nomem(err, "an answer")
               : ori_fail(err, ORION_E_NETWORK, "the answer has a line of more than %zu bytes",
                          ORI_SSE_MAX_BYTES);
}

static orion_status end_event(struct ori_sse *sse, orion_error *err)
{
    struct ori_buf *data = &sse->data;

    if (data->len == 0)
        return ORION_OK;
    data->data[--data->len] = '\0'; /* the last line's '\n' */
    const orion_status status = sse->on_event(sse->self, data->data, data->len, err);
    ori_buf_clear(data);
    return status;
}

static orion_status end_line(struct ori_sse *sse, orion_error *err)
{
    static const char field[] = "data:";
    const size_t skip = sizeof(field) - 1;
    const char *line = ori_buf_text(&sse->line);
    size_t len = sse->line.len;

    if (len == 0)
        return end_event(sse, err);
    if (len >= skip && memcmp(line, field, skip) == 0) {
        const size_t at = skip + (line[skip] == ' ');
        len -= at;
        if (ori_buf_add(&sse->data, line + at, len) != ORION_OK ||
            ori_buf_add(&sse->data, "\n", 1) != ORION_OK)
            return full(&sse->data, err);
    }
    ori_buf_clear(&sse->line);
    return ORION_OK;
}

orion_status ori_sse_feed(struct ori_sse *sse, const char *bytes, size_t n, orion_error *err)
{
    orion_status status = ORION_OK;

    while (n > 0 && status == ORION_OK) {
        if (sse->after_cr && *bytes == '\n') {
            bytes++;
            n--;
        }
        sse->after_cr = false;
        size_t len = 0;
        while (len < n && bytes[len] != '\n' && bytes[len] != '\r')
            len++;
        if (len > 0 && ori_buf_add(&sse->line, bytes, len) != ORION_OK)
            return full(&sse->line, err);
        if (len == n)
            break;
        sse->after_cr = bytes[len] == '\r';
        status = end_line(sse, err);
        bytes += len + 1;
        n -= len + 1;
    }
    return status;
}
