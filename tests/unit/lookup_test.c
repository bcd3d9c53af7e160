/* Lookup decoding: the guesses by themselves, and answers that must not show
 * that there were any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "model_file.h"

#include "engine.h"
#include "runtime/session.h"

#define WINDOW_MODEL "golden/phi3-window.gguf"
#define PLAIN_MODEL "golden/llama-gqa.gguf"
#define MIXED_MODEL "golden/gemma2.gguf" /* some layers with a window, others without */
#define TINY_MODEL "../models/orion-tiny.gguf"

/* ---- guesses by themselves ---- */

static void start(struct ori_lookup *l, uint32_t max_tokens, uint32_t max_draft)
{
    assert_int_equal(ori_lookup_init(l, max_tokens, max_draft, NULL), ORION_OK);
}

/* Texts of one letter a token. */
static uint32_t tokens_of(const char *text, int32_t *out)
{
    uint32_t n = 0;
    for (; text[n]; n++)
        out[n] = text[n];
    return n;
}

static void test_what_is_guessed(void **state)
{
    static const struct {
        const char *label, *text;
        uint32_t most;
        const char *draft;
    } rows[] = {
        {"nothing came before", "abcdefgh", 9, ""},
        {"what came after the same token", "abcda", 3, "bcd"},
        {"the newest of equal tokens", "aX-aY+a", 1, "Y"},
        {"two tokens rather than a newer one", "-aX+aY-a", 1, "X"},
        {"what came after the same words", "xabcdefg-xabc", 3, "def"},
        {"no more than asked for", "xabcdefg-xabc", 2, "de"},
        {"the longest match wins", "qabcX--abcY-qabc", 1, "X"},
        {"the newest of equal ones wins", "pabcX-rabcY-sabc", 1, "Y"},
        {"on into the guess itself", "abcabcabcabc", 7, "abcabca"},
        {"one token again and again", "-aaaaaaaa", 3, "aaa"},
        {"no further than the next group of columns pays", "abcdefghijk-abc", 4, "def"},
        {"a text of two tokens", "ab", 9, ""},
        {"an empty text", "", 9, ""},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_lookup l;
        int32_t tokens[64];
        int32_t draft[ORI_MAX_DRAFT];
        char got[ORI_MAX_DRAFT + 1] = {0};
        const uint32_t n = tokens_of(rows[i].text, tokens);

        start(&l, n, ORI_MAX_DRAFT);
        ori_lookup_add(&l, tokens, n, false);
        l.credit = 1000;
        for (size_t k = 0; k < ORI_MATCH_CLASSES; k++)
            l.rates[k] = (struct ori_hit_rate){1, 1}; /* always right so far */
        const uint32_t n_draft = ori_lookup_draft(&l, tokens, 0, rows[i].most, draft);
        for (uint32_t k = 0; k < n_draft; k++)
            got[k] = (char)draft[k];
        if (strcmp(got, rows[i].draft) != 0)
            fail_msg("%s: '%s'", rows[i].label, got);
        ori_lookup_release(&l);
    }
}

/* An answer that leaves the text it follows comes back to it, not to what stands nearest. */
static void test_where_a_copy_goes_on(void **state)
{
    static const struct {
        const char *label, *prompt, *answer, *draft;
    } rows[] = {
        {"a word replaced", "-abcdefgh.fz.", "abcXf", "g"},
        {"words left out", "-abcdefgh.fz.", "abcf", "g"},
        {"as far as it looks", "-abc0123456789ABCDEFGHIJKLMfgh.fz.", "abcf", "g"},
        {"no further", "-abc0123456789ABCDEFGHIJKLMNfgh.fz.", "abcf", "z"},
        {"a prompt is not followed", "-abcdefgh.fz.abcf", "", "z"},
        {"a pair is surer", "-abcdefgh.efz.", "abcXef", "z"},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_lookup l;
        int32_t tokens[64];
        int32_t draft[ORI_MAX_DRAFT];
        const uint32_t n_prompt = tokens_of(rows[i].prompt, tokens);
        const uint32_t n = n_prompt + tokens_of(rows[i].answer, tokens + n_prompt);

        start(&l, n, ORI_MAX_DRAFT);
        ori_lookup_add(&l, tokens, n_prompt, false);
        ori_lookup_add(&l, tokens, n, true);
        l.credit = 1000;
        l.rates[0] = l.rates[1] = (struct ori_hit_rate){1, 1};
        if (ori_lookup_draft(&l, tokens, 0, 1, draft) != 1 || draft[0] != rows[i].draft[0])
            fail_msg("%s: '%c'", rows[i].label, (int)draft[0]);
        ori_lookup_release(&l);
    }
}

