/* Unigram on a vocabulary made up here: the best way, what is unknown, spaces, and the
 * table that normalises texts, right and wrong.  Ids of the SentencePiece library for
 * many texts are in tokenizer_vectors_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "toy_vocab.h"

#define CHARSMAP "tokenizer.ggml.precompiled_charsmap"

enum { UNK, EOS };

static struct test_vocab vocab;

static void put_vocab(void)
{
    static const struct {
        const char *text;
        float score;
    } pieces[] = {
        {"a", -3}, {"b", -3},   {"c", -3},    {"ab", -4}, {"bc", -1},     {"abc", -4.5f},
        {S, -2},   {S "a", -2}, {S S, -1.5f}, {"cc", -6}, {"\u00e9", -5}, {"A", -4},
    };

    vocab.count = 0;
    vocab_put(&vocab, "<unk>", 0, T_UNKNOWN);
    vocab_put(&vocab, "</s>", 0, T_CONTROL);
    for (size_t i = 0; i < ORI_COUNT(pieces); i++)
        vocab_put(&vocab, pieces[i].text, pieces[i].score, T_NORMAL);
}

static void put_keys(struct vocab_file *file)
{
    file_init(file);
    file_str(file, "tokenizer.ggml.model", "t5");
    file_tokens(file, &vocab);
    file_scores(file, &vocab);
    file_types(file, &vocab);
    file_u32(file, "tokenizer.ggml.unknown_token_id", UNK);
    file_u32(file, "tokenizer.ggml.eos_token_id", EOS);
}

struct spaces {
    int prefix, squeezes; /* -1: not said */
};

static void open_with(struct opened *opened, struct spaces spaces)
{
    put_keys(&opened->file);
    if (spaces.prefix >= 0)
        file_bool(&opened->file, "tokenizer.ggml.add_space_prefix", spaces.prefix);
    if (spaces.squeezes >= 0)
        file_bool(&opened->file, "tokenizer.ggml.remove_extra_whitespaces", spaces.squeezes);
    open_file(opened);
}

static void test_best_way(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"a", "a"},
        {"ab", "ab"},                 /* -4, not -3-3 */
        {"abc", "a|bc"},              /* -3-1, not -4.5, though longer */
        {"abcc", "a|bc|c"},           /* -7, not -4-6 */
        {"cc", "cc"},                 /* the first of equals that is found */
        {"xaxxb", "<unk>|a|<unk>|b"}, /* a run of unknown characters is one */
        {"x y", "<unk>|_|<unk>"},
        {"\u00e9\u00e8", "\u00e9|<unk>"},
        {"\u00e8\xff\u00e8", "<unk>"},
        {" a", "_a"},
        {"  a", "_|_a"}, /* -2-2, not -1.5-3 */
        {"  b", "__|b"},
        {"</s>", "<unk>"}, /* never forged */
    };
    struct opened opened;

    (void)state;
    put_vocab();
    open_with(&opened, (struct spaces){0, -1});
    for (size_t i = 0; i < ORI_COUNT(cases); i++)
        expect_pieces(&opened, &vocab, cases[i].text, strlen(cases[i].text), 0, cases[i].want);
    expect_pieces(&opened, &vocab, "a\0b", 3, 0, "a|<unk>|b");
    expect_pieces(&opened, &vocab, "a", 1, ORI_BEGIN | ORI_END, "a|</s>");
    close_file(&opened);
}

static void test_spaces(void **state)
{
    static const struct {
        struct spaces spaces;
        const char *text, *want;
    } cases[] = {
        {{-1, -1}, "a", "_a"},   {{-1, -1}, " a", "_|_a"}, {{-1, -1}, "b ", "_|b|_"},
        {{1, 1}, "a", "_a"},     {{1, 1}, "  a", "_a"},    {{1, 1}, "a  b  ", "_a|_|b"},
        {{1, 1}, "", ""},        {{1, 1}, "  ", ""},       {{0, 1}, "  a  a", "a|_a"},
        {{1, 1}, "a" S S, "_a"}, /* a mark at the end is a space */
        {{0, 0}, " ", "_"},
    };

    (void)state;
    put_vocab();
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct opened opened;
        open_with(&opened, cases[i].spaces);
        expect_pieces(&opened, &vocab, cases[i].text, strlen(cases[i].text), 0, cases[i].want);
        close_file(&opened);
    }
}

