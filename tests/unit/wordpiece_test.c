/* WordPiece on a vocabulary made up here: cleaning, words, pieces, what is unknown, and
 * what goes around a text.  The expected pieces are those of BERT's own tokenizer
 * (Hugging Face's library) for the same vocabulary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "toy_vocab.h"

enum { UNK = 1, CLS, SEP };

static struct test_vocab vocab;

static void put_vocab(void)
{
    static const char *const texts[] = {
        S "a",         S "b",      S "ab",   "a",   "b",   "ba",       S "cafe", S "Cafe",
        S "caf\u00e9", S "un",     "do",     "ne",  S "!", S "-",      S "$",    S "\u4e2d",
        S "\u6587",    S "\u00bf", "\u00f1", S "n", "s",   S "\u1112", "\u1161", S "x",
    };

    vocab.count = 0;
    vocab_put(&vocab, "[PAD]", 0, T_CONTROL);
    vocab_put(&vocab, "[UNK]", 0, T_CONTROL);
    vocab_put(&vocab, "[CLS]", 0, T_CONTROL);
    vocab_put(&vocab, "[SEP]", 0, T_CONTROL);
    for (size_t i = 0; i < ORI_COUNT(texts); i++)
        vocab_put(&vocab, texts[i], 0, T_NORMAL);
}

static void put_keys(struct vocab_file *file)
{
    put_vocab();
    file_init(file);
    file_str(file, "tokenizer.ggml.model", "bert");
    file_tokens(file, &vocab);
    file_types(file, &vocab);
    file_u32(file, "tokenizer.ggml.unknown_token_id", UNK);
    file_u32(file, "tokenizer.ggml.cls_token_id", CLS);
    file_u32(file, "tokenizer.ggml.seperator_token_id", SEP);
}

#define A10 "aaaaaaaaaa"
#define A90 A10 A10 A10 A10 A10 A10 A10 A10 A10

static void test_words(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {" \t\r\n\u00a0\u2028\u3000", ""},
        {"a", "_a"},
        {"ab", "_ab"},
        {"aba", "_ab|a"},
        {"abba", "_ab|ba"}, /* the longest piece first */
        {"undone", "_un|do|ne"},
        {"undo ne", "_un|do|[UNK]"}, /* "ne" begins no word */
        {"abq", "[UNK]"},            /* the whole word, not the rest of it */
        {"q a", "[UNK]|_a"},
        {"a!b", "_a|_!|_b"},
        {"a-$b", "_a|_-|_$|_b"},
        {"\u00bfa", "_\u00bf|_a"},
        {"!!", "_!|_!"},
        {"a\u4e2d\u6587b", "_a|_\u4e2d|_\u6587|_b"},
        {"AB", "_ab"},
        {"Caf\u00c9", "_cafe"},
        {"Cafe\u0301", "_cafe"},
        {"N\u0303s", "_n|s"},
        {"\ud558", "_\u1112|\u1161"}, /* a syllable is decomposed */
        {"a\u200bb", "_ab"},          /* control and format characters go */
        {"a\x01"
         "b\x7f",
         "_ab"},
        {"a\u00ad\ue000\ufffd"
         "b",
         "_ab"},
        {"a\vb", "_ab"}, /* a control character, not a space */
        {"a\xff"
         "b",
         "_ab"}, /* broken UTF-8 goes */
        {"\xe4\xb8", ""},
        {"[CLS]", "[UNK]|[UNK]|[UNK]"}, /* never forged: "[", "cls", "]" */
        {A90 A10 "a", "[UNK]"},         /* 101 characters */
        {A90 A10 "a b", "[UNK]|_b"},
    };
    struct opened opened;

    (void)state;
    put_keys(&opened.file);
    open_file(&opened);
    for (size_t i = 0; i < ORI_COUNT(cases); i++)
        expect_pieces(&opened, &vocab, cases[i].text, strlen(cases[i].text), 0, cases[i].want);
    expect_pieces(&opened, &vocab, "a\0b", 3, 0, "_ab");
    const struct ori_piece longest = {A90 A10, 100, false};
    struct ori_tokens tokens = {0};
    assert_int_equal(ori_vocab_encode(opened.vocab, &longest, 1, 0, &tokens, NULL), ORION_OK);
    assert_int_equal(tokens.count, 100);
    ori_tokens_release(&tokens);
    close_file(&opened);
}

