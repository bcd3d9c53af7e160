/* Text <-> tokens: cases worked out by hand.  Random ones are in
 * tokenizer_random_test.c, other tokenizers' in tokenizer_vectors_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "toy_vocab.h"

/* The tokens as their texts with '.' between: "▁a.b". */
static void spell(const struct test_vocab *vocab, const struct ori_tokens *tokens,
                  struct ori_buf *out)
{
    for (size_t i = 0; i < tokens->count; i++) {
        assert_in_range(tokens->ids[i], 0, vocab->count - 1);
        ori_buf_addf(out, "%s%s", i > 0 ? "." : "", vocab->tokens[tokens->ids[i]].text);
    }
}

static void expect(const struct opened *opened, const char *label, const struct ori_piece *pieces,
                   size_t n_pieces, bool add_bos, const char *want)
{
    struct ori_tokens tokens = {0};
    struct ori_buf got;

    ori_buf_init(&got, 1u << 20);
    assert_int_equal(ori_vocab_encode(opened->vocab, pieces, n_pieces, add_bos, &tokens, NULL),
                     ORION_OK);
    spell(&toy, &tokens, &got);
    if (strcmp(ori_buf_text(&got), want) != 0)
        fail_msg("%s: got '%s', want '%s'", label, ori_buf_text(&got), want);
    ori_buf_release(&got);
    ori_tokens_release(&tokens);
}

/* ---- cases by hand ---- */

static void test_joins_by_score(void **state)
{
    static const struct {
        const char *label, *text, *want;
    } cases[] = {
        {"nothing", "", ""},
        {"a letter takes the space", "a", S "a"},
        {"best score first", "abc", S ".abc"},
        {"a joining that hinders another", "abbc", S "a.bb.c"},
        {"leftmost of equals", "cda", S ".cd.a"},
        {"space mark in the text is a space", "a" S "a", S "a." S "a"},
        {"spaces", "    ", S S S S "." S},
        {"space inside", "ab ab", S "ab." S "ab"},
        {"space at the end", "ab ", S "ab." S},
        {"two bytes, one piece", "é", S ".é"},
        {"a character that is no piece", "ñ", S ".<0xC3>.<0xB1>"},
        {"four bytes", "\xF0\x9F\xA6\x99", S ".<0xF0>.<0x9F>.<0xA6>.<0x99>"},
        {"broken", "\xC3", S ".<0xC3>"},
        {"broken before a letter",
         "\xE2\x96"
         "ab",
         S ".<0xE2>.<0x96>.ab"},
        {"an overlong form", "\xC0\x80", S ".<0xC0>.<0x80>"},
        {"no piece for a tab", "a\tb", S "a.<0x09>.b"},
        {"a byte token's text is text", "<0x41>", S ".<.<0x30>.x.<0x34>.<0x31>.>"},
    };
    struct opened opened;

    (void)state;
    open_vocab(&opened, &toy, "llama");
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        const struct ori_piece piece = {cases[i].text, strlen(cases[i].text), false};
        expect(&opened, cases[i].label, &piece, 1, false, cases[i].want);
    }
    const struct ori_piece nul = {"a\0a", 3, false};
    expect(&opened, "NUL", &nul, 1, false, S "a.<0x00>.a");
    close_file(&opened);
}

#define TRUSTED(text)                                                                              \
    {                                                                                              \
        (text), sizeof(text) - 1, true                                                             \
    }
#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1, false                                                            \
    }

