/* pieces.h - pieces as SentencePiece writes them: each with a score, spaces as U+2581
 * (a visible mark), a byte that no piece holds as "<0x0A>".  What the kinds "llama",
 * "t5" and "bert" have in common. */
#ifndef ORI_TOKENIZER_PIECES_H
#define ORI_TOKENIZER_PIECES_H

#include "tokenizer/internal.h"

#define SPACE_MARK "\xE2\x96\x81"
#define SPACE_MARK_BYTES 3u

/* Fill the scores of the tokens. */
orion_status ori_load_scores(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                             orion_error *err);
/* Fill vocab->byte_tokens.  Refuses malformed and double ones, and a vocabulary that
 * has neither all of them nor an unknown token. */
orion_status ori_load_byte_tokens(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                                  orion_error *err);
/* Does a piece, of those that may be put together, go on from one word to the next? */
bool ori_pieces_cross_words(const struct ori_vocab *vocab);

bool ori_is_space_mark(const char *text, size_t len);
/* Where the first word of a marked text ends: marks, then what is none. */
size_t ori_word_len(const char *text, size_t len);
/* Append a token for each byte of a text.  ORION_E_NOT_FOUND, and nothing appended,
 * where one of them has none. */
orion_status ori_put_byte_tokens(const struct ori_vocab *vocab, const char *text, size_t len,
                                 struct ori_tokens *out);

/* As the kinds' bytes(): marks become spaces, byte tokens their bytes. */
orion_status ori_piece_bytes(const struct ori_vocab *vocab, const struct token *token,
                             struct ori_buf *out);

#endif
