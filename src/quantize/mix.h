/* Which tensor of a model gets which type.
 *
 * A mix gives most matrices one type and the sensitive ones more bits: those
 * that make logits, values of the attention, and what goes back into the
 * stream.  The rules are those by which published files are made (llama.cpp's),
 * so that a Q4_K_M of ours has the size and the quality that people expect of
 * the name. */
#ifndef ORI_QUANTIZE_MIX_H
#define ORI_QUANTIZE_MIX_H

#include "gguf/gguf.h"

struct ori_mix {
    const char *name;   /* "Q4_K_M" */
    uint32_t type;      /* of most matrices */
    uint32_t file_type; /* general.file_type */
    bool pure;          /* every matrix gets `type` */
};

/* What of a model the rules ask for. */
struct ori_mix_model {
    uint32_t n_layers, n_experts;
    uint32_t queries_a_key; /* query heads that share a head of keys and values */
    bool tied;              /* no output.weight: token_embd does its work */
    bool measured;          /* there is an importance matrix */
};

/* By name, case-insensitive; Q3_K, Q4_K and Q5_K mean their M.  Not pure.  False when
 * there is none. */
bool ori_mix_find(const char *name, struct ori_mix *out);

/* Names in the order of a list for people; NULL past the last. */
const char *ori_mix_name(size_t index);

/* Read the facts out of a file; what it does not say is 0 or 1. */
void ori_mix_model_init(struct ori_mix_model *model, const struct ori_gguf *gguf, bool measured);

/* May the mix change it at all?  Vectors, norms and routers stay. */
bool ori_mix_is_matrix(const char *name, const uint64_t dims[4]);

/* The type of a matrix with rows of n_cols elements.  *wanted: what the rules say;
 * what is returned differs when rows are not whole blocks of that. */
uint32_t ori_mix_type(const struct ori_mix *mix, const struct ori_mix_model *model,
                      const char *name, uint64_t n_cols, uint32_t *wanted);

/* Must the matrix be measured (imatrix.h) to become this type in this mix?  With so few bits
 * it comes out useless otherwise. */
bool ori_mix_needs_importance(const struct ori_mix *mix, uint32_t type, const char *name);

#endif
