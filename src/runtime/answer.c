#include "runtime/answer.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <string.h>

#define MAX_TOKEN_TEXT (1u << 20)

orion_status ori_generate_check(const struct ori_generate *how, size_t n_prompt,
                                uint32_t context_tokens, orion_error *err)
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
    if (n_prompt == 0)
        return ori_fail(err, ORION_E_ARGUMENT, "the prompt is empty");
    if (n_prompt >= context_tokens)
        return ori_fail(err, ORION_E_TOO_LONG,
                        "the prompt has %zu tokens and the context holds %u, one of them for the "
                        "answer; shorten the prompt or use a larger context",
                        n_prompt, context_tokens);
    return ORION_OK;
}

/* A part of the answer goes out, with the choices made since the last one. */
static int pass_on(orion_piece_kind kind, const char *text, size_t n, void *user)
{
    const struct ori_answer *a = user;
    struct ori_choices *choices = a->how->choices;
    orion_answer_piece piece = {.text = text, .text_bytes = n, .kind = kind};

    if (!a->how->on_piece)
        return 0;
    if (choices) {
        piece.choices = ori_choices_list(choices);
        piece.n_choices = choices->count;
    }
    const int quit = a->how->on_piece(&piece, a->how->user);
    if (choices)
        ori_choices_clear(choices);
    return quit;
}

orion_status ori_answer_init(struct ori_answer *a, const struct ori_engine *engine,
                             struct ori_sequence *sequence, const struct ori_generate *how,
                             bool answer_starts, atomic_bool *cancel, orion_stats *stats,
                             orion_error *err)
{
    const double now_ms = ori_now_ms();

    *a = (struct ori_answer){
        .engine = engine,
        .sequence = sequence,
        .how = how,
        .cancel = cancel,
        .stats = stats,
        .asked_ms = now_ms,
        .started_ms = now_ms,
    };
    ori_stop_init(&a->stop, how->stop, how->n_stop);
    ori_sections_init(&a->sections, &how->form, pass_on, a);
    ori_buf_init(&a->text, MAX_TOKEN_TEXT);
    ori_decoder_init(&a->decoder, engine->model->vocab, answer_starts, false, true);
    return ori_sampler_init(&a->sampler, &how->sampling, engine->model->hp.n_vocab, err);
}

void ori_answer_end(struct ori_answer *a, orion_status status)
{
    if (!a->sequence)
        return;
    if (a->begun_ms <= 0)
        a->stats->prompt_ms = ori_now_ms() - a->started_ms;
    else
        a->stats->output_ms = ori_now_ms() - a->begun_ms;
    if (a->begun_ms > 0 && a->sequence->n_tokens > a->n_known)
        ori_sequence_drop(a->sequence, a->n_known);
    if (status == ORION_E_CANCELLED)
        a->stats->finish = ORION_FINISH_CANCELLED;
    ori_lookup_release(&a->lookup);
    ori_sampler_release(&a->sampler);
    ori_decoder_release(&a->decoder);
    ori_buf_release(&a->text);
    ori_sections_release(&a->sections);
    ori_stop_release(&a->stop);
    *a = (struct ori_answer){0};
}

static uint32_t longest_draft(const struct ori_answer *a)
{
    const struct ori_model *model = a->engine->model;

    if (a->how->lookup == ORION_LOOKUP_OFF)
        return 0;
    if (a->how->lookup != ORION_LOOKUP_AUTO)
        return (uint32_t)a->how->lookup;
    if (model->hp.n_experts > 0) /* each token of a draft reads experts of its own */
        return 0;
    return ori_gguf_file_bytes(model->gguf) >= ORI_LOOKUP_MIN_WEIGHT_BYTES ? ORI_DEFAULT_DRAFT : 0;
}

