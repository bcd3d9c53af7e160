/* What the files of the tokenizer room share.
 *
 *   vocab.c    loading, checking and asking a vocabulary
 *   index.c    text -> token, a hash table over the pieces
 *   trie.c     which texts of tokens begin at a place, a tree
 *   encode.c   pieces -> fragments, special tokens between them
 *   decoder.c  tokens -> whole characters
 *
 * The kinds, and what two or three of them have in common:
 *
 *   spm.c        "llama": SentencePiece's byte-pair encoding
 *   bpe.c        "gpt2": byte-level byte-pair encoding
 *   wordpiece.c  "bert": WordPiece
 *   unigram.c    "t5": SentencePiece's Unigram
 *   pieces.c     scores, marks of spaces, byte tokens: of all but "gpt2"
 *   merge.c      joining neighbours: of "llama" and "gpt2"
 *   pre.c        how "gpt2" cuts a text into words
 *   compose.c    Unicode's composed form, for "gpt2"
 *   charsmap.c   how "t5" normalises a text
 *
 * Another kind of tokenizer is another file like spm.c and a row in the table
 * of vocab.c.
 */
#ifndef ORI_TOKENIZER_INTERNAL_H
#define ORI_TOKENIZER_INTERNAL_H

#include "tokenizer/charsmap.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/trie.h"

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
    TOKEN_LSTRIP = 8,  /* ... and swallows the white space before it */
    TOKEN_RSTRIP = 16, /* ... and that which follows it */
    TOKEN_END = 32,    /* ends an answer */
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

/* ---- vocab.c ---- */

/* One kind of tokenizer. */
struct tokenizer_kind {
    const char *model;             /* tokenizer.ggml.model */
    bool adds_prefix, adds_suffix; /* ORI_BEGIN and ORI_END, unless the file says otherwise */
    bool ends_with_sep;            /* the suffix is the separator, not eos */
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

struct ori_unigram {
    struct ori_charsmap charsmap;
    double unknown_score;
    bool squeezes; /* runs of spaces become one, and go at both ends */
};

struct ori_vocab {
    const struct tokenizer_kind *kind;
    struct token *tokens; /* [n_tokens] */
    uint32_t n_tokens;
    struct token_index index;
    struct ori_trie special;
    int32_t bos, eos, eot, eom, sep, cls, mask, unk, pad; /* or ORI_NO_TOKEN */
    int32_t prefix, suffix;                               /* go around texts; or ORI_NO_TOKEN */
    bool says_prefix;                                     /* the file says whether there is one */
    bool adds_space; /* a space goes in front of each fragment */
    /* kinds "llama", "gpt2" and "t5" */
    int32_t byte_tokens[256]; /* or ORI_NO_TOKEN */
    /* kinds "llama" and "t5" */
    bool words_stand_alone; /* no piece crosses from a character to a space */
    /* kinds "bert" and "t5" */
    struct ori_trie pieces; /* that may be put together */
    /* kind "gpt2" */
    const char *pre_name; /* asked for instead of the file's, while it is loaded; or NULL */
    struct ori_bpe *bpe;
    /* kind "bert" */
    bool lowers, strips_accents;
    /* kind "t5" */
    struct ori_unigram unigram;
};

extern const struct tokenizer_kind ori_spm_kind;
extern const struct tokenizer_kind ori_bpe_kind;
extern const struct tokenizer_kind ori_wordpiece_kind;
extern const struct tokenizer_kind ori_unigram_kind;

/* A key that may be missing. */
orion_status ori_load_switch(const struct ori_gguf *gguf, const char *key, bool missing, bool *out,
                             orion_error *err);

static inline const struct token *token_at(const struct ori_vocab *vocab, int32_t id)
{
    return id >= 0 && (uint32_t)id < vocab->n_tokens ? &vocab->tokens[id] : NULL;
}

#endif
