/* runtime - one mutable timeline over a model.
 *
 * A session owns the KV cache, scratch memory, threads and the list of tokens
 * whose keys and values the cache holds.  Invariant: cache position t belongs
 * to tokens[t] for every t < n_tokens that the ring still holds.
 */
#ifndef ORI_RUNTIME_SESSION_H
#define ORI_RUNTIME_SESSION_H

#include "base/base.h"
#include "model/forward.h"
#include "model/readahead.h"
#include "runtime/lookup.h"
#include "runtime/prefixes.h"
#include "runtime/sampler.h"

#include <stdatomic.h>

struct ori_session_options {
    uint32_t context_tokens; /* 0: the model's, at most 4096 */
    uint32_t threads;        /* 0: physical cores */
    uint32_t batch_tokens;   /* 0: ORI_BATCH_TOKENS */
    enum ori_kv_type kv_type;
    const struct ori_prefixes *prefixes; /* may be NULL; outlives the session */
};
#define ORI_BATCH_TOKENS 256

struct ori_session {
    const struct ori_model *model; /* borrowed */
    struct ori_kernels kernels;
    struct ori_pool *pool;
    struct ori_compute compute;
    struct ori_rope rope;
    struct ori_forward *forward;
    struct ori_kv kv;
    uint32_t context_tokens;
    uint32_t batch_tokens;
    int32_t *tokens; /* [context_tokens], of which n_tokens are in the cache */
    uint32_t n_tokens;
    uint32_t n_reached;           /* >= n_tokens: positions written since position 0 last was; what
                                   * the ring has overwritten follows from it, also after going back */
    float *logits;                /* [1 + ORI_MAX_DRAFT][n_vocab] of the newest tokens */
    struct ori_batch_item *items; /* [batch_tokens] scratch */
    struct ori_readahead ahead;
    atomic_bool cancel;

    /* Set by ori_snapshot_attach(); prefixes NULL: none are kept. */
    const struct ori_prefixes *prefixes;    /* borrowed */
    uint8_t prefix_facts[ORI_SHA256_BYTES]; /* what a prefix depends on besides tokens */
    size_t prefix_block_bytes;
};

orion_status ori_session_new(const struct ori_model *model, struct ori_session_options options,
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
 * ORION_E_CANCELLED between two batches; what was computed stays. */
orion_status ori_session_prefill(struct ori_session *session, const int32_t *prompt,
                                 uint32_t n_prompt, uint32_t *n_cached, orion_error *err);

/* Keep what the cache holds among the prefixes on disk; and make it hold the
 * longest beginning of tokens[n] that it or the disk has. */
orion_status ori_session_save(struct ori_session *session, orion_error *err);
orion_status ori_session_restore(struct ori_session *session, const int32_t *tokens, size_t n,
                                 uint32_t *n_restored, orion_error *err);

/* Append 1..ORI_MAX_DRAFT + 1 tokens, at most a batch, and compute the logits of
 * each.  There must be room. */
orion_status ori_session_append(struct ori_session *session, const int32_t *tokens, uint32_t n,
                                orion_error *err);

/* Forget the tokens after the first n.  No more of them than were appended in
 * one call: so many the ring can always give back. */
void ori_session_drop(struct ori_session *session, uint32_t n);

/* ---- generate.c ---- */

struct ori_generate {
    struct ori_sampler_params sampling;
    uint32_t max_tokens;     /* 0: until the end or the context is full */
    const char *const *stop; /* [n_stop] */
    size_t n_stop;
    int32_t lookup;        /* ORION_LOOKUP_AUTO, _OFF or the longest draft */
    orion_text_fn on_text; /* may be NULL */
    void *user;
};

/* Tokens of a chat or of a plain text, ready for ori_generate_tokens(). */
orion_status ori_chat_tokens(const struct ori_model *model, const orion_message *messages,
                             size_t n_messages, struct ori_tokens *out, orion_error *err);
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
