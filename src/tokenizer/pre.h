/* pre.h - pre-tokenizers: how a text is cut into words before byte-level
 * byte-pair encoding joins what is within each.
 *
 * A model's own expressions, in the order in which they are applied: what one of
 * them matches, and what stands between its matches, is cut further by the next.
 * They are those of the models' published tokenizer.json files. */
#ifndef ORI_TOKENIZER_PRE_H
#define ORI_TOKENIZER_PRE_H

#include "base/base.h"

#define ORI_PRE_MAX_STEPS 6

/* One row for all files of its names. */
struct ori_pre {
    const char *names[17];                    /* of tokenizer.ggml.pre; ends with NULL */
    const char *steps[ORI_PRE_MAX_STEPS + 1]; /* expressions; ends with NULL */
    bool whole_words; /* a word that is a token is that token, whatever could be joined */
    bool adds_bos;    /* unless the file says otherwise */
    bool composed;    /* texts are brought into Unicode's form NFC first */
};

/* NULL when unknown. */
const struct ori_pre *ori_pre_find(struct ori_str name);

struct ori_splitter; /* compiled; immutable and shared by threads */

orion_status ori_splitter_new(const struct ori_pre *pre, struct ori_splitter **out,
                              orion_error *err);
void ori_splitter_free(struct ori_splitter *splitter); /* NULL is a no-op */

/* Takes one word; anything but ORION_OK ends the cutting. */
typedef orion_status (*ori_word_fn)(void *arg, const char *word, size_t len);

/* Words in order, together the whole text.  Bytes that are not UTF-8 are matched
 * by nothing and stand between.  What word() returns; ORION_E_NOMEM;
 * ORION_E_UNSUPPORTED when the text asks too much of an expression. */
orion_status ori_split(const struct ori_splitter *splitter, const char *text, size_t len,
                       ori_word_fn word, void *arg);

#endif
