/* charsmap.h - how SentencePiece normalises texts: a table, compiled into the model,
 * that says what stands for which characters.
 *
 * Layout (all little-endian): u32 bytes of the units; the units, u32 each, a double
 * array as Darts makes it: a tree over the bytes of what is replaced; then what replaces
 * it, texts that end with NUL. */
#ifndef ORI_TOKENIZER_CHARSMAP_H
#define ORI_TOKENIZER_CHARSMAP_H

#include "gguf/gguf.h"

/* The longest text that stands for another; the longest real one has 33 bytes. */
#define ORI_CHARSMAP_MAX_BYTES 256u

/* Borrowed from the file; all zero: nothing is replaced. */
struct ori_charsmap {
    const uint8_t *units; /* [n_units * 4] */
    uint32_t n_units;
    struct ori_str texts; /* ends with NUL */
};

/* Of tokenizer.ggml.precompiled_charsmap, which may be missing. */
orion_status ori_charsmap_load(const struct ori_gguf *gguf, struct ori_charsmap *out,
                               orion_error *err);

/* What stands for the beginning of a text (len > 0): *taken receives how many bytes of
 * it.  The longest replacement, or a character as it is, or U+FFFD for a byte that is
 * not UTF-8.  Valid as long as the text and the file. */
struct ori_str ori_charsmap_next(const struct ori_charsmap *map, const char *text, size_t len,
                                 size_t *taken);

#endif
