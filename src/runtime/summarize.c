/* Summaries of records, in one piece when they fit the context, else in parts
 * that are summarised and then joined by the same request.
 *
 * Nothing is left out: every byte of the records but white space at cuts is in
 * exactly one part.  Each round's summaries are shorter than what they were
 * made of, or the work ends with an error, so that the rounds come to an end.
 */
#include "runtime/parts.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RECORDS_BYTES ((size_t)1 << 30)
#define MAX_SUMMARY_BYTES ((size_t)16 << 20)
#define MIN_PART_TOKENS 32u
#define EDGE_TOKENS 16u /* more than a text's tokens change by what stands around it */

struct work {
    struct ori_session *session;
    const struct ori_summarize *how;
    orion_stats *stats;
    struct ori_reply_form *form; /* of the answers, once a request has been laid out */
    enum ori_lang lang;
    uint32_t reserve;  /* tokens of the context kept free for a summary */
    uint32_t overhead; /* tokens of a request without records */
    uint32_t capacity; /* tokens of records that fit a part */
};

/* A summary wants no thinking, where that can be told. */
static const orion_chat_options *brief(const struct ori_model *model)
{
    static const orion_chat_options no_thinking = {.size = sizeof(no_thinking),
                                                   .thinking = ORION_THINKING_OFF};

    return model->chat.skills.flags & ORION_CHAT_SWITCHES_THINKING ? &no_thinking : NULL;
}

/* The tokens of the request for units [first, first+n). */
static orion_status request(const struct work *w, const struct ori_parts *units, size_t first,
                            size_t n, struct ori_tokens *out, orion_error *err)
{
    struct ori_buf records;
    struct ori_buf text;
    orion_status status = ORION_OK;

    ori_buf_init(&records, MAX_RECORDS_BYTES);
    ori_buf_init(&text, MAX_RECORDS_BYTES);
    for (size_t i = first; i < first + n && status == ORION_OK; i++) {
        if (i > first)
            status = ori_buf_adds(&records, units->list[i].glue);
        if (status == ORION_OK)
            status = ori_buf_add(&records, units->list[i].text, units->list[i].len);
    }
    if (status == ORION_OK)
        status = ori_summary_request(w->lang, w->how->period, ori_buf_text(&records), records.len,
                                     &text);
    if (status != ORION_OK) {
        status = ori_fail(err, status, "there is no room to put the records together");
    } else {
        const struct ori_model *model = w->session->engine.model;
        const orion_message message = {.role = "user", .content = ori_buf_text(&text)};
        const struct ori_chat_ask ask = {&message, 1, brief(model)};
        status = ori_chat_tokens(model, &ask, out, w->form, err);
    }
    ori_buf_release(&records);
    ori_buf_release(&text);
    return status;
}

/* Fits with room for the answer.  *tokens is the request when it does. */
static orion_status try_request(const struct work *w, const struct ori_parts *units, size_t first,
                                size_t n, struct ori_tokens *tokens, bool *fits, orion_error *err)
{
    const orion_status status = request(w, units, first, n, tokens, err);

    *fits = status == ORION_OK && tokens->count + w->reserve <= w->session->engine.context_tokens;
    if (!*fits)
        ori_tokens_release(tokens);
    return status;
}

/* How much fits, given what the request itself takes. */
static orion_status measure_request(struct work *w, orion_error *err)
{
    const struct ori_parts none = {0};
    struct ori_tokens tokens = {0};
    const uint32_t context = w->session->engine.context_tokens;
    const orion_status status = request(w, &none, 0, 0, &tokens, err);
    const size_t overhead = tokens.count;

    ori_tokens_release(&tokens);
    if (status != ORION_OK)
        return status;
    w->reserve = context / 4;
    if (overhead + w->reserve + MIN_PART_TOKENS > context)
        return ori_fail(
            err, ORION_E_TOO_LONG,
            "a context of %u tokens is too small for summaries: the request alone takes "
            "%zu and the answer %u; use a larger context",
            context, overhead, w->reserve);
    w->overhead = (uint32_t)overhead;
    w->capacity = context - w->reserve - w->overhead;
    return ORION_OK;
}

/* Tokens that a text adds to a request; an ori_measure_fn.  By itself a text
 * may be cut into other tokens than amid the request, so where that decides
 * whether it fits, the request itself is looked at. */
static orion_status measure_text(void *arg, const char *text, size_t len, size_t *n_tokens,
                                 orion_error *err)
{
    const struct work *w = arg;
    const struct ori_piece piece = {text, len, false};
    struct ori_part unit = {text, len, 0, ""};
    const struct ori_parts alone = {&unit, 1, 1};
    struct ori_tokens tokens = {0};

    orion_status status =
        ori_vocab_encode(w->session->engine.model->vocab, &piece, 1, 0, &tokens, err);
    *n_tokens = tokens.count;
    ori_tokens_release(&tokens);
    if (status != ORION_OK || *n_tokens + EDGE_TOKENS < w->capacity ||
        *n_tokens > w->capacity + EDGE_TOKENS)
        return status;
    status = request(w, &alone, 0, 1, &tokens, err);
    *n_tokens = tokens.count > w->overhead ? tokens.count - w->overhead : 1;
    ori_tokens_release(&tokens);
    return status;
}

