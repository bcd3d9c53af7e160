/* Text <-> tokens: random texts and vocabularies, against a naive encoder and
 * for what must hold of every text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "toy_vocab.h"

/* ---- against a naive encoder ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static int32_t naive_find(const struct test_vocab *vocab, const char *text, size_t len)
{
    for (uint32_t i = 259; i < vocab->count; i++)
        if (strlen(vocab->tokens[i].text) == len && memcmp(vocab->tokens[i].text, text, len) == 0)
            return (int32_t)i;
    return ORI_NO_TOKEN;
}

/* Characters of valid UTF-8, then all pairs are looked at for every joining. */
static void naive_encode(const struct test_vocab *vocab, const char *text, struct ori_tokens *out)
{
    size_t begin[512];
    size_t n = 0;
    const size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (((uint8_t)text[i] & 0xC0) != 0x80)
            begin[n++] = i;
    begin[n] = len;
    for (;;) {
        size_t best = n;
        float best_score = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            const int32_t id = naive_find(vocab, text + begin[i], begin[i + 2] - begin[i]);
            if (id != ORI_NO_TOKEN && (best == n || vocab->tokens[id].score > best_score)) {
                best = i;
                best_score = vocab->tokens[id].score;
            }
        }
        if (best == n)
            break;
        memmove(&begin[best + 1], &begin[best + 2], (n - best - 1) * sizeof(*begin));
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        const int32_t id = naive_find(vocab, text + begin[i], begin[i + 1] - begin[i]);
        if (id != ORI_NO_TOKEN)
            ori_tokens_add(out, id);
        else
            for (size_t k = begin[i]; k < begin[i + 1]; k++)
                ori_tokens_add(out, 3 + (uint8_t)text[k]);
    }
}

static const char *const letters[] = {"a", "b", "c", "é", "€", S};

static char *append(char *end, const char *text)
{
    while (*text)
        *end++ = *text++;
    *end = '\0';
    return end;
}

/* 2 to 5 letters; without crossing, the marks of spaces are in front. */
static void random_piece(uint64_t *seed, bool crossing, char *out)
{
    const uint32_t n = 2 + next_random(seed) % 4;
    bool marks = true;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t letter = next_random(seed) % 6;
        if (letter == 5 && !marks && !crossing)
            letter = 0;
        marks = marks && letter == 5;
        out = append(out, letters[letter]);
    }
}

static void random_vocab(uint64_t *seed, bool crossing, struct test_vocab *vocab)
{
    const uint32_t n = 10 + next_random(seed) % 60;

    vocab_put_basics(vocab);
    for (size_t i = 0; i < 6; i++) /* one letter is left to the bytes */
        if (i != 1)
            vocab_put(vocab, letters[i], -100, T_NORMAL);
    for (uint32_t i = 0; i < n; i++) {
        char piece[32];
        random_piece(seed, crossing, piece);
        if (naive_find(vocab, piece, strlen(piece)) == ORI_NO_TOKEN)
            vocab_put(vocab, piece, -(float)(next_random(seed) % 12), T_NORMAL);
    }
}

static void compare_with_naive(const struct opened *opened, const struct test_vocab *vocab,
                               uint64_t *seed)
{
    char text[512] = "";  /* with spaces */
    char marked[512] = S; /* as the encoder sees it */
    char *text_end = text;
    char *marked_end = marked + strlen(S);
    const uint32_t n = 1 + next_random(seed) % 40;
    struct ori_tokens got = {0};
    struct ori_tokens want = {0};

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t letter = next_random(seed) % 6;
        text_end = append(text_end, letter == 5 ? " " : letters[letter]);
        marked_end = append(marked_end, letters[letter]);
    }
    const struct ori_piece piece = {text, strlen(text), false};
    assert_int_equal(ori_vocab_encode(opened->vocab, &piece, 1, false, &got, NULL), ORION_OK);
    naive_encode(vocab, marked, &want);
    if (got.count != want.count || memcmp(got.ids, want.ids, want.count * sizeof(int32_t)) != 0)
        fail_msg("'%s' is encoded otherwise than by the naive encoder", text);
    ori_tokens_release(&got);
    ori_tokens_release(&want);
}

static void test_same_as_naive(void **state)
{
    static struct test_vocab vocab;
    uint64_t seed = 1;

    (void)state;
    for (int round = 0; round < 120; round++) {
        struct opened opened;
        random_vocab(&seed, round % 2 == 0, &vocab);
        open_vocab(&opened, &vocab, "llama");
        for (int i = 0; i < 60; i++)
            compare_with_naive(&opened, &vocab, &seed);
        close_file(&opened);
    }
}

/* ---- what holds for every text ---- */

/* Bytes, letters, or scraps of markup, as the round goes. */
static size_t random_text(uint64_t *seed, char *text, size_t size)
{
    static const char *const scraps[] = {"<|", "|>",      "end", "<s>",    "</s>", "user", "a",
                                         " ",  "<|end|>", "two", " words", "\n",   "é"};
    const size_t len = next_random(seed) % size;
    const uint32_t kind = next_random(seed) % 3;
    size_t at = 0;

    while (at < len) {
        if (kind == 0) {
            text[at++] = (char)next_random(seed);
        } else if (kind == 1) {
            text[at++] = "abc \n\xC3\xA9\xE2"[next_random(seed) % 8];
        } else {
            const char *scrap = scraps[next_random(seed) % ORI_COUNT(scraps)];
            for (; *scrap && at < len; scrap++)
                text[at++] = *scrap;
        }
    }
    return len;
}

static void decode(const struct ori_vocab *vocab, const struct ori_tokens *tokens,
                   struct ori_buf *out)
{
    struct ori_decoder decoder;
    ori_decoder_init(&decoder, vocab, true, true, false);
    for (size_t i = 0; i < tokens->count; i++)
        assert_int_equal(ori_decoder_add(&decoder, tokens->ids[i], out), ORION_OK);
    assert_int_equal(ori_decoder_finish(&decoder, out), ORION_OK);
    ori_decoder_release(&decoder);
}

static void test_nothing_is_lost_or_forged(void **state)
{
    uint64_t seed = 7;
    struct opened opened;
    struct ori_tokens tokens = {0};
    struct ori_buf text;

    (void)state;
    open_vocab(&opened, &toy, "llama");
    ori_buf_init(&text, 1u << 20);
    for (int i = 0; i < 20000; i++) {
        char bytes[200];
        const struct ori_piece piece = {bytes, random_text(&seed, bytes, sizeof(bytes)), false};
        tokens.count = 0;
        ori_buf_clear(&text);
        assert_int_equal(ori_vocab_encode(opened.vocab, &piece, 1, false, &tokens, NULL), ORION_OK);
        for (size_t k = 0; k < tokens.count; k++)
            assert_false(ori_vocab_is_control(opened.vocab, tokens.ids[k]));
        decode(opened.vocab, &tokens, &text);
        assert_int_equal(text.len, piece.len);
        assert_memory_equal(ori_buf_text(&text), bytes, piece.len);
    }
    ori_buf_release(&text);
    ori_tokens_release(&tokens);
    close_file(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_naive),
        cmocka_unit_test(test_nothing_is_lost_or_forged),
    };
    return cmocka_run_group_tests_name("tokenizer_random", tests, setup_toy, NULL);
}
