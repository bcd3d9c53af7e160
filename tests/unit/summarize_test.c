/* Summaries: cutting texts so that nothing is lost, parts and their joining,
 * and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include "engine.h"
#include "runtime/parts.h"
#include "runtime/session.h"

#define TINY_MODEL "../models/orion-tiny.gguf"

/* ---- cutting ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* One token a byte, so that sizes are easy to see. */
static orion_status measure_bytes(void *arg, const char *text, size_t len, size_t *n_tokens,
                                  orion_error *err)
{
    (void)text;
    (void)err;
    ++*(size_t *)arg;
    *n_tokens = len;
    return ORION_OK;
}

/* Units of a text, one a line, joined by '|'; a glue of "\n\n" is shown by '#'. */
static void cut(const char *text, size_t max, char *out)
{
    struct ori_parts units = {0};
    size_t measured = 0;
    size_t len = 0;

    assert_int_equal(ori_parts_add(&units, text, strlen(text), max, measure_bytes, &measured, NULL),
                     ORION_OK);
    for (size_t i = 0; i < units.count; i++) {
        assert_int_equal(units.list[i].n_tokens, units.list[i].len);
        out[len++] = strcmp(units.list[i].glue, "\n\n") == 0 ? '#' : '|';
        memcpy(out + len, units.list[i].text, units.list[i].len);
        len += units.list[i].len;
    }
    out[len] = '\0';
    ori_parts_release(&units);
    ori_parts_release(&units);
}

static void test_cut(void **state)
{
    static const struct {
        const char *label;
        const char *text;
        size_t max;
        const char *units;
    } rows[] = {
        {"fits", "one two", 7, "#one two"},
        {"nothing", "", 5, ""},
        {"white space", " \n\t\r\n ", 2, ""},
        {"white space around", "  one \n", 3, "#one"},
        {"a paragraph goes before a line", "aaa\nbbbb\n\ncc\ndddd", 10, "#aaa\nbbbb|cc\ndddd"},
        {"a line goes before a sentence", "aa. bbb\nccc. dd", 10, "#aa. bbb|ccc. dd"},
        {"a sentence goes before a word", "aaa bbb. cc ddd", 10, "#aaa bbb.|cc ddd"},
        {"a word", "aaaa bbbb cccc", 10, "#aaaa bbbb|cccc"},
        {"between characters", "aaaaaaaa", 4, "#aaaa|aaaa"},
        {"not within a character", "añañañañ", 7, "#añañ|añañ"},
        {"a long character first", "😀ab", 4, "#😀|ab"},
        {"a long character alone", "😀", 1, "#\xF0|\x9F|\x98|\x80"},
        {"twice", "aa bb cc dd ee ff", 6, "#aa bb|cc|dd ee|ff"},
        {"an end at the very end is no cut", "aaaaaa. ", 3, "#aaa|aa|a."},
        {"single bytes stay, however large", "ab", 0, "#a|b"},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        char out[200];
        cut(rows[i].text, rows[i].max, out);
        if (strcmp(out, rows[i].units) != 0)
            fail_msg("%s: '%s'", rows[i].label, out);
    }
}

/* Random texts: the units are the text, in order, without white space at the
 * ends; each fits; no character is cut in two. */
static void test_cut_loses_nothing(void **state)
{
    static const char *const bits[] = {"a",  "b",  "ñ",    "€",    "😀",    " ",
                                       "\n", ". ", "\n\n", "word", "\r\n", "\t"};
    (void)state;
    for (uint32_t round = 0; round < 400; round++) {
        int32_t noise[80];
        char text[600] = "";
        struct ori_parts units = {0};
        size_t measured = 0;
        some_tokens(noise, 80, 1u << 20, round + 1);
        const size_t max = 4 + (size_t)noise[0] % 40;
        for (size_t i = 1; i < 80; i++)
            strcat(text, bits[(size_t)noise[i] % ORI_COUNT(bits)]);
        assert_int_equal(
            ori_parts_add(&units, text, strlen(text), max, measure_bytes, &measured, NULL),
            ORION_OK);
        const char *at = text;
        for (size_t i = 0; i < units.count; i++) {
            const struct ori_part *u = &units.list[i];
            for (; at < u->text; at++)
                assert_true(is_space(*at));
            assert_ptr_equal(at, u->text);
            assert_true(u->len > 0 && u->len <= max);
            assert_false(is_space(u->text[0]) || is_space(u->text[u->len - 1]));
            assert_int_not_equal((unsigned char)u->text[0] & 0xC0, 0x80);
            assert_string_equal(u->glue, i == 0 ? "\n\n" : "\n");
            at += u->len;
        }
        for (; *at; at++)
            assert_true(is_space(*at));
        ori_parts_release(&units);
    }
}

