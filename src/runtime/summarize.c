/* Summaries of records, in one piece when they fit the context, else in parts
 * that are summarised and then joined by the same request.
 *
 * Nothing is left out: every byte of the records but white space at cuts is in
 * exactly one part.  Each round's summaries are shorter than what they were
 * made of, or the work ends with an error, so that the rounds come to an end.
 */
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RECORDS_BYTES ((size_t)1 << 30)
#define MAX_SUMMARY_BYTES ((size_t)16 << 20)
#define MIN_PART_TOKENS 32u

/* A stretch of a record that fits into a part, and what goes before it. */
struct unit {
    const char *text;
    size_t len;
    const char *glue; /* "\n\n" before a record, "\n" within one */
};

struct units {
    struct unit *list;
    size_t count;
    size_t cap;
};

struct work {
    struct ori_session *session;
    const struct ori_summarize *how;
    orion_stats *stats;
    enum ori_lang lang;
    uint32_t reserve;  /* tokens of the context kept free for a summary */
    uint32_t capacity; /* tokens of records that fit a part */
};

static bool units_add(struct units *units, struct unit unit)
{
    if (units->count == units->cap) {
        const size_t cap = units->cap ? units->cap * 2 : 16;
        size_t bytes;
        if (!ori_mul(cap, sizeof(*units->list), &bytes))
            return false;
        struct unit *list = realloc(units->list, bytes);
        if (!list)
            return false;
        units->list = list;
        units->cap = cap;
    }
    units->list[units->count++] = unit;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct unit trimmed(struct unit unit)
{
    while (unit.len > 0 && is_space(unit.text[0])) {
        unit.text++;
        unit.len--;
    }
    while (unit.len > 0 && is_space(unit.text[unit.len - 1]))
        unit.len--;
    return unit;
}

static orion_status count_tokens(const struct work *w, struct unit unit, size_t *out,
                                 orion_error *err)
{
    const struct ori_piece piece = {unit.text, unit.len, false};
    struct ori_tokens tokens = {0};
    const orion_status status =
        ori_vocab_encode(w->session->model->vocab, &piece, 1, false, &tokens, err);

    *out = tokens.count;
    ori_tokens_release(&tokens);
    return status;
}

/* Where to cut a text in two: the end of a paragraph, a line, a sentence or a
 * word that is nearest to the middle, within the middle half; else between
 * characters. */
static size_t cut_position(struct unit unit)
{
    static const char *const ends[] = {"\n\n", "\n", ". ", " "};
    const size_t middle = unit.len / 2;

    for (size_t e = 0; e < ORI_COUNT(ends); e++) {
        const size_t n = strlen(ends[e]);
        for (size_t distance = 0; distance < unit.len / 4; distance++) {
            if (middle + distance + n < unit.len &&
                memcmp(unit.text + middle + distance, ends[e], n) == 0)
                return middle + distance + n;
            if (memcmp(unit.text + middle - distance, ends[e], n) == 0)
                return middle - distance + n;
        }
    }
    size_t at = middle;
    while (at > 1 && ((unsigned char)unit.text[at] & 0xC0) == 0x80)
        at--; /* not inside a UTF-8 character */
    return at;
}

/* Halve a text until its pieces fit a part, and append them in order. */
static orion_status split(const struct work *w, struct unit whole, struct units *out,
                          orion_error *err)
{
    struct units todo = {0}; /* a stack; its top is what comes next in the text */
    orion_status status = ORION_OK;
    bool ok = units_add(&todo, whole);

    while (ok && status == ORION_OK && todo.count > 0) {
        const struct unit unit = trimmed(todo.list[--todo.count]);
        size_t n_tokens;

        if (unit.len == 0)
            continue;
        status = count_tokens(w, unit, &n_tokens, err);
        if (status != ORION_OK)
            break;
        if (n_tokens <= w->capacity || unit.len < 2) {
            ok = units_add(out, unit);
            continue;
        }
        const size_t at = cut_position(unit);
        ok = units_add(&todo, (struct unit){unit.text + at, unit.len - at, "\n"}) &&
             units_add(&todo, (struct unit){unit.text, at, unit.glue});
    }
    free(todo.list);
    if (!ok)
        return ori_fail_nomem(err, "the records");
    return status;
}

/* The tokens of the request for units [first, first+n). */
static orion_status request(const struct work *w, const struct units *units, size_t first,
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
        status = ori_fail(err, status, "the records are too large to be put together");
    } else {
        const orion_message message = {"user", ori_buf_text(&text)};
        status = ori_chat_tokens(w->session->model, &message, 1, out, err);
    }
    ori_buf_release(&records);
    ori_buf_release(&text);
    return status;
}

/* Fits with room for the answer.  *tokens is the request when it does. */
static orion_status try_request(const struct work *w, const struct units *units, size_t first,
                                size_t n, struct ori_tokens *tokens, bool *fits, orion_error *err)
{
    const orion_status status = request(w, units, first, n, tokens, err);

    *fits = status == ORION_OK && tokens->count + w->reserve <= w->session->context_tokens;
    if (!*fits)
        ori_tokens_release(tokens);
    return status;
}