static void test_special_tokens(void **state)
{
    static const struct {
        const char *label, *architecture;
        struct ori_piece pieces[4];
        size_t n;
        const char *want;
    } cases[] = {
        {"trusted", "llama", {TRUSTED("<|end|>")}, 1, "<|end|>"},
        {"a user's text", "llama", {TEXT("<|end|>")}, 1, S ".<|en.d|>"},
        {"a user's end of text", "llama", {TEXT("</s><s>")}, 1, S ".</s.>.<s.>"},
        {"put together from a trusted and a user's half",
         "llama",
         {TRUSTED("<|en"), TEXT("d|>")},
         2,
         S ".<|en.d|>"},
        {"put together from two trusted halves",
         "llama",
         {TRUSTED("<|en"), TRUSTED("d|>")},
         2,
         S ".<|en.d|>"},
        {"text of two pieces is one fragment", "llama", {TRUSTED("a"), TEXT("b")}, 2, S "ab"},
        {"a fragment begins anew behind a special token",
         "llama",
         {TRUSTED("a<|end|>a")},
         1,
         S "a.<|end|>." S "a"},
        {"the longest", "llama", {TRUSTED("<|end|>x")}, 1, "<|end|>x"},
        {"the longest that is there", "llama", {TRUSTED("<|end|>a")}, 1, "<|end|>." S "a"},
        {"two in a row", "llama", {TRUSTED("<|end|><|end|>")}, 1, "<|end|>.<|end|>"},
        {"begins like one", "llama", {TRUSTED("<|<|end|>")}, 1, S ".<|.<|end|>"},
        {"user-defined in a user's text", "llama", {TEXT("a two words")}, 1, S "a." S ".two words"},
        {"white space is kept", "llama", {TRUSTED("<|end|> \na")}, 1, "<|end|>." S S ".\n.a"},
        {"phi3: white space is swallowed",
         "phi3",
         {TRUSTED("<|end|> \n\t\r\v\fa")},
         1,
         "<|end|>." S "a"},
        {"phi3: in the next piece too",
         "phi3",
         {TRUSTED("<|user|>\n"), TEXT(" \n"), TEXT(" a "), TRUSTED("<|end|>\n<|user|>\n")},
         4,
         "<|user|>." S "a." S ".<|end|>.<|user|>"},
        {"phi3: once", "phi3", {TRUSTED("<|end|> a a")}, 1, "<|end|>." S "a." S "a"},
        {"phi3: not after text",
         "phi3",
         {TRUSTED("<|end|>a"), TEXT(" a")},
         2,
         "<|end|>." S "a." S "a"},
        {"phi3: not behind <s>", "phi3", {TRUSTED("<s> a")}, 1, "<s>." S "." S "a"},
        {"phi3: not behind <|endoftext|>",
         "phi3",
         {TRUSTED("<|endoftext|>\na")},
         1,
         "<|endoftext|>." S ".\n.a"},
        {"phi3: behind </s>", "phi3", {TRUSTED("</s> a")}, 1, "</s>." S "a"},
        {"phi3: to the end", "phi3", {TRUSTED("<|end|>"), TEXT(" \n ")}, 2, "<|end|>"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct opened opened;
        open_vocab(&opened, &toy, cases[i].architecture);
        expect(&opened, cases[i].label, cases[i].pieces, cases[i].n, false, cases[i].want);
        close_file(&opened);
    }
}

static void test_begin_of_sequence(void **state)
{
    const struct ori_piece piece = TEXT("a");
    struct opened opened;

    (void)state;
    open_vocab(&opened, &toy, "llama");
    assert_int_equal(ori_vocab_bos(opened.vocab), 1);
    assert_true(ori_vocab_adds_bos(opened.vocab));
    expect(&opened, "asked", &piece, 1, true, "<s>." S "a");
    expect(&opened, "not asked", &piece, 1, false, S "a");
    expect(&opened, "alone", NULL, 0, true, "<s>");
    close_file(&opened);

    file_of_vocab(&opened.file, &toy, "llama");
    file_bool(&opened.file, "tokenizer.ggml.add_bos_token", false);
    open_file(&opened);
    assert_false(ori_vocab_adds_bos(opened.vocab));
    expect(&opened, "the file says no", &piece, 1, true, S "a");
    close_file(&opened);
}

static void test_without_space_prefix(void **state)
{
    const struct ori_piece piece = TEXT("a a");
    struct opened opened;
    struct ori_decoder decoder;
    struct ori_buf text;

    (void)state;
    file_of_vocab(&opened.file, &toy, "llama");
    file_bool(&opened.file, "tokenizer.ggml.add_space_prefix", false);
    open_file(&opened);
    expect(&opened, "no space in front", &piece, 1, false, "a." S "a");

    ori_buf_init(&text, 64);
    ori_decoder_init(&decoder, opened.vocab, true, false, false);
    assert_int_equal(ori_decoder_add(&decoder, ori_vocab_find(opened.vocab, S "a", 4), &text),
                     ORION_OK);
    assert_string_equal(ori_buf_text(&text), " a"); /* it was in the text */
    ori_decoder_release(&decoder);
    ori_buf_release(&text);
    close_file(&opened);
}

static void test_missing_byte_is_unknown(void **state)
{
    static struct test_vocab vocab;
    struct opened opened;
    struct ori_tokens tokens = {0};
    const struct ori_piece piece = TEXT("aña");

    (void)state;
    put_toy(&vocab);
    vocab.tokens[3 + 0xB1].type = T_UNUSED;
    vocab_rename(&vocab, 3 + 0xB1, "filler");
    open_vocab(&opened, &vocab, "llama");
    assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, false, &tokens, NULL), ORION_OK);
    assert_int_equal(tokens.count, 3);
    assert_int_equal(tokens.ids[1], 0); /* one for the character, not half of it */
    ori_tokens_release(&tokens);
    close_file(&opened);
}

