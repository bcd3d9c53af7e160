#include "mkmodel.h"

#include <string.h>

/* Plain numbers first: layers, embedding, heads, heads of keys, width of a head,
 * feed-forward, vocabulary, context, base of rope, epsilon of norms; then what is
 * peculiar.  In odd shapes nothing is a power of two and rows are no whole k-quant
 * blocks, but in those that try k-quants. */
/* clang-format off */
static const struct shape shapes[] = {
    {"phi3-mini",             "phi3",    32, 3072, 32, 32, 96, 8192,  32064,   4096, 1e4f, 1e-5f,
     .fused = true, .phi3_chat = true},
    {"llama-3.2-1b",          "llama",   16, 2048, 32,  8, 64, 8192, 128256, 131072, 5e5f, 1e-5f,
     .tied = true, .rope_llama3 = true},
    /* the shapes only: Qwen 2 has biases, which llama has not */
    {"qwen2.5-0.5b-as-llama", "llama",   24,  896, 14,  2, 64, 4864, 151936,  32768, 1e6f, 1e-6f,
     .tied = true},
    {"tiny",                  "llama",    2,  256,  4,  2, 64,  512,   1024,    512, 1e4f, 1e-5f,
     .tied = false},
    /* the least that has whole blocks of every type: scalar code runs it, too */
    {"least",                 "llama",    2,  256,  4,  2, 64,  256,    384,   1024, 1e4f, 1e-5f,
     .tied = false},
    {"odd-llama",             "llama",    3,  480,  6,  3, 80, 1120,    777,    512, 1e4f, 1e-5f,
     .tied = true},
    {"odd-phi3",              "phi3",     3,  768,  8,  2, 96, 1280,   1001,    512, 1e4f, 1e-5f,
     .fused = true, .phi3_chat = true},
    {"odd-qwen2",             "qwen2",    3,  480,  6,  3, 80, 1120,    777,   1024, 1e6f, 1e-6f,
     .tied = true, .qkv_bias = true},
    {"odd-qwen3",             "qwen3",    3,  480,  6,  3, 96, 1120,    777,   1024, 1e6f, 1e-6f,
     .qk_norm = 1},
    {"odd-gemma2",            "gemma2",   4,  480,  6,  3, 96, 1120,    777,   1024, 1e4f, 1e-6f,
     .tied = true, .norm_after = true, .window_tokens = 160, .softcap = 50},
    {"odd-gemma3",            "gemma3",   7,  480,  6,  3, 96, 1120,    777,   1024, 1e6f, 1e-6f,
     .tied = true, .qk_norm = 1, .norm_after = true, .window_tokens = 160},
    {"odd-granite",           "granite",  3,  480,  6,  3, 80, 1120,    777,   1024, 1e4f, 1e-6f,
     .tied = true, .scales = true},
    {"odd-olmo2",             "olmo2",    3,  480,  6,  3, 80, 1120,    777,   1024, 5e5f, 1e-6f,
     .qk_norm = 2, .norm_after = true, .no_norm_before = true},
    {"odd-mixtral",           "llama",    3,  480,  6,  3, 80,  352,    777,   1024, 1e6f, 1e-5f,
     .tied = true, .n_experts = 7, .n_experts_used = 2},
    {"odd-qwen3moe",          "qwen3moe", 3,  512,  6,  3, 96,  256,    777,   1024, 1e6f, 1e-6f,
     .tied = true, .qk_norm = 1, .n_experts = 13, .n_experts_used = 3},
    {"odd-gpt-oss",           "gpt-oss",  4,  480,  6,  3, 80,  352,    777,   1024, 150000, 1e-5f,
     .qkv_bias = true, .biases = true, .sinks = true, .window_tokens = 128,
     .n_experts = 9, .n_experts_used = 4, .original_tokens = 256, .rope_type = "yarn"},
    /* as Phi-4-mini: heads are rotated in part, and the output is the embedding's */
    {"odd-phi4",              "phi3",     3,  768,  8,  2, 96, 1280,   1001,    512, 1e4f, 1e-5f,
     .fused = true, .tied = true, .n_rot = 72},
    /* rope stretched in each way that files know; as Llama 3, Qwen, Gemma 3, Phi-3.5 */
    {"odd-llama3",            "llama",    3,  480,  6,  3, 80, 1120,    777,    512, 5e5f, 1e-5f,
     .rope_llama3 = true},
    {"odd-yarn",              "qwen2",    3,  480,  6,  3, 80, 1120,    777,    512, 1e4f, 1e-5f,
     .qkv_bias = true, .original_tokens = 64, .rope_type = "yarn"},
    {"odd-linear",            "gemma3",   7,  480,  6,  3, 96, 1120,    777,    512, 1e6f, 1e-6f,
     .tied = true, .qk_norm = 1, .norm_after = true, .window_tokens = 160,
     .original_tokens = 64, .rope_type = "linear"},
    {"odd-longrope",          "phi3",     3,  768,  8,  2, 96, 1280,   1001,    512, 1e4f, 1e-5f,
     .fused = true, .n_rot = 72, .original_tokens = 128, .rope_type = "longrope"},
    {"odd-bert",              "bert",     3,  480,  6,  6, 80, 1120,    777,    512, 1e4f, 1e-12f,
     .tied = true, .pooling = 2, .norm_sum = true, .plain = true, .qkv_bias = true},
    {"odd-nomic-bert",        "nomic-bert", 3, 480, 6,  6, 80, 1120,    777,   1024, 1e3f, 1e-12f,
     .tied = true, .pooling = 1, .norm_sum = true, .fused_qkv = true},
    {"odd-qwen3-embedding",   "qwen3",    3,  480,  6,  3, 96, 1120,    777,   1024, 1e6f, 1e-6f,
     .tied = true, .pooling = 3, .qk_norm = 1},
    {"odd-gemma-embedding",   "gemma-embedding", 7, 480, 6, 3, 96, 1120, 777,  1024, 1e6f, 1e-6f,
     .tied = true, .pooling = 1, .qk_norm = 1, .norm_after = true, .window_tokens = 160,
     .dense = 640},
    /* as the smallest models of sentence-transformers */
    {"minilm",                "bert",     6,  384, 12, 12, 32, 1536,  30522,    512, 1e4f, 1e-12f,
     .tied = true, .pooling = 1, .norm_sum = true, .plain = true, .qkv_bias = true},
    {"nomic-embed",           "nomic-bert", 12, 768, 12, 12, 64, 3072, 30528,  2048, 1e3f, 1e-12f,
     .tied = true, .pooling = 1, .norm_sum = true, .fused_qkv = true},
};
/* clang-format on */

const struct shape *shape_find(const char *name)
{
    for (size_t i = 0; i < ORI_COUNT(shapes); i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

void shape_list(FILE *out)
{
    for (size_t i = 0; i < ORI_COUNT(shapes); i++)
        (void)fprintf(out, "%s%s", i > 0 ? " " : "", shapes[i].name);
}
