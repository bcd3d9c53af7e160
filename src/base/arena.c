#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384

struct ori_arena_block {
    struct ori_arena_block *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) char bytes[];
};

static struct ori_arena_block *add_block(struct ori_arena *arena, size_t need)
{
    const size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;
    size_t total, bytes;

    if (!ori_add(sizeof(struct ori_arena_block), cap, &total) ||
        !ori_add(arena->bytes, total, &bytes) || (arena->max_bytes && bytes > arena->max_bytes))
        return NULL;
    struct ori_arena_block *block = malloc(total);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    block->used = 0;
    block->cap = cap;
    arena->blocks = block;
    arena->bytes = bytes;
    return block;
}

/* `need` bytes at a multiple of `align`, a power of two. */
static char *take(struct ori_arena *arena, size_t need, size_t align)
{
    struct ori_arena_block *block = arena->blocks;
    size_t at = block ? (block->used + align - 1) & ~(align - 1) : 0;

    if (!block || at > block->cap || block->cap - at < need) {
        block = add_block(arena, need);
        at = 0;
    }
    if (!block)
        return NULL;
    block->used = at + need;
    return block->bytes + at;
}

void *ori_arena_alloc(struct ori_arena *arena, size_t count, size_t size)
{
    size_t need;
    if (!ori_mul(count, size, &need))
        return NULL;
    char *taken = take(arena, need, alignof(max_align_t));
    return taken ? memset(taken, 0, need) : NULL;
}

const char *ori_arena_copy(struct ori_arena *arena, struct ori_str text)
{
    size_t need;

    if (!ori_add(text.len, 1, &need))
        return NULL;
    char *copy = take(arena, need, 1);
    if (!copy)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

void ori_arena_release(struct ori_arena *arena)
{
    while (arena->blocks) {
        struct ori_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->bytes = 0;
}