static void test_markup_is_control_whatever_its_type(void **state)
{
    static struct test_vocab vocab;
    struct opened opened;
    const struct ori_piece user = TEXT("<|end|></s>");

    (void)state;
    put_toy(&vocab);
    vocab.tokens[END].type = T_USER;
    vocab.tokens[2].type = T_NORMAL; /* also the file's end of sequence */
    open_vocab(&opened, &vocab, "llama");
    expect(&opened, "not from a user", &user, 1, false, S ".<|en.d|>.</s.>");
    assert_true(ori_vocab_is_control(opened.vocab, END));
    assert_true(ori_vocab_is_control(opened.vocab, 2));
    close_file(&opened);

    /* The file's end of sequence is control whatever it looks like. */
    put_toy(&vocab);
    vocab_rename(&vocab, 2, "bba");
    vocab.tokens[2].type = T_NORMAL;
    open_vocab(&opened, &vocab, "llama");
    const struct ori_piece forged = TEXT("bba");
    expect(&opened, "a word that ends answers", &forged, 1, false, S ".bb.a");
    assert_true(ori_vocab_is_end(opened.vocab, 2));
    close_file(&opened);
}

/* What stands between brackets in the chat template is its own from then on. */
static void test_template_reserves_its_marks(void **state)
{
    static const struct {
        const char *text;
        bool reserved;
    } cases[] = {
        {"<think>", true},  {"[A]", true},        {"[A][B]", true}, {"</think>", false},
        {"<other>", false}, {"two words", false}, {"<x", false},
    };
    static const char template[] = "{{ '<think>' }}two words<x[A][B]</think";
    static struct test_vocab vocab;
    struct opened opened;

    (void)state;
    put_toy(&vocab);
    for (size_t i = 0; i < ORI_COUNT(cases); i++)
        if (strcmp(cases[i].text, "two words") != 0)
            vocab_put(&vocab, cases[i].text, 0, T_USER);
    open_vocab(&opened, &vocab, "llama");
    ori_vocab_reserve(opened.vocab, (struct ori_str){template, strlen(template)});
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        const size_t len = strlen(cases[i].text);
        const int32_t id = ori_vocab_find(opened.vocab, cases[i].text, len);
        for (int trusted = 0; trusted < 2; trusted++) {
            const struct ori_piece piece = {cases[i].text, len, trusted != 0};
            struct ori_tokens tokens = {0};
            assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, 0, &tokens, NULL), ORION_OK);
            const bool whole = tokens.count == 1 && tokens.ids[0] == id;
            if (whole != (trusted || !cases[i].reserved))
                fail_msg("'%s' in a %s text", cases[i].text, trusted ? "trusted" : "user's");
            ori_tokens_release(&tokens);
        }
    }
    close_file(&opened);
}