static orion_status measure_fails(void *arg, const char *text, size_t len, size_t *n_tokens,
                                  orion_error *err)
{
    (void)text;
    *n_tokens = len;
    return --*(int *)arg < 0 ? ori_fail(err, ORION_E_NOMEM, "no more") : ORION_OK;
}

static void test_cut_passes_errors_on(void **state)
{
    (void)state;
    for (int n = 0; n < 3; n++) {
        struct ori_parts units = {0};
        orion_error err = {0};
        int left = n;
        assert_int_equal(ori_parts_add(&units, "aa bb cc dd", 11, 5, measure_fails, &left, &err),
                         ORION_E_NOMEM);
        assert_string_equal(err.message, "no more");
        ori_parts_release(&units);
    }
}

/* ---- whole summaries ---- */

struct watch {
    struct ori_session *session;
    size_t calls;
    uint32_t parts[200];   /* as announced */
    uint32_t n_parts[200]; /* the same */
    /* Prompt and answer of each part of the first round, as text. */
    char *prompts[50];
    size_t n_prompts;
    uint32_t cancel_at; /* part; 0: none */
};

static char *session_text(const struct ori_session *s)
{
    struct ori_decoder decoder;
    struct ori_buf text;

    ori_buf_init(&text, 1u << 20);
    ori_decoder_init(&decoder, s->engine.model->vocab, true, true, false);
    for (uint32_t i = 0; i < s->sequence.n_tokens; i++)
        assert_int_equal(ori_decoder_add(&decoder, s->sequence.tokens[i], &text), ORION_OK);
    assert_int_equal(ori_decoder_finish(&decoder, &text), ORION_OK);
    ori_decoder_release(&decoder);
    char *taken = ori_buf_take(&text);
    assert_non_null(taken);
    return taken;
}

static void on_part(uint32_t part, uint32_t n_parts, void *user)
{
    struct watch *w = user;

    assert_true(w->calls < ORI_COUNT(w->parts));
    w->parts[w->calls] = part;
    w->n_parts[w->calls] = n_parts;
    w->calls++;
    /* The part before this one is done and still in the cache. */
    if (part != 1 && w->n_prompts < ORI_COUNT(w->prompts))
        w->prompts[w->n_prompts++] = session_text(w->session);
    if (w->cancel_at > 0 && part == w->cancel_at)
        ori_session_cancel(w->session);
}

struct result {
    char text[1 << 15];
    size_t len;
    orion_status status;
    orion_stats stats;
    orion_error err;
    struct watch watch;
};

static int take_piece(const orion_answer_piece *piece, void *user)
{
    const char *text = piece->text;
    const size_t len = piece->text_bytes;
    struct result *r = user;
    assert_true(r->len + len < sizeof(r->text));
    memcpy(r->text + r->len, text, len);
    r->len += len;
    r->text[r->len] = '\0';
    return 0;
}

static struct result result; /* large */

static void release_result(void)
{
    for (size_t i = 0; i < result.watch.n_prompts; i++)
        free(result.watch.prompts[i]);
}

static void summarize_on(struct ori_session *s, const char *const *records, size_t n,
                         const char *period, const char *language)
{
    const uint32_t cancel_at = result.watch.cancel_at;
    memset(&result, 0, sizeof(result));
    result.watch.session = s;
    result.watch.cancel_at = cancel_at;
    const struct ori_summarize how = {
        .period = period,
        .language = language,
        .how = {.sampling = {.temperature = 0, .top_p = 1, .repeat_penalty = 1},
                .max_tokens = 60,
                .on_piece = take_piece,
                .user = &result},
        .on_part = on_part,
        .on_part_user = &result.watch,
    };
    result.status = ori_summarize(s, records, n, &how, &result.stats, &result.err);
}

static struct ori_session *new_session(const struct ori_model *model, uint32_t context)
{
    const struct ori_engine_options options = {
        .context_tokens = context, .threads = 2, .batch_tokens = 0};
    struct ori_session *s;
    assert_int_equal(ori_session_new(model, options, &s, NULL), ORION_OK);
    return s;
}

