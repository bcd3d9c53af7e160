/* mkmodel - makes model files for tests and measurements: random weights in the shapes of a
 * known model. */
#ifndef MKMODEL_H
#define MKMODEL_H

#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "quantize/mix.h"

#include <stdio.h>

/* ---- recipe.c: which tensor gets which type ----
 *
 * As quantize says (quantize/mix.h), but that a type's name means all matrices. */

/* By name: a type's, or "Q4_K_M".  False when there is none. */
bool recipe_find(const char *name, struct ori_mix *out);
/* All names, for a message. */
void recipe_list(FILE *out);

/* The type of a tensor with rows and columns; says so when it is not what the recipe wants. */
uint32_t recipe_type(const struct ori_mix *recipe, const struct ori_mix_model *model,
                     const char *name, const uint64_t dims[4]);

/* ---- shapes.c: known models ---- */

struct shape {
    const char *name;
    const char *architecture;
    uint32_t n_layers, n_embd, n_heads, n_heads_kv, head_dim, n_ff, n_vocab;
    uint32_t context_tokens;
    float rope_base;
    float rms_eps;
    bool fused;       /* attn_qkv, and gate and up in ffn_up */
    bool tied;        /* no output.weight */
    bool rope_llama3; /* rope_freqs.weight with Llama 3's scaling */
    bool phi3_chat;   /* Phi-3's added tokens at the end of the vocab, and its template */
    bool qkv_bias;
    bool biases;                        /* of all matrices of a layer; needs experts */
    uint32_t n_experts, n_experts_used; /* n_ff is of each; 0: there is one, for all */
    bool sinks; /* attention sinks, and what is before feed-forward is post_attention_norm */
    bool norm_after, no_norm_before;
    uint32_t qk_norm; /* 1: of each head; 2: of all heads of a token together */
    uint32_t n_rot;   /* rotated dimensions of a head; 0: all */
    uint32_t window_tokens;
    float softcap; /* of scores; that of logits is a third of it */
    bool scales;   /* embedding_scale and its like */
    /* Rope stretched from so many positions to the context, by this type. */
    uint32_t original_tokens;
    const char *rope_type; /* "linear", "yarn", "longrope"; NULL: none */
    /* Models for embeddings: */
    uint32_t pooling; /* as their files number it; 0: it is none */
    bool norm_sum;    /* layer norms after each addition, and token types */
    bool plain;       /* as BERT itself: learned positions, biases, no gate */
    bool fused_qkv;   /* attn_qkv alone */
    uint32_t dense;   /* dense_2 to so many elements, and dense_3 back; 0: neither */
};

#define SHAPE_TOKEN_TYPES 2 /* with norm_sum */

const struct shape *shape_find(const char *name);
/* All names, for a message. */
void shape_list(FILE *out);

/* ---- vocab.c ---- */

/* Made-up tokenizer keys for the shape. */
orion_status vocab_write_made_up(struct ori_gguf_writer *w, const struct shape *shape,
                                 orion_error *err);
/* The tokenizer keys of another file; *n_tokens tells how many tokens it has. */
orion_status vocab_copy(struct ori_gguf_writer *w, const struct ori_gguf *from, uint32_t *n_tokens,
                        orion_error *err);

/* ---- blocks.c: random weights ---- */

struct random {
    uint64_t state;
};

uint64_t random_next(struct random *random);

/* Fill n_blocks blocks of a type with weights of mean 0 and a standard
 * deviation of about 0.02. */
void blocks_fill(struct random *random, uint32_t type, void *blocks, size_t n_blocks);

/* ---- random.c ---- */

orion_status random_model(const struct shape *shape, const char *to, const struct ori_mix *recipe,
                          const char *vocab_path, uint64_t seed, orion_error *err);

#endif
