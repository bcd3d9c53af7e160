/* The metadata: pairs of a key and a value. */
#include "gguf/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint8_t bytes; /* 0: not a scalar */
} value_types[] = {
    [ORI_GGUF_U8] = {"u8", 1},         [ORI_GGUF_I8] = {"i8", 1},
    [ORI_GGUF_U16] = {"u16", 2},       [ORI_GGUF_I16] = {"i16", 2},
    [ORI_GGUF_U32] = {"u32", 4},       [ORI_GGUF_I32] = {"i32", 4},
    [ORI_GGUF_F32] = {"f32", 4},       [ORI_GGUF_BOOL] = {"bool", 1},
    [ORI_GGUF_STRING] = {"string", 0}, [ORI_GGUF_ARRAY] = {"array", 0},
    [ORI_GGUF_U64] = {"u64", 8},       [ORI_GGUF_I64] = {"i64", 8},
    [ORI_GGUF_F64] = {"f64", 8},
};

const char *ori_gguf_type_name(uint32_t type)
{
    return type < ORI_COUNT(value_types) ? value_types[type].name : "?";
}

static uint64_t string_cap(const char *key)
{
    static const char template_key[] = "tokenizer.chat_template";
    return strncmp(key, template_key, sizeof(template_key) - 1) == 0 ? ORI_GGUF_MAX_TEMPLATE
                                                                     : ORI_GGUF_MAX_STRING;
}

/* The type that the next four bytes name. */
static orion_status read_type(struct ori_cursor *c, uint32_t *out)
{
    const uint64_t at = c->pos;
    const orion_status status = ori_cursor_u32(c, out);

    if (status == ORION_OK && *out >= ORI_COUNT(value_types))
        return ori_cursor_refuse(c, ORION_E_FORMAT, at, "unknown value type %u", *out);
    return status;
}

static orion_status read_array_head(struct ori_cursor *c, struct ori_gguf_kv *kv)
{
    uint64_t at = c->pos;
    orion_status status = read_type(c, &kv->element);

    if (status != ORION_OK)
        return status;
    if (kv->element == ORI_GGUF_ARRAY)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at, "an array of arrays");
    at = c->pos;
    status = ori_cursor_u64(c, &kv->count);
    if (status != ORION_OK)
        return status;
    if (kv->count > ORI_GGUF_MAX_ARRAY)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                 "an array of %" PRIu64 " elements; at most %u are accepted",
                                 kv->count, ORI_GGUF_MAX_ARRAY);
    const uint8_t bytes = value_types[kv->element].bytes;
    if (ori_cursor_lacks(c, kv->count * (bytes ? bytes : 8)))
        return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                 "an array of %" PRIu64 " elements does not fit in the %" PRIu64
                                 " bytes that follow; the file is cut short or damaged",
                                 kv->count, c->size - c->pos);
    return ORION_OK;
}

static orion_status read_strings(struct ori_cursor *c, const struct ori_gguf_kv *kv)
{
    const uint64_t cap = string_cap(kv->key);
    const uint64_t end = c->size < ORI_GGUF_MAX_HEADER ? c->size : ORI_GGUF_MAX_HEADER;
    uint64_t pos = c->pos;
    uint64_t i = 0;

    /* Millions of them may come: step over what is plainly well ... */
    for (; i < kv->count && end >= 8 && pos <= end - 8; i++) {
        const uint64_t len = ori_le64(c->data + pos);
        if (len > cap || len > end - pos - 8)
            break;
        pos += 8 + len;
    }
    c->pos = pos;
    if (i == kv->count)
        return ORION_OK;
    struct ori_str text; /* ... and let the first that is not be refused in words. */
    return ori_cursor_string(c, cap, &text);
}

static orion_status check_bools(const struct ori_cursor *c, const struct ori_gguf_kv *kv)
{
    for (uint64_t i = 0; i < kv->count; i++) {
        if (kv->data[i] > 1)
            return ori_cursor_refuse(c, ORION_E_FORMAT, kv->offset + i,
                                     "a bool of %u; it must be 0 or 1", kv->data[i]);
    }
    return ORION_OK;
}

static orion_status read_value(struct ori_cursor *c, struct ori_gguf_kv *kv)
{
    orion_status status = read_type(c, &kv->type);
    if (status != ORION_OK)
        return status;
    kv->element = kv->type;
    kv->count = 1;
    if (kv->type == ORI_GGUF_ARRAY && (status = read_array_head(c, kv)) != ORION_OK)
        return status;

    kv->data = c->data + c->pos;
    kv->offset = c->pos;
    const uint8_t bytes = value_types[kv->element].bytes;
    status = bytes ? ori_cursor_skip(c, kv->count * bytes) : read_strings(c, kv);
    if (status != ORION_OK)
        return status;
    kv->data_bytes = c->pos - kv->offset;
    return kv->element == ORI_GGUF_BOOL ? check_bools(c, kv) : ORION_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct ori_gguf_kv *x = *(const struct ori_gguf_kv *const *)a;
    const struct ori_gguf_kv *y = *(const struct ori_gguf_kv *const *)b;
    const int order = strcmp(x->key, y->key);
    return order ? order : (x > y) - (x < y); /* equal keys in file order */
}

