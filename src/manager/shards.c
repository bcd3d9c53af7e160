#include "manager/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/ref.h"

static const size_t tail_bytes = sizeof("-00001-of-00003.gguf") - 1;

void ori_shard_of(const char *file, uint32_t *no, uint32_t *count)
{
    *no = *count = 1;
    if (!ori_ref_is_shard(file))
        return;
    const char *tail = file + strlen(file) - tail_bytes;
    const unsigned long piece = strtoul(tail + 1, NULL, 10);
    const unsigned long pieces = strtoul(tail + strlen("-00001-of-"), NULL, 10);
    if (piece == 0 || piece > pieces || pieces > ORI_MAX_SHARDS)
        return;
    *no = (uint32_t)piece;
    *count = (uint32_t)pieces;
}

void ori_shard_name(char *file, uint32_t no)
{
    char digits[12];
    (void)snprintf(digits, sizeof(digits), "%05u", no);
    memcpy(file + strlen(file) - tail_bytes + 1, digits, 5);
}

bool ori_shard_same_model(const char *a, const char *b)
{
    const size_t len = strlen(a);
    if (len < tail_bytes || strlen(b) != len)
        return false;
    const size_t digits = len - tail_bytes + 1;
    return memcmp(a, b, digits) == 0 && strcmp(a + digits + 5, b + digits + 5) == 0;
}