/* The last unit, exclusive, of the part that begins at `first`; with its
 * request.  Its length is guessed from the units' tokens (glue at its longest),
 * then the request decides. */
static orion_status next_part(const struct work *w, const struct ori_parts *units, size_t first,
                              size_t *end, struct ori_tokens *tokens, orion_error *err)
{
    size_t sum = units->list[first].n_tokens;
    size_t stop = first + 1;
    bool fits = false;

    while (stop < units->count) {
        const struct ori_part *unit = &units->list[stop];
        sum += strlen(unit->glue) + unit->n_tokens;
        if (sum > w->capacity)
            break;
        stop++;
    }
    for (; stop > first; stop--) {
        const orion_status status = try_request(w, units, first, stop - first, tokens, &fits, err);
        if (status != ORION_OK)
            return status;
        if (fits) {
            *end = stop;
            return ORION_OK;
        }
    }
    return ori_fail(err, ORION_E_TOO_LONG,
                    "a single character of the records does not fit the context of %u tokens; use "
                    "a larger context",
                    w->session->engine.context_tokens);
}

struct collect {
    struct ori_buf text;
};

static int collect_answer(const orion_answer_piece *piece, void *user)
{
    struct collect *c = user;
    const size_t at = c->text.len;

    if (piece->kind != ORION_PIECE_ANSWER)
        return 0;
    if (ori_buf_add(&c->text, piece->text, piece->text_bytes) != ORION_OK)
        return 1;
    for (size_t i = at; i < c->text.len; i++)
        if (c->text.data[i] == '\0') /* it would hide what comes after it */
            c->text.data[i] = ' ';
    return 0;
}

static void add_stats(orion_stats *sum, const orion_stats *one)
{
    if (sum->first_token_ms <= 0.0)
        sum->first_token_ms = one->first_token_ms;
    sum->finish = one->finish;
    sum->prompt_tokens += one->prompt_tokens;
    sum->cached_tokens += one->cached_tokens;
    sum->output_tokens += one->output_tokens;
    sum->prompt_ms += one->prompt_ms;
    sum->output_ms += one->output_ms;
    sum->drafted_tokens += one->drafted_tokens;
    sum->accepted_tokens += one->accepted_tokens;
}

/* Summarise one part into *out, which the caller frees. */
static orion_status summarize_part(struct work *w, const struct ori_tokens *tokens, char **out,
                                   orion_error *err)
{
    struct collect collected;
    struct ori_generate how = w->how->how;
    orion_stats stats;

    *out = NULL;
    ori_buf_init(&collected.text, MAX_SUMMARY_BYTES);
    how.on_piece = collect_answer;
    how.user = &collected;
    how.max_tokens = w->reserve;
    how.form = *w->form;
    orion_status status = ori_generate_tokens(w->session, tokens, true, &how, &stats, err);
    add_stats(w->stats, &stats);
    if (collected.text.status != ORION_OK)
        status = ori_fail_nomem(err, "the summary of a part");
    if (status == ORION_OK) {
        w->stats->parts++;
        if (collected.text.len == 0 || stats.finish == ORION_FINISH_LENGTH ||
            stats.finish == ORION_FINISH_CONTEXT)
            w->stats->incomplete_parts++;
        *out = ori_buf_take(&collected.text);
        if (!*out)
            status = ori_fail_nomem(err, "the summary of a part");
    }
    ori_buf_release(&collected.text);
    return status;
}

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
}

static void announce(const struct work *w, size_t part, size_t n_parts)
{
    if (w->how->on_part)
        w->how->on_part((uint32_t)part, (uint32_t)n_parts, w->how->on_part_user);
}

/* How many parts the units make. */
static orion_status count_parts(const struct work *w, const struct ori_parts *units, size_t *out,
                                orion_error *err)
{
    size_t n = 0;
    for (size_t first = 0; first < units->count; n++) {
        struct ori_tokens tokens = {0};
        const orion_status status = next_part(w, units, first, &first, &tokens, err);
        ori_tokens_release(&tokens);
        if (status != ORION_OK)
            return status;
    }
    *out = n;
    return ORION_OK;
}

/* Summarise each part: texts[*n_texts], which the caller frees. */
static orion_status summarize_parts(struct work *w, const struct ori_parts *units, char ***out,
                                    size_t *n_texts, orion_error *err)
{
    size_t n_parts;
    size_t first = 0;

    *out = NULL;
    *n_texts = 0;
    orion_status status = count_parts(w, units, &n_parts, err);
    if (status != ORION_OK)
        return status;
    char **texts = ori_calloc_array(n_parts, sizeof(*texts));
    if (!texts)
        return ori_fail_nomem(err, "the parts");
    for (size_t i = 0; i < n_parts; i++) {
        struct ori_tokens tokens = {0};
        announce(w, i + 1, n_parts);
        status = next_part(w, units, first, &first, &tokens, err);
        if (status == ORION_OK)
            status = summarize_part(w, &tokens, &texts[i], err);
        ori_tokens_release(&tokens);
        if (status != ORION_OK) {
            free_texts(texts, n_parts);
            return status;
        }
    }
    announce(w, 0, n_parts);
    *out = texts;
    *n_texts = n_parts;
    return ORION_OK;
}

