/* The ids that other tokenizers gave for the same texts.
 *
 *   golden/orion-tiny-tokens.json   by the SentencePiece library, for the
 *                                   bundled model
 *   golden/unigram.json             by the same, for a Unigram model
 *   phi-3.gguf.inp, .out            by llama.cpp's authors, for Phi-3, and for others
 *                                   so; read in place where they are, else skipped
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "tokenizer/tokenizer.h"

struct opened {
    struct ori_gguf *gguf;
    struct ori_vocab *vocab;
};

static void open_model(struct opened *opened, const char *path)
{
    orion_error err = {0};
    if (ori_gguf_open(path, &opened->gguf, &err) != ORION_OK ||
        ori_vocab_new(opened->gguf, NULL, &opened->vocab, &err) != ORION_OK)
        fail_msg("%s: %s", path, err.message);
}

static void close_model(struct opened *opened)
{
    ori_vocab_free(opened->vocab);
    ori_gguf_close(opened->gguf);
}

/* "<folder named by the variable, or fallback>/<name>" */
static const char *find(char *path, size_t size, const char *variable, const char *fallback,
                        const char *name)
{
    const char *folder = getenv(variable);
    (void)snprintf(path, size, "%s/%s", folder ? folder : fallback, name);
    return path;
}

/* Decode what was encoded and compare; special tokens are shown. */
static void expect_same_text(const struct opened *opened, const struct ori_tokens *tokens,
                             const char *text, size_t len)
{
    struct ori_decoder decoder;
    struct ori_buf out;

    ori_buf_init(&out, 1u << 20);
    ori_decoder_init(&decoder, opened->vocab, true, true, false);
    for (size_t i = 0; i < tokens->count; i++)
        assert_int_equal(ori_decoder_add(&decoder, tokens->ids[i], &out), ORION_OK);
    assert_int_equal(ori_decoder_finish(&decoder, &out), ORION_OK);
    if (out.len != len || memcmp(ori_buf_text(&out), text, len) != 0)
        fail_msg("'%.*s' comes back as '%s'", (int)len, text, ori_buf_text(&out));
    ori_decoder_release(&decoder);
    ori_buf_release(&out);
}

static void show(const char *what, const int32_t *ids, size_t count)
{
    fprintf(stderr, "# %s", what);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %d", ids[i]);
    fprintf(stderr, "\n");
}

/* *got receives the tokens, for more checks. */
static void expect_ids(const struct opened *opened, const struct ori_piece *piece, unsigned ends,
                       const struct ori_tokens *want, struct ori_tokens *got)
{
    assert_int_equal(ori_vocab_encode(opened->vocab, piece, 1, ends, got, NULL), ORION_OK);
    if (got->count == want->count &&
        (want->count == 0 || memcmp(got->ids, want->ids, want->count * sizeof(*want->ids)) == 0))
        return;
    show("got", got->ids, got->count);
    show("want", want->ids, want->count);
    fail_msg("'%.*s' is encoded otherwise", (int)piece->len, piece->text);
}

/* ---- by SentencePiece ---- */

static json_t *load_golden(const char *name)
{
    char path[4096];
    json_error_t error;
    json_t *root =
        json_load_file(find(path, sizeof(path), "ORION_TEST_DATA", "tests", name), 0, &error);
    if (!root)
        fail_msg("%s: %s", path, error.text);
    return root;
}

/* Ids that a model's own tokenizer gave: a list of {text, ids}. */
struct golden {
    const char *model, *file, *list;
    bool trusted;
    unsigned ends;
    bool comes_back; /* the tokenizer loses nothing of a text */
    size_t at_least; /* so many rows */
};

static void check_golden(const struct golden *golden)
{
    char path[4096];
    struct opened opened;
    json_t *root = load_golden(golden->file);
    size_t index;
    json_t *row;

    open_model(&opened, find(path, sizeof(path), "ORION_TEST_DATA", "tests", golden->model));
    assert_true(json_array_size(json_object_get(root, golden->list)) >= golden->at_least);
    json_array_foreach(json_object_get(root, golden->list), index, row)
    {
        const json_t *text = json_object_get(row, "text");
        const json_t *ids = json_object_get(row, "ids");
        const struct ori_piece piece = {json_string_value(text), json_string_length(text),
                                        golden->trusted};
        struct ori_tokens want = {0};
        struct ori_tokens got = {0};

        assert_non_null(piece.text);
        assert_true(json_is_array(ids));
        for (size_t i = 0; i < json_array_size(ids); i++)
            assert_int_equal(
                ori_tokens_add(&want, (int32_t)json_integer_value(json_array_get(ids, i))),
                ORION_OK);
        expect_ids(&opened, &piece, golden->ends, &want, &got);
        /* A control token swallows white space, and the mark is a space. */
        if (golden->comes_back && !strstr(piece.text, "\xE2\x96\x81"))
            expect_same_text(&opened, &got, piece.text, piece.len);
        ori_tokens_release(&want);
        ori_tokens_release(&got);
    }
    close_model(&opened);
    json_decref(root);
}

#define TINY "../models/orion-tiny.gguf", "golden/orion-tiny-tokens.json"

static void test_bundled_plain(void **state)
{
    (void)state;
    check_golden(&(struct golden){TINY, "plain", false, 0, true, 100});
}

