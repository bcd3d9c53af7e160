#include "model/arch.h"

#include <stdio.h>

static const struct ori_arch table[] = {
    {.name = "llama", .experts = true},
    {
        .name = "phi3",
        .fused_qkv = true,
        .fused_gate_up = true,
        .rope_neox = true,
        .rope_long_short = true,
        /* Phi-3-mini-4k's published configuration says 2047; its older GGUF
         * files do not carry the key. */
        .unnamed_window_tokens = 2047,
        .unnamed_window_context = 4096,
    },
    {.name = "qwen2", .rope_neox = true, .qkv_bias = true},
    {.name = "qwen3", .rope_neox = true, .qk_norm = ORI_QK_NORM_HEADS},
    {.name = "qwen3moe", .rope_neox = true, .qk_norm = ORI_QK_NORM_HEADS, .experts = true},
    {
        .name = "gemma2",
        .rope_neox = true,
        .norm_after = true,
        .activation = ORI_GELU,
        .embedding_root_scale = true,
        .softcap_keys = true,
        .window_period = 2,
    },
    {
        .name = "gemma3",
        .rope_neox = true,
        .qk_norm = ORI_QK_NORM_HEADS,
        .norm_after = true,
        .activation = ORI_GELU,
        .embedding_root_scale = true,
        .softcap_keys = true,
        .window_period = 6,
        .rope_base_local = 10000,
    },
    {.name = "granite", .scale_keys = true},
    {
        .name = "gpt-oss",
        .rope_neox = true,
        .qkv_bias = true,
        .attn_sinks = true,
        .ffn_norm = "post_attention_norm",
        .activation = ORI_CLAMPED_SWIGLU,
        .experts = true,
        .window_period = 2,
    },
    {
        .name = "olmo2",
        .rope_neox = true,
        .qk_norm = ORI_QK_NORM_ROWS,
        .no_norm_before = true,
        .norm_after = true,
    },
    {
        .name = "gemma-embedding",
        .rope_neox = true,
        .encoder = true,
        .qk_norm = ORI_QK_NORM_HEADS,
        .norm_after = true,
        .activation = ORI_GELU,
        .embedding_root_scale = true,
        .window_period = 6,
        .rope_base_local = 10000,
    },
    {
        .name = "bert",
        .no_gate = true,
        .qkv_bias = true,
        .learned_positions = true,
        .token_types = true,
        .encoder = true,
        .layer_norm = true,
        .no_norm_before = true,
        .norm_sum = true,
        .activation = ORI_GELU,
    },
    {
        .name = "nomic-bert",
        .fused_qkv = true,
        .rope_neox = true,
        .token_types = true,
        .encoder = true,
        .layer_norm = true,
        .no_norm_before = true,
        .norm_sum = true,
    },
};

const struct ori_arch *ori_arch_find(struct ori_str name)
{
    for (size_t i = 0; i < ORI_COUNT(table); i++)
        if (ori_str_eq(name, table[i].name))
            return &table[i];
    return NULL;
}

void ori_arch_names(char *out, size_t size)
{
    size_t at = 0;

    *out = '\0';
    for (size_t i = 0; i < ORI_COUNT(table) && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", table[i].name);
}
