/* merge.h - joining neighbours: what SentencePiece-style and byte-level
 * byte-pair encoding have in common.
 *
 * A word is a list of symbols.  Again and again the two neighbours whose joining
 * has the highest score are joined, the leftmost of equals first, until no two can
 * be.  Candidates wait in a heap and symbols in a linked list, so a word costs
 * O(n log n). */
#ifndef ORI_TOKENIZER_MERGE_H
#define ORI_TOKENIZER_MERGE_H

#include "tokenizer/internal.h"

#define ORI_NO_SYMBOL UINT32_MAX

/* A run of the text that is one character or has been joined; a list in order. */
struct symbol {
    uint32_t offset; /* in the text */
    uint32_t len;    /* 0: joined to its left neighbour, gone */
    uint32_t prev, next;
    int32_t token; /* what it is, or ORI_NO_TOKEN */
};

struct merger;

/* The token that two neighbours make, and how well; ORI_NO_TOKEN: none. */
typedef int32_t (*merge_fn)(const struct merger *merger, const struct symbol *left,
                            const struct symbol *right, float *score);

/* Joining symbol `left` with the one after it gives `len` bytes. */
struct candidate {
    float score;
    uint32_t left;
    uint32_t len;
    int32_t token;
};

struct merger {
    const struct ori_vocab *vocab;
    const char *text;
    merge_fn merge;
    struct symbol *symbols; /* [n_symbols], set by whoever merges */
    uint32_t n_symbols, cap;
    struct candidate *heap; /* [n_heap], room for 2 * cap */
    uint32_t n_heap;
};

void ori_merger_init(struct merger *merger, const struct ori_vocab *vocab, const char *text,
                     merge_fn merge);
void ori_merger_release(struct merger *merger);

/* Room for so many symbols, and none in it yet. */
orion_status ori_merger_start(struct merger *merger, size_t n);
/* Append one, of `len` bytes at `offset`; there is room. */
void ori_merger_add(struct merger *merger, size_t offset, size_t len, int32_t token);
/* Join what can be joined.  symbols[0] is the first of what is left, if any. */
void ori_merger_run(struct merger *merger);

#endif
