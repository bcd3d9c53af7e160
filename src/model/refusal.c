/* Architectures that people meet and that do not run: what of them is missing,
 * and what of the catalogue is nearest. */
#include "model/arch.h"

#include <stdio.h>

#define STATE "layers that keep a state instead of attending"
#define SOME_STATE "layers that keep a state beside those that attend"
#define SIDE_BY_SIDE "attention and feed-forward blocks that work side by side"
#define LEARNED "norms that subtract the mean, and positions that are learned or added to scores"
#define LATENT "attention over compressed keys"
#define PICTURES "the positions in three dimensions that go with its pictures"
#define OWN_EXPERTS "its way of choosing experts"

/* clang-format off */
static const struct {
    const char *name, *missing, *instead;
} others[] = {
    {"bitnet",         "weights of three values and the norms that go with them", "qwen2.5-1.5b"},
    {"bloom",          LEARNED,      "qwen3-1.7b"},
    {"chatglm",        "its layout of fused weights", "qwen3-4b"},
    {"cohere2",        SIDE_BY_SIDE, "gemma3-4b"},
    {"command-r",      SIDE_BY_SIDE, "gemma3-4b"},
    {"deepseek",       OWN_EXPERTS,  "qwen3-4b"},
    {"deepseek2",      LATENT,       "qwen3-4b"},
    {"exaone",         "its names of layers", "qwen3-1.7b"},
    {"exaone4",        "layers that are not rotated", "qwen3-1.7b"},
    {"falcon",         SIDE_BY_SIDE, "llama3.2-3b"},
    {"falcon-h1",      SOME_STATE,   "qwen3-1.7b"},
    {"gemma",          "the first Gemma's layout", "gemma2-2b"},
    {"gemma3n",        "streams and embeddings of each layer", "gemma3-4b"},
    {"glm4",           "its norms and partial rotation", "qwen3-4b"},
    {"gpt2",           LEARNED,      "smollm2-1.7b"},
    {"gptneox",        SIDE_BY_SIDE, "smollm2-1.7b"},
    {"granitehybrid",  SOME_STATE,   "granite3.3-2b"},
    {"granitemoe",     OWN_EXPERTS,  "granite3.3-2b"},
    {"internlm2",      "its layout of fused weights", "qwen2.5-1.5b"},
    {"jamba",          SOME_STATE,   "qwen3-4b"},
    {"lfm2",           "layers that convolve instead of attending", "qwen3-1.7b"},
    {"llama4",         OWN_EXPERTS " and attention in chunks", "llama3.2-3b"},
    {"mamba",          STATE,        "smollm2-1.7b"},
    {"mamba2",         STATE,        "smollm2-1.7b"},
    {"minicpm3",       LATENT,       "qwen3-4b"},
    {"mistral3",       "its scale of queries by position", "llama3.2-3b"},
    {"mpt",            LEARNED,      "llama3.2-3b"},
    {"nemotron",       "feed-forward blocks without a gate", "llama3.2-3b"},
    {"nemotron_h",     SOME_STATE,   "qwen3-4b"},
    {"olmo",           "norms without weights", "olmo2-1b"},
    {"olmoe",          OWN_EXPERTS,  "olmo2-1b"},
    {"phi2",           SIDE_BY_SIDE, "phi3-mini-4k"},
    {"phimoe",         OWN_EXPERTS,  "phi3.5-mini"},
    {"qwen",           "the first Qwen's layout", "qwen2.5-1.5b"},
    {"qwen2moe",       OWN_EXPERTS,  "qwen2.5-3b"},
    {"qwen2vl",        PICTURES,     "qwen2.5-3b"},
    {"qwen3next",      SOME_STATE,   "qwen3-4b"},
    {"qwen3vl",        PICTURES,     "qwen3-4b"},
    {"rwkv6",          STATE,        "qwen3-1.7b"},
    {"rwkv7",          STATE,        "qwen3-1.7b"},
    {"smollm3",        "layers that are not rotated", "smollm2-1.7b"},
    {"stablelm",       "norms that subtract the mean", "qwen2.5-1.5b"},
    {"starcoder2",     "norms that subtract the mean", "qwen2.5-3b"},
    {"t5",             "an encoder whose text another half reads", "qwen2.5-1.5b"},
};
/* clang-format on */

void ori_arch_refusal(struct ori_str name, char *out, size_t size)
{
    char names[256];

    for (size_t i = 0; i < ORI_COUNT(others); i++) {
        if (!ori_str_eq(name, others[i].name))
            continue;
        (void)snprintf(out, size,
                       "models of architecture '%s' do not run here: what is missing is %s; of the "
                       "catalogue %s runs instead",
                       others[i].name, others[i].missing, others[i].instead);
        return;
    }
    ori_arch_names(names, sizeof(names));
    (void)snprintf(out, size,
                   "models of architecture '%.*s' are not known here; 'orion list --available' "
                   "names some that run; they are of %s",
                   (int)(name.len < 40 ? name.len : 40), name.data, names);
}

const char *ori_arch_instead(size_t index, const char **name)
{
    if (index >= ORI_COUNT(others))
        return NULL;
    *name = others[index].name;
    return others[index].instead;
}
