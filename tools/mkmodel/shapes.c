#include "mkmodel.h"

#include <string.h>

static const struct shape shapes[] = {
    {
        .name = "phi3-mini",
        .architecture = "phi3",
        .n_layers = 32,
        .n_embd = 3072,
        .n_heads = 32,
        .n_heads_kv = 32,
        .head_dim = 96,
        .n_ff = 8192,
        .n_vocab = 32064,
        .context_tokens = 4096,
        .rope_base = 10000,
        .rms_eps = 1e-5f,
        .fused = true,
        .phi3_chat = true,
    },
    {
        .name = "llama-3.2-1b",
        .architecture = "llama",
        .n_layers = 16,
        .n_embd = 2048,
        .n_heads = 32,
        .n_heads_kv = 8,
        .head_dim = 64,
        .n_ff = 8192,
        .n_vocab = 128256,
        .context_tokens = 131072,
        .rope_base = 500000,
        .rms_eps = 1e-5f,
        .tied = true,
        .rope_llama3 = true,
    },
    {
        /* the shapes only: Qwen 2 has biases, which llama has not */
        .name = "qwen2.5-0.5b-as-llama",
        .architecture = "llama",
        .n_layers = 24,
        .n_embd = 896,
        .n_heads = 14,
        .n_heads_kv = 2,
        .head_dim = 64,
        .n_ff = 4864,
        .n_vocab = 151936,
        .context_tokens = 32768,
        .rope_base = 1000000,
        .rms_eps = 1e-6f,
        .tied = true,
    },
    {
        .name = "tiny",
        .architecture = "llama",
        .n_layers = 2,
        .n_embd = 256,
        .n_heads = 4,
        .n_heads_kv = 2,
        .head_dim = 64,
        .n_ff = 512,
        .n_vocab = 1024,
        .context_tokens = 512,
        .rope_base = 10000,
        .rms_eps = 1e-5f,
    },
    {
        /* the least that has whole blocks of every type: scalar code runs it, too */
        .name = "least",
        .architecture = "llama",
        .n_layers = 2,
        .n_embd = 256,
        .n_heads = 4,
        .n_heads_kv = 2,
        .head_dim = 64,
        .n_ff = 256,
        .n_vocab = 384,
        .context_tokens = 1024,
        .rope_base = 10000,
        .rms_eps = 1e-5f,
    },
    {
        /* nothing is a power of two, and rows are no whole k-quant blocks */
        .name = "odd-llama",
        .architecture = "llama",
        .n_layers = 3,
        .n_embd = 480,
        .n_heads = 6,
        .n_heads_kv = 3,
        .head_dim = 80,
        .n_ff = 1120,
        .n_vocab = 777,
        .context_tokens = 512,
        .rope_base = 10000,
        .rms_eps = 1e-5f,
        .tied = true,
    },
    {
        .name = "odd-phi3",
        .architecture = "phi3",
        .n_layers = 3,
        .n_embd = 768,
        .n_heads = 8,
        .n_heads_kv = 2,
        .head_dim = 96,
        .n_ff = 1280,
        .n_vocab = 1001,
        .context_tokens = 512,
        .rope_base = 10000,
        .rms_eps = 1e-5f,
        .fused = true,
        .phi3_chat = true,
    },
};

const struct shape *shape_find(const char *name)
{
    for (size_t i = 0; i < ORI_COUNT(shapes); i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

const char *shape_names(void)
{
    return "phi3-mini llama-3.2-1b qwen2.5-0.5b-as-llama tiny least odd-llama odd-phi3";
}
