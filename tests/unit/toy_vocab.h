/* A small vocabulary for tests, and opening one. */
#ifndef TEST_TOY_VOCAB_H
#define TEST_TOY_VOCAB_H

#include "tokenizer/tokenizer.h"
#include "vocab_file.h"

/* ---- a vocabulary in use ---- */

struct opened {
    struct vocab_file file;
    struct ori_gguf *gguf;
    struct ori_vocab *vocab;
};

/* Takes a file with its keys in it. */
static inline void open_file(struct opened *opened)
{
    orion_error err = {0};

    file_finish(&opened->file);
    if (ori_gguf_parse(opened->file.bytes.data, opened->file.bytes.len, "test", &opened->gguf,
                       &err) != ORION_OK ||
        ori_vocab_new(opened->gguf, NULL, &opened->vocab, &err) != ORION_OK)
        fail_msg("%s", err.message);
}

static inline void close_file(struct opened *opened)
{
    ori_vocab_free(opened->vocab);
    ori_gguf_close(opened->gguf);
    file_release(&opened->file);
}

static inline void open_vocab(struct opened *opened, const struct test_vocab *vocab,
                              const char *architecture)
{
    file_of_vocab(&opened->file, vocab, architecture);
    open_file(opened);
}

#define S "\xE2\x96\x81" /* the mark of a space */

/* Encode a text; its tokens are to be `want`: their texts in the file, with a bar between
 * and marks as underscores. */
static inline void expect_pieces(const struct opened *opened, const struct test_vocab *vocab,
                                 const char *text, size_t len, unsigned ends, const char *want)
{
    const struct ori_piece piece = {text, len, false};
    struct ori_tokens tokens = {0};
    char got[512] = "";
    size_t at = 0;

    assert_int_equal(ori_vocab_encode(opened->vocab, &piece, 1, ends, &tokens, NULL), ORION_OK);
    for (size_t i = 0; i < tokens.count; i++) {
        const char *name = vocab->tokens[tokens.ids[i]].text;
        assert_true(at + strlen(name) + 2 < sizeof(got));
        if (i > 0)
            got[at++] = '|';
        for (; *name; name++) {
            const bool mark = strncmp(name, S, strlen(S)) == 0;
            got[at++] = mark ? '_' : *name;
            name += mark ? strlen(S) - 1 : 0;
        }
    }
    if (strcmp(got, want) != 0)
        fail_msg("'%.*s': %s, not %s", (int)len, text, got, want);
    ori_tokens_release(&tokens);
}

enum { USER = 259, END = 260, ENDOFTEXT = 261, END_MORE = 262, WORD = 263 };

/* Scores order the joinings: "ab" before "bc", and so on. */
static inline void put_toy(struct test_vocab *vocab)
{
    static const struct {
        const char *text;
        float score;
    } pieces[] = {
        {"bb", -0.5f}, {"ab", -1},  {"bc", -2},    {"abc", -3},   {S "a", -4},  {S "ab", -5},
        {S S, -6},     {"aa", -7},  {S S S S, -8}, {"é", -9},     {"cd", -1},   {"da", -1},
        {"<s", -10},   {"<|", -11}, {"en", -12},   {"<|en", -13}, {"d|", -14},  {"d|>", -15},
        {"a", -50},    {"b", -51},  {"c", -52},    {"d", -53},    {S, -54},     {"<", -55},
        {"|", -56},    {">", -57},  {"e", -58},    {"n", -59},    {"s", -60},   {"/", -61},
        {"\n", -62},   {"i", -63},  {"t", -64},    {"o", -65},    {"f", -66},   {"x", -67},
        {"u", -68},    {"r", -69},  {"h", -70},    {"w", -71},    {S "w", -72}, {"</s", -73},
        {"</", -74},
    };
    vocab_put_basics(vocab);
    assert_int_equal(vocab_put(vocab, "<|user|>", 0, T_CONTROL), USER);
    assert_int_equal(vocab_put(vocab, "<|end|>", 0, T_CONTROL), END);
    assert_int_equal(vocab_put(vocab, "<|endoftext|>", 0, T_CONTROL), ENDOFTEXT);
    assert_int_equal(vocab_put(vocab, "<|end|>x", 0, T_CONTROL), END_MORE);
    assert_int_equal(vocab_put(vocab, "two words", 0, T_USER), WORD);
    for (size_t i = 0; i < ORI_COUNT(pieces); i++)
        vocab_put(vocab, pieces[i].text, pieces[i].score, T_NORMAL);
}

static struct test_vocab toy;

static inline int setup_toy(void **state)
{
    (void)state;
    put_toy(&toy);
    return 0;
}

#endif
