/* The tokenizer on any bytes.
 *
 * What begins with "GGUF" is a file: its vocabulary is refused in words, or it
 * encodes and decodes without harm.  Anything else is text for vocabularies
 * that are right: no control token comes of it (but the unknown one), and where the kind
 * does not normalise nothing is lost.
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

/* Right vocabularies, built once: of the kind that loses nothing, and of those that
 * normalise. */
static struct fixed {
    const char *model;
    struct vocab_file file;
    struct ori_gguf *gguf;
    struct ori_vocab *vocab;
} fixed[] = {{.model = "llama"}, {.model = "bert"}, {.model = "t5"}};

static void build(struct fixed *f, const struct test_vocab *vocab)
{
    file_init(&f->file);
    file_str(&f->file, "general.architecture", "llama");
    file_str(&f->file, "tokenizer.ggml.model", f->model);
    file_tokens(&f->file, vocab);
    file_scores(&f->file, vocab);
    file_types(&f->file, vocab);
    file_u32(&f->file, "tokenizer.ggml.bos_token_id", 1);
    file_u32(&f->file, "tokenizer.ggml.eos_token_id", 2);
    file_u32(&f->file, "tokenizer.ggml.unknown_token_id", 0);
    file_finish(&f->file);
    require(ori_gguf_parse(f->file.bytes.data, f->file.bytes.len, "fixed", &f->gguf, NULL) ==
            ORION_OK);
    require(ori_vocab_new(f->gguf, NULL, &f->vocab, NULL) == ORION_OK);
}

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
    for (size_t i = 0; i < ORI_COUNT(fixed); i++)
        build(&fixed[i], &vocab);
}

static bool has_mark(const char *text, size_t len)
{
    for (size_t i = 0; i + 3 <= len; i++)
        if (memcmp(text + i, "\xE2\x96\x81", 3) == 0)
            return true;
    return false;
}

static void try_text(const struct fixed *f, bool comes_back, const char *text, size_t len)
{
    struct ori_tokens tokens = {0};
    struct ori_buf out;

    use_vocab(f->vocab, text, len);
    ori_buf_init(&out, (size_t)1 << 30);
    const struct ori_piece piece = {text, len, false};
    require(ori_vocab_encode(f->vocab, &piece, 1, 0, &tokens, NULL) == ORION_OK);
    for (size_t i = 0; i < tokens.count; i++)
        require(tokens.ids[i] == 0 || !ori_vocab_is_control(f->vocab, tokens.ids[i]));
    decode(f->vocab, &tokens, false, &out);
    if (comes_back)
        require(out.len == len && memcmp(ori_buf_text(&out), text, len) == 0);
    ori_buf_release(&out);
    ori_tokens_release(&tokens);
}

static void try_texts(const char *text, size_t len)
{
    if (!fixed[0].vocab)
        build_fixed();
    for (size_t i = 0; i < ORI_COUNT(fixed); i++) /* a mark comes back as a space */
        try_text(&fixed[i], i == 0 && !has_mark(text, len), text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 4 && memcmp(data, "GGUF", 4) == 0)
        try_file(data, size);
    else if (size <= MAX_TEXT)
        try_texts(size > 0 ? (const char *)data : "", size);
    return 0;
}
