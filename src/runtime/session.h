/* runtime - one mutable timeline over a model.
 *
 * A session is an engine and one sequence, which it prefills, appends to and goes
 * back on.  scheduler.h is the other way: an engine and many sequences.
 */
#ifndef ORI_RUNTIME_SESSION_H
#define ORI_RUNTIME_SESSION_H

#include "runtime/answer.h"

struct ori_session {
    struct ori_engine engine;
    struct ori_sequence sequence;
    float *logits;                /* [1 + ORI_MAX_DRAFT][n_vocab] of the newest tokens */
    struct ori_batch_item *items; /* [batch_tokens] scratch */
    atomic_bool cancel;
};

orion_status ori_session_new(const struct ori_model *model, struct ori_engine_options options,
                             struct ori_session **out, orion_error *err);
void ori_session_free(struct ori_session *session); /* NULL is a no-op */
void ori_session_reset(struct ori_session *session);

/* From any thread or a signal handler. */
void ori_session_cancel(struct ori_session *session);
/* True once for each cancel. */
bool ori_session_take_cancel(struct ori_session *session);

/* Make the cache hold exactly prompt[n_prompt] (n_prompt >= 1) and logits[0] be
 * those of its last token, computing only what the cache does not hold.
 * *n_cached tells how many tokens were taken from it, or from the prefixes on
 * disk, where new ones are kept; a disk that fails is no error of the prompt.
 * ORION_E_CANCELLED between two layers; the batches that were computed stay. */
orion_status ori_session_prefill(struct ori_session *session, const int32_t *prompt,
                                 uint32_t n_prompt, uint32_t *n_cached, orion_error *err);

/* Keep what the cache holds among the prefixes on disk; and make it hold the
 * longest beginning of tokens[n] that it or the disk has. */
orion_status ori_session_save(struct ori_session *session, orion_error *err);
orion_status ori_session_restore(struct ori_session *session, const int32_t *tokens, size_t n,
                                 uint32_t *n_restored, orion_error *err);

/* The hidden states of items[n], which the sequence has entered.
 * ORION_E_CANCELLED, by which the cancel is taken. */
orion_status ori_session_forward(struct ori_session *session, uint32_t n, orion_error *err);

/* Compute the 1..ORI_MAX_DRAFT + 1 next tokens, which the sequence has set, at
 * most a batch, and the logits of each. */
orion_status ori_session_advance(struct ori_session *session, uint32_t n, orion_error *err);
/* The same for tokens[n].  There must be room. */
orion_status ori_session_append(struct ori_session *session, const int32_t *tokens, uint32_t n,
                                orion_error *err);

/* Forget the tokens after the first n.  No more of them than were appended in
 * one call: so many the ring can always give back. */
void ori_session_drop(struct ori_session *session, uint32_t n);

/* ---- generate.c ---- */

/* Tokens of a chat or of a plain text, ready for ori_generate_tokens().  *form (may be
 * NULL) is what the answer may consist of. */
orion_status ori_chat_tokens(const struct ori_model *model, const struct ori_chat_ask *ask,
                             struct ori_tokens *out, struct ori_reply_form *form, orion_error *err);
orion_status ori_text_tokens(const struct ori_model *model, const char *text, size_t len,
                             bool parse_special, struct ori_tokens *out, orion_error *err);

/* Compute the prompt and produce an answer.  answer_starts: the answer begins
 * a text fragment, so its first space is the tokenizer's, not the model's.
 * *stats is written in any case. */
orion_status ori_generate_tokens(struct ori_session *session, const struct ori_tokens *prompt,
                                 bool answer_starts, const struct ori_generate *how,
                                 orion_stats *stats, orion_error *err);

/* ---- summarize.c ---- */

struct ori_summarize {
    const char *period;   /* or NULL */
    const char *language; /* "es", "en" or NULL */
    struct ori_generate how;
    void (*on_part)(uint32_t part, uint32_t n_parts, void *user); /* or NULL */
    void *on_part_user;
};

orion_status ori_summarize(struct ori_session *session, const char *const *records,
                           size_t n_records, const struct ori_summarize *how, orion_stats *stats,
                           orion_error *err);

/* ---- perplexity.c ---- */

orion_status ori_perplexity(struct ori_session *session, const char *text, size_t len,
                            bool want_digest, orion_perplexity_result *out, orion_error *err);

/* The same; on_score (may be NULL) is told of each predicted token. */
orion_status ori_perplexity_each(struct ori_session *session, const char *text, size_t len,
                                 bool want_digest, orion_score_fn on_score, void *user,
                                 orion_perplexity_result *out, orion_error *err);

#endif