static void test_fits(void **state)
{
    static const char *const records[] = {"2024-03-06: Weight 91.4 kg.",
                                          "2024-03-06: Starts metformin 850 mg twice a day."};
    struct ori_model *model = open_model(data_path(TINY_MODEL));
    struct ori_session *s = new_session(model, 0);

    (void)state;
    summarize_on(s, records, 2, "March 2024", NULL);
    assert_int_equal(result.status, ORION_OK);
    assert_int_equal(result.stats.parts, 0);
    assert_int_equal(result.stats.incomplete_parts, 0);
    assert_int_equal(result.watch.calls, 0);
    assert_true(result.len > 0);
    assert_true(result.stats.prompt_tokens > 0 && result.stats.output_tokens > 0);
    /* The request names the period and both records, in their order. */
    char *prompt = session_text(s);
    const char *period = strstr(prompt, "Period: March 2024.");
    const char *first = strstr(prompt, records[0]);
    const char *second = strstr(prompt, records[1]);
    assert_true(period && first && second && period < first && first < second);
    assert_memory_equal(first + strlen(records[0]), "\n\n", 2);
    assert_non_null(strstr(prompt, "Summarise"));
    free(prompt);
    ori_session_free(s);
    ori_model_close(model);
}

static void test_language(void **state)
{
    static const char *const english[] = {"Visit for thirst and tiredness."};
    static const char *const spanish[] = {"Consulta por sed y cansancio, con dolor de cabeza."};
    static const struct {
        const char *const *records;
        const char *language;
        const char *request;
    } rows[] = {{english, NULL, "Summarise"},
                {spanish, NULL, "Resume"},
                {english, "es", "Resume"},
                {spanish, "en", "Summarise"}};
    struct ori_model *model = open_model(data_path(TINY_MODEL));
    struct ori_session *s = new_session(model, 0);

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        summarize_on(s, rows[i].records, 1, NULL, rows[i].language);
        assert_int_equal(result.status, ORION_OK);
        char *prompt = session_text(s);
        if (!strstr(prompt, rows[i].request) || strstr(prompt, "Perio"))
            fail_msg("row %zu: %s", i, prompt);
        free(prompt);
    }
    ori_session_free(s);
    ori_model_close(model);
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 16);
    assert_true(file && text);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    return text;
}

/* A year of records, as one text or line by line: every line is in exactly one
 * part's prompt, in order; parts are announced in order. */
static void check_parts(struct ori_session *s, const char *const *records, size_t n,
                        const char *const *lines, size_t n_lines)
{
    const struct watch *w = &result.watch;
    size_t line = 0;

    summarize_on(s, records, n, NULL, NULL);
    if (result.status != ORION_OK)
        fail_msg("%s", result.err.message);
    assert_true(result.len > 0);
    const uint32_t n_parts = w->n_parts[0];
    assert_true(n_parts >= 2);
    for (uint32_t i = 0; i <= n_parts; i++) {
        assert_int_equal(w->parts[i], i < n_parts ? i + 1 : 0);
        assert_int_equal(w->n_parts[i], n_parts);
    }
    assert_true(result.stats.parts >= n_parts);
    assert_true(result.stats.incomplete_parts <= result.stats.parts);
    assert_true(w->n_prompts >= n_parts);
    for (uint32_t i = 0; i < n_parts; i++) {
        const char *at = strstr(w->prompts[i], "Registros:\n");
        assert_non_null(at);
        for (; line < n_lines; line++) {
            const char *found = strstr(at, lines[line]);
            if (!found)
                break;
            at = found + strlen(lines[line]);
        }
    }
    if (line != n_lines)
        fail_msg("line %zu of %zu is in no part, or out of order: %s", line, n_lines, lines[line]);
    release_result();
}

static void test_parts(void **state)
{
    static const uint32_t contexts[] = {1024, 500};
    struct ori_model *model = open_model(data_path(TINY_MODEL));
    char *text = read_text(data_path("golden/records-long-es.txt"));
    char *copy = strdup(text);
    const char *lines[300];
    size_t n_lines = 0;

    (void)state;
    assert_non_null(copy);
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        assert_true(n_lines < ORI_COUNT(lines));
        lines[n_lines++] = line;
    }
    for (size_t i = 0; i < ORI_COUNT(contexts); i++) {
        struct ori_session *s = new_session(model, contexts[i]);
        const char *const whole[] = {text};
        if (i == 0)
            check_parts(s, whole, 1, lines, n_lines);
        else
            check_parts(s, lines, 30, lines, 30);
        ori_session_free(s);
    }
    free(copy);
    free(text);
    ori_model_close(model);
}

static void test_cancelled_between_parts(void **state)
{
    struct ori_model *model = open_model(data_path(TINY_MODEL));
    struct ori_session *s = new_session(model, 500);
    char *text = read_text(data_path("golden/records-long-es.txt"));
    const char *const records[] = {text};

    (void)state;
    result.watch.cancel_at = 2;
    summarize_on(s, records, 1, NULL, NULL);
    assert_int_equal(result.status, ORION_E_CANCELLED);
    assert_int_equal(result.err.status, ORION_E_CANCELLED);
    assert_int_equal(result.stats.finish, ORION_FINISH_CANCELLED);
    assert_int_equal(result.stats.parts, 1);
    assert_int_equal(result.len, 0);
    release_result();
    result.watch.cancel_at = 0;
    free(text);
    ori_session_free(s);
    ori_model_close(model);
}

