/* Byte-level byte-pair encoding on a vocabulary made up here: merges and their order,
 * how texts are cut into words, any bytes there and back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "toy_vocab.h"

#define MERGES "tokenizer.ggml.merges"

enum { N_BYTES = 256, FIRST = N_BYTES };

/* The merged tokens, in the order of their merges, ids from FIRST on; G is how a
 * space is written. */
#define G "\xC4\xA0"
static const char *const merges[] = {"a b", "b c", "ab c", G " a", G "a b", "1 2", "12 3", "c c"};
static const char *const joined[] = {"ab", "bc", "abc", G "a", G "ab", "12", "123", "cc", "zzz"};

static struct test_vocab vocab;

static void put_byte(unsigned byte, unsigned *next)
{
    const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
    const unsigned c = itself ? byte : 256 + (*next)++;
    char text[3] = {(char)c, 0, 0};

    if (c >= 0x80) {
        text[0] = (char)(0xc0 | c >> 6);
        text[1] = (char)(0x80 | (c & 0x3f));
    }
    vocab_put(&vocab, text, 0, T_NORMAL);
}

static void put_vocab(void)
{
    unsigned next = 0;

    vocab.count = 0;
    for (unsigned byte = 0; byte < 256; byte++)
        put_byte(byte, &next);
    for (size_t i = 0; i < ORI_COUNT(joined); i++)
        vocab_put(&vocab, joined[i], 0, T_NORMAL);
    vocab_put(&vocab, "<|end|>", 0, T_CONTROL);
}

static void put_merges(struct vocab_file *file, const char *const *list, size_t n)
{
    file_array(file, MERGES, ORI_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        put_string(&file->keys, list[i], strlen(list[i]));
}

static void put_keys(struct vocab_file *file, const char *pre)
{
    put_vocab();
    file_init(file);
    file_str(file, "tokenizer.ggml.model", "gpt2");
    if (pre)
        file_str(file, "tokenizer.ggml.pre", pre);
    file_tokens(file, &vocab);
    file_types(file, &vocab);
}

static void open_bpe(struct opened *opened, const char *pre)
{
    put_keys(&opened->file, pre);
    put_merges(&opened->file, merges, ORI_COUNT(merges));
    open_file(opened);
}

/* Tokens as their texts in the file, with a bar between. */
static void expect(const struct opened *opened, const char *text, size_t len, const char *want)
{
    const struct ori_piece piece = {text, len, true};
    struct ori_tokens tokens = {0};
    char got[512] = "";

    assert_int_equal(ori_vocab_encode(opened->vocab, &piece, 1, true, &tokens, NULL), ORION_OK);
    for (size_t i = 0; i < tokens.count; i++) {
        const size_t at = strlen(got);
        (void)snprintf(got + at, sizeof(got) - at, "%s%s", i ? "|" : "",
                       vocab.tokens[tokens.ids[i]].text);
    }
    assert_string_equal(got, want);
    ori_tokens_release(&tokens);
}

static void test_merges(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"a", "a"},
        {"ab", "ab"},
        {"abc", "abc"}, /* ab first, which is why bc is not */
        {"bc", "bc"},
        {"abcc", "abc|c"},        /* abc comes before cc */
        {"ccc", "cc|c"},          /* the leftmost of equals */
        {"ab ab", "ab|" G "|ab"}, /* ab comes before a space and a */
        {"zzz", "z|z|z"},         /* a token that no merge makes */
        {"<|end|>ab", "<|end|>|ab"},
    };
    struct opened opened;

    (void)state;
    open_bpe(&opened, "gpt-2");
    for (size_t i = 0; i < ORI_COUNT(cases); i++)
        expect(&opened, cases[i].text, strlen(cases[i].text), cases[i].want);
    close_file(&opened);
}

