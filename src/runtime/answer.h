/* answer.h - one answer under way: from logits to text.
 *
 * The state machine of sampling, guessing, decoding, stop texts, sections, limits and ends.
 * Who computes the logits, and who else is in the batch, is not its business:
 *
 *   the prompt is in the sequence's cache
 *   ori_answer_begin()
 *   ori_answer_take() the logits; unless it is over then
 *   ori_answer_next(): these tokens are computed next, and again
 *   ori_answer_end()
 */
#ifndef ORI_RUNTIME_ANSWER_H
#define ORI_RUNTIME_ANSWER_H

#include "chat/sections.h"
#include "runtime/choices.h"
#include "runtime/lookup.h"
#include "runtime/sampler.h"
#include "runtime/sequence.h"
#include "runtime/stop.h"

#include <stdatomic.h>

struct ori_generate {
    struct ori_sampler_params sampling;
    uint32_t max_tokens;     /* 0: until the end or the context is full */
    const char *const *stop; /* [n_stop] */
    size_t n_stop;
    int32_t lookup;             /* ORION_LOOKUP_AUTO, _OFF or the longest draft */
    struct ori_reply_form form; /* zero: all of it is the answer */
    orion_piece_fn on_piece;    /* may be NULL */
    void *user;
    struct ori_choices *choices; /* collects what was chosen, until it is told; may be NULL */
};

/* Is it in range, and is there room for a prompt of so many tokens and an answer? */
orion_status ori_generate_check(const struct ori_generate *how, size_t n_prompt,
                                uint32_t context_tokens, orion_error *err);

struct ori_answer {
    const struct ori_engine *engine; /* all borrowed */
    struct ori_sequence *sequence;
    const struct ori_generate *how;
    atomic_bool *cancel; /* taken back when it has been seen */
    orion_stats *stats;

    /* The cache holds the tokens known, and after them those that are guessed. */
    uint32_t n_known;
    int32_t next; /* known, but not in the cache yet */
    bool over;    /* stats->finish says why */

    struct ori_lookup lookup; /* unused when off */
    bool looks_up;
    struct ori_sampler sampler;
    struct ori_decoder decoder;
    struct ori_stop stop;
    struct ori_sections sections;
    struct ori_buf text; /* decoded, of the token at hand */
    double asked_ms;     /* first_token_ms counts from here */
    double started_ms;   /* prompt_ms counts from here */
    double begun_ms;     /* output_ms counts from here */
};

/* Get ready, before the prompt is computed.  answer_starts: the answer begins a
 * text fragment, so its first space is the tokenizer's, not the model's.  *stats
 * holds what is known of the prompt, and is written as the answer goes on. */
orion_status ori_answer_init(struct ori_answer *answer, const struct ori_engine *engine,
                             struct ori_sequence *sequence, const struct ori_generate *how,
                             bool answer_starts, atomic_bool *cancel, orion_stats *stats,
                             orion_error *err);

/* The prompt has been computed: from here on guesses may follow. */
orion_status ori_answer_begin(struct ori_answer *answer, orion_error *err);

/* rows[ori_answer_rows()][n_vocab]: logits of the newest known token and of the
 * guesses after it.  Choose, and pass text on, as far as they reach. */
orion_status ori_answer_take(struct ori_answer *answer, const float *rows, orion_error *err);
uint32_t ori_answer_rows(const struct ori_answer *answer);

/* Set the sequence's next tokens: the one chosen last, and at most `most` guesses
 * of what follows, as they pay with `beside` tokens of others in the batch.
 * Returns how many are to be computed. */
uint32_t ori_answer_next(struct ori_answer *answer, uint32_t beside, uint32_t most);

/* What was guessed and is not part of the answer leaves the sequence; memory goes.
 * A no-op before ori_answer_init(). */
void ori_answer_end(struct ori_answer *answer, orion_status status);

#endif
