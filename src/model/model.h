/* model - weights, and the forward pass.
 *
 * ori_model is a checked view of a GGUF file: hyper-parameters within sane
 * bounds, every tensor present with the right shape and none left over.  The
 * weights are used where they lie in the mapping.  It never changes after
 * opening and is shared by threads without locks.
 */
#ifndef ORI_MODEL_H
#define ORI_MODEL_H

#include "base/base.h"
#include "chat/chat.h"
#include "gguf/gguf.h"
#include "model/arch.h"
#include "tokenizer/tokenizer.h"

/* Bounds that no model exceeds; sizes made of them cannot overflow 64 bits. */
#define ORI_MAX_LAYERS 1024u
#define ORI_MAX_EMBD (1u << 20)
#define ORI_MAX_FF (1u << 22)
#define ORI_MAX_EXPERTS 1024u
#define ORI_MAX_HEADS 4096u
#define ORI_MAX_CONTEXT (1u << 26)
/* Rope frequencies are at most 1/this^2, so that angles stay exact enough and
 * far from where they would not fit an integer. */
#define ORI_MIN_ROPE_DIVISOR 1e-3f

/* How the hidden states of a text become its one vector; the file's numbers. */
enum ori_pooling {
    ORI_POOLING_NONE = 0, /* not at all, or the file does not say: it makes no vectors of texts */
    ORI_POOLING_MEAN = 1,
    ORI_POOLING_CLS = 2, /* the first token's */
    ORI_POOLING_LAST = 3,
    ORI_POOLING_RANK = 4, /* a score instead of a vector; refused */
};

struct ori_hparams {
    uint32_t n_layers;
    uint32_t n_embd;
    uint32_t n_heads;
    uint32_t n_heads_kv; /* divides n_heads */
    uint32_t head_dim;
    uint32_t n_rot; /* rotated dimensions of a head, even, <= head_dim; 0: positions are learned */
    uint32_t n_ff;  /* of one expert in a mixture */
    uint32_t n_experts;      /* 0: it is no mixture */
    uint32_t n_experts_used; /* for a token, <= n_experts */
    uint32_t n_vocab;
    uint32_t context_tokens;
    uint32_t original_context_tokens; /* before rope was stretched; else = context_tokens */
    uint32_t window_tokens;           /* keys that a query sees, itself included; 0: all.  Of an
                                       * encoder half of them before it, half behind */
    uint64_t global_layers[ORI_MAX_LAYERS / 64]; /* bits: those that see all nevertheless */
    float norm_eps;
    float rope_base;
    float rope_scale; /* positions are multiplied by this (linear scaling, YaRN), else 1 */
    /* YaRN: of the pairs that turn yarn_fast_turns times and more within the original
     * context this share is not slowed down; of those with yarn_slow_turns and fewer
     * nothing; between by a ramp.  0: it is not YaRN. */
    float yarn_share, yarn_fast_turns, yarn_slow_turns;
    bool longrope;           /* the file must have rope_factors_long and _short */
    float rope_attn_factor;  /* cosines and sines are multiplied by this, else 1 */
    float rope_base_local;   /* of the layers with a window; 0: the same as of the others */
    float embedding_scale;   /* embeddings are multiplied by this, else 1 */
    float residual_scale;    /* and what a block adds to the stream */
    float attention_scale;   /* and scores: 1/sqrt(head_dim) unless the file says otherwise */
    float logit_scale;       /* and logits */
    float attention_softcap; /* scores become cap * tanh(score / cap); 0: they stay */
    float logit_softcap;     /* the same of logits */
    enum ori_pooling pooling;
};

/* Rows of a matrix in the file, and what is added to their products. */
struct ori_weight {
    const uint8_t *data; /* [n_rows][row_bytes] */
    const float *bias;   /* [n_rows]; NULL: nothing */
    size_t row_bytes;
    uint32_t n; /* row length in elements */
    uint32_t n_rows;
    uint32_t type; /* enum ori_type */
};

/* A norm of the stream. */
struct ori_norm {
    const float *weight; /* [n_embd]; NULL: none is taken here */
    const float *bias;   /* [n_embd]; NULL: an RMS norm */
};

/* The feed-forward block of one of several experts. */
struct ori_expert {
    struct ori_weight gate, up; /* [n_ff][n_embd] */
    struct ori_weight down;     /* [n_embd][n_ff] */
};

/* Fused projections appear as views into the one tensor, so that the forward
 * pass is the same for both. */