orion_status ori_answer_begin(struct ori_answer *a, orion_error *err)
{
    const struct ori_sequence *s = a->sequence;
    const uint32_t longest = longest_draft(a);

    a->begun_ms = ori_now_ms();
    a->stats->prompt_ms = a->begun_ms - a->started_ms;
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

/* ---- text ---- */

/* What became of telling: sections know no sentence. */
static orion_status told(orion_status status, orion_error *err)
{
    if (status == ORION_E_CANCELLED)
        return ori_fail(err, status, "cancelled");
    return status == ORION_OK ? ORION_OK : ori_fail_nomem(err, "the answer");
}

/* The first n bytes that stop texts let go. */
static orion_status divide(struct ori_answer *a, size_t n, orion_error *err)
{
    if (n == 0)
        return ORION_OK;
    const orion_status status = ori_sections_add(&a->sections, a->stop.held.data, n);
    ori_stop_drop(&a->stop, n);
    return told(status, err);
}

/* Text that has become whole goes through the stop texts and out. */
static orion_status emit(struct ori_answer *a, bool *stopped, orion_error *err)
{
    size_t ready;
    const orion_status status =
        ori_stop_add(&a->stop, ori_buf_text(&a->text), a->text.len, &ready, stopped);

    ori_buf_clear(&a->text);
    if (status != ORION_OK)
        return ori_fail_nomem(err, "the answer");
    return divide(a, ready, err);
}

/* The end without a stop text: what was held back comes out. */
static orion_status flush(struct ori_answer *a, orion_error *err)
{
    bool stopped;

    if (ori_decoder_finish(&a->decoder, &a->text) != ORION_OK)
        return ori_fail_nomem(err, "the answer");
    const orion_status status = emit(a, &stopped, err);
    if (status != ORION_OK || stopped)
        return status;
    return divide(a, a->stop.held.len, err);
}

/* ---- tokens ---- */

/* What was chosen without a text of its own, or what a stop text cut. */
static orion_status pass_rest(struct ori_answer *a, orion_error *err)
{
    const struct ori_choices *choices = a->how->choices;

    if (!choices || choices->count == 0 || pass_on(ORION_PIECE_ANSWER, "", 0, a) == 0)
        return ORION_OK;
    return ori_fail(err, ORION_E_CANCELLED, "cancelled");
}

static orion_status finish(struct ori_answer *a, orion_finish why, orion_error *err)
{
    orion_status status = ORION_OK;

    a->stats->finish = why;
    a->over = true;
    if (why != ORION_FINISH_STOP)
        status = flush(a, err);
    if (status == ORION_OK)
        status = told(ori_sections_finish(&a->sections), err);
    return status == ORION_OK ? pass_rest(a, err) : status;
}

/* The text of a token; a control token has one if it is a mark of the form. */
static orion_status decode(struct ori_answer *a, int32_t token)
{
    const struct ori_vocab *vocab = a->engine->model->vocab;
    struct ori_buf mark;

    orion_status status = ori_decoder_add(&a->decoder, token, &a->text);
    if (status != ORION_OK || !ori_vocab_is_control(vocab, token))
        return status;
    ori_buf_init(&mark, MAX_TOKEN_TEXT);
    status = ori_vocab_token_bytes(vocab, token, true, &mark);
    if (status == ORION_OK &&
        ori_reply_form_has_mark(&a->how->form, (struct ori_str){ori_buf_text(&mark), mark.len}))
        status = ori_buf_add(&a->text, mark.data, mark.len);
    ori_buf_release(&mark);
    return status;
}

/* The token chosen is known from now on: its text goes out, and it may be the
 * last. */
static orion_status take_token(struct ori_answer *a, int32_t token, orion_error *err)
{
    const uint32_t max_tokens = a->how->max_tokens;
    bool stopped;

    if (ori_vocab_is_end(a->engine->model->vocab, token))
        return finish(a, ORION_FINISH_END, err);
    a->stats->output_tokens++;
    a->next = token;
    if (decode(a, token) != ORION_OK)
        return ori_fail_nomem(err, "the answer");
    const orion_status status = emit(a, &stopped, err);
    if (status != ORION_OK)
        return status;
    if (stopped)
        return finish(a, ORION_FINISH_STOP, err);
    if (max_tokens > 0 && a->stats->output_tokens >= max_tokens)
        return finish(a, ORION_FINISH_LENGTH, err);
    if (a->n_known >= a->sequence->context_tokens)
        return finish(a, ORION_FINISH_CONTEXT, err);
    return ORION_OK;
}

/* Choose from the logits of the newest known token. */
static orion_status choose(struct ori_answer *a, const float *logits, orion_error *err)
{
    int32_t token;

    if (atomic_exchange(a->cancel, false))
        return ori_fail(err, ORION_E_CANCELLED, "cancelled");
    orion_status status =
        ori_sampler_pick(&a->sampler, logits, a->sequence->tokens, a->n_known, &token, err);
    if (status != ORION_OK)
        return status;
    if (a->stats->output_tokens == 0)
        a->stats->first_token_ms = ori_now_ms() - a->asked_ms;
    if (a->how->choices && !ori_vocab_is_end(a->engine->model->vocab, token))
        status = ori_choices_add(a->how->choices, logits, token, err);
    return status != ORION_OK ? status : take_token(a, token, err);
}

uint32_t ori_answer_rows(const struct ori_answer *a)
{
    return a->sequence->n_tokens - a->n_known + 1;
}

orion_status ori_answer_take(struct ori_answer *a, const float *rows, orion_error *err)
{
    struct ori_sequence *s = a->sequence;

    for (;;) {
        const orion_status status = choose(a, rows, err);
        if (status != ORION_OK || a->over)
            return status;
        if (a->n_known == s->n_tokens || a->next != s->tokens[a->n_known])
            break; /* the guesses are used up, or it is none of them */
        a->n_known++;
        a->stats->accepted_tokens++;
        ori_lookup_hit(&a->lookup);
        rows += a->engine->model->hp.n_vocab;
    }
    ori_sequence_drop(s, a->n_known);
    return ORION_OK;
}

/* How many guesses can be of use, and fit the cache after the next token. */
static uint32_t useful_guesses(const struct ori_answer *a, uint32_t most)
{
    const uint32_t room = a->sequence->context_tokens - a->n_known - 1;

    if (most > room)
        most = room;
    if (a->how->max_tokens > 0 && most > a->how->max_tokens - a->stats->output_tokens - 1)
        most = a->how->max_tokens - a->stats->output_tokens - 1;
    return most;
}

uint32_t ori_answer_next(struct ori_answer *a, uint32_t beside, uint32_t most)
{
    int32_t *tokens = a->sequence->tokens;
    uint32_t n_draft = 0;

    tokens[a->n_known] = a->next;
    if (a->looks_up) {
        ori_lookup_add(&a->lookup, tokens, a->n_known + 1, true);
        n_draft = ori_lookup_draft(&a->lookup, tokens, beside, useful_guesses(a, most),
                                   tokens + a->n_known + 1);
        a->stats->drafted_tokens += n_draft;
    }
    a->n_known++;
    return 1 + n_draft;
}