/* The match is the longest of those that a search of the whole text finds. */
static void test_matches_at_random(void **state)
{
    enum { N = 300 };
    size_t found = 0;

    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct ori_lookup l;
        int32_t tokens[N];
        some_tokens(tokens, N, 12, seed);
        start(&l, N, 7);
        for (uint32_t n = 1; n <= N; n++) {
            uint32_t longest = 0;
            ori_lookup_add(&l, tokens, n, true);
            for (uint32_t at = 1; at < n; at++) {
                uint32_t len = 0;
                while (len < at && tokens[at - 1 - len] == tokens[n - 1 - len])
                    len++;
                longest = len > longest ? len : longest;
            }
            assert_int_equal(l.source != 0, longest > 0);
            if (l.source == 0)
                continue;
            assert_int_equal(l.length, longest);
            assert_memory_equal(tokens + l.source - longest, tokens + n - longest,
                                longest * sizeof(*tokens));
            found++;
        }
        ori_lookup_release(&l);
    }
    assert_true(found > 1000);
}

/* Guess along a text that is known, with so many tokens of others in each batch;
 * how many guesses were made and right. */
static void guess_along(const int32_t *tokens, uint32_t n_prompt, uint32_t n, uint32_t beside,
                        uint32_t max_draft, uint32_t *drafted, uint32_t *right)
{
    struct ori_lookup l;

    *drafted = 0;
    *right = 0;
    start(&l, n, max_draft);
    ori_lookup_add(&l, tokens, n_prompt, false);
    for (uint32_t known = n_prompt + 1; known < n; known++) {
        int32_t draft[ORI_MAX_DRAFT];
        ori_lookup_add(&l, tokens, known, true);
        const uint32_t n_draft = ori_lookup_draft(&l, tokens, beside, n - known, draft);
        *drafted += n_draft;
        assert_true(n_draft == 0 || beside + n_draft <= ORI_MAX_DRAFT);
        for (uint32_t i = 0; i < n_draft && draft[i] == tokens[known]; i++) {
            ori_lookup_hit(&l);
            ++*right;
            known++;
        }
    }
    ori_lookup_release(&l);
}

/* Guesses are few whatever the text.  In hundredths of a step each costs at
 * least 5 of its batch; half a step is free, and one for each token, and what
 * right ones save. */
static void check_cost(uint32_t drafted, uint32_t right, uint32_t n_tokens)
{
    if (drafted * 5 > 50 + n_tokens + 100 * right)
        fail_msg("%u guesses, %u right, for %u tokens", drafted, right, n_tokens);
}

static void test_wrong_guesses_are_few(void **state)
{
    enum { PROMPT = 400, N = 2400 };
    static int32_t tokens[N];

    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        uint32_t drafted;
        uint32_t right;
        some_tokens(tokens, N, 2 + seed, seed);
        if (seed % 2) /* a text that misleads: it repeats, but for every sixth token */
            for (uint32_t i = 200; i < N; i++)
                tokens[i] = i % 6 ? tokens[i - 200] : tokens[i];
        for (uint32_t max_draft = 1; max_draft <= ORI_MAX_DRAFT; max_draft += 7) {
            guess_along(tokens, PROMPT, N, seed % 8, max_draft, &drafted, &right);
            check_cost(drafted, right, N - PROMPT);
        }
    }
}

