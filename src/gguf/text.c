/* A value as a person reads it. */
#include "gguf/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Room for any number or "[string x 4194304]". */
#define SHORT_TEXT 64

static void double_text(double value, bool is_f32, char *out)
{
    /* The fewest digits that read back as the same number. */
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(out, SHORT_TEXT, "%.*g", digits, value);
        const double back = strtod(out, NULL);
        if (is_f32 ? (float)back == (float)value : back == value)
            return;
    }
}

static void float_text(const struct ori_gguf_kv *kv, char *out)
{
    if (kv->type == ORI_GGUF_F32) {
        double_text((double)ori_gguf_f32_at(kv, 0), true, out);
        return;
    }
    const uint64_t bits = ori_le64(kv->data);
    double value;
    memcpy(&value, &bits, sizeof(value));
    double_text(value, false, out);
}

static void scalar_text(const struct ori_gguf_kv *kv, char *out)
{
    const uint8_t *p = kv->data;

    switch (kv->type) {
    case ORI_GGUF_U8:
        (void)snprintf(out, SHORT_TEXT, "%u", p[0]);
        break;
    case ORI_GGUF_I8:
        (void)snprintf(out, SHORT_TEXT, "%d", (int8_t)p[0]);
        break;
    case ORI_GGUF_U16:
        (void)snprintf(out, SHORT_TEXT, "%u", ori_le16(p));
        break;
    case ORI_GGUF_I16:
        (void)snprintf(out, SHORT_TEXT, "%d", (int16_t)ori_le16(p));
        break;
    case ORI_GGUF_U32:
        (void)snprintf(out, SHORT_TEXT, "%" PRIu32, ori_le32(p));
        break;
    case ORI_GGUF_I32:
        (void)snprintf(out, SHORT_TEXT, "%" PRId32, (int32_t)ori_le32(p));
        break;
    case ORI_GGUF_U64:
        (void)snprintf(out, SHORT_TEXT, "%" PRIu64, ori_le64(p));
        break;
    case ORI_GGUF_I64:
        (void)snprintf(out, SHORT_TEXT, "%" PRId64, (int64_t)ori_le64(p));
        break;
    case ORI_GGUF_BOOL:
        (void)snprintf(out, SHORT_TEXT, "%s", p[0] ? "true" : "false");
        break;
    case ORI_GGUF_ARRAY:
        (void)snprintf(out, SHORT_TEXT, "[%s x %" PRIu64 "]", ori_gguf_type_name(kv->element),
                       kv->count);
        break;
    default:
        float_text(kv, out);
    }
}

/* Shown as '?': what is not UTF-8, and control characters but tab and newline. */
static bool is_shown(const char *text, size_t n)
{
    const uint8_t first = (uint8_t)text[0];
    return n > 0 && first != 0x7F && (first >= 0x20 || first == '\n' || first == '\t');
}

static size_t string_text(struct ori_str text, char *out, size_t size)
{
    size_t full = 0;
    size_t used = 0; /* what of it is in out: whole characters */

    for (size_t i = 0; i < text.len;) {
        const size_t n = ori_utf8_char(text.data + i, text.len - i);
        const bool shown = is_shown(text.data + i, n);
        const size_t width = shown ? n : 1;
        if (used == full && size > 0 && width < size - used) {
            memcpy(out + used, shown ? text.data + i : "?", width);
            used += width;
        }
        full += width;
        i += n ? n : 1;
    }
    if (size > 0)
        out[used] = '\0';
    return full;
}

size_t ori_gguf_value_text(const struct ori_gguf_kv *kv, char *out, size_t size)
{
    if (kv->type == ORI_GGUF_STRING) {
        const uint8_t *cursor = kv->data;
        return string_text(ori_gguf_next_string(&cursor), out, size);
    }
    char text[SHORT_TEXT] = "";
    scalar_text(kv, text);
    return string_text((struct ori_str){text, strlen(text)}, out, size);
}

/* ---- the few strings that go out as C text ---- */

static const char *const text_keys[ORI_GGUF_N_TEXTS] = {
    "general.architecture",
    "general.name",
    "general.license",
};

/* "" for what a person could not read: no string, broken UTF-8, a NUL. */
static const char *kept_text(struct ori_gguf *gguf, const char *key)
{
    struct ori_str text;

    if (ori_gguf_get_str(gguf, key, &text, NULL) != ORION_OK || text.len == 0 ||
        memchr(text.data, 0, text.len) || ori_utf8_valid_len(text.data, text.len) < text.len)
        return "";
    return ori_arena_copy(&gguf->names, text);
}

orion_status ori_gguf_keep_texts(struct ori_gguf *gguf, orion_error *err)
{
    for (size_t i = 0; i < ORI_GGUF_N_TEXTS; i++) {
        gguf->texts[i] = kept_text(gguf, text_keys[i]);
        if (!gguf->texts[i])
            return ori_fail_nomem(err, "reading a model file");
    }
    return ORION_OK;
}

const char *ori_gguf_text(const struct ori_gguf *gguf, const char *key)
{
    for (size_t i = 0; i < ORI_GGUF_N_TEXTS; i++)
        if (strcmp(key, text_keys[i]) == 0)
            return gguf->texts[i];
    return "";
}