/* How much fits, given what the request itself takes. */
static orion_status measure(struct work *w, orion_error *err)
{
    const struct units none = {0};
    struct ori_tokens tokens = {0};
    const uint32_t context = w->session->context_tokens;
    const orion_status status = request(w, &none, 0, 0, &tokens, err);
    const size_t overhead = tokens.count;

    ori_tokens_release(&tokens);
    if (status != ORION_OK)
        return status;
    w->reserve = context / 4;
    if (overhead + w->reserve + MIN_PART_TOKENS > context)
        return ori_fail(err, ORION_E_TOO_LONG,
                        "a context of %u tokens is too small for summaries: the request alone takes "
                        "%zu and the answer %u; use a larger context",
                        context, overhead, w->reserve);
    w->capacity = context - w->reserve - (uint32_t)overhead;
    return ORION_OK;
}

/* The last unit, exclusive, of the longest part that begins at `first`; with
 * its request.  A first guess adds up tokens, then requests are tried. */
static orion_status next_part(const struct work *w, const struct units *units, size_t first,
                              size_t *end, struct ori_tokens *tokens, orion_error *err)
{
    size_t sum = 0;
    size_t stop = first;
    bool fits = false;
    orion_status status;

    while (stop < units->count) {
        size_t n_tokens;
        status = count_tokens(w, units->list[stop], &n_tokens, err);
        if (status != ORION_OK)
            return status;
        sum += n_tokens;
        if (stop > first && sum > w->capacity)
            break;
        stop++;
    }
    for (;;) {
        status = try_request(w, units, first, stop - first, tokens, &fits, err);
        if (status != ORION_OK)
            return status;
        if (fits)
            break;
        if (stop - first == 1)
            return ori_fail(err, ORION_E_TOO_LONG,
                            "a single character of the records does not fit the context of %u "
                            "tokens; use a larger context",
                            w->session->context_tokens);
        stop--;
    }
    *end = stop;
    return ORION_OK;
}

struct collect {
    struct ori_buf text;
};

static int collect_text(const char *text, size_t len, void *user)
{
    struct collect *c = user;
    return ori_buf_add(&c->text, text, len) != ORION_OK;
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
    how.on_text = collect_text;
    how.user = &collected;
    how.max_tokens = w->reserve;
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
static orion_status count_parts(const struct work *w, const struct units *units, size_t *out,
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
static orion_status summarize_parts(struct work *w, const struct units *units, char ***out,
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

static orion_status split_all(const struct work *w, const char *const *texts, size_t n,
                              struct units *out, size_t *n_tokens, orion_error *err)
{
    *n_tokens = 0;
    for (size_t i = 0; i < n; i++) {
        const orion_status status =
            split(w, (struct unit){texts[i], strlen(texts[i]), "\n\n"}, out, err);
        if (status != ORION_OK)
            return status;
    }
    for (size_t i = 0; i < out->count; i++) {
        size_t tokens;
        const orion_status status = count_tokens(w, out->list[i], &tokens, err);
        if (status != ORION_OK)
            return status;
        *n_tokens += tokens;
    }
    return ORION_OK;
}

/* One round: the final summary when all fits (*done), else the summaries of
 * the parts in *texts. */
static orion_status one_round(struct work *w, const char *const *records, size_t n_records,
                              size_t *n_tokens, char ***texts, size_t *n_texts, bool *done,
                              orion_error *err)
{
    struct units units = {0};
    struct ori_tokens tokens = {0};
    const size_t before = *n_tokens;

    *texts = NULL;
    *n_texts = 0;
    orion_status status = split_all(w, records, n_records, &units, n_tokens, err);
    if (status != ORION_OK)
        goto out;
    if (units.count == 0) {
        status = ori_fail(err, ORION_E_ARGUMENT, "the records are empty; there is nothing to "
                                                 "summarise");
        goto out;
    }
    if (*n_tokens >= before) {
        status = ori_fail(err, ORION_E_TOO_LONG,
                          "the records do not fit the context of %u tokens, and the summaries of "
                          "their parts are not shorter; use a larger context or fewer records",
                          w->session->context_tokens);
        goto out;
    }
    status = try_request(w, &units, 0, units.count, &tokens, done, err);
    if (status != ORION_OK)
        goto out;
    if (*done) {
        orion_stats stats;
        status = ori_generate_tokens(w->session, &tokens, true, &w->how->how, &stats, err);
        add_stats(w->stats, &stats);
    } else {
        status = summarize_parts(w, &units, texts, n_texts, err);
    }
out:
    ori_tokens_release(&tokens);
    free(units.list);
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
                            "summaries in '%s' are not offered; use 'es' or 'en'", w->how->language);
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
        status = ori_fail(err, status, "the records are too large to be put together");
    ori_buf_release(&all);
    return status;
}

orion_status ori_summarize(struct ori_session *session, const char *const *records,
                           size_t n_records, const struct ori_summarize *how, orion_stats *stats,
                           orion_error *err)
{
    struct work w = {.session = session, .how = how, .stats = stats};
    char **texts = NULL; /* summaries of the last round's parts */
    size_t n_texts = 0;
    size_t n_tokens = SIZE_MAX; /* of the last round's records */
    bool done = false;

    *stats = (orion_stats){0};
    orion_status status = choose_language(&w, records, n_records, err);
    if (status == ORION_OK)
        status = measure(&w, err);
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