/* Where the pair's key begins, from where its value does. */
static uint64_t key_offset(const struct ori_gguf_kv *kv)
{
    const uint64_t types = kv->type == ORI_GGUF_ARRAY ? 4 + 4 + 8 : 4;
    return kv->offset - types - strlen(kv->key) - 8;
}

static orion_status index_keys(struct ori_gguf *gguf, struct ori_cursor *c)
{
    gguf->kv_by_key = ori_alloc_array(gguf->n_kv, sizeof(*gguf->kv_by_key));
    if (!gguf->kv_by_key)
        return ori_fail_nomem(c->err, "a model's metadata");
    for (size_t i = 0; i < gguf->n_kv; i++)
        gguf->kv_by_key[i] = &gguf->kv[i];
    qsort(gguf->kv_by_key, gguf->n_kv, sizeof(*gguf->kv_by_key), compare_keys);

    for (size_t i = 1; i < gguf->n_kv; i++) {
        const struct ori_gguf_kv *kv = gguf->kv_by_key[i];
        if (strcmp(gguf->kv_by_key[i - 1]->key, kv->key) != 0)
            continue;
        ori_gguf_at_kv(c, kv);
        return ori_cursor_refuse(c, ORION_E_FORMAT, key_offset(kv), "the key occurs twice");
    }
    return ORION_OK;
}

orion_status ori_gguf_read_kv(struct ori_gguf *gguf, struct ori_cursor *c)
{
    uint64_t keys_bytes = 0;

    gguf->kv = ori_calloc_array(gguf->n_kv, sizeof(*gguf->kv));
    if (!gguf->kv)
        return ori_fail_nomem(c->err, "a model's metadata");
    for (size_t i = 0; i < gguf->n_kv; i++) {
        const uint64_t at = c->pos;
        struct ori_str key;
        orion_status status = ori_cursor_name(c, "key", ORI_GGUF_MAX_KEY, &key);
        if (status != ORION_OK)
            return status;
        keys_bytes += key.len;
        if (keys_bytes > ORI_GGUF_MAX_KEYS_BYTES)
            return ori_cursor_refuse(c, ORION_E_FORMAT, at, "the keys exceed %u MiB together",
                                     ORI_GGUF_MAX_KEYS_BYTES >> 20);
        gguf->kv[i].key = ori_arena_copy(&gguf->names, key);
        if (!gguf->kv[i].key)
            return ori_fail_nomem(c->err, "a model's metadata");
        status = read_value(c, &gguf->kv[i]);
        if (status != ORION_OK)
            return status;
    }
    return index_keys(gguf, c);
}

void ori_gguf_at_kv(struct ori_cursor *c, const struct ori_gguf_kv *kv)
{
    ori_cursor_at(c, "key", (struct ori_str){kv->key, strlen(kv->key)});
}

orion_status ori_gguf_read_alignment(struct ori_gguf *gguf, struct ori_cursor *c)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, "general.alignment");

    gguf->alignment = 32;
    if (!kv)
        return ORION_OK;
    ori_gguf_at_kv(c, kv);
    if (kv->type != ORI_GGUF_U32)
        return ori_cursor_refuse(c, ORION_E_FORMAT, kv->offset, "is %s; it must be u32",
                                 ori_gguf_type_name(kv->type));
    const uint32_t alignment = ori_le32(kv->data);
    if (alignment < 8 || alignment > ORI_GGUF_MAX_ALIGNMENT || (alignment & (alignment - 1)) != 0)
        return ori_cursor_refuse(c, ORION_E_FORMAT, kv->offset,
                                 "is %u; it must be a power of two from 8 to %u", alignment,
                                 ORI_GGUF_MAX_ALIGNMENT);
    gguf->alignment = alignment;
    return ORION_OK;
}

static int compare_key_to(const void *key, const void *element)
{
    return strcmp(key, (*(const struct ori_gguf_kv *const *)element)->key);
}

const struct ori_gguf_kv *ori_gguf_find(const struct ori_gguf *gguf, const char *key)
{
    const struct ori_gguf_kv *const *found =
        bsearch(key, gguf->kv_by_key, gguf->n_kv, sizeof(*gguf->kv_by_key), compare_key_to);
    return found ? *found : NULL;
}
