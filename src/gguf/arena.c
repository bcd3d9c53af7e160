#include "gguf/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384

struct ori_arena_block {
    struct ori_arena_block *next;
    size_t used;
    size_t cap;
    char bytes[];
};

static struct ori_arena_block *add_block(struct ori_arena *arena, size_t need)
{
    const size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;
    size_t total;
    if (!ori_add(sizeof(struct ori_arena_block), cap, &total))
        return NULL;
    struct ori_arena_block *block = malloc(total);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    block->used = 0;
    block->cap = cap;
    arena->blocks = block;
    return block;
}

const char *ori_arena_copy(struct ori_arena *arena, struct ori_str text)
{
    struct ori_arena_block *block = arena->blocks;
    size_t need;

    if (!ori_add(text.len, 1, &need))
        return NULL;
    if (!block || block->cap - block->used < need)
        block = add_block(arena, need);
    if (!block)
        return NULL;
    char *copy = block->bytes + block->used;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    block->used += need;
    return copy;
}

void ori_arena_release(struct ori_arena *arena)
{
    while (arena->blocks) {
        struct ori_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
