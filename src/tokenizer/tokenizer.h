/* tokenizer - text <-> tokens.
 *
 * Built from the tokenizer.ggml.* keys of a GGUF file; immutable afterwards
 * and shared by any number of threads.  Everything is checked when it is
 * built: array lengths, duplicate pieces, special ids, byte tokens.
 *
 * Any bytes may be encoded.  Control tokens come only out of pieces that are
 * marked as such, so a user's text can never forge "<|end|>".
 */
#ifndef ORI_TOKENIZER_H
#define ORI_TOKENIZER_H

#include "base/base.h"
#include "base/buf.h"
#include "gguf/gguf.h"

#define ORI_NO_TOKEN (-1)

struct ori_vocab;

/* ORION_E_UNSUPPORTED names the tokenizer model that we do not have, or its way to
 * cut a text into words; `pre` is the name of a way to use instead of the file's,
 * or NULL.  The gguf handle must outlive the vocab (pieces are borrowed from the
 * mapping). */
orion_status ori_vocab_new(const struct ori_gguf *gguf, const char *pre, struct ori_vocab **out,
                           orion_error *err);
void ori_vocab_free(struct ori_vocab *vocab); /* NULL is a no-op */

/* Memory that a vocabulary of so many tokens takes besides the file. */
uint64_t ori_vocab_bytes(uint32_t n_tokens);

uint32_t ori_vocab_size(const struct ori_vocab *vocab);
int32_t ori_vocab_bos(const struct ori_vocab *vocab); /* or ORI_NO_TOKEN */
int32_t ori_vocab_eos(const struct ori_vocab *vocab); /* or ORI_NO_TOKEN */
bool ori_vocab_adds_bos(const struct ori_vocab *vocab);
/* Tokens that end an answer: the file's eos and eot, and control tokens known
 * to end a turn (<|end|>, <|eot_id|>, <|im_end|>, ...). */
bool ori_vocab_is_end(const struct ori_vocab *vocab, int32_t token);
bool ori_vocab_is_control(const struct ori_vocab *vocab, int32_t token);
/* What a chat template writes between brackets ("<think>", "</tool_call>", "[TOOL_CALLS]")
 * becomes one token in its own text alone, also where the file calls it no control
 * token: no message can write it. */
void ori_vocab_reserve(struct ori_vocab *vocab, struct ori_str chat_template);
/* The token with exactly this text, or ORI_NO_TOKEN. */
int32_t ori_vocab_find(const struct ori_vocab *vocab, const char *text, size_t len);

/* A growing list of tokens. */
struct ori_tokens {
    int32_t *ids;
    size_t count;
    size_t cap;
};
orion_status ori_tokens_add(struct ori_tokens *tokens, int32_t id);
void ori_tokens_release(struct ori_tokens *tokens);

/* A run of text, trusted (special tokens in it are recognised) or not. */
struct ori_piece {
    const char *text;
    size_t len;
    bool special;
};

/* The model's own tokens around a text, if it wants any. */
#define ORI_BEGIN 1u /* the one in front: <s>, [CLS] */
#define ORI_END 2u   /* the one behind, when the text is complete: </s>, [SEP] */

/* Encode the pieces as one text and append to *out; ends says which of ORI_BEGIN
 * and ORI_END go with it.  On failure *out holds what it held before.
 * ORION_E_NOMEM; ORION_E_TOO_LONG for more than 512 MiB; ORION_E_UNSUPPORTED when an
 * expression that cuts texts into words gives up. */
orion_status ori_vocab_encode(const struct ori_vocab *vocab, const struct ori_piece *pieces,
                              size_t n_pieces, unsigned ends, struct ori_tokens *out,
                              orion_error *err);

/* Append the bytes of one token to out: "" for control tokens unless
 * show_special.  The space that encoding put before a text is left in; see
 * ori_decoder for taking it off.  The id must be in range. */
orion_status ori_vocab_token_bytes(const struct ori_vocab *vocab, int32_t token, bool show_special,
                                   struct ori_buf *out);

/* Streams tokens to text in whole UTF-8 characters: bytes of an unfinished
 * character wait for the next token.  Bytes that can never become a character
 * come out as U+FFFD when `replace` is set, else as they are. */
struct ori_decoder {
    const struct ori_vocab *vocab;
    bool show_special;
    bool replace;
    bool strip_space; /* the next text begins a fragment: drop one leading space */
    struct ori_buf pending;
};
/* at_start: decoding begins at the beginning of a text, so that the space the
 * encoder put there is dropped (also again after each control token). */
void ori_decoder_init(struct ori_decoder *decoder, const struct ori_vocab *vocab, bool at_start,
                      bool show_special, bool replace);
void ori_decoder_release(struct ori_decoder *decoder);
/* Append what has become whole to out. */
orion_status ori_decoder_add(struct ori_decoder *decoder, int32_t token, struct ori_buf *out);
/* The end: whatever waits comes out too. */
orion_status ori_decoder_finish(struct ori_decoder *decoder, struct ori_buf *out);

#endif