/* All texts as units, and their tokens together. */
static orion_status split_all(struct work *w, const char *const *texts, size_t n,
                              struct ori_parts *out, size_t *n_tokens, orion_error *err)
{
    *n_tokens = 0;
    for (size_t i = 0; i < n; i++) {
        const orion_status status =
            ori_parts_add(out, texts[i], strlen(texts[i]), w->capacity, measure_text, w, err);
        if (status != ORION_OK)
            return status;
    }
    for (size_t i = 0; i < out->count; i++)
        *n_tokens += out->list[i].n_tokens;
    return ORION_OK;
}

static orion_status nothing_left(const struct work *w, orion_error *err)
{
    if (w->stats->parts == 0)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "the records are empty; there is nothing to summarise");
    return ori_fail(err, ORION_E_UNSUPPORTED,
                    "the model gave no summary for any of the %u parts; use another model or a "
                    "larger context",
                    w->stats->parts);
}

/* One request for all units, when it fits. */
static orion_status in_one_piece(struct work *w, const struct ori_parts *units, size_t n_tokens,
                                 bool *fits, orion_error *err)
{
    struct ori_tokens tokens = {0};
    orion_stats stats;

    *fits = false;
    if (n_tokens / 2 > w->capacity) /* far too long: not worth putting together */
        return ORION_OK;
    orion_status status = try_request(w, units, 0, units->count, &tokens, fits, err);
    if (status == ORION_OK && *fits) {
        struct ori_generate how = w->how->how;
        how.form = *w->form;
        status = ori_generate_tokens(w->session, &tokens, true, &how, &stats, err);
        add_stats(w->stats, &stats);
    }
    ori_tokens_release(&tokens);
    return status;
}

/* One round: the final summary when all fits (*done), else the summaries of
 * the parts in *texts. */
static orion_status one_round(struct work *w, const char *const *records, size_t n_records,
                              size_t *n_tokens, char ***texts, size_t *n_texts, bool *done,
                              orion_error *err)
{
    struct ori_parts units = {0};
    const size_t before = *n_tokens;

    *texts = NULL;
    *n_texts = 0;
    orion_status status = split_all(w, records, n_records, &units, n_tokens, err);
    if (status == ORION_OK && units.count == 0)
        status = nothing_left(w, err);
    if (status == ORION_OK && *n_tokens >= before)
        status = ori_fail(err, ORION_E_TOO_LONG,
                          "the records do not fit the context of %u tokens, and the summaries of "
                          "their parts are not shorter; use a larger context or fewer records",
                          w->session->engine.context_tokens);
    if (status == ORION_OK)
        status = in_one_piece(w, &units, *n_tokens, done, err);
    if (status == ORION_OK && !*done)
        status = summarize_parts(w, &units, texts, n_texts, err);
    ori_parts_release(&units);
    return status;
}

static orion_status choose_language(struct work *w, const char *const *records, size_t n,
                                    orion_error *err)
{
    struct ori_buf all;
    orion_status status = ORION_OK;

    if (w->how->language) {
        if (!ori_lang_by_name(w->how->language, &w->lang))
            return ori_fail(err, ORION_E_ARGUMENT,
                            "summaries in '%s' are not offered; use 'es' or 'en'",
                            w->how->language);
        return ORION_OK;
    }
    ori_buf_init(&all, MAX_RECORDS_BYTES);
    for (size_t i = 0; i < n && status == ORION_OK; i++) {
        status = ori_buf_adds(&all, records[i]);
        if (status == ORION_OK)
            status = ori_buf_adds(&all, "\n");
    }
    if (status == ORION_OK)
        w->lang = ori_lang_guess(ori_buf_text(&all), all.len);
    else
        status = ori_fail(err, status, "there is no room to put the records together");
    ori_buf_release(&all);
    return status;
}

orion_status ori_summarize(struct ori_session *session, const char *const *records,
                           size_t n_records, const struct ori_summarize *how, orion_stats *stats,
                           orion_error *err)
{
    struct ori_reply_form form = {0};
    struct work w = {.session = session, .how = how, .stats = stats, .form = &form};
    char **texts = NULL; /* summaries of the last round's parts */
    size_t n_texts = 0;
    size_t n_tokens = SIZE_MAX; /* of the last round's records */
    bool done = false;

    *stats = (orion_stats){0};
    orion_status status = choose_language(&w, records, n_records, err);
    if (status == ORION_OK)
        status = measure_request(&w, err);
    while (status == ORION_OK && !done) {
        char **next;
        size_t n_next;
        const char *const *input = texts ? (const char *const *)texts : records;
        status = one_round(&w, input, texts ? n_texts : n_records, &n_tokens, &next, &n_next, &done,
                           err);
        free_texts(texts, n_texts);
        texts = next;
        n_texts = n_next;
    }
    free_texts(texts, n_texts);
    return status;
}