/* What a word is depends on the model's own expressions. */
static void test_words(void **state)
{
    static const struct {
        const char *pre, *text, *want;
    } cases[] = {
        {"gpt-2", "1234", "123|4"},
        {"qwen2", "123", "1|2|3"},      /* each digit by itself */
        {"llama-bpe", "1234", "123|4"}, /* three at most */
        {"smollm", "12", "1|2"},
        {"llama-bpe", "zzz", "zzz"}, /* a word that is a token */
        {"qwen2", "zzz", "z|z|z"},
        {"deepseek-llm", "12", "12"},
        {"deepseek-v3", "1234", "123|4"},
        {"gpt-4o", "aB", "a|B"},
        {"tekken", "12", "1|2"},
        {"qwen35", "123", "1|2|3"},
        {"glm4", "1234", "123|4"},
        {"seed-coder", "12", "1|2"},
        {"bailingmoe", "12", "1|2"},
        {"falcon", "1234", "123|4"},
        {"chameleon", "12", "1|2"},
        {"bloom", "123.12", "123|.|12"},
        {"viking", "12", "1|2"},
        {"kimi-k2", "aB1234", "a|B|123|4"},
        {"minicpm5", "1234", "123|4"},
        {"minerva-7b", "12", "1|2"},
        {"trillion", "12", "12"},
        {"llama4", "aB", "a|B"},
        {"hunyuan-dense", "1234", "123|4"},
        {"superbpe", "1123", "1|123"}, /* threes from the right */
        {"superbpe", "12123123", "12|123|123"},
        {"superbpe", "12", "12"},
        {"superbpe", "123", "123"},
        {"laguna", "12", "1|2"},
        {"youtu", "12", "1|2"},
        {"youtu", "zzz", "zzz"},
        {"exaone-moe", "12", "1|2"},
        {"tiny_aya", "1123", "1|123"}, /* threes from the right, */
        {"tiny_aya", "12123123 12", "12|123|123|" G "|12"},
        {"tiny_aya", "1231c", "123|1|c"}, /* but from the left where a letter follows */
        {"jais-2", "1234", "123|4"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct opened opened;
        open_bpe(&opened, cases[i].pre);
        expect(&opened, cases[i].text, strlen(cases[i].text), cases[i].want);
        close_file(&opened);
    }
}

/* "e" and an accent are one character in form NFC; an invalid byte parts them. */
static void test_composed(void **state)
{
    struct opened opened;

    (void)state;
    open_bpe(&opened, "qwen2");
    expect(&opened, "e\xCC\x81", 3, "\xC3\x83|\xC2\xA9"); /* U+00E9 is C3 A9 */
    expect(&opened, "e\xFF\xCC\x81", 4, "e|\xC3\xBF|\xC3\x8C|\xC4\xA3");
    close_file(&opened);
    open_bpe(&opened, "gpt-2");
    expect(&opened, "e\xCC\x81", 3, "e|\xC3\x8C|\xC4\xA3");
    close_file(&opened);
}

/* A merge that makes a control token would let a text forge it. */
static void test_merges_forge_nothing(void **state)
{
    static const char *const forging[] = {"< s", "<s >"};
    const struct ori_piece piece = {"<s>", 3, false};
    struct ori_tokens tokens = {0};
    struct opened opened;

    (void)state;
    put_vocab();
    vocab_put(&vocab, "<s", 0, T_NORMAL);
    vocab_put(&vocab, "<s>", 0, T_NORMAL); /* control all the same */
    file_init(&opened.file);
    file_str(&opened.file, "tokenizer.ggml.model", "gpt2");
    file_str(&opened.file, "tokenizer.ggml.pre", "bloom"); /* one word */
    file_tokens(&opened.file, &vocab);
    file_types(&opened.file, &vocab);
    put_merges(&opened.file, forging, ORI_COUNT(forging));
    open_file(&opened);
    assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, 0, &tokens, NULL), ORION_OK);
    assert_int_equal(tokens.count, 2);
    assert_string_equal(vocab.tokens[tokens.ids[0]].text, "<s");
    ori_tokens_release(&tokens);
    close_file(&opened);
}

static void there_and_back(const struct opened *opened, const char *text, size_t len)
{
    const struct ori_piece piece = {text, len, false};
    struct ori_tokens tokens = {0};
    struct ori_buf back;

    ori_buf_init(&back, 1u << 24);
    assert_int_equal(ori_vocab_encode(opened->vocab, &piece, 1, false, &tokens, NULL), ORION_OK);
    for (size_t i = 0; i < tokens.count; i++)
        assert_int_equal(ori_vocab_token_bytes(opened->vocab, tokens.ids[i], true, &back),
                         ORION_OK);
    assert_int_equal(back.len, len);
    assert_memory_equal(ori_buf_text(&back), text, len);
    ori_buf_release(&back);
    ori_tokens_release(&tokens);
}

static void test_any_bytes(void **state)
{
    static const char *const names[] = {"gpt-2",       "llama-bpe", "smollm",
                                        "gpt-4o",      "tekken",    "deepseek-llm",
                                        "deepseek-v3", "dbrx",      "deepseek-coder"};
    static char text[1 << 20];
    uint64_t random = 1;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(names); i++) {
        struct opened opened;
        open_bpe(&opened, names[i]);
        for (size_t at = 0; at < sizeof(text); at++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[at] = (char)(random >> 33 & (random >> 50 & 1 ? 0xff : 0x7f));
        }
        there_and_back(&opened, text, i == 0 ? sizeof(text) : 20000);
        for (size_t at = 0; at < sizeof(text); at++)
            text[at] = (char)at;
        there_and_back(&opened, text, 512);
        close_file(&opened);
    }
}

