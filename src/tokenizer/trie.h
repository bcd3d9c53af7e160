/* trie.h - the texts of some tokens as a tree over their bytes: which of them begin
 * at a place in a text.
 *
 * Made once.  Nodes are numbered level by level, so that the children of one lie side
 * by side; node 0 is the root, and nobody's child. */
#ifndef ORI_TOKENIZER_TRIE_H
#define ORI_TOKENIZER_TRIE_H

#include <string.h>

#include "base/base.h"

struct token;

struct ori_trie {
    uint32_t *first;    /* [n_nodes + 1]: node i's children are first[i] .. first[i + 1] - 1 */
    int32_t *tokens;    /* [n_nodes]: the one that ends there, or ORI_NO_TOKEN */
    uint8_t *bytes;     /* [n_nodes]: that leads there */
    uint32_t root[256]; /* the root's children by byte; 0: none */
};

/* Of the tokens that have one of the flags and a text; no two have the same.
 * ORION_E_NOMEM leaves nothing to release. */
orion_status ori_trie_init(struct ori_trie *trie, const struct token *tokens, uint32_t n_tokens,
                           uint8_t flags);
void ori_trie_release(struct ori_trie *trie);

/* The child of `node` for a byte, or 0. */
static inline uint32_t ori_trie_child(const struct ori_trie *trie, uint32_t node, char byte)
{
    if (node == 0)
        return trie->root[(uint8_t)byte];
    const uint32_t begin = trie->first[node];
    const uint8_t *found =
        memchr(trie->bytes + begin, (uint8_t)byte, trie->first[node + 1] - begin);
    return found ? (uint32_t)(found - trie->bytes) : 0;
}

#endif
