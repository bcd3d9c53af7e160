/* Typed access to the metadata. */
#include "gguf/reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static float f32_at(const uint8_t *p)
{
    const uint32_t bits = ori_le32(p);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double f64_at(const uint8_t *p)
{
    const uint64_t bits = ori_le64(p);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static orion_status find(const struct ori_gguf *gguf, const char *key,
                         const struct ori_gguf_kv **out, orion_error *err)
{
    *out = ori_gguf_find(gguf, key);
    if (*out)
        return ORION_OK;
    return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, key,
                       "%.200s: the key '%.200s' is missing", gguf->file, key);
}

static orion_status wrong(const struct ori_gguf *gguf, const struct ori_gguf_kv *kv,
                          const char *wanted, orion_error *err)
{
    struct ori_cursor c = ori_gguf_cursor(gguf, err);
    ori_gguf_at_kv(&c, kv);
    if (kv->type == ORI_GGUF_ARRAY)
        return ori_cursor_refuse(&c, ORION_E_FORMAT, kv->offset, "is an array of %s; it must be %s",
                                 ori_gguf_type_name(kv->element), wanted);
    char text[64];
    (void)ori_gguf_value_text(kv, text, sizeof(text));
    return ori_cursor_refuse(&c, ORION_E_FORMAT, kv->offset, "is %s (%s); it must be %s",
                             ori_gguf_type_name(kv->type), text, wanted);
}

/* An integer in 64 bits, which of a negative one are more than any u32; false
 * when the pair is not an integer. */
static bool integer(const struct ori_gguf_kv *kv, uint64_t *bits)
{
    const uint8_t *p = kv->data;
    int64_t value;

    switch (kv->type) {
    case ORI_GGUF_U8:
        value = p[0];
        break;
    case ORI_GGUF_I8:
        value = (int8_t)p[0];
        break;
    case ORI_GGUF_U16:
        value = ori_le16(p);
        break;
    case ORI_GGUF_I16:
        value = (int16_t)ori_le16(p);
        break;
    case ORI_GGUF_U32:
        value = ori_le32(p);
        break;
    case ORI_GGUF_I32:
        value = (int32_t)ori_le32(p);
        break;
    case ORI_GGUF_I64:
        value = (int64_t)ori_le64(p);
        break;
    case ORI_GGUF_U64:
        *bits = ori_le64(p);
        return true;
    default:
        return false;
    }
    *bits = (uint64_t)value;
    return true;
}

orion_status ori_gguf_get_u32(const struct ori_gguf *gguf, const char *key, uint32_t *out,
                              orion_error *err)
{
    const struct ori_gguf_kv *kv;
    uint64_t bits = 0;

    const orion_status status = find(gguf, key, &kv, err);
    if (status != ORION_OK)
        return status;
    if (!integer(kv, &bits) || bits > UINT32_MAX)
        return wrong(gguf, kv, "an integer from 0 to 4294967295", err);
    *out = (uint32_t)bits;
    return ORION_OK;
}

orion_status ori_gguf_get_f32(const struct ori_gguf *gguf, const char *key, float *out,
                              orion_error *err)
{
    const struct ori_gguf_kv *kv;
    float value = NAN;

    const orion_status status = find(gguf, key, &kv, err);
    if (status != ORION_OK)
        return status;
    if (kv->type == ORI_GGUF_F32)
        value = f32_at(kv->data);
    else if (kv->type == ORI_GGUF_F64)
        value = (float)f64_at(kv->data); /* infinite when it does not fit */
    if (!isfinite(value))
        return wrong(gguf, kv, "a finite f32", err);
    *out = value;
    return ORION_OK;
}

orion_status ori_gguf_get_bool(const struct ori_gguf *gguf, const char *key, bool *out,
                               orion_error *err)
{
    const struct ori_gguf_kv *kv;

    const orion_status status = find(gguf, key, &kv, err);
    if (status != ORION_OK)
        return status;
    if (kv->type != ORI_GGUF_BOOL)
        return wrong(gguf, kv, "bool", err);
    *out = kv->data[0] != 0;
    return ORION_OK;
}

orion_status ori_gguf_get_str(const struct ori_gguf *gguf, const char *key, struct ori_str *out,
                              orion_error *err)
{
    const struct ori_gguf_kv *kv;

    const orion_status status = find(gguf, key, &kv, err);
    if (status != ORION_OK)
        return status;
    if (kv->type != ORI_GGUF_STRING)
        return wrong(gguf, kv, "a string", err);
    const uint8_t *cursor = kv->data;
    *out = ori_gguf_next_string(&cursor);
    return ORION_OK;
}

orion_status ori_gguf_get_array(const struct ori_gguf *gguf, const char *key, uint32_t element,
                                const struct ori_gguf_kv **out, orion_error *err)
{
    const struct ori_gguf_kv *kv;

    const orion_status status = find(gguf, key, &kv, err);
    if (status != ORION_OK)
        return status;
    if (kv->type != ORI_GGUF_ARRAY || kv->element != element) {
        char wanted[32];
        (void)snprintf(wanted, sizeof(wanted), "an array of %s", ori_gguf_type_name(element));
        return wrong(gguf, kv, wanted, err);
    }
    *out = kv;
    return ORION_OK;
}

struct ori_str ori_gguf_next_string(const uint8_t **cursor)
{
    const struct ori_str text = {(const char *)*cursor + 8, (size_t)ori_le64(*cursor)};
    *cursor += 8 + text.len;
    return text;
}

float ori_gguf_f32_at(const struct ori_gguf_kv *kv, uint64_t index)
{
    return f32_at(kv->data + 4 * index);
}

int32_t ori_gguf_i32_at(const struct ori_gguf_kv *kv, uint64_t index)
{
    return (int32_t)ori_le32(kv->data + 4 * index);
}
