#include "gguf/types.h"

#include <strings.h>

/* clang-format off */
static const struct ori_type_info types[ORI_TYPE_END] = {
    [ORI_F32]     = {"F32",       1,   4},
    [ORI_F16]     = {"F16",       1,   2},
    [ORI_BF16]    = {"BF16",      1,   2},
    [ORI_Q4_0]    = {"Q4_0",     32,  18},
    [ORI_Q4_1]    = {"Q4_1",     32,  20},
    [ORI_Q5_0]    = {"Q5_0",     32,  22},
    [ORI_Q5_1]    = {"Q5_1",     32,  24},
    [ORI_Q8_0]    = {"Q8_0",     32,  34},
    [ORI_Q2_K]    = {"Q2_K",    256,  84},
    [ORI_Q3_K]    = {"Q3_K",    256, 110},
    [ORI_Q4_K]    = {"Q4_K",    256, 144},
    [ORI_Q5_K]    = {"Q5_K",    256, 176},
    [ORI_Q6_K]    = {"Q6_K",    256, 210},
    [ORI_IQ4_NL]  = {"IQ4_NL",   32,  18},
    [ORI_MXFP4]   = {"MXFP4",    32,  17},
    [ORI_IQ4_XS]  = {"IQ4_XS",  256, 136},
    [ORI_IQ3_S]   = {"IQ3_S",   256, 110},
    [ORI_IQ3_XXS] = {"IQ3_XXS", 256,  98},
    [ORI_IQ2_S]   = {"IQ2_S",   256,  82},
    [ORI_IQ2_XS]  = {"IQ2_XS",  256,  74},
    [ORI_IQ2_XXS] = {"IQ2_XXS", 256,  66},
};
/* clang-format on */

const struct ori_type_info *ori_type_info(uint32_t type)
{
    if (type >= ORI_TYPE_END || types[type].name == NULL)
        return NULL;
    return &types[type];
}

int ori_type_by_name(const char *name)
{
    for (int type = 0; type < ORI_TYPE_END; type++) {
        if (types[type].name && strcasecmp(types[type].name, name) == 0)
            return type;
    }
    return -1;
}

bool ori_type_row_bytes(uint32_t type, uint64_t n, uint64_t *out)
{
    const struct ori_type_info *info = &types[type];
    return n % info->block_elems == 0 && ori_mul_u64(n / info->block_elems, info->block_bytes, out);
}