struct ori_layer {
    struct ori_norm attn_norm;                     /* none: the stream goes in as it is */
    struct ori_weight q;                           /* [n_heads * head_dim][n_embd] */
    struct ori_weight k, v;                        /* [n_heads_kv * head_dim][n_embd] */
    const float *q_norm, *k_norm;                  /* [head_dim], or of all heads; NULL: none */
    const float *sinks;                            /* [n_heads]; NULL: none */
    struct ori_weight attn_out;                    /* [n_embd][n_heads * head_dim] */
    struct ori_norm attn_post_norm, ffn_post_norm; /* of what is added, or of the sum */
    struct ori_norm ffn_norm;                      /* as attn_norm */
    struct ori_weight gate, up;                    /* [n_ff][n_embd]; no gate: it has no rows */
    struct ori_weight down;                        /* [n_embd][n_ff] */
    struct ori_weight router;                      /* [n_experts][n_embd], in a mixture: */
    struct ori_expert *experts; /* [n_experts], of the model's, instead of gate, up and down */
};

/* Does this layer see only the window, if there is one? */
static inline bool ori_layer_is_local(const struct ori_hparams *hp, uint32_t layer)
{
    return !(hp->global_layers[layer / 64] >> layer % 64 & 1);
}

/* Keys that a query of the layer sees; 0: all. */
static inline uint32_t ori_layer_window(const struct ori_hparams *hp, uint32_t layer)
{
    return ori_layer_is_local(hp, layer) ? hp->window_tokens : 0;
}

struct ori_model {
    struct ori_gguf *gguf;     /* owned */
    struct ori_vocab *vocab;   /* owned */
    struct ori_chat chat;      /* how the file lays out chats, or nothing */
    char *bos_text, *eos_text; /* what the chat calls them; NULL: none */
    bool vocab_only;

    /* Unset (zero) in a vocab-only model: */
    const struct ori_arch *arch;
    struct ori_hparams hp;
    struct ori_weight token_embd; /* [n_vocab][n_embd] */
    struct ori_weight output;     /* [n_vocab][n_embd]; = token_embd when tied */
    struct ori_norm output_norm;  /* none in a model that norms sums */
    /* Of encoders; without rows, or none, where there are none: */
    struct ori_weight token_types; /* [types][n_embd] */
    struct ori_weight positions;   /* [context_tokens][n_embd] */
    struct ori_norm embedding_norm;
    struct ori_weight dense[2]; /* what a pooled vector goes through; without rows: nothing */
    /* Divisors of the rope frequencies, [n_rot/2] each, or NULL. */
    const float *rope_factors;       /* at any context (Llama 3) */
    const float *rope_factors_short; /* at the original context (Phi-3) */
    const float *rope_factors_long;  /* beyond it */
    struct ori_layer *layers;        /* [n_layers], owned */
    struct ori_expert *experts;      /* [n_layers][n_experts], owned; NULL: there are none */
    uint64_t n_params;
};

struct ori_model_options {
    bool vocab_only;
    bool no_sliding_window;
    const char *pre_tokenizer; /* or NULL: as ori_vocab_new() has it */
    const char *chat_template; /* for the file's own: a built-in name, or a program; or NULL */
    const char *pooling;       /* for a file that names none: a name below; or NULL */
};

orion_status ori_model_open(const char *path, struct ori_model_options options,
                            struct ori_model **out, orion_error *err);
void ori_model_close(struct ori_model *model); /* NULL is a no-op */

/* "mean", "cls", "last"; "" of ORI_POOLING_NONE. */
const char *ori_pooling_name(enum ori_pooling pooling);
/* Does it make embeddings (and then nothing else)? */
bool ori_model_embeds(const struct ori_model *model);
/* Elements of a vector that it makes. */
uint32_t ori_model_embedding_length(const struct ori_model *model);

/* "Q4_K_M", from general.file_type, else the type that most bytes have. */
const char *ori_model_quantization(const struct ori_model *model);

/* Does it hold matrices of experts, of which a token uses a few only? */
bool ori_is_expert_tensor(const char *name);
/* Bytes of the weights that a token uses: all but those of the experts that it
 * does without. */
uint64_t ori_active_bytes(const struct ori_gguf *gguf, const struct ori_hparams *hp);

/* ---- between the files of this room ---- */

/* hparams.c: read and check; n_vocab from the vocabulary. */
orion_status ori_hparams_read(const struct ori_gguf *gguf, const struct ori_arch *arch,
                              uint32_t n_vocab, bool no_sliding_window, struct ori_hparams *out,
                              orion_error *err);
/* weights.c: find and check every tensor; fills model's weights. */
orion_status ori_weights_read(struct ori_model *model, orion_error *err);

#endif
