/* From tokens to an answer: prefill, then sample, decode and pass on. */
#include "runtime/session.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "runtime/stop.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TOKEN_TEXT (1u << 20)

orion_status ori_chat_tokens(const struct ori_model *model, const orion_message *messages,
                             size_t n_messages, struct ori_tokens *out, orion_error *err)
{
    struct ori_chat_prompt prompt = {0};
    struct ori_piece *pieces = NULL;

    if (!model->chat)
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "the model has no chat template that is known; give it plain text to "
                        "continue instead (orion run --raw)");
    orion_status status = ori_chat_render(model->chat, messages, n_messages, &prompt, err);
    if (status != ORION_OK)
        goto done;
    pieces = ori_calloc_array(prompt.n_spans, sizeof(*pieces));
    if (!pieces) {
        status = ori_fail_nomem(err, "the prompt");
        goto done;
    }
    for (size_t i = 0; i < prompt.n_spans; i++)
        pieces[i] = (struct ori_piece){
            .text = ori_buf_text(&prompt.text) + prompt.spans[i].offset,
            .len = prompt.spans[i].len,
            .special = prompt.spans[i].special,
        };
    status = ori_vocab_encode(model->vocab, pieces, prompt.n_spans, true, out, err);
done:
    free(pieces);
    ori_chat_prompt_release(&prompt);
    return status;
}

orion_status ori_text_tokens(const struct ori_model *model, const char *text, size_t len,
                             bool parse_special, struct ori_tokens *out, orion_error *err)
{
    const struct ori_piece piece = {text, len, parse_special};
    return ori_vocab_encode(model->vocab, &piece, 1, true, out, err);
}

/* One answer under way.  The cache holds the tokens known, and after them those
 * that are guessed; logits[row] of the session are of the newest known one. */
struct answer {
    struct ori_session *session;
    const struct ori_generate *how;
    orion_stats *stats;
    struct ori_lookup lookup; /* unused when off */
    bool looks_up;
    uint32_t n_known;
    uint32_t row;
    struct ori_sampler sampler;
    struct ori_decoder decoder;
    struct ori_stop stop;
    struct ori_buf text; /* decoded, of the token at hand */
    double started_ms;
};

static orion_status pass_on(struct answer *a, size_t n, orion_error *err)
{
    struct ori_buf *held = &a->stop.held;

    if (n == 0)
        return ORION_OK;
    const char after = held->data[n];
    held->data[n] = '\0';
    const int quit = a->how->on_text ? a->how->on_text(held->data, n, a->how->user) : 0;
    held->data[n] = after;
    ori_stop_drop(&a->stop, n);
    return quit ? ori_fail(err, ORION_E_CANCELLED, "cancelled") : ORION_OK;
}

/* Text that has become whole goes through the stop texts and out. */
static orion_status emit(struct answer *a, bool *stopped, orion_error *err)
{
    size_t ready;
    const orion_status status =
        ori_stop_add(&a->stop, ori_buf_text(&a->text), a->text.len, &ready, stopped);

    ori_buf_clear(&a->text);
    if (status != ORION_OK)
        return ori_fail_nomem(err, "the answer");
    return pass_on(a, ready, err);
}

/* The end without a stop text: what was held back comes out. */
static orion_status flush(struct answer *a, orion_error *err)
{
    bool stopped;

    if (ori_decoder_finish(&a->decoder, &a->text) != ORION_OK)
        return ori_fail_nomem(err, "the answer");
    const orion_status status = emit(a, &stopped, err);
    if (status != ORION_OK || stopped)
        return status;
    return pass_on(a, a->stop.held.len, err);
}

/* How many guesses can be of use, and fit the cache and a batch after `token`. */
static uint32_t most_guesses(const struct answer *a)
{
    const struct ori_session *s = a->session;
    uint32_t most = s->context_tokens - a->n_known - 1;

    if (most > s->batch_tokens - 1)
        most = s->batch_tokens - 1;
    if (a->how->max_tokens > 0 && most > a->how->max_tokens - a->stats->output_tokens - 1)
        most = a->how->max_tokens - a->stats->output_tokens - 1;
    return most;
}

/* The guesses at hand are used up, or `token` is none of them: it is computed,
 * and new guesses with it. */
static orion_status step(struct answer *a, int32_t token, orion_error *err)
{
    struct ori_session *s = a->session;
    int32_t batch[1 + ORI_MAX_DRAFT] = {token};
    uint32_t n_draft = 0;

    ori_session_drop(s, a->n_known);
    if (a->looks_up) {
        s->tokens[a->n_known] = token;
        ori_lookup_add(&a->lookup, s->tokens, a->n_known + 1, true);
        n_draft = ori_lookup_draft(&a->lookup, s->tokens, most_guesses(a), batch + 1);
    }
    const orion_status status = ori_session_append(s, batch, 1 + n_draft, err);
    if (status != ORION_OK)
        return status;
    a->stats->drafted_tokens += n_draft;
    a->n_known++;
    a->row = 0;
    return ORION_OK;
}

/* Make the logits those after `token`, which is known from now on. */
static orion_status advance(struct answer *a, int32_t token, orion_error *err)
{
    const struct ori_session *s = a->session;

    if (a->n_known == s->n_tokens || token != s->tokens[a->n_known])
        return step(a, token, err);
    a->n_known++;
    a->row++;
    a->stats->accepted_tokens++;
    ori_lookup_hit(&a->lookup);
    return ORION_OK;
}