static void test_bundled_chat(void **state)
{
    (void)state;
    check_golden(&(struct golden){TINY, "chat", true, ORI_BEGIN, false, 5});
}

static void test_unigram(void **state)
{
    (void)state;
    check_golden(&(struct golden){"golden/unigram.gguf", "golden/unigram.json", "cases", false, 0,
                                  false, 400});
}

/* ---- Phi-3 ---- */

static char *read_all(const char *path, size_t *len)
{
    struct ori_buf buf;
    char block[4096];
    FILE *in = fopen(path, "rb");

    if (!in)
        fail_msg("cannot open %s", path);
    ori_buf_init(&buf, 1u << 20);
    for (size_t n; (n = fread(block, 1, sizeof(block), in)) > 0;)
        assert_int_equal(ori_buf_add(&buf, block, n), ORION_OK);
    fclose(in);
    *len = buf.len;
    return ori_buf_take(&buf);
}

/* One line of ids; returns where the next line begins. */
static char *parse_ids(char *line, struct ori_tokens *out)
{
    char *end = strchr(line, '\n');
    char *next = end ? end + 1 : line + strlen(line);

    if (end)
        *end = '\0';
    for (;;) {
        char *after;
        const long id = strtol(line, &after, 10);
        if (after == line)
            return next;
        assert_int_equal(ori_tokens_add(out, (int32_t)id), ORION_OK);
        line = after;
    }
}

/* comes_back: the tokenizer loses nothing of a text. */
static void check_vectors(const struct opened *opened, const char *inp_path, const char *out_path,
                          bool comes_back)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    size_t inp_len;
    size_t out_len;
    char *inp = read_all(inp_path, &inp_len);
    char *out = read_all(out_path, &out_len);
    char *line = out;
    size_t n = 0;

    for (char *text = inp; *text;) {
        char *end = strstr(text, separator);
        const size_t len = end ? (size_t)(end - text) : strlen(text);
        const struct ori_piece piece = {text, len, false};
        struct ori_tokens want = {0};
        struct ori_tokens got = {0};

        line = parse_ids(line, &want);
        expect_ids(opened, &piece, 0, &want, &got);
        if (comes_back)
            expect_same_text(opened, &got, text, len);
        ori_tokens_release(&want);
        ori_tokens_release(&got);
        n++;
        text = end ? end + sizeof(separator) - 1 : text + len;
    }
    assert_true(n >= 40);
    assert_int_equal(*line, '\0'); /* no ids are left over */
    free(inp);
    free(out);
}

/* Open a vocabulary of the shared data and try its vectors; skips where it is not. */
static void open_with_vectors(struct opened *opened, const char *name, bool comes_back)
{
    char relative[64];
    char model[4096];
    char inp[4096];
    char out[4096];

    (void)snprintf(relative, sizeof(relative), "vocab/%s.gguf", name);
    find(model, sizeof(model), "ORION_SHARED_DATA", "../shared/data", relative);
    (void)snprintf(relative, sizeof(relative), "vocab/%s.gguf.inp", name);
    find(inp, sizeof(inp), "ORION_SHARED_DATA", "../shared/data", relative);
    (void)snprintf(relative, sizeof(relative), "vocab/%s.gguf.out", name);
    find(out, sizeof(out), "ORION_SHARED_DATA", "../shared/data", relative);
    if (access(model, R_OK) != 0)
        skip();
    open_model(opened, model);
    check_vectors(opened, inp, out, comes_back);
}

static void test_phi3(void **state)
{
    struct opened opened;

    (void)state;
    open_with_vectors(&opened, "phi-3", true);

    /* The chat's markup, as the published tokenizer cuts it. */
    static int32_t ids[] = {1, 32010, 15043, 32007, 32001};
    const struct ori_tokens want = {.ids = ids, .count = ORI_COUNT(ids)};
    struct ori_tokens got = {0};
    const struct ori_piece chat = {"<|user|>\nHello<|end|>\n<|assistant|>\n", 36, true};
    expect_ids(&opened, &chat, ORI_BEGIN, &want, &got);
    assert_true(ori_vocab_is_end(opened.vocab, 32000));
    assert_true(ori_vocab_is_end(opened.vocab, 32007));
    assert_false(ori_vocab_is_end(opened.vocab, 32001));
    ori_tokens_release(&got);
    close_model(&opened);
}

static void test_deepseek(void **state)
{
    struct opened opened;

    (void)state;
    open_with_vectors(&opened, "deepseek-llm", true);
    close_model(&opened);
}

static void test_bge(void **state)
{
    struct opened opened;

    (void)state;
    open_with_vectors(&opened, "bert-bge", false);

    static int32_t ids[] = {101, 7592, 2088, 102};
    const struct ori_tokens want = {.ids = ids, .count = ORI_COUNT(ids)};
    struct ori_tokens got = {0};
    const struct ori_piece hello = {"Hello world", 11, false};
    expect_ids(&opened, &hello, ORI_BEGIN | ORI_END, &want, &got);
    ori_tokens_release(&got);
    close_model(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundled_plain), cmocka_unit_test(test_bundled_chat),
        cmocka_unit_test(test_unigram),       cmocka_unit_test(test_phi3),
        cmocka_unit_test(test_deepseek),      cmocka_unit_test(test_bge),
    };
    return cmocka_run_group_tests_name("tokenizer_vectors", tests, NULL, NULL);
}