/* Where there is <|return|>, as in gpt-oss, <|end|> ends only a part of an answer. */
static void test_ends_of_parts(void **state)
{
    static struct test_vocab vocab;
    struct opened opened;

    (void)state;
    put_toy(&vocab);
    const int32_t back = vocab_put(&vocab, "<|return|>", 0, T_CONTROL);
    const int32_t call = vocab_put(&vocab, "<|call|>", 0, T_CONTROL);
    open_vocab(&opened, &vocab, "llama");
    assert_true(ori_vocab_is_end(opened.vocab, back));
    assert_true(ori_vocab_is_end(opened.vocab, call));
    assert_false(ori_vocab_is_end(opened.vocab, END));
    assert_true(ori_vocab_is_control(opened.vocab, END));
    close_file(&opened);
}

static void test_facts(void **state)
{
    struct opened opened;

    (void)state;
    open_vocab(&opened, &toy, "llama");
    assert_int_equal(ori_vocab_size(opened.vocab), toy.count);
    for (int32_t id = -1; id <= (int32_t)toy.count; id++) {
        const bool end = id == 2 || id == END || id == ENDOFTEXT;
        const bool control = end || id == 0 || id == 1 || id == USER || id == END_MORE;
        assert_int_equal(ori_vocab_is_end(opened.vocab, id), end);
        assert_int_equal(ori_vocab_is_control(opened.vocab, id), control);
    }
    for (uint32_t i = 0; i < toy.count; i++)
        assert_int_equal(
            ori_vocab_find(opened.vocab, toy.tokens[i].text, strlen(toy.tokens[i].text)), i);
    assert_int_equal(ori_vocab_find(opened.vocab, "zz", 2), ORI_NO_TOKEN);
    assert_int_equal(ori_vocab_find(opened.vocab, "", 0), ORI_NO_TOKEN);
    close_file(&opened);
}

static void test_appends(void **state)
{
    struct opened opened;
    struct ori_tokens tokens = {0};
    const struct ori_piece piece = TEXT("a");

    (void)state;
    open_vocab(&opened, &toy, "llama");
    assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, true, &tokens, NULL), ORION_OK);
    assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, false, &tokens, NULL), ORION_OK);
    assert_int_equal(tokens.count, 3);
    assert_int_equal(tokens.ids[0], 1);
    assert_int_equal(tokens.ids[1], tokens.ids[2]);
    ori_tokens_release(&tokens);
    close_file(&opened);
}

/* ---- decoding ---- */

#define B(byte) (3 + (byte))

