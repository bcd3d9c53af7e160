#include "gguf/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "gguf/gguf.h"

void ori_cursor_at(struct ori_cursor *c, const char *kind, struct ori_str name)
{
    const size_t len = name.len < sizeof(c->name) ? name.len : sizeof(c->name) - 1;

    c->kind = kind;
    if (len > 0)
        memcpy(c->name, name.data, len);
    c->name[len] = '\0';
}

orion_status ori_cursor_refuse(const struct ori_cursor *c, orion_status status, uint64_t offset,
                               const char *fmt, ...)
{
    char reason[384];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);
    if (!c->kind)
        return ori_fail_at(c->err, status, offset, NULL, "%.200s: byte %" PRIu64 ": %s", c->file,
                           offset, reason);
    return ori_fail_at(c->err, status, offset, c->name, "%.200s: byte %" PRIu64 ", %s '%s': %s",
                       c->file, offset, c->kind, c->name, reason);
}

/* The next `bytes` bytes are there and still within what a header may be. */
static orion_status need(struct ori_cursor *c, uint64_t bytes)
{
    if (ori_cursor_lacks(c, bytes))
        return ori_cursor_refuse(c, ORION_E_FORMAT, c->pos,
                                 "the file ends here, %" PRIu64 " bytes are left where %" PRIu64
                                 " must follow; it is cut short or damaged, fetch it again",
                                 c->size - c->pos, bytes);
    if (c->limit > 0 && c->pos + bytes > c->limit)
        return ori_cursor_refuse(c, ORION_E_FORMAT, c->pos,
                                 "metadata and tensor descriptions exceed %" PRIu64 " MiB",
                                 c->limit >> 20);
    return ORION_OK;
}

orion_status ori_cursor_skip(struct ori_cursor *c, uint64_t bytes)
{
    const orion_status status = need(c, bytes);
    if (status == ORION_OK)
        c->pos += bytes;
    return status;
}

orion_status ori_cursor_u32(struct ori_cursor *c, uint32_t *out)
{
    const orion_status status = need(c, 4);
    if (status != ORION_OK)
        return status;
    *out = ori_le32(c->data + c->pos);
    c->pos += 4;
    return ORION_OK;
}

orion_status ori_cursor_u64(struct ori_cursor *c, uint64_t *out)
{
    const orion_status status = need(c, 8);
    if (status != ORION_OK)
        return status;
    *out = ori_le64(c->data + c->pos);
    c->pos += 8;
    return ORION_OK;
}

orion_status ori_cursor_string(struct ori_cursor *c, uint64_t cap, struct ori_str *out)
{
    const uint64_t at = c->pos;
    uint64_t len = 0;
    orion_status status = ori_cursor_u64(c, &len);

    if (status != ORION_OK)
        return status;
    if (ori_cursor_lacks(c, len))
        return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                 "a string of %" PRIu64 " bytes, but the file has only %" PRIu64
                                 " left; it is cut short or damaged, fetch it again",
                                 len, c->size - c->pos);
    if (len > cap)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                 "a string of %" PRIu64 " bytes; at most %" PRIu64 " are accepted",
                                 len, cap);
    *out = (struct ori_str){(const char *)c->data + c->pos, (size_t)len};
    return ori_cursor_skip(c, len);
}

orion_status ori_cursor_name(struct ori_cursor *c, const char *kind, uint64_t cap,
                             struct ori_str *out)
{
    const uint64_t at = c->pos;
    struct ori_str name = {NULL, 0};

    ori_cursor_at(c, kind, name);
    const orion_status status = ori_cursor_string(c, cap, &name);
    if (status != ORION_OK)
        return status;
    ori_cursor_at(c, kind, name);
    if (name.len == 0)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at, "the name is empty");
    const char *nul = memchr(name.data, '\0', name.len);
    if (nul)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at + 8 + (uint64_t)(nul - name.data),
                                 "the name contains a NUL byte");
    const size_t valid = ori_utf8_valid_len(name.data, name.len);
    if (valid < name.len)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at + 8 + valid, "the name is not UTF-8");
    *out = name;
    return ORION_OK;
}
