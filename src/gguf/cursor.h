/* Taking values out of bytes that may be anything.
 *
 * A cursor knows where reading stands and which key or tensor it is at, so
 * that a refusal can say so.  Every take either advances or refuses.
 */
#ifndef ORI_GGUF_CURSOR_H
#define ORI_GGUF_CURSOR_H

#include "base/base.h"

struct ori_cursor {
    const uint8_t *data;
    uint64_t size;
    uint64_t pos;     /* <= size */
    uint64_t limit;   /* of pos: where a header must end at the latest; 0: none */
    const char *file; /* for messages */
    const char *kind; /* "key" or "tensor", or NULL: at neither */
    char name[128];   /* of that key or tensor, cut to fit */
    orion_error *err; /* may be NULL */
    bool ran_out;     /* a refusal was for lack of bytes */
};

/* What is being read from here on; kind NULL: nothing with a name. */
void ori_cursor_at(struct ori_cursor *c, const char *kind, struct ori_str name);

/* Fill err with the file, the offset, the name and the sentence; returns
 * `status`. */
orion_status ori_cursor_refuse(const struct ori_cursor *c, orion_status status, uint64_t offset,
                               const char *fmt, ...) ORI_PRINTF(4, 5);

/* Are fewer than `bytes` left?  Notes it. */
static inline bool ori_cursor_lacks(struct ori_cursor *c, uint64_t bytes)
{
    c->ran_out |= bytes > c->size - c->pos;
    return bytes > c->size - c->pos;
}

orion_status ori_cursor_skip(struct ori_cursor *c, uint64_t bytes);
orion_status ori_cursor_u32(struct ori_cursor *c, uint32_t *out);
orion_status ori_cursor_u64(struct ori_cursor *c, uint64_t *out);
/* A length and that many bytes, borrowed; refused above `cap` bytes. */
orion_status ori_cursor_string(struct ori_cursor *c, uint64_t cap, struct ori_str *out);
/* A string of 1..cap bytes of UTF-8 without NUL; `kind` says of what. */
orion_status ori_cursor_name(struct ori_cursor *c, const char *kind, uint64_t cap,
                             struct ori_str *out);

/* Little-endian values at any address. */
static inline uint16_t ori_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t ori_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t ori_le64(const uint8_t *p)
{
    return (uint64_t)ori_le32(p) | (uint64_t)ori_le32(p + 4) << 32;
}

#endif
