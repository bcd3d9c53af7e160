/* Text -> token: open addressing with linear probing, at most half full.
 *
 * The hash is fixed, so a hostile file can bring about collisions.  A run of
 * honest pieces longer than PROBE_LIMIT does not happen (the chance is below
 * 1e-14 for a million pieces), so a longer one is refused: building the table
 * costs at most n_tokens * PROBE_LIMIT steps whatever the file says.
 */
#include "tokenizer/internal.h"

#include <stdlib.h>
#include <string.h>

#define PROBE_LIMIT 256u

static uint32_t hash_bytes(const char *text, size_t len)
{
    uint64_t hash = 0xCBF29CE484222325u ^ len; /* FNV-1a, then mixed */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001B3u;
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    return (uint32_t)(hash >> 32);
}

size_t ori_token_index_slots(size_t n_tokens)
{
    size_t size = 16;
    while (size < 2 * n_tokens)
        size *= 2;
    return size;
}

orion_status ori_token_index_init(struct token_index *index, size_t n_tokens)
{
    const size_t size = ori_token_index_slots(n_tokens);

    *index = (struct token_index){.slots = ori_alloc_array(size, sizeof(*index->slots))};
    if (!index->slots)
        return ORION_E_NOMEM;
    index->mask = size - 1;
    for (size_t i = 0; i < size; i++)
        index->slots[i] = (struct token_slot){.id = ORI_NO_TOKEN};
    return ORION_OK;
}

void ori_token_index_release(struct token_index *index)
{
    free(index->slots);
    *index = (struct token_index){0};
}

static bool holds(const struct token_slot *slot, const struct token *tokens, uint32_t hash,
                  const char *text, size_t len)
{
    return slot->hash == hash && tokens[slot->id].text.len == len &&
           memcmp(tokens[slot->id].text.data, text, len) == 0;
}

orion_status ori_token_index_add(struct token_index *index, const struct token *tokens, int32_t id,
                                 int32_t *other)
{
    const struct ori_str text = tokens[id].text;
    const uint32_t hash = hash_bytes(text.data, text.len);
    size_t at = hash & index->mask;

    for (size_t probes = 0; probes < PROBE_LIMIT; probes++) {
        struct token_slot *slot = &index->slots[at];
        if (slot->id == ORI_NO_TOKEN) {
            *slot = (struct token_slot){.hash = hash, .id = id};
            if (text.len > index->longest)
                index->longest = text.len;
            return ORION_OK;
        }
        if (holds(slot, tokens, hash, text.data, text.len)) {
            *other = slot->id;
            return ORION_E_FORMAT;
        }
        at = (at + 1) & index->mask;
    }
    return ORION_E_UNSUPPORTED;
}

int32_t ori_token_index_find(const struct token_index *index, const struct token *tokens,
                             const char *text, size_t len)
{
    if (len == 0 || len > index->longest)
        return ORI_NO_TOKEN;
    const uint32_t hash = hash_bytes(text, len);
    size_t at = hash & index->mask;

    while (index->slots[at].id != ORI_NO_TOKEN) {
        if (holds(&index->slots[at], tokens, hash, text, len))
            return index->slots[at].id;
        at = (at + 1) & index->mask;
    }
    return ORI_NO_TOKEN;
}
