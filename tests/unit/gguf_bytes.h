/* GGUF files byte by byte, well formed or not, for tests.  Written from the
 * format's description and not from src/gguf, so that neither can excuse the
 * other.  Everything here is static: include it from one file a program. */
#ifndef TEST_GGUF_BYTES_H
#define TEST_GGUF_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 };

struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
    uint64_t mark; /* where a test expects the reader to point */
    /* where the fields of the tensor put last lie */
    uint64_t at_name, at_n_dims, at_dims, at_type, at_offset;
};

static inline void put(struct bytes *b, const void *data, size_t len)
{
    if (b->cap - b->len < len) {
        b->cap = (b->cap + len) * 2;
        b->data = realloc(b->data, b->cap);
        if (!b->data)
            abort();
    }
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

static inline void put_le(struct bytes *b, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        const uint8_t byte = (uint8_t)(value >> (8 * i));
        put(b, &byte, 1);
    }
}

static inline void put_u8(struct bytes *b, uint64_t value)
{
    put_le(b, value, 1);
}

static inline void put_u32(struct bytes *b, uint64_t value)
{
    put_le(b, value, 4);
}

static inline void put_u64(struct bytes *b, uint64_t value)
{
    put_le(b, value, 8);
}

static inline void put_f32(struct bytes *b, float value)
{
    put(b, &value, sizeof(value));
}

static inline void put_text(struct bytes *b, const char *text)
{
    put_u64(b, strlen(text));
    put(b, text, strlen(text));
}

static inline void put_fill(struct bytes *b, uint8_t byte, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(b, &byte, 1);
}

/* A string of `count` times the same byte. */
static inline void put_long_text(struct bytes *b, char c, size_t count)
{
    put_u64(b, count);
    put_fill(b, (uint8_t)c, count);
}

static inline void mark(struct bytes *b)
{
    b->mark = b->len;
}

static inline void put_head(struct bytes *b, uint64_t n_tensors, uint64_t n_kv)
{
    put(b, "GGUF", 4);
    put_u32(b, 3);
    put_u64(b, n_tensors);
    put_u64(b, n_kv);
}

/* Key and type; the value follows. */
static inline void put_key(struct bytes *b, const char *key, uint32_t type)
{
    put_text(b, key);
    put_u32(b, type);
}

static inline void put_kv_le(struct bytes *b, const char *key, uint32_t type, uint64_t value,
                             size_t bytes)
{
    put_key(b, key, type);
    put_le(b, value, bytes);
}

static inline void put_kv_text(struct bytes *b, const char *key, const char *value)
{
    put_key(b, key, STRING);
    put_text(b, value);
}

static inline void put_array(struct bytes *b, const char *key, uint32_t element, uint64_t count)
{
    put_key(b, key, ARRAY);
    put_u32(b, element);
    put_u64(b, count);
}

static inline void put_tensor(struct bytes *b, const char *name, uint32_t type, uint32_t n_dims,
                              const uint64_t *dims, uint64_t offset)
{
    b->at_name = b->len;
    put_text(b, name);
    b->at_n_dims = b->len;
    put_u32(b, n_dims);
    b->at_dims = b->len;
    for (uint32_t i = 0; i < n_dims; i++)
        put_u64(b, dims[i]);
    b->at_type = b->len;
    put_u32(b, type);
    b->at_offset = b->len;
    put_u64(b, offset);
}

static inline void put_padding(struct bytes *b, size_t alignment)
{
    while (b->len % alignment != 0)
        put_u8(b, 0);
}

/* The bytes in an allocation of exactly their size, so that a sanitizer sees
 * a read past the end.  The builder is empty afterwards. */
static inline uint8_t *take_exact(struct bytes *b, size_t *size)
{
    uint8_t *exact = malloc(b->len ? b->len : 1);
    if (!exact)
        abort();
    if (b->len > 0)
        memcpy(exact, b->data, b->len);
    *size = b->len;
    free(b->data);
    *b = (struct bytes){0};
    return exact;
}

/* A small file with a bit of everything: every value type, an array of each
 * kind, three tensors of which the second lies first. */
static inline void put_sample(struct bytes *b)
{
    static const uint64_t dims_a[] = {32, 3};
    static const uint64_t dims_b[] = {5};
    static const uint64_t dims_c[] = {256, 2, 1, 2};

    put_head(b, 3, 18);
    put_kv_text(b, "general.architecture", "llama");
    put_kv_le(b, "t.u8", U8, 200, 1);
    put_kv_le(b, "t.i8", I8, (uint64_t)-100, 1);
    put_kv_le(b, "t.u16", U16, 60000, 2);
    put_kv_le(b, "t.i16", I16, (uint64_t)-30000, 2);
    put_kv_le(b, "t.u32", U32, 4000000000u, 4);
    put_kv_le(b, "t.i32", I32, (uint64_t)-2000000000, 4);
    put_kv_le(b, "t.u64", U64, 1ull << 40, 8);
    put_kv_le(b, "t.i64", I64, (uint64_t)-5, 8);
    put_key(b, "t.f32", F32);
    put_f32(b, 1e-5f);
    put_key(b, "t.f64", F64);
    const double f64 = 0.1;
    put(b, &f64, sizeof(f64));
    put_kv_le(b, "t.true", BOOL, 1, 1);
    put_kv_le(b, "t.false", BOOL, 0, 1);
    put_array(b, "a.text", STRING, 3);
    put_text(b, "one");
    put_text(b, "");
    put_text(b, "tr\xC3\xAAs");
    put_array(b, "a.f32", F32, 2);
    put_f32(b, 0.5f);
    put_f32(b, -2.0f);
    put_array(b, "a.i32", I32, 3);
    put_u32(b, 7);
    put_u32(b, (uint32_t)-8);
    put_u32(b, 9);
    put_array(b, "a.bool", BOOL, 2);
    put_u8(b, 1);
    put_u8(b, 0);
    put_array(b, "a.empty", U64, 0);
    put_tensor(b, "b.q8", 8, 2, dims_a, 32); /* Q8_0: 3 rows of 34 bytes */
    put_tensor(b, "a.f32", 0, 1, dims_b, 0);
    put_tensor(b, "c.q6k", 14, 4, dims_c, 160); /* Q6_K: 4 rows of 210 bytes */
    put_padding(b, 32);
    put_fill(b, 0x11, 20); /* a.f32 */
    put_padding(b, 32);
    put_fill(b, 0x22, 102); /* b.q8 */
    put_padding(b, 32);
    put_fill(b, 0x33, 840); /* c.q6k */
}

#endif
