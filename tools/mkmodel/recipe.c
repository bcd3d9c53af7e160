#include "mkmodel.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
static const struct recipe recipes[] = {
    {"F32",     ORI_F32,      0, false},
    {"F16",     ORI_F16,      1, false},
    {"BF16",    ORI_BF16,    32, false},
    {"Q8_0",    ORI_Q8_0,     7, false},
    {"Q4_0",    ORI_Q4_0,     2, false},
    {"Q4_1",    ORI_Q4_1,     3, false},
    {"Q5_0",    ORI_Q5_0,     8, false},
    {"Q5_1",    ORI_Q5_1,     9, false},
    {"IQ4_NL",  ORI_IQ4_NL,  25, false},
    {"MXFP4",   ORI_MXFP4,   38, false},
    {"Q2_K",    ORI_Q2_K,    10, false},
    {"Q3_K",    ORI_Q3_K,    11, false},
    {"Q4_K",    ORI_Q4_K,    14, false},
    {"Q5_K",    ORI_Q5_K,    16, false},
    {"Q6_K",    ORI_Q6_K,    18, false},
    {"IQ4_XS",  ORI_IQ4_XS,  30, false},
    {"IQ3_S",   ORI_IQ3_S,   26, false},
    {"IQ3_XXS", ORI_IQ3_XXS, 23, false},
    {"IQ2_S",   ORI_IQ2_S,   28, false},
    {"IQ2_XS",  ORI_IQ2_XS,  20, false},
    {"IQ2_XXS", ORI_IQ2_XXS, 19, false},
    {"Q4_K_M",  ORI_Q4_K,    15, true},
};
/* clang-format on */

const struct recipe *recipe_find(const char *name)
{
    for (size_t i = 0; i < ORI_COUNT(recipes); i++)
        if (strcasecmp(recipes[i].name, name) == 0)
            return &recipes[i];
    return NULL;
}

const char *recipe_names(void)
{
    return "F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL MXFP4 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_XS "
           "IQ3_S IQ3_XXS IQ2_S IQ2_XS IQ2_XXS Q4_K_M";
}

/* The layers whose sensitive matrices get more bits: the first and the last
 * eighth, and every third between. */
static bool more_bits(uint32_t layer, uint32_t n_layers)
{
    const uint32_t eighth = n_layers / 8;
    return layer < eighth || layer >= 7 * n_layers / 8 || (layer - eighth) % 3 == 2;
}

uint32_t recipe_type(const struct recipe *recipe, const char *name, uint32_t n_layers, bool tied)
{
    uint32_t layer;
    char what[32];

    /* Every tool keeps what is added to embeddings so, and llama.cpp wants it. */
    if (strcmp(name, "position_embd.weight") == 0 || strcmp(name, "token_types.weight") == 0 ||
        strstr(name, "ffn_gate_inp")) /* routers are small, and a little decides much */
        return ORI_F32;
    if (!recipe->mixed)
        return recipe->type;
    if (strcmp(name, tied ? "token_embd.weight" : "output.weight") == 0)
        return ORI_Q6_K;
    if (sscanf(name, "blk.%u.%31[a-z_]", &layer, what) != 2)
        return recipe->type;
    /* In all layers: so comes the 2.39 GB of the published Phi-3-mini q4. */
    if (strcmp(what, "attn_qkv") == 0)
        return ORI_Q5_K;
    const bool sensitive = strcmp(what, "attn_v") == 0 || strcmp(what, "ffn_down") == 0;
    return sensitive && more_bits(layer, n_layers) ? ORI_Q6_K : recipe->type;
}