/* The file says whether case and accents count. */
static void test_normalising(void **state)
{
    static const struct {
        bool lowers;
        int strips; /* -1: not said */
        const char *text, *want;
    } cases[] = {
        {true, -1, "Caf\u00c9", "_cafe"},  {true, 0, "Caf\u00c9", "_caf\u00e9"},
        {false, -1, "Caf\u00e9", "[UNK]"}, {false, -1, "caf\u00e9", "_caf\u00e9"},
        {false, 1, "Caf\u00e9", "_Cafe"},  {false, -1, "Cafe", "_Cafe"},
        {true, 0, "N\u00d1", "_n|\u00f1"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct opened opened;
        put_keys(&opened.file);
        file_bool(&opened.file, "tokenizer.ggml.normalizer.lowercase", cases[i].lowers);
        if (cases[i].strips >= 0)
            file_bool(&opened.file, "tokenizer.ggml.normalizer.strip_accents", cases[i].strips);
        open_file(&opened);
        expect_pieces(&opened, &vocab, cases[i].text, strlen(cases[i].text), 0, cases[i].want);
        close_file(&opened);
    }
}

static void test_ends(void **state)
{
    struct opened opened;

    (void)state;
    put_keys(&opened.file);
    open_file(&opened);
    expect_pieces(&opened, &vocab, "a", 1, 0, "_a");
    expect_pieces(&opened, &vocab, "a", 1, ORI_BEGIN, "[CLS]|_a");
    expect_pieces(&opened, &vocab, "a", 1, ORI_BEGIN | ORI_END, "[CLS]|_a|[SEP]");
    expect_pieces(&opened, &vocab, "", 0, ORI_BEGIN | ORI_END, "[CLS]|[SEP]");
    close_file(&opened);

    put_keys(&opened.file);
    file_bool(&opened.file, "tokenizer.ggml.add_bos_token", false);
    file_bool(&opened.file, "tokenizer.ggml.add_sep_token", false);
    open_file(&opened);
    expect_pieces(&opened, &vocab, "a", 1, ORI_BEGIN | ORI_END, "_a");
    close_file(&opened);
}

/* Words with single spaces between. */
static void test_decoding(void **state)
{
    static const int32_t ids[] = {CLS, 13, 14, 15, 4, 16, SEP};
    struct ori_decoder decoder;
    struct opened opened;
    struct ori_buf out;

    (void)state;
    put_keys(&opened.file);
    open_file(&opened);
    ori_buf_init(&out, 1000);
    ori_decoder_init(&decoder, opened.vocab, true, false, false);
    for (size_t i = 0; i < ORI_COUNT(ids); i++)
        assert_int_equal(ori_decoder_add(&decoder, ids[i], &out), ORION_OK);
    assert_int_equal(ori_decoder_finish(&decoder, &out), ORION_OK);
    assert_string_equal(ori_buf_text(&out), "undone a !");
    ori_decoder_release(&decoder);
    ori_buf_release(&out);
    close_file(&opened);
}

/* A megabyte without a space, of pieces, of no piece, and of any bytes. */
static void test_long(void **state)
{
    static char text[1 << 20];
    static const char *const fills[] = {"a", "q", "!", "\xcc\x81", "\xff", "ab "};
    struct opened opened;

    (void)state;
    put_keys(&opened.file);
    open_file(&opened);
    for (size_t i = 0; i < ORI_COUNT(fills); i++) {
        const struct ori_piece piece = {text, sizeof(text), false};
        struct ori_tokens tokens = {0};
        for (size_t at = 0; at < sizeof(text); at++)
            text[at] = fills[i][at % strlen(fills[i])];
        assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, 0, &tokens, NULL), ORION_OK);
        ori_tokens_release(&tokens);
    }
    close_file(&opened);
}

static void test_no_unknown_token_is_refused(void **state)
{
    struct vocab_file file;
    struct ori_gguf *gguf = NULL;
    struct ori_vocab *out = NULL;
    orion_error err = {0};

    (void)state;
    put_vocab();
    vocab_rename(&vocab, UNK, "[NOT]");
    file_init(&file);
    file_str(&file, "tokenizer.ggml.model", "bert");
    file_tokens(&file, &vocab);
    file_finish(&file);
    assert_int_equal(ori_gguf_parse(file.bytes.data, file.bytes.len, "t", &gguf, &err), ORION_OK);
    assert_int_equal(ori_vocab_new(gguf, NULL, &out, &err), ORION_E_FORMAT);
    assert_non_null(strstr(err.message, "no unknown token"));
    assert_null(out);
    ori_gguf_close(gguf);
    file_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), cmocka_unit_test(test_normalising),
        cmocka_unit_test(test_ends),  cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_long),  cmocka_unit_test(test_no_unknown_token_is_refused),
    };
    return cmocka_run_group_tests_name("wordpiece", tests, NULL, NULL);
}
