/* The tokenizer on any bytes.
 *
 * What begins with "GGUF" is a file: its vocabulary is refused in words, or it
 * encodes and decodes without harm.  Anything else is text for a vocabulary
 * that is right: nothing of it is lost and no control token comes of it.
 * Seeds: small GGUF files with a vocabulary, and texts. */
#include "tokenizer/tokenizer.h"
#include "../unit/vocab_file.h"
#include "fuzz.h"

#define MAX_TEXT ((size_t)64 << 10)

/* Tokens to text, with special tokens shown and nothing replaced. */
static void decode(const struct ori_vocab *vocab, const struct ori_tokens *tokens, bool replace,
                   struct ori_buf *out)
{
    struct ori_decoder decoder;

    ori_decoder_init(&decoder, vocab, true, true, replace);
    for (size_t i = 0; i < tokens->count; i++) {
        require(tokens->ids[i] >= 0 && (uint32_t)tokens->ids[i] < ori_vocab_size(vocab));
        require(ori_decoder_add(&decoder, tokens->ids[i], out) == ORION_OK);
    }
    require(ori_decoder_finish(&decoder, out) == ORION_OK);
    ori_decoder_release(&decoder);
}

static void encode(const struct ori_vocab *vocab, const char *text, size_t len, bool special,
                   struct ori_tokens *out)
{
    /* In two pieces, of which the second is never trusted. */
    const struct ori_piece pieces[] = {{text, len / 2, special},
                                       {text + len / 2, len - len / 2, false}};
    require(ori_vocab_encode(vocab, pieces, 2, special, out, NULL) == ORION_OK);
}

static void use_vocab(const struct ori_vocab *vocab, const char *text, size_t len)
{
    for (int special = 0; special < 2; special++) {
        struct ori_tokens tokens = {0};
        struct ori_buf out;
        ori_buf_init(&out, (size_t)1 << 30);
        encode(vocab, text, len, special != 0, &tokens);
        decode(vocab, &tokens, special != 0, &out);
        ori_buf_release(&out);
        ori_tokens_release(&tokens);
    }
}

static void try_file(const uint8_t *data, size_t size)
{
    struct ori_gguf *gguf = NULL;
    struct ori_vocab *vocab = NULL;
    orion_error err = {.status = ORION_OK};

    if (ori_gguf_parse(data, size, "fuzz.gguf", &gguf, NULL) != ORION_OK)
        return;
    const orion_status status = ori_vocab_new(gguf, NULL, &vocab, &err);
    if (status == ORION_OK) {
        const size_t len = size < 4096 ? size : 4096; /* the file, taken for a text */
        use_vocab(vocab, (const char *)data + (size - len), len);
        ori_vocab_free(vocab);
    } else {
        require(vocab == NULL && err.status == status && err.message[0] != '\0');
        require(err.offset == ORION_NO_OFFSET || err.offset <= size);
    }
    ori_gguf_close(gguf);
}

/* The right vocabulary, built once. */
static struct {
    struct vocab_file file;
    struct ori_gguf *gguf;
    struct ori_vocab *vocab;
} fixed;

static void build_fixed(void)
{
    static const char *const pieces[] = {
        "\u2581", "\u2581\u2581", "\u2581a", "a",   "b", "ab", "aa", "aaaa", "ba",  "\u00e9", "<",
        "|",      "<|",           "en",      "end", "e", "n",  "d",  "s",    "<|e", "|>",     ">",
        "<s",     "/s>",
    };
    static struct test_vocab vocab;

    vocab_put_basics(&vocab);
    vocab_put(&vocab, "<|end|>", 0, T_CONTROL);
    vocab_put(&vocab, "<|user|>", 0, T_USER);
    vocab_put(&vocab, "ab ab", 0, T_USER);
    for (size_t i = 0; i < ORI_COUNT(pieces); i++)
        vocab_put(&vocab, pieces[i], -(float)(i * 7 % 10), T_NORMAL);
    file_of_vocab(&fixed.file, &vocab, "llama");
    file_finish(&fixed.file);
    require(ori_gguf_parse(fixed.file.bytes.data, fixed.file.bytes.len, "fixed", &fixed.gguf,
                           NULL) == ORION_OK);
    require(ori_vocab_new(fixed.gguf, NULL, &fixed.vocab, NULL) == ORION_OK);
}

static bool has_mark(const char *text, size_t len)
{
    for (size_t i = 0; i + 3 <= len; i++)
        if (memcmp(text + i, "\xE2\x96\x81", 3) == 0)
            return true;
    return false;
}

static void try_text(const char *text, size_t len)
{
    struct ori_tokens tokens = {0};
    struct ori_buf out;

    if (!fixed.vocab)
        build_fixed();
    use_vocab(fixed.vocab, text, len);

    ori_buf_init(&out, (size_t)1 << 30);
    const struct ori_piece piece = {text, len, false};
    require(ori_vocab_encode(fixed.vocab, &piece, 1, false, &tokens, NULL) == ORION_OK);
    for (size_t i = 0; i < tokens.count; i++)
        require(!ori_vocab_is_control(fixed.vocab, tokens.ids[i]));
    decode(fixed.vocab, &tokens, false, &out);
    if (!has_mark(text, len)) /* the mark of a space comes back as a space */
        require(out.len == len && memcmp(ori_buf_text(&out), text, len) == 0);
    ori_buf_release(&out);
    ori_tokens_release(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 4 && memcmp(data, "GGUF", 4) == 0)
        try_file(data, size);
    else if (size <= MAX_TEXT)
        try_text(size > 0 ? (const char *)data : "", size);
    return 0;
}
