#include "mkmodel.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MIXED "Q4_K_M"

bool recipe_find(const char *name, struct ori_mix *out)
{
    char small[32];
    const int type = ori_type_by_name(name);

    if (strcasecmp(name, MIXED) == 0)
        return ori_mix_find(MIXED, out);
    if (type < 0)
        return false;
    *out = (struct ori_mix){
        .name = ori_type_info((uint32_t)type)->name, .type = (uint32_t)type, .pure = true};
    /* Where no file has the type's name, one has it with an S. */
    (void)snprintf(small, sizeof(small), "%s_S", out->name);
    return ori_file_type_by_name(out->name, &out->file_type) ||
           ori_file_type_by_name(small, &out->file_type);
}

void recipe_list(FILE *out)
{
    for (uint32_t type = 0; type < ORI_TYPE_END; type++)
        if (ori_type_info(type))
            (void)fprintf(out, "%s ", ori_type_info(type)->name);
    (void)fputs(MIXED, out);
}

/* Where a mixed model departs from the mix of its name. */
static struct ori_mix mix_for(const struct ori_mix *recipe, const char *name)
{
    const bool fused = strstr(name, "attn_qkv") != NULL;
    struct ori_mix mix = *recipe;

    if (recipe->pure)
        return mix;
    if (fused) /* in all layers: so comes the 2.39 GB of the published Phi-3-mini q4 */
        mix.type = ORI_Q5_K;
    mix.pure = fused || strstr(name, "_exps");
    return mix;
}

uint32_t recipe_type(const struct ori_mix *recipe, const struct ori_mix_model *model,
                     const char *name, const uint64_t dims[4])
{
    const struct ori_mix mix = mix_for(recipe, name);
    uint32_t wanted;

    if (!ori_mix_is_matrix(name, dims))
        return ORI_F32; /* as every tool keeps what is added to embeddings, and routers */
    const uint32_t type = ori_mix_type(&mix, model, name, dims[0], &wanted);
    if (type != wanted)
        (void)fprintf(stderr, "mkmodel: %s: rows of %llu are not whole blocks of %s; %s instead\n",
                      name, (unsigned long long)dims[0], ori_type_info(wanted)->name,
                      ori_type_info(type)->name);
    return type;
}
