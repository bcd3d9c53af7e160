/* Many small strings, released together. */
#ifndef ORI_GGUF_ARENA_H
#define ORI_GGUF_ARENA_H

#include "base/base.h"

struct ori_arena {
    struct ori_arena_block *blocks; /* the newest first */
};

/* A NUL-terminated copy that lives until release; NULL when memory is short. */
const char *ori_arena_copy(struct ori_arena *arena, struct ori_str text);
void ori_arena_release(struct ori_arena *arena);

#endif