static void test_copies_are_guessed(void **state)
{
    enum { PROMPT = 600, N = 1200 };
    static int32_t tokens[N];
    uint32_t drafted;
    uint32_t right;

    (void)state;
    some_tokens(tokens, PROMPT, 5000, 3);
    memcpy(tokens + PROMPT, tokens, PROMPT * sizeof(*tokens));
    for (uint32_t beside = 0; beside <= 3; beside++) {
        guess_along(tokens, PROMPT, N, beside, ORI_DEFAULT_DRAFT, &drafted, &right);
        assert_int_equal(drafted, right);
        assert_true(right > PROMPT * 3 / 4);
    }
    /* Where batches are as large as they pay, nobody guesses. */
    for (uint32_t beside = ORI_MAX_DRAFT; beside <= 63; beside += 16) {
        guess_along(tokens, PROMPT, N, beside, ORI_DEFAULT_DRAFT, &drafted, &right);
        assert_int_equal(drafted, 0);
    }
}

/* ---- batches that are taken back ---- */

static struct ori_session *new_session(const struct ori_model *model, uint32_t context,
                                       uint32_t batch)
{
    const struct ori_engine_options options = {
        .context_tokens = context, .threads = 1, .batch_tokens = batch};
    struct ori_session *session;
    orion_error err = {0};

    if (ori_session_new(model, options, &session, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return session;
}

/* Every position's logits are those of plain steps, whatever was guessed and
 * taken back before, also when the ring has gone round. */
static void drafts_against_steps(const char *path, uint32_t batch)
{
    enum { CONTEXT = 256, PROMPT = 5 };
    struct ori_model *model = open_model(data_path(path));
    struct ori_session *plain = new_session(model, CONTEXT, batch);
    struct ori_session *s = new_session(model, CONTEXT, batch);
    const size_t n_vocab = model->hp.n_vocab;
    const uint32_t most = batch < 1 + ORI_MAX_DRAFT ? batch : 1 + ORI_MAX_DRAFT;
    float *expected = new_logits(model, CONTEXT);
    int32_t tokens[CONTEXT];
    uint32_t cached;
    uint32_t at = PROMPT;
    uint32_t seed = batch;

    some_tokens(tokens, CONTEXT, model->hp.n_vocab, 77);
    assert_int_equal(ori_session_prefill(plain, tokens, PROMPT, &cached, NULL), ORION_OK);
    for (uint32_t i = PROMPT; i < CONTEXT; i++) {
        assert_int_equal(ori_session_append(plain, tokens + i, 1, NULL), ORION_OK);
        memcpy(expected + i * n_vocab, plain->logits, n_vocab * sizeof(float));
    }
    assert_int_equal(ori_session_prefill(s, tokens, PROMPT, &cached, NULL), ORION_OK);
    while (at < CONTEXT) {
        int32_t guess[1 + ORI_MAX_DRAFT];
        int32_t noise[2];
        some_tokens(noise, 2, 1000, seed++);
        uint32_t n = 1 + (uint32_t)noise[0] % most;
        n = n > CONTEXT - at ? CONTEXT - at : n;
        const uint32_t right = 1 + (uint32_t)noise[1] % n;
        some_tokens(guess, n, model->hp.n_vocab, seed);
        memcpy(guess, tokens + at, right * sizeof(*guess));
        assert_int_equal(ori_session_append(s, guess, n, NULL), ORION_OK);
        if (memcmp(s->logits, expected + at * n_vocab, right * n_vocab * sizeof(float)) != 0)
            fail_msg("%s, batch %u, position %u: other bits", path, batch, at);
        at += right;
        ori_session_drop(s, at);
    }
    free(expected);
    ori_session_free(plain);
    ori_session_free(s);
    ori_model_close(model);
}

static void test_drafts_against_steps(void **state)
{
    static const uint32_t batches[] = {1, 2, 7, 16, 20, 64};
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(batches); i++) {
        drafts_against_steps(PLAIN_MODEL, batches[i]);
        drafts_against_steps(WINDOW_MODEL, batches[i]);
        drafts_against_steps(MIXED_MODEL, batches[i]);
    }
}

/* ---- answers ---- */

struct sink {
    char text[1 << 14];
    size_t len;
    size_t calls, quit_at; /* 0: never */
};

static int take_piece(const orion_answer_piece *piece, void *user)
{
    const char *text = piece->text;
    const size_t len = piece->text_bytes;
    struct sink *sink = user;
    assert_true(sink->len + len < sizeof(sink->text));
    memcpy(sink->text + sink->len, text, len);
    sink->len += len;
    return ++sink->calls == sink->quit_at;
}

struct outcome {
    orion_status status;
    orion_stats stats;
    struct sink sink;
    uint32_t n_tokens;
    int32_t tokens[1024];
};

static void answer(struct ori_session *s, const struct ori_tokens *prompt, struct ori_generate how,
                   int32_t lookup, size_t quit_at, struct outcome *out)
{
    memset(out, 0, sizeof(*out));
    out->sink.quit_at = quit_at;
    how.lookup = lookup;
    how.on_piece = take_piece;
    how.user = &out->sink;
    out->status = ori_generate_tokens(s, prompt, true, &how, &out->stats, NULL);
    out->n_tokens = s->sequence.n_tokens;
    memcpy(out->tokens, s->sequence.tokens, s->sequence.n_tokens * sizeof(*s->sequence.tokens));
}

static void check_same(const struct outcome *a, const struct outcome *b, const char *label,
                       uint32_t round)
{
    if (a->status != b->status || a->stats.finish != b->stats.finish ||
        a->stats.output_tokens != b->stats.output_tokens || a->sink.calls != b->sink.calls ||
        strcmp(a->sink.text, b->sink.text) != 0)
        fail_msg("%s, round %u: '%s' (%d), without guesses '%s' (%d)", label, round, b->sink.text,
                 (int)b->stats.finish, a->sink.text, (int)a->stats.finish);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_memory_equal(a->tokens, b->tokens, a->n_tokens * sizeof(*a->tokens));
}

static struct outcome plain, guessing; /* large: not on the stack */

/* Prompts, temperatures, seeds, penalties, limits, contexts, batches, stop
 * texts and interruptions at random: the same with and without guesses. */
static void answers_at_random(const char *path, uint32_t rounds, uint64_t *accepted)
{
    static const char *const stops[] = {"\n", "ee", "the", "zz"};
    struct ori_model *model = open_model(data_path(path));

    for (uint32_t round = 0; round < rounds; round++) {
        int32_t r[12];
        int32_t ids[96];
        some_tokens(r, 12, 1u << 16, round * 2 + 1);
        some_tokens(ids, 96, model->hp.n_vocab, round * 2 + 2);
        for (int32_t i = 0; i < 96; i++) /* most prompts repeat themselves */
            ids[i] = r[0] % 4 && i >= 8 ? ids[i - 4 - r[0] % 4] : ids[i];
        const struct ori_tokens prompt = {.ids = ids, .count = 1 + (size_t)r[1] % 96};
        const uint32_t context = (uint32_t)prompt.count + 1 + (uint32_t)r[2] % 120;
        const struct ori_generate how = {
            .sampling = {.temperature = r[3] % 3 ? (float)(r[3] % 100) / 50 : 0,
                         .top_k = (uint32_t)r[4] % 3 * 10,
                         .top_p = r[4] % 2 ? 0.9f : 1.0f,
                         .repeat_penalty = r[5] % 4 ? 1.0f : 1.1f,
                         .repeat_last_tokens = 16,
                         .seed = round},
            .max_tokens = r[6] % 2 ? 1 + (uint32_t)r[6] % 60 : 0,
            .stop = stops + r[7] % 4,
            .n_stop = r[7] % 8 < 4 ? 1 : 0,
        };
        const size_t quit_at = r[8] % 5 ? 0 : 1 + (size_t)r[8] % 20;
        struct ori_session *a = new_session(model, context, 1 + (uint32_t)r[9] % 40);
        struct ori_session *b = new_session(model, context, 1 + (uint32_t)r[10] % 40);
        for (int twice = 0; twice < 2; twice++) { /* what stays in the session is the same too */
            answer(a, &prompt, how, ORION_LOOKUP_OFF, quit_at, &plain);
            answer(b, &prompt, how, 1 + r[11] % (int32_t)ORI_MAX_DRAFT, quit_at, &guessing);
            check_same(&plain, &guessing, path, round);
        }
        const orion_stats *st = &guessing.stats;
        assert_true(st->accepted_tokens <= st->output_tokens);
        check_cost(st->drafted_tokens, st->accepted_tokens, st->output_tokens);
        assert_int_equal(plain.stats.drafted_tokens, 0);
        *accepted += st->accepted_tokens;
        ori_session_free(a);
        ori_session_free(b);
    }
    ori_model_close(model);
}

static void test_answers_at_random(void **state)
{
    uint64_t accepted = 0;
    (void)state;
    answers_at_random(PLAIN_MODEL, 200, &accepted);
    answers_at_random(WINDOW_MODEL, 200, &accepted);
    assert_true(accepted > 1000);
}

/* A summary takes much from its records. */
static void test_summary(void **state)
{
    static char records[4096];
    const char *const list[] = {records};
    struct ori_model *model = open_model(data_path(TINY_MODEL));
    uint32_t accepted = 0;
    uint32_t output = 0;

    (void)state;
    FILE *file = fopen(data_path("golden/records-en.txt"), "r");
    assert_non_null(file);
    records[fread(records, 1, sizeof(records) - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct outcome *const outcomes[] = {&plain, &guessing};
        for (int32_t i = 0; i < 2; i++) {
            struct ori_session *s = new_session(model, 0, 0);
            struct outcome *o = outcomes[i];
            memset(o, 0, sizeof(*o));
            const struct ori_summarize how = {
                .how = {.sampling = {.temperature = seed ? 0.7f : 0.0f,
                                     .top_p = 0.95f,
                                     .repeat_penalty = 1,
                                     .seed = seed},
                        .lookup = i == 0 ? ORION_LOOKUP_OFF : (int32_t)ORI_DEFAULT_DRAFT,
                        .on_piece = take_piece,
                        .user = &o->sink}};
            o->status = ori_summarize(s, list, 1, &how, &o->stats, NULL);
            ori_session_free(s);
        }
        check_same(&plain, &guessing, "a summary", (uint32_t)seed);
        accepted += guessing.stats.accepted_tokens;
        output += guessing.stats.output_tokens;
    }
    assert_true(accepted * 4 > output);
    ori_model_close(model);
}

static void test_refused(void **state)
{
    static const int32_t refused[] = {-2, 16, INT32_MAX, INT32_MIN};
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_session *s = new_session(model, 64, 0);
    int32_t ids[] = {1, 5};
    const struct ori_tokens prompt = {.ids = ids, .count = 2};
    const struct ori_generate how = {.sampling = {.top_p = 1, .repeat_penalty = 1},
                                     .max_tokens = 1};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(refused); i++) {
        answer(s, &prompt, how, refused[i], 0, &plain);
        assert_int_equal(plain.status, ORION_E_ARGUMENT);
    }
    for (int32_t lookup = -1; lookup <= 15; lookup++) {
        answer(s, &prompt, how, lookup, 0, &plain);
        assert_int_equal(plain.status, ORION_OK);
    }
    ori_session_free(s);
    ori_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_guessed),
        cmocka_unit_test(test_where_a_copy_goes_on),
        cmocka_unit_test(test_matches_at_random),
        cmocka_unit_test(test_wrong_guesses_are_few),
        cmocka_unit_test(test_copies_are_guessed),
        cmocka_unit_test(test_drafts_against_steps),
        cmocka_unit_test(test_answers_at_random),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
