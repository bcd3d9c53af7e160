/* gguf - the file format.
 *
 * Reads GGUF versions 2 and 3 (little-endian) from a read-only mapping and
 * refuses, with a status, the key or tensor name and the byte offset, anything
 * that is not well formed; what it hands out afterwards needs no further check
 * of the container.  Whether it describes a model that we run is the business
 * of the model room.
 *
 * Layout: "GGUF", u32 version, u64 n_tensors, u64 n_kv; n_kv times key string,
 * u32 type, value; n_tensors times name string, u32 n_dims, u64 dims[], u32
 * type, u64 offset; padding to general.alignment (default 32); tensor data,
 * each padded to the alignment.  A string is a u64 length and its bytes.
 */
#ifndef ORI_GGUF_H
#define ORI_GGUF_H

#include "base/base.h"
#include "base/sha256.h"
#include "gguf/types.h"

enum ori_gguf_type {
    ORI_GGUF_U8 = 0,
    ORI_GGUF_I8 = 1,
    ORI_GGUF_U16 = 2,
    ORI_GGUF_I16 = 3,
    ORI_GGUF_U32 = 4,
    ORI_GGUF_I32 = 5,
    ORI_GGUF_F32 = 6,
    ORI_GGUF_BOOL = 7,
    ORI_GGUF_STRING = 8,
    ORI_GGUF_ARRAY = 9,
    ORI_GGUF_U64 = 10,
    ORI_GGUF_I64 = 11,
    ORI_GGUF_F64 = 12,
};

/* Caps: more than any real file has, small enough that a refusal is quick. */
#define ORI_GGUF_MAX_KV 65536u
#define ORI_GGUF_MAX_TENSORS 65536u
#define ORI_GGUF_MAX_STRING (1u << 20)
#define ORI_GGUF_MAX_TEMPLATE (16u << 20) /* tokenizer.chat_template* */
#define ORI_GGUF_MAX_ARRAY (4u << 20)
#define ORI_GGUF_MAX_KEY 65535u
#define ORI_GGUF_MAX_NAME 63u
#define ORI_GGUF_MAX_ALIGNMENT 65536u
#define ORI_GGUF_MAX_KEYS_BYTES (2u << 20) /* of all keys together: they are copied */
#define ORI_GGUF_MAX_HEADER (64u << 20)    /* all that comes before the tensor data */

struct ori_gguf_kv {
    const char *key;     /* NUL-terminated; owned by the ori_gguf */
    uint32_t type;       /* enum ori_gguf_type */
    uint32_t element;    /* for arrays: type of the elements; otherwise = type */
    uint64_t count;      /* for arrays: elements; otherwise 1 */
    const uint8_t *data; /* value bytes in the file; a string begins at its length */
    uint64_t data_bytes; /* of the whole value */
    uint64_t offset;     /* of data in the file, for error messages */
};

struct ori_gguf_tensor {
    const char *name;     /* NUL-terminated; owned by the ori_gguf */
    uint32_t type;        /* enum ori_type, known */
    uint32_t n_dims;      /* 1..4 */
    uint64_t dims[4];     /* innermost (row length) first; unused are 1 */
    uint64_t offset;      /* of the data in the file */
    uint64_t info_offset; /* of its description in the file, for error messages */
    uint64_t size_bytes;
    const void *data; /* [size_bytes], valid until ori_gguf_close() */
};

struct ori_gguf;

/* Open by path (maps the file), or parse memory that must outlive the handle.
 * `name` is used in messages only. */
orion_status ori_gguf_open(const char *path, struct ori_gguf **out, orion_error *err);
orion_status ori_gguf_parse(const void *data, size_t size, const char *name, struct ori_gguf **out,
                            orion_error *err);
/* Parse the beginning of a file of file_bytes, of which `size` are at hand;
 * the tensors have no data.  *needs_more tells, after a failure, that it was
 * for lack of the bytes that follow. */
orion_status ori_gguf_parse_header(const void *data, size_t size, uint64_t file_bytes,
                                   const char *name, struct ori_gguf **out, bool *needs_more,
                                   orion_error *err);
void ori_gguf_close(struct ori_gguf *gguf); /* NULL is a no-op */

