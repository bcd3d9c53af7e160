/* One row a model architecture: what differs between them, and nothing else.
 * The loader and the one forward pass read the row. */
#ifndef ORI_MODEL_ARCH_H
#define ORI_MODEL_ARCH_H

#include "base/base.h"

struct ori_arch {
    const char *name;     /* general.architecture, and the prefix of its keys */
    bool fused_qkv;       /* attn_qkv holds q, k, v rows; else attn_q, attn_k, attn_v */
    bool fused_gate_up;   /* ffn_up holds gate, then up rows; else ffn_gate and ffn_up */
    bool rope_neox;       /* rotated pairs are (i, i + n_rot/2); else (2i, 2i + 1) */
    bool rope_long_short; /* may carry rope_factors_long / _short */
    /* Files of this architecture that lack the key for the attention window
     * have this one when their context is unnamed_window_context tokens. */
    uint32_t unnamed_window_tokens;
    uint32_t unnamed_window_context;
};

/* NULL when unknown. */
const struct ori_arch *ori_arch_find(struct ori_str name);

/* The names of all rows, for a sentence: "llama, phi3". */
const char *ori_arch_names(void);

#endif