/* A piece from one word into the next is found too. */
static void test_pieces_that_cross_words(void **state)
{
    struct opened opened;

    (void)state;
    put_vocab();
    vocab_put(&vocab, "a" S "b", -1, T_NORMAL);
    open_with(&opened, (struct spaces){0, -1});
    expect_pieces(&opened, &vocab, "ca bc", 5, 0, "c|a_b|c");
    close_file(&opened);
}

static void test_bytes(void **state)
{
    struct opened opened;

    (void)state;
    put_vocab();
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[8];
        (void)snprintf(text, sizeof(text), "<0x%02X>", byte);
        vocab_put(&vocab, text, 0, T_BYTE);
    }
    open_with(&opened, (struct spaces){0, -1});
    expect_pieces(&opened, &vocab, "a\u00e8x", 4, 0, "a|<0xC3>|<0xA8>|<0x78>");
    close_file(&opened);
}

/* ---- the table that normalises texts ---- */

/* A double array with room for one state after another: unit i's children are at its
 * base XOR the byte. */
struct table {
    uint32_t units[1024];
    uint32_t n;
    char texts[64];
    size_t texts_len;
};

#define LEAF (1u << 8)
#define VALUE (1u << 31)

/* "A" becomes "b", "AA" nothing, and U+00C9 "ab". */
static void put_table(struct table *table)
{
    *table = (struct table){.n = 1024};
    memcpy(table->texts, "b\0\0ab\0", 6);
    table->texts_len = 6;
    table->units[0] = 256u << 10;
    table->units[256 ^ 'A'] = (256u ^ 'A' ^ 512u) << 10 | LEAF | 'A';
    table->units[512] = VALUE | 0;
    table->units[512 ^ 'A'] = (512u ^ 'A' ^ 600u) << 10 | LEAF | 'A';
    table->units[600] = VALUE | 2;
    table->units[256 ^ 0xc3] = (256u ^ 0xc3 ^ 768u) << 10 | 0xc3;
    table->units[768 ^ 0x89] = (768u ^ 0x89 ^ 900u) << 10 | LEAF | 0x89;
    table->units[900] = VALUE | 3;
}

static void put_charsmap(struct vocab_file *file, uint32_t says, const struct table *table)
{
    file_array(file, CHARSMAP, ORI_GGUF_U8, 4 + 4 * (uint64_t)table->n + table->texts_len);
    put_u32(&file->keys, says);
    (void)ori_buf_add(&file->keys, table->units, 4 * (size_t)table->n);
    (void)ori_buf_add(&file->keys, table->texts, table->texts_len);
}

static void test_normalising(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"A", "b"},       {"AA", ""},        {"AAA", "b"},        {"aAa", "ab|a"},
        {"\u00c9", "ab"}, {"\xc3", "<unk>"}, {"A\u00c9", "b|ab"}, {"\u00c8", "<unk>"},
    };
    static struct table table;
    struct opened opened;

    (void)state;
    put_vocab();
    put_table(&table);
    put_keys(&opened.file);
    file_bool(&opened.file, "tokenizer.ggml.add_space_prefix", false);
    put_charsmap(&opened.file, 4 * table.n, &table);
    open_file(&opened);
    for (size_t i = 0; i < ORI_COUNT(cases); i++)
        expect_pieces(&opened, &vocab, cases[i].text, strlen(cases[i].text), 0, cases[i].want);
    close_file(&opened);
}

/* A table that points anywhere normalises badly, but reads nothing outside itself. */
static void test_broken_units(void **state)
{
    static const uint32_t wrong[] = {0,          UINT32_MAX,  VALUE,
                                     LEAF | 'A', 0x7fffffffu, 1u << 9 | LEAF | 'A'};
    static struct table table;

    (void)state;
    put_vocab();
    for (size_t i = 0; i < 2 * ORI_COUNT(wrong); i++) {
        const struct ori_piece piece = {"AAAA\u00c9\u00c9", 8, false};
        struct ori_tokens tokens = {0};
        struct opened opened;

        put_table(&table);
        table.units[i % 2 ? 512 : 256 ^ 'A'] = wrong[i / 2];
        put_keys(&opened.file);
        put_charsmap(&opened.file, 4 * table.n, &table);
        open_file(&opened);
        assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, 0, &tokens, NULL), ORION_OK);
        ori_tokens_release(&tokens);
        close_file(&opened);
    }
}