uint32_t ori_gguf_version(const struct ori_gguf *gguf);
uint32_t ori_gguf_alignment(const struct ori_gguf *gguf);
uint64_t ori_gguf_file_bytes(const struct ori_gguf *gguf);
uint64_t ori_gguf_data_offset(const struct ori_gguf *gguf); /* first byte of tensor data */

/* Tells this file from any other without reading all of it: a hash over its
 * header, the beginning of each tensor, its size and when it was written. */
void ori_gguf_identity(const struct ori_gguf *gguf, uint8_t out[ORI_SHA256_BYTES]);

/* ORION_E_UNSUPPORTED when the file is one part of a split model,
 * ORION_E_FORMAT when its split.* keys contradict each other.  Reading a file
 * includes this check. */
orion_status ori_gguf_check_split(const struct ori_gguf *gguf, orion_error *err);

/* ORION_E_IO when the file shrank while mapped; ORION_OK otherwise. */
orion_status ori_gguf_check_intact(const struct ori_gguf *gguf, orion_error *err);
/* Bring bytes of the file into memory; no-op without a mapping. */
void ori_gguf_read_ahead(const struct ori_gguf *gguf, uint64_t offset, size_t bytes);
void ori_gguf_read_ahead_begin(const struct ori_gguf *gguf); /* base/map.h */
void ori_gguf_read_ahead_end(const struct ori_gguf *gguf);

size_t ori_gguf_n_kv(const struct ori_gguf *gguf);
const struct ori_gguf_kv *ori_gguf_kv_at(const struct ori_gguf *gguf, size_t index);
const struct ori_gguf_kv *ori_gguf_find(const struct ori_gguf *gguf, const char *key); /* or NULL */

size_t ori_gguf_n_tensors(const struct ori_gguf *gguf);
const struct ori_gguf_tensor *ori_gguf_tensor_at(const struct ori_gguf *gguf, size_t index);
const struct ori_gguf_tensor *ori_gguf_find_tensor(const struct ori_gguf *gguf, const char *name);

/* Typed access.  Each returns
 *   ORION_OK            *out is set;
 *   ORION_E_NOT_FOUND   no such key, *out untouched (err is filled too, so a
 *                       caller that requires the key can pass it on);
 *   ORION_E_FORMAT      it is there with another type, or out of range: a
 *                       negative or too large integer, a NaN or infinity. */
/* any integer type whose value fits */
orion_status ori_gguf_get_u32(const struct ori_gguf *gguf, const char *key, uint32_t *out,
                              orion_error *err);
/* f32 or f64, finite */
orion_status ori_gguf_get_f32(const struct ori_gguf *gguf, const char *key, float *out,
                              orion_error *err);
orion_status ori_gguf_get_bool(const struct ori_gguf *gguf, const char *key, bool *out,
                               orion_error *err);
/* borrowed from the file; may hold any bytes, NUL included */
orion_status ori_gguf_get_str(const struct ori_gguf *gguf, const char *key, struct ori_str *out,
                              orion_error *err);
/* A string for a person to read, NUL-terminated and owned by the ori_gguf, for
 * general.name, general.license and general.architecture; "" when the key is
 * absent, not a string, not UTF-8, or another. */
const char *ori_gguf_text(const struct ori_gguf *gguf, const char *key);
/* an array whose elements have the given type */
orion_status ori_gguf_get_array(const struct ori_gguf *gguf, const char *key, uint32_t element,
                                const struct ori_gguf_kv **out, orion_error *err);

/* Name of a value type ("u32"), "?" when unknown. */
const char *ori_gguf_type_name(uint32_t type);

/* Walk an array of strings: start with cursor = kv->data, call kv->count times. */
struct ori_str ori_gguf_next_string(const uint8_t **cursor);

/* Element `index` of a numeric array (unaligned in the file). */
float ori_gguf_f32_at(const struct ori_gguf_kv *kv, uint64_t index);
int32_t ori_gguf_i32_at(const struct ori_gguf_kv *kv, uint64_t index); /* I32 or U32 arrays */

/* A value as text for a person: 32, 0.5, true, "text" without quotes, or
 * "[string x 32064]".  NUL-terminated, cut to size; returns the full length. */
size_t ori_gguf_value_text(const struct ori_gguf_kv *kv, char *out, size_t size);

#endif
