/* The table of tensor types: names, block sizes, bytes.  Numbers and block
 * layouts are those of the GGUF format (ggml); what to do with the blocks is
 * in the kernels room. */
#ifndef ORI_GGUF_TYPES_H
#define ORI_GGUF_TYPES_H

#include "base/base.h"

enum ori_type {
    ORI_F32 = 0,
    ORI_F16 = 1,
    ORI_Q4_0 = 2,
    ORI_Q4_1 = 3,
    ORI_Q5_0 = 6,
    ORI_Q5_1 = 7,
    ORI_Q8_0 = 8,
    ORI_Q2_K = 10,
    ORI_Q3_K = 11,
    ORI_Q4_K = 12,
    ORI_Q5_K = 13,
    ORI_Q6_K = 14,
    ORI_IQ2_XXS = 16,
    ORI_IQ2_XS = 17,
    ORI_IQ3_XXS = 18,
    ORI_IQ4_NL = 20,
    ORI_IQ3_S = 21,
    ORI_IQ2_S = 22,
    ORI_IQ4_XS = 23,
    ORI_BF16 = 30,
    ORI_MXFP4 = 39,
    ORI_TYPE_END = 40, /* one past the largest */
};

struct ori_type_info {
    const char *name;     /* "Q4_K" */
    uint32_t block_elems; /* elements in a block: 1, 32 or 256 */
    uint32_t block_bytes; /* bytes of a block */
};

/* NULL for a type that we do not know. */
const struct ori_type_info *ori_type_info(uint32_t type);

/* By name, case-insensitive; -1 when unknown. */
int ori_type_by_name(const char *name);

/* Bytes of a row of n elements; false when n is not a multiple of the block or
 * the size overflows.  The type must be known. */
bool ori_type_row_bytes(uint32_t type, uint64_t n, uint64_t *out);

/* file_types.c: what general.file_type says a file's tensors mostly are: a number, and
 * the name that people know it by ("Q4_K_M").  NULL and false when unknown. */
const char *ori_file_type_name(uint32_t number);
bool ori_file_type_by_name(const char *name, uint32_t *number);

#endif