static orion_status answer_loop(struct answer *a, orion_error *err)
{
    struct ori_session *s = a->session;
    const struct ori_vocab *vocab = s->model->vocab;
    const size_t n_vocab = s->model->hp.n_vocab;
    orion_status status;

    for (;;) {
        int32_t token;
        bool stopped;

        if (ori_session_take_cancel(s))
            return ori_fail(err, ORION_E_CANCELLED, "cancelled");
        status = ori_sampler_pick(&a->sampler, s->logits + a->row * n_vocab, s->tokens, a->n_known,
                                  &token, err);
        if (status != ORION_OK)
            return status;
        if (a->stats->output_tokens == 0)
            a->stats->first_token_ms = ori_now_ms() - a->started_ms;
        if (ori_vocab_is_end(vocab, token)) {
            a->stats->finish = ORION_FINISH_END;
            return flush(a, err);
        }
        a->stats->output_tokens++;
        if (ori_decoder_add(&a->decoder, token, &a->text) != ORION_OK)
            return ori_fail_nomem(err, "the answer");
        status = emit(a, &stopped, err);
        if (status != ORION_OK)
            return status;
        if (stopped) {
            a->stats->finish = ORION_FINISH_STOP;
            return ORION_OK;
        }
        if (a->how->max_tokens > 0 && a->stats->output_tokens >= a->how->max_tokens) {
            a->stats->finish = ORION_FINISH_LENGTH;
            return flush(a, err);
        }
        if (a->n_known >= s->context_tokens) {
            a->stats->finish = ORION_FINISH_CONTEXT;
            return flush(a, err);
        }
        status = advance(a, token, err);
        if (status != ORION_OK)
            return status;
    }
}

static uint32_t longest_draft(const struct answer *a)
{
    const struct ori_gguf *gguf = a->session->model->gguf;

    if (a->how->lookup == ORION_LOOKUP_OFF)
        return 0;
    if (a->how->lookup != ORION_LOOKUP_AUTO)
        return (uint32_t)a->how->lookup;
    return ori_gguf_file_bytes(gguf) >= ORI_LOOKUP_MIN_WEIGHT_BYTES ? ORI_DEFAULT_DRAFT : 0;
}

/* The prompt is in the cache: from here on guesses may follow. */
static orion_status start_lookup(struct answer *a, orion_error *err)
{
    const struct ori_session *s = a->session;
    const uint32_t longest = longest_draft(a);

    a->n_known = s->n_tokens;
    if (longest == 0)
        return ORION_OK;
    const orion_status status = ori_lookup_init(&a->lookup, s->context_tokens, longest, err);
    if (status != ORION_OK)
        return status;
    ori_lookup_add(&a->lookup, s->tokens, s->n_tokens, false);
    a->looks_up = true;
    return ORION_OK;
}

static orion_status check(const struct ori_session *s, const struct ori_tokens *prompt,
                          const struct ori_generate *how, orion_error *err)
{
    const orion_status status = ori_sampler_check(&how->sampling, err);

    if (status != ORION_OK)
        return status;
    if (how->lookup < ORION_LOOKUP_OFF || how->lookup > (int32_t)ORI_MAX_DRAFT)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "lookup is %d, expected -1 (off), 0 (automatic) or a draft of at most %u",
                        how->lookup, ORI_MAX_DRAFT);
    for (size_t i = 0; i < how->n_stop; i++)
        if (!how->stop[i] || how->stop[i][0] == '\0')
            return ori_fail(err, ORION_E_ARGUMENT, "stop text %zu is empty", i + 1);
        else if (ori_utf8_valid_len(how->stop[i], strlen(how->stop[i])) != strlen(how->stop[i]))
            return ori_fail(err, ORION_E_ARGUMENT, "stop text %zu is not UTF-8", i + 1);
    if (prompt->count == 0)
        return ori_fail(err, ORION_E_ARGUMENT, "the prompt is empty");
    if (prompt->count >= s->context_tokens)
        return ori_fail(err, ORION_E_TOO_LONG,
                        "the prompt has %zu tokens and the context holds %u, one of them for the "
                        "answer; shorten the prompt or use a larger context",
                        prompt->count, s->context_tokens);
    return ORION_OK;
}

orion_status ori_generate_tokens(struct ori_session *s, const struct ori_tokens *prompt,
                                 bool answer_starts, const struct ori_generate *how,
                                 orion_stats *stats, orion_error *err)
{
    struct answer a = {.session = s, .how = how, .stats = stats, .started_ms = ori_now_ms()};

    *stats = (orion_stats){0};
    orion_status status = check(s, prompt, how, err);
    if (status != ORION_OK)
        return status;
    stats->prompt_tokens = (uint32_t)prompt->count;

    ori_stop_init(&a.stop, how->stop, how->n_stop);
    ori_buf_init(&a.text, MAX_TOKEN_TEXT);
    ori_decoder_init(&a.decoder, s->model->vocab, answer_starts, false, true);
    status = ori_sampler_init(&a.sampler, &how->sampling, s->model->hp.n_vocab, err);
    if (status != ORION_OK)
        goto done;
    status = ori_session_prefill(s, prompt->ids, stats->prompt_tokens, &stats->cached_tokens, err);
    stats->prompt_ms = ori_now_ms() - a.started_ms;
    if (status == ORION_OK)
        status = start_lookup(&a, err);
    if (status == ORION_OK) {
        status = answer_loop(&a, err);
        ori_session_drop(s, a.n_known); /* what was guessed is not part of it */
    }
    stats->output_ms = ori_now_ms() - a.started_ms - stats->prompt_ms;
    if (status == ORION_E_CANCELLED)
        stats->finish = ORION_FINISH_CANCELLED;
done:
    ori_lookup_release(&a.lookup);
    ori_sampler_release(&a.sampler);
    ori_decoder_release(&a.decoder);
    ori_buf_release(&a.text);
    ori_stop_release(&a.stop);
    return status;
}