/* A megabyte of what an expression takes, or looks through, as a whole. */
static void test_long_words(void **state)
{
    static const struct {
        const char *pre, *fill;
    } cases[] = {
        {"llama-bpe", "c"}, {"llama-bpe", " "}, {"llama-bpe", "\xff"}, {"exaone-moe", "c "},
        {"jais-2", " "},    {"laguna", "\r\n"}, {"tiny_aya", "1"},
    };
    static char text[1 << 20];

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        const size_t len = strlen(cases[i].fill);
        struct opened opened;
        for (size_t at = 0; at < sizeof(text); at++)
            text[at] = cases[i].fill[at % len];
        open_bpe(&opened, cases[i].pre);
        there_and_back(&opened, text, sizeof(text));
        close_file(&opened);
    }
}

/* ---- what is refused ---- */

static void no_merges(struct vocab_file *file)
{
    put_keys(file, "gpt-2");
}

static void one_merge(struct vocab_file *file, const char *merge)
{
    put_keys(file, "gpt-2");
    put_merges(file, &merge, 1);
}

static void merge_of_one(struct vocab_file *file)
{
    one_merge(file, "ab");
}

static void merge_of_nothing(struct vocab_file *file)
{
    one_merge(file, "");
}

static void merge_with_a_stranger(struct vocab_file *file)
{
    one_merge(file, "a qq");
}

static void merge_that_makes_nothing(struct vocab_file *file)
{
    one_merge(file, "a a");
}

static void unknown_pre(struct vocab_file *file)
{
    put_keys(file, "marsian");
    put_merges(file, merges, ORI_COUNT(merges));
}

static void no_pre(struct vocab_file *file)
{
    put_keys(file, NULL);
    put_merges(file, merges, ORI_COUNT(merges));
}

static void a_byte_too_few(struct vocab_file *file)
{
    put_vocab();
    vocab_rename(&vocab, 'a', "instead");
    file_init(file);
    file_str(file, "tokenizer.ggml.model", "gpt2");
    file_str(file, "tokenizer.ggml.pre", "gpt-2");
    file_tokens(file, &vocab);
    put_merges(file, merges, 0);
}

static const struct {
    const char *label;
    void (*make)(struct vocab_file *file);
    orion_status status;
    const char *name, *says;
} refusals[] = {
    {"no merges", no_merges, ORION_E_FORMAT, MERGES, "is missing"},
    {"a merge of one token", merge_of_one, ORION_E_FORMAT, MERGES, "merge 0, 'ab'"},
    {"a merge of nothing", merge_of_nothing, ORION_E_FORMAT, MERGES, "merge 0"},
    {"a merge with a stranger", merge_with_a_stranger, ORION_E_FORMAT, MERGES, "'a qq'"},
    {"a merge that makes nothing", merge_that_makes_nothing, ORION_E_FORMAT, MERGES, "'a a'"},
    {"an unknown way to cut", unknown_pre, ORION_E_UNSUPPORTED, "tokenizer.ggml.pre", "'marsian'"},
    {"no way to cut", no_pre, ORION_E_UNSUPPORTED, "tokenizer.ggml.pre", "--pre"},
    {"a byte without a token", a_byte_too_few, ORION_E_FORMAT, "tokenizer.ggml.tokens", "0x61"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(refusals); i++) {
        struct vocab_file file;
        struct ori_gguf *gguf = NULL;
        struct ori_vocab *out = NULL;
        orion_error err = {0};

        refusals[i].make(&file);
        file_finish(&file);
        assert_int_equal(ori_gguf_parse(file.bytes.data, file.bytes.len, "t", &gguf, &err),
                         ORION_OK);
        const orion_status status = ori_vocab_new(gguf, NULL, &out, &err);
        if (status != refusals[i].status || strcmp(err.name, refusals[i].name) != 0 ||
            !strstr(err.message, refusals[i].says))
            fail_msg("%s: %d, '%s': %s", refusals[i].label, status, err.name, err.message);
        assert_null(out);
        ori_gguf_close(gguf);
        file_release(&file);
    }
}

/* Another way than the file's, or than none. */
static void test_pre_that_is_asked_for(void **state)
{
    struct opened opened;
    orion_error err = {0};

    (void)state;
    unknown_pre(&opened.file);
    file_finish(&opened.file);
    assert_int_equal(
        ori_gguf_parse(opened.file.bytes.data, opened.file.bytes.len, "t", &opened.gguf, &err),
        ORION_OK);
    assert_int_equal(ori_vocab_new(opened.gguf, "qwen2", &opened.vocab, &err), ORION_OK);
    expect(&opened, "12", 2, "1|2");
    ori_vocab_free(opened.vocab);
    assert_int_equal(ori_vocab_new(opened.gguf, "venusian", &opened.vocab, &err),
                     ORION_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "'venusian'"));
    close_file(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges),    cmocka_unit_test(test_words),
        cmocka_unit_test(test_composed),  cmocka_unit_test(test_merges_forge_nothing),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_pre_that_is_asked_for),
    };
    return cmocka_run_group_tests_name("bpe", tests, NULL, NULL);
}