static struct table given;

static void too_short(struct vocab_file *file)
{
    put_charsmap(file, 4 * given.n + 100, &given);
}

static void no_units(struct vocab_file *file)
{
    put_charsmap(file, 0, &given);
}

static void odd_units(struct vocab_file *file)
{
    put_charsmap(file, 4 * given.n - 1, &given);
}

static void huge(struct vocab_file *file)
{
    put_charsmap(file, UINT32_MAX - 3, &given);
}

static void no_end(struct vocab_file *file)
{
    given.texts[given.texts_len - 1] = 'x';
    put_charsmap(file, 4 * given.n, &given);
}

static void no_texts(struct vocab_file *file)
{
    given.texts_len = 0;
    put_charsmap(file, 4 * given.n, &given);
}

static void tiny(struct vocab_file *file)
{
    file_array(file, CHARSMAP, ORI_GGUF_I8, 3);
    (void)ori_buf_add(&file->keys, "abc", 3);
}

static void long_text(struct vocab_file *file)
{
    static char text[300];

    memset(text, 'a', sizeof(text) - 1);
    file_array(file, CHARSMAP, ORI_GGUF_U8, 4 + 4 + sizeof(text));
    put_u32(&file->keys, 4);
    put_u32(&file->keys, 0);
    (void)ori_buf_add(&file->keys, text, sizeof(text));
}

static void not_bytes(struct vocab_file *file)
{
    file_array(file, CHARSMAP, ORI_GGUF_U32, 1);
    put_u32(&file->keys, 0);
}

static void test_refused_tables(void **state)
{
    static const struct {
        const char *label;
        void (*make)(struct vocab_file *file);
    } cases[] = {
        {"shorter than it says", too_short},
        {"without units", no_units},
        {"half a unit", odd_units},
        {"a size that overflows", huge},
        {"a text without end", no_end},
        {"no texts", no_texts},
        {"a few bytes", tiny},
        {"a long text", long_text},
        {"not bytes", not_bytes},
    };

    (void)state;
    put_vocab();
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct vocab_file file;
        struct ori_gguf *gguf = NULL;
        struct ori_vocab *out = NULL;
        orion_error err = {0};

        put_table(&given);
        put_keys(&file);
        cases[i].make(&file);
        file_finish(&file);
        assert_int_equal(ori_gguf_parse(file.bytes.data, file.bytes.len, "t", &gguf, &err),
                         ORION_OK);
        const orion_status status = ori_vocab_new(gguf, NULL, &out, &err);
        if (status != ORION_E_FORMAT || strcmp(err.name, CHARSMAP) != 0)
            fail_msg("%s: %d, '%s': %s", cases[i].label, status, err.name, err.message);
        assert_null(out);
        ori_gguf_close(gguf);
        file_release(&file);
    }
}

/* A megabyte without a space: of pieces, of no piece, of any bytes. */
static void test_long(void **state)
{
    static char text[1 << 20];
    static const char *const fills[] = {"a", "abc", "x", "\xff", " ", "\xc3\xa9"};
    struct opened opened;

    (void)state;
    put_vocab();
    open_with(&opened, (struct spaces){-1, -1});
    for (size_t i = 0; i < ORI_COUNT(fills); i++) {
        const struct ori_piece piece = {text, sizeof(text), false};
        struct ori_tokens tokens = {0};
        for (size_t at = 0; at < sizeof(text); at++)
            text[at] = fills[i][at % strlen(fills[i])];
        assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, 0, &tokens, NULL), ORION_OK);
        assert_true(tokens.count > 0);
        ori_tokens_release(&tokens);
    }
    close_file(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_way),
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_pieces_that_cross_words),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_normalising),
        cmocka_unit_test(test_broken_units),
        cmocka_unit_test(test_refused_tables),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests_name("unigram", tests, NULL, NULL);
}
