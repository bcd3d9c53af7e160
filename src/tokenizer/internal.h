/* What the files of the tokenizer room share.
 *
 *   vocab.c    loading, checking and asking a vocabulary
 *   index.c    text -> token, a hash table over the pieces
 *   special.c  finding special tokens in a text
 *   encode.c   pieces -> fragments, special tokens between them
 *   merge.c    joining neighbours, what the next two have in common
 *   spm.c      the kind "llama": SentencePiece-style fragments <-> tokens
 *   bpe.c      the kind "gpt2": byte-level byte-pair encoding
 *   pre.c      how it cuts a text into words
 *   decoder.c  tokens -> whole characters
 *
 * Another kind of tokenizer is another file like spm.c and a row in the table
 * of vocab.c.
 */
#ifndef ORI_TOKENIZER_INTERNAL_H
#define ORI_TOKENIZER_INTERNAL_H

#include "tokenizer/tokenizer.h"

#define ORI_VOCAB_MAX_TOKENS (1u << 20)
/* The longest piece.  Looking a piece up costs its length, so this bounds what
 * a hostile vocabulary can make of a text; real ones stay below 300. */
#define ORI_VOCAB_MAX_PIECE_BYTES 1024u
/* The longest text; three times this fits the 32-bit positions of spm.c. */
#define ORI_ENCODE_MAX_BYTES (512u << 20)

/* Values of tokenizer.ggml.token_type. */
enum token_type {
    TOKEN_UNDEFINED = 0,
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN = 2,
    TOKEN_CONTROL = 3,
    TOKEN_USER_DEFINED = 4,
    TOKEN_UNUSED = 5,
    TOKEN_BYTE = 6,
};

enum token_flag {
    TOKEN_MERGES = 1,  /* may be put together from characters */
    TOKEN_SPECIAL = 2, /* found as a whole, before anything is cut up */
    TOKEN_TRUSTED = 4, /* ... but only in trusted pieces, and hidden when decoded */
    TOKEN_RSTRIP = 8,  /* ... and swallows the white space that follows it */
    TOKEN_END = 16,    /* ends an answer */
};

struct token {
    struct ori_str text; /* borrowed from the file */
    float score;
    uint8_t type;  /* enum token_type */
    uint8_t flags; /* enum token_flag */
};

/* ---- index.c ---- */

struct token_slot {
    uint32_t hash;
    int32_t id; /* ORI_NO_TOKEN: free */
};

struct token_index {
    struct token_slot *slots; /* [mask + 1], a power of two */
    size_t mask;
    size_t longest; /* bytes of the longest piece */
};

/* How many slots are for n_tokens: a power of two. */
size_t ori_token_index_slots(size_t n_tokens);
orion_status ori_token_index_init(struct token_index *index, size_t n_tokens);
void ori_token_index_release(struct token_index *index);
/* ORION_OK; ORION_E_FORMAT with the earlier token of the same text in *other;
 * ORION_E_UNSUPPORTED when too many pieces share a place in the table, which
 * happens only when it is brought about. */
orion_status ori_token_index_add(struct token_index *index, const struct token *tokens, int32_t id,
                                 int32_t *other);
int32_t ori_token_index_find(const struct token_index *index, const struct token *tokens,
                             const char *text, size_t len);

/* ---- special.c ---- */

/* A node of the tree of special tokens: children are a list of siblings. */
struct special_node {
    uint32_t child, sibling; /* 0: none; the root is nobody's child */
    int32_t token;           /* that ends here, or ORI_NO_TOKEN */
    uint8_t byte;
};

struct special_tree {
    struct special_node *nodes; /* [count]; nodes[0] is the root */
    size_t count, cap;
    uint32_t first[256]; /* the root's children by byte; 0: none */
};

orion_status ori_special_tree_add(struct special_tree *tree, struct ori_str text, int32_t token);
void ori_special_tree_release(struct special_tree *tree);
/* The longest special token at the beginning of the text that may be found
 * there, or ORI_NO_TOKEN. */
int32_t ori_special_tree_match(const struct special_tree *tree, const struct token *tokens,
                               const char *text, size_t len, bool trusted);

/* ---- vocab.c ---- */

/* One kind of tokenizer. */
struct tokenizer_kind {
    const char *model; /* tokenizer.ggml.model */
    /* Read what only this kind needs; the tokens and the index are there. */
    orion_status (*load)(struct ori_vocab *vocab, const struct ori_gguf *gguf, orion_error *err);
    /* Free what load() made, also after a failure; NULL: nothing. */
    void (*release)(struct ori_vocab *vocab);
    /* Append the tokens of a fragment: text without special tokens in it that
     * stands at the beginning or behind a special token.  len > 0. */
    orion_status (*encode)(const struct ori_vocab *vocab, const char *text, size_t len,
                           struct ori_tokens *out);
    /* Append the bytes that an ordinary token stands for. */
    orion_status (*bytes)(const struct ori_vocab *vocab, const struct token *token,
                          struct ori_buf *out);
};

struct ori_vocab {
    const struct tokenizer_kind *kind;
    struct token *tokens; /* [n_tokens] */
    uint32_t n_tokens;
    struct token_index index;
    struct special_tree special;
    int32_t bos, eos, eot, eom, unk, pad; /* or ORI_NO_TOKEN */
    bool adds_bos;
    bool says_bos;            /* the file says whether */
    bool adds_space;          /* a space goes in front of each fragment */
    int32_t byte_tokens[256]; /* or ORI_NO_TOKEN */
    /* kind "llama" */
    bool words_stand_alone; /* no piece crosses from a character to a space */
    /* kind "gpt2" */
    const char *pre_name; /* asked for instead of the file's, while it is loaded; or NULL */
    struct ori_bpe *bpe;
};

extern const struct tokenizer_kind ori_spm_kind;
extern const struct tokenizer_kind ori_bpe_kind;

static inline const struct token *token_at(const struct ori_vocab *vocab, int32_t id)
{
    return id >= 0 && (uint32_t)id < vocab->n_tokens ? &vocab->tokens[id] : NULL;
}

#endif
