/* Lookup decoding: what comes next is often what came after the same tokens
 * before.  A guess costs a place in a batch, which is cheaper than a step of
 * its own, and what the model says about a batch is what it says token by
 * token; so guesses change how fast an answer comes, never the answer.
 * (Saxena, "Prompt lookup decoding", 2023.)
 *
 * Earlier occurrences are found by hash chains over pairs of tokens, as LZ77
 * compressors do (Deutsch, RFC 1951, section 4): adding a token and asking for
 * a match take a bounded time, however long the text.  Where no pair is found the
 * last token alone is looked for, first a little after what was copied last: copies
 * begin with one token, and go on after a changed word.
 *
 * How far to guess follows from how often matches of that length were right
 * in this answer, guessed from or not; it depends on tokens alone, not on time.
 */
#ifndef ORI_RUNTIME_LOOKUP_H
#define ORI_RUNTIME_LOOKUP_H

#include "base/base.h"

#define ORI_MAX_DRAFT 15u               /* tokens; a batch has one more */
#define ORI_DEFAULT_DRAFT ORI_MAX_DRAFT /* how many pay is decided each time */

/* A model whose weights stay in the processor's cache computes a batch no faster
 * than its tokens one by one. */
#define ORI_LOOKUP_MIN_WEIGHT_BYTES ((uint64_t)64 << 20)

/* How often matches of a length continued as predicted. */
struct ori_hit_rate {
    uint32_t right, seen;
};
#define ORI_MATCH_CLASSES 7

struct ori_lookup {
    uint32_t *newest; /* [n_buckets] position after the newest pair that hashes there, or 0 */
    uint32_t *older;  /* [max_tokens + 1] the one before it in its chain, or 0 */
    uint32_t *alone;  /* [n_buckets] position after the newest token that falls there, or 0 */
    uint32_t mask;    /* n_buckets - 1 */
    uint32_t n_added; /* tokens taken in */

    /* What the newest tokens predict: they also stand before `source`. */
    uint32_t source; /* 0: nothing */
    uint32_t length; /* how many tokens agree, counted up to a limit */
    /* After the token that the last prediction in this answer was of; 0: there was none. */
    uint32_t followed;

    struct ori_hit_rate rates[ORI_MATCH_CLASSES];
    int32_t credit; /* what guesses may still cost, in hundredths of a step */
    int32_t saved;  /* what each right one of the last draft saves */
    uint32_t max_draft;
};

/* For texts of up to max_tokens; drafts of 1..ORI_MAX_DRAFT tokens. */
orion_status ori_lookup_init(struct ori_lookup *lookup, uint32_t max_tokens, uint32_t max_draft,
                             orion_error *err);
void ori_lookup_release(struct ori_lookup *lookup);

/* The text is tokens[n]: take in what is new since the last call.  Each new
 * token shows whether its prediction was right when `learn` is set; a prompt is
 * not what the model writes, so it teaches nothing. */
void ori_lookup_add(struct ori_lookup *lookup, const int32_t *tokens, uint32_t n, bool learn);

/* Guess what follows the text taken in, as far as that should pay, at most
 * `most` tokens; `beside` is how many tokens of others are in the batch.  Returns
 * how many went to draft[].  They are paid for as if wrong until ori_lookup_hit()
 * says otherwise. */
uint32_t ori_lookup_draft(struct ori_lookup *lookup, const int32_t *tokens, uint32_t beside,
                          uint32_t most, int32_t *draft);

/* One guess of the last draft was right. */
void ori_lookup_hit(struct ori_lookup *lookup);

#endif