static void test_refused(void **state)
{
    static const char *const blank[] = {" \n", "", "\t"};
    static const char *const some[] = {"Weight 91.4 kg."};
    static const struct {
        const char *label;
        const char *const *records;
        size_t n;
        uint32_t context;
        const char *language;
        orion_status status;
        const char *says;
    } rows[] = {
        {"empty records", blank, 3, 0, NULL, ORION_E_ARGUMENT, "empty"},
        {"a language that is not offered", some, 1, 0, "fr", ORION_E_ARGUMENT, "'fr'"},
        {"a tiny context", some, 1, 100, NULL, ORION_E_TOO_LONG, "use a larger context"},
        {"the tiniest context", some, 1, 1, NULL, ORION_E_TOO_LONG, "context of 1 tokens"},
    };
    struct ori_model *model = open_model(data_path(TINY_MODEL));

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_session *s = new_session(model, rows[i].context);
        summarize_on(s, rows[i].records, rows[i].n, NULL, rows[i].language);
        if (result.status != rows[i].status || !strstr(result.err.message, rows[i].says))
            fail_msg("%s: %d '%s'", rows[i].label, result.status, result.err.message);
        assert_int_equal(result.len, 0);
        ori_session_free(s);
    }
    ori_model_close(model);
}

/* The bundled model's first layer alone, with all logits 0: it takes token 0,
 * which ends the answer.  Summaries by it are empty and quick. */
static struct ori_model *open_silent(void)
{
    struct model_file file;
    const char *path = path_of("silent.gguf");

    file_read(&file, data_path(TINY_MODEL));
    for (size_t i = file.n_tensors; i-- > 0;)
        if (strncmp(file.tensors[i].name, "blk.", 4) == 0 && file.tensors[i].name[4] != '0')
            remove_tensor(&file, file.tensors[i].name);
    struct bytes *norm = &tensor_of(&file, "output_norm.weight")->data;
    memset(norm->data, 0, norm->len);
    set_u32(&file, "phi3.block_count", 1);
    set_u32(&file, "tokenizer.ggml.eos_token_id", 0);
    file_write(&file, path);
    file_free(&file);
    struct ori_model *model = open_model(path);
    assert_int_equal(unlink(path), 0); /* the mapping keeps it */
    return model;
}

static void test_model_says_nothing(void **state)
{
    struct ori_model *model = open_silent();
    struct ori_session *s = new_session(model, 500);
    char *text = read_text(data_path("golden/records-long-es.txt"));
    const char *const records[] = {text};

    (void)state;
    summarize_on(s, records, 1, NULL, NULL);
    assert_int_equal(result.status, ORION_E_UNSUPPORTED);
    assert_non_null(strstr(result.err.message, "no summary for any of the"));
    assert_int_equal(result.len, 0);
    assert_true(result.stats.parts > 1);
    assert_int_equal(result.stats.incomplete_parts, result.stats.parts);
    release_result();
    free(text);
    ori_session_free(s);
    ori_model_close(model);
}

/* Every length around the capacity of a part: cut or not, it works. */
static void test_at_the_edge(void **state)
{
    struct ori_model *model = open_silent();
    struct ori_session *s = new_session(model, 260);
    static char text[4000];
    size_t in_one = 0;
    size_t in_parts = 0;

    (void)state;
    /* Words of one token each, of which the first takes more where no space
     * comes before it: by itself such a text is shorter than in a request. */
    for (size_t words = 1; words < 150; words++) {
        const char *const records[] = {text};
        strcat(text, words == 1 ? "paciente" : " paciente");
        summarize_on(s, records, 1, NULL, "en");
        in_one += result.status == ORION_OK;
        in_parts += result.status == ORION_E_UNSUPPORTED; /* it says nothing */
        if (result.status != ORION_OK && result.status != ORION_E_UNSUPPORTED)
            fail_msg("%zu words: %s", words, result.err.message);
        release_result();
    }
    assert_true(in_one > 10 && in_parts > 10);
    ori_session_free(s);
    ori_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_loses_nothing),
        cmocka_unit_test(test_cut_passes_errors_on),
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_cancelled_between_parts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_model_says_nothing),
        cmocka_unit_test(test_at_the_edge),
    };
    return cmocka_run_group_tests_name("summarize", tests, make_folder, remove_folder);
}
