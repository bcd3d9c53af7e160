#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ori_buf_init(struct ori_buf *buf, size_t max_bytes)
{
    *buf = (struct ori_buf){.max = max_bytes};
}

void ori_buf_release(struct ori_buf *buf)
{
    free(buf->data);
    *buf = (struct ori_buf){.max = buf->max};
}

void ori_buf_clear(struct ori_buf *buf)
{
    buf->len = 0;
    buf->status = ORION_OK;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Room for `extra` more bytes and the NUL. */
static orion_status reserve(struct ori_buf *buf, size_t extra)
{
    size_t need;

    if (buf->status != ORION_OK)
        return buf->status;
    if (!ori_add(buf->len, extra, &need) || need > buf->max)
        return buf->status = ORION_E_TOO_LONG;
    if (buf->data && need <= buf->cap)
        return ORION_OK;

    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap = cap > buf->max / 2 ? buf->max : cap * 2;
    if (cap == SIZE_MAX)
        return buf->status = ORION_E_TOO_LONG;
    char *data = realloc(buf->data, cap + 1);
    if (!data)
        return buf->status = ORION_E_NOMEM;
    buf->data = data;
    buf->cap = cap;
    return ORION_OK;
}

orion_status ori_buf_add(struct ori_buf *buf, const void *data, size_t len)
{
    const orion_status status = reserve(buf, len);
    if (status != ORION_OK)
        return status;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return ORION_OK;
}

orion_status ori_buf_adds(struct ori_buf *buf, const char *text)
{
    return ori_buf_add(buf, text, strlen(text));
}

orion_status ori_buf_addf(struct ori_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        return buf->status = ORION_E_NOMEM;

    const orion_status status = reserve(buf, (size_t)len);
    if (status != ORION_OK)
        return status;
    va_start(args, fmt);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
    return ORION_OK;
}

void ori_buf_drop(struct ori_buf *buf, size_t n)
{
    if (n == 0)
        return;
    memmove(buf->data, buf->data + n, buf->len - n + 1);
    buf->len -= n;
}

const char *ori_buf_text(const struct ori_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *ori_buf_take(struct ori_buf *buf)
{
    if (reserve(buf, 0) != ORION_OK)
        return NULL;
    char *data = buf->data;
    data[buf->len] = '\0';
    *buf = (struct ori_buf){.max = buf->max};
    return data;
}
