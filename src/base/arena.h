/* Many small things, released together. */
#ifndef ORI_BASE_ARENA_H
#define ORI_BASE_ARENA_H

#include "base/base.h"

struct ori_arena {
    struct ori_arena_block *blocks; /* the newest first */
    size_t bytes;                   /* that all blocks take */
    size_t max_bytes;               /* 0: what is put in is bounded elsewhere */
};

/* Room for count things of size bytes, cleared, aligned for any type, that
 * lives until release; NULL when memory is short or max_bytes would be passed. */
void *ori_arena_alloc(struct ori_arena *arena, size_t count, size_t size) ORI_MUST_USE;

/* A NUL-terminated copy that lives until release; NULL as above. */
const char *ori_arena_copy(struct ori_arena *arena, struct ori_str text);
void ori_arena_release(struct ori_arena *arena);

#endif
