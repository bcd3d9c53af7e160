/* Models that were cut into several files: NAME-00001-of-00003.gguf. */
#ifndef ORI_MANAGER_SHARDS_H
#define ORI_MANAGER_SHARDS_H

#include "base/base.h"

#define ORI_MAX_SHARDS 1000u

/* Which piece of how many the file is; 1 of 1 when its name says nothing of
 * the kind, or nonsense (0 of 3, 4 of 3, more than ORI_MAX_SHARDS). */
void ori_shard_of(const char *file, uint32_t *no, uint32_t *count);

/* Rename a piece in place to piece `no` of the same model. */
void ori_shard_name(char *file, uint32_t no);

/* Do both name pieces of the same model? */
bool ori_shard_same_model(const char *a, const char *b);

#endif
