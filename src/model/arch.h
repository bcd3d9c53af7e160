/* One row a model architecture: what differs between them, and nothing else.
 * The loader and the one forward pass read the row. */
#ifndef ORI_MODEL_ARCH_H
#define ORI_MODEL_ARCH_H

#include "base/base.h"

/* What is normed of queries and keys before they are rotated. */
enum ori_qk_norm {
    ORI_QK_NORM_NONE = 0,
    ORI_QK_NORM_HEADS, /* each head by itself, all with the same weights */
    ORI_QK_NORM_ROWS,  /* all heads of a token together */
};

enum ori_activation {
    ORI_SILU = 0,
    ORI_GELU,           /* by the tanh formula */
    ORI_CLAMPED_SWIGLU, /* as gpt-oss has it */
};

struct ori_arch {
    const char *name;       /* general.architecture, and the prefix of its keys */
    bool fused_qkv;         /* attn_qkv holds q, k, v rows; else attn_q, attn_k, attn_v */
    bool fused_gate_up;     /* ffn_up holds gate, then up rows; else ffn_gate and ffn_up */
    bool no_gate;           /* ffn_up alone, through the activation */
    bool rope_neox;         /* rotated pairs are (i, i + n_rot/2); else (2i, 2i + 1) */
    bool rope_long_short;   /* may carry rope_factors_long / _short */
    bool learned_positions; /* rows of position_embd are added, and nothing is rotated */
    bool token_types;       /* may carry token_types, whose first row is added to all tokens */
    /* Every token sees all of its text, or those before and behind it as far as
     * half the window.  Such a model makes embeddings, and no answers. */
    bool encoder;
    bool layer_norm;          /* norms of the stream take its mean out and have biases */
    bool qkv_bias;            /* attn_q.bias and its like must be there; other biases may */
    enum ori_qk_norm qk_norm; /* attn_q_norm, attn_k_norm */
    bool attn_sinks;          /* attn_sinks: scores that have no value, one a head */
    /* A block (attention, feed-forward) takes the stream normed, and adds what
     * comes out; or takes it as it is; or norms what it adds; or both. */
    bool no_norm_before;
    bool norm_after; /* post_attention_norm, post_ffw_norm */
    /* Or norms the stream after each addition, the embeddings first, and has no
     * last norm: attn_output_norm, layer_output_norm, token_embd_norm. */
    bool norm_sum;
    const char *ffn_norm; /* what the norm before feed-forward is called; NULL: ffn_norm */
    enum ori_activation activation;
    bool experts;              /* the feed-forward block may be a mixture */
    bool embedding_root_scale; /* embeddings times sqrt(n_embd) */
    bool scale_keys;           /* embedding_scale, residual_scale, attention.scale, logit_scale */
    bool softcap_keys;         /* attn_logit_softcapping, final_logit_softcapping */
    /* Every such layer sees all, those between only the window; 0: all layers are
     * alike.  The local ones rotate by a base of their own if there is one. */
    uint32_t window_period;
    float rope_base_local;
    /* Files of this architecture that lack the key for the attention window
     * have this one when their context is unnamed_window_context tokens. */
    uint32_t unnamed_window_tokens;
    uint32_t unnamed_window_context;
};

/* NULL when unknown. */
const struct ori_arch *ori_arch_find(struct ori_str name);

/* The names of all rows, for a sentence: "llama, phi3"; cut to size. */
void ori_arch_names(char *out, size_t size);

/* Why a model of an architecture without a row does not run, and what would run
 * instead, in a sentence of less than 256 bytes. */
void ori_arch_refusal(struct ori_str name, char *out, size_t size);

/* The index-th architecture that is known not to run, and the id of the catalogue that
 * is named for it: for the test that there is such an entry.  NULL after the last. */
const char *ori_arch_instead(size_t index, const char **name);

#endif