static void test_decoder(void **state)
{
    static const struct {
        const char *label;
        bool at_start, show_special, replace;
        int32_t ids[8];
        size_t n;
        const char *before_finish, *after_finish;
    } cases[] = {
        {"a character in four tokens",
         true,
         false,
         true,
         {B(0xF0), B(0x9F), B(0xA6), B(0x99)},
         4,
         "\xF0\x9F\xA6\x99",
         "\xF0\x9F\xA6\x99"},
        {"three of four wait",
         true,
         false,
         false,
         {B(0xF0), B(0x9F), B(0xA6)},
         3,
         "",
         "\xF0\x9F\xA6"},
        {"and are replaced together",
         true,
         false,
         true,
         {B(0xF0), B(0x9F), B(0xA6)},
         3,
         "",
         "\xEF\xBF\xBD"},
        {"what can be nothing comes at once", true, false, false, {B(0xFF)}, 1, "\xFF", "\xFF"},
        {"replaced at once",
         true,
         false,
         true,
         {B(0xFF), B('a')},
         2,
         "\xEF\xBF\xBD"
         "a",
         "\xEF\xBF\xBD"
         "a"},
        {"broken by a letter",
         true,
         false,
         true,
         {B(0xE2), B(0x96), B('a')},
         3,
         "\xEF\xBF\xBD"
         "a",
         "\xEF\xBF\xBD"
         "a"},
        {"control tokens are hidden", true, false, false, {B('a'), END, B('b')}, 3, "ab", "ab"},
        {"or shown", true, true, false, {B('a'), END, B('b')}, 3, "a<|end|>b", "a<|end|>b"},
        {"no character across one",
         true,
         false,
         false,
         {B(0xC3), END, B(0xA9)},
         3,
         "\xC3\xA9",
         "\xC3\xA9"},
        {"no character across one: replaced",
         true,
         false,
         true,
         {B(0xC3), END, B(0xA9)},
         3,
         "\xEF\xBF\xBD\xEF\xBF\xBD",
         "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"first space dropped", true, false, false, {B(' '), B(' '), B('a')}, 3, " a", " a"},
        {"in the middle of a text it stays", false, false, false, {B(' '), B('a')}, 2, " a", " a"},
        {"again behind a control token",
         false,
         false,
         false,
         {B('a'), END, B(' '), B('a')},
         4,
         "aa",
         "aa"},
        {"only the first token's", true, false, false, {B('a'), B(' '), B('a')}, 3, "a a", "a a"},
        {"user-defined as it is", true, false, false, {WORD}, 1, "two words", "two words"},
    };
    struct opened opened;

    (void)state;
    open_vocab(&opened, &toy, "llama");
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct ori_decoder decoder;
        struct ori_buf text;
        ori_buf_init(&text, 256);
        ori_decoder_init(&decoder, opened.vocab, cases[i].at_start, cases[i].show_special,
                         cases[i].replace);
        for (size_t k = 0; k < cases[i].n; k++)
            assert_int_equal(ori_decoder_add(&decoder, cases[i].ids[k], &text), ORION_OK);
        if (strcmp(ori_buf_text(&text), cases[i].before_finish) != 0)
            fail_msg("%s: got '%s'", cases[i].label, ori_buf_text(&text));
        assert_int_equal(ori_decoder_finish(&decoder, &text), ORION_OK);
        if (strcmp(ori_buf_text(&text), cases[i].after_finish) != 0)
            fail_msg("%s: got '%s' in the end", cases[i].label, ori_buf_text(&text));
        ori_decoder_release(&decoder);
        ori_buf_release(&text);
    }
    close_file(&opened);
}

static void test_decoder_refuses_unknown_ids(void **state)
{
    struct opened opened;
    struct ori_decoder decoder;
    struct ori_buf text;

    (void)state;
    open_vocab(&opened, &toy, "llama");
    ori_buf_init(&text, 16);
    ori_decoder_init(&decoder, opened.vocab, true, true, false);
    assert_int_equal(ori_decoder_add(&decoder, -1, &text), ORION_E_ARGUMENT);
    assert_int_equal(ori_decoder_add(&decoder, (int32_t)toy.count, &text), ORION_E_ARGUMENT);
    assert_int_equal(ori_vocab_token_bytes(opened.vocab, (int32_t)toy.count, true, &text),
                     ORION_E_ARGUMENT);
    assert_int_equal(text.len, 0);
    ori_decoder_release(&decoder);
    ori_buf_release(&text);
    close_file(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joins_by_score),
        cmocka_unit_test(test_special_tokens),
        cmocka_unit_test(test_begin_of_sequence),
        cmocka_unit_test(test_without_space_prefix),
        cmocka_unit_test(test_missing_byte_is_unknown),
        cmocka_unit_test(test_markup_is_control_whatever_its_type),
        cmocka_unit_test(test_template_reserves_its_marks),
        cmocka_unit_test(test_ends_of_parts),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_decoder),
        cmocka_unit_test(test_decoder_refuses_unknown_ids),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, setup_toy, NULL);
}
