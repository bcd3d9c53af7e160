/* Finding special tokens: a tree over their bytes, entered by first byte, so
 * that text without one costs a table look-up for each byte. */
#include "tokenizer/internal.h"

#include <stdlib.h>

/* A new node, or 0 when memory is short. */
static uint32_t add_node(struct special_tree *tree, uint8_t byte)
{
    if (tree->count == tree->cap) {
        const size_t cap = tree->cap ? tree->cap * 2 : 64;
        size_t bytes;
        if (cap > UINT32_MAX || !ori_mul(cap, sizeof(*tree->nodes), &bytes))
            return 0;
        struct special_node *nodes = realloc(tree->nodes, bytes);
        if (!nodes)
            return 0;
        tree->nodes = nodes;
        tree->cap = cap;
        if (tree->count == 0)
            tree->nodes[tree->count++] = (struct special_node){.token = ORI_NO_TOKEN};
    }
    tree->nodes[tree->count] = (struct special_node){.token = ORI_NO_TOKEN, .byte = byte};
    return (uint32_t)tree->count++;
}

/* The child of `node` for a byte, or 0. */
static uint32_t find_child(const struct special_tree *tree, uint32_t node, uint8_t byte)
{
    uint32_t child = node == 0 ? tree->first[byte] : tree->nodes[node].child;
    while (child != 0 && tree->nodes[child].byte != byte)
        child = tree->nodes[child].sibling;
    return child;
}

static uint32_t make_child(struct special_tree *tree, uint32_t node, uint8_t byte)
{
    const uint32_t child = add_node(tree, byte);
    if (child == 0)
        return 0;
    if (node == 0) {
        tree->first[byte] = child;
    } else {
        tree->nodes[child].sibling = tree->nodes[node].child;
        tree->nodes[node].child = child;
    }
    return child;
}

orion_status ori_special_tree_add(struct special_tree *tree, struct ori_str text, int32_t token)
{
    uint32_t node = 0;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t byte = (uint8_t)text.data[i];
        uint32_t child = find_child(tree, node, byte);
        if (child == 0)
            child = make_child(tree, node, byte);
        if (child == 0)
            return ORION_E_NOMEM;
        node = child;
    }
    if (node != 0)
        tree->nodes[node].token = token;
    return ORION_OK;
}

void ori_special_tree_release(struct special_tree *tree)
{
    free(tree->nodes);
    *tree = (struct special_tree){0};
}

int32_t ori_special_tree_match(const struct special_tree *tree, const struct token *tokens,
                               const char *text, size_t len, bool trusted)
{
    int32_t longest = ORI_NO_TOKEN;
    uint32_t node = 0;

    for (size_t i = 0; i < len; i++) {
        node = find_child(tree, node, (uint8_t)text[i]);
        if (node == 0)
            break;
        const int32_t token = tree->nodes[node].token;
        if (token != ORI_NO_TOKEN && (trusted || !(tokens[token].flags & TOKEN_TRUSTED)))
            longest = token;
    }
    return longest;
}
