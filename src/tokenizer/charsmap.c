#include "tokenizer/charsmap.h"

#include <string.h>

#include "base/utf8.h"

#define KEY "tokenizer.ggml.precompiled_charsmap"
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- loading ---- */

static bool all_short(struct ori_str texts)
{
    size_t len = 0;

    for (size_t i = 0; i < texts.len; i++) {
        len = texts.data[i] == '\0' ? 0 : len + 1;
        if (len > ORI_CHARSMAP_MAX_BYTES)
            return false;
    }
    return true;
}

orion_status ori_charsmap_load(const struct ori_gguf *gguf, struct ori_charsmap *out,
                               orion_error *err)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, KEY);

    *out = (struct ori_charsmap){0};
    if (!kv)
        return ORION_OK;
    const uint32_t element = kv->element == ORI_GGUF_I8 ? ORI_GGUF_I8 : ORI_GGUF_U8;
    const orion_status status = ori_gguf_get_array(gguf, KEY, element, &kv, err);
    if (status != ORION_OK)
        return status;
    if (kv->count == 0)
        return ORION_OK;
    const uint64_t units = kv->count > 4 ? read_u32(kv->data) : 0;
    if (units == 0 || units % 4 != 0 || units >= kv->count - 4)
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset, KEY,
                           "the table that normalises texts ('%s') does not hold what its "
                           "beginning says",
                           KEY);
    const struct ori_str texts = {(const char *)kv->data + 4 + units,
                                  (size_t)(kv->count - 4 - units)};
    if (texts.data[texts.len - 1] != '\0' || !all_short(texts))
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset + 4 + units, KEY,
                           "a text in the table that normalises texts ('%s') is longer than %u "
                           "bytes, or has no end",
                           KEY, ORI_CHARSMAP_MAX_BYTES);
    *out = (struct ori_charsmap){kv->data + 4, (uint32_t)(units / 4), texts};
    return ORION_OK;
}

/* ---- looking up ---- */

/* A unit; zero, which is nobody's, past the end. */
static uint32_t unit_at(const struct ori_charsmap *map, uint32_t at)
{
    return at < map->n_units ? read_u32(map->units + 4 * (size_t)at) : 0;
}

/* Where the children of the node with this unit are, from the node itself (by XOR). */
static uint32_t children_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* A child says the byte that leads to it, and that it holds no value. */
static bool is_child(uint32_t unit, uint8_t byte)
{
    return (unit & (1u << 31 | 0xff)) == byte;
}

/* The longest replacement at the beginning of the text; data NULL: none. */
static struct ori_str find(const struct ori_charsmap *map, const char *text, size_t len,
                           size_t *taken)
{
    struct ori_str found = {NULL, 0};
    uint32_t at = children_of(unit_at(map, 0));

    if (len > ORI_CHARSMAP_MAX_BYTES)
        len = ORI_CHARSMAP_MAX_BYTES;
    for (size_t i = 0; i < len && text[i] != '\0'; i++) {
        at ^= (uint8_t)text[i];
        const uint32_t unit = unit_at(map, at);
        if (!is_child(unit, (uint8_t)text[i]))
            break;
        at ^= children_of(unit);
        if (!(unit & 1u << 8)) /* nothing ends here */
            continue;
        const uint32_t offset = unit_at(map, at) & ~(1u << 31);
        if (offset >= map->texts.len)
            break; /* a broken table: as if it ended here */
        found.data = map->texts.data + offset;
        *taken = i + 1;
    }
    if (found.data)
        found.len = strlen(found.data);
    return found;
}

struct ori_str ori_charsmap_next(const struct ori_charsmap *map, const char *text, size_t len,
                                 size_t *taken)
{
    if (map->n_units > 0) {
        const struct ori_str found = find(map, text, len, taken);
        if (found.data)
            return found;
    }
    *taken = ori_utf8_char(text, len);
    if (*taken > 0)
        return (struct ori_str){text, *taken};
    *taken = 1;
    return (struct ori_str){REPLACEMENT, sizeof(REPLACEMENT) - 1};
}
