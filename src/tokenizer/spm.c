/* The kind "llama": SentencePiece-style byte-pair encoding.
 *
 * Spaces become U+2581 (a visible mark) and one is put in front.  The text is
 * cut into characters; then, again and again, the adjacent pair whose joined
 * text is the piece with the highest score is joined, the leftmost of equals
 * first.  What is no piece in the end goes out byte by byte.
 *
 * Usually no piece holds a space after another character; then
 * no joining crosses from one word to the next, and words are encoded one by
 * one, with the same result and a heap that stays small.
 */
#include "tokenizer/merge.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

#define KEY_TOKENS "tokenizer.ggml.tokens"
#define KEY_SCORES "tokenizer.ggml.scores"

#define SPACE_MARK "\xE2\x96\x81"
#define SPACE_MARK_BYTES 3u

/* ---- loading ---- */

static orion_status load_scores(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                                orion_error *err)
{
    const struct ori_gguf_kv *kv;
    const orion_status status = ori_gguf_get_array(gguf, KEY_SCORES, ORI_GGUF_F32, &kv, err);

    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, KEY_SCORES,
                           "the vocabulary has no scores: '%s' is missing", KEY_SCORES);
    if (status != ORION_OK)
        return status;
    if (kv->count != vocab->n_tokens)
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset, KEY_SCORES,
                           "'%s' has %" PRIu64 " elements for %u tokens", KEY_SCORES, kv->count,
                           vocab->n_tokens);
    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        const float score = ori_gguf_f32_at(kv, i);
        if (!isfinite(score))
            return ori_fail_at(err, ORION_E_FORMAT, kv->offset + 4 * (uint64_t)i, KEY_SCORES,
                               "the score of token %u is not a number", i);
        vocab->tokens[i].score = score;
    }
    return ORION_OK;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The byte that "<0x0A>" stands for, or -1. */
static int byte_of(struct ori_str text)
{
    if (text.len != 6 || memcmp(text.data, "<0x", 3) != 0 || text.data[5] != '>')
        return -1;
    const int high = hex_digit(text.data[3]);
    const int low = hex_digit(text.data[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static orion_status load_bytes(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                               orion_error *err)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, KEY_TOKENS);
    const uint8_t *cursor = kv->data;
    size_t missing = 256;

    for (size_t i = 0; i < 256; i++)
        vocab->byte_tokens[i] = ORI_NO_TOKEN;
    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        const struct token *token = &vocab->tokens[i];
        const uint64_t offset = kv->offset + (uint64_t)(cursor - kv->data);
        (void)ori_gguf_next_string(&cursor);
        if (token->type != TOKEN_BYTE)
            continue;
        const int byte = byte_of(token->text);
        if (byte < 0)
            return ori_fail_at(err, ORION_E_FORMAT, offset, KEY_TOKENS,
                               "the byte token %u reads '%.*s' where <0x00> to <0xFF> is expected",
                               i, ORI_STR_ARG(token->text));
        if (vocab->byte_tokens[byte] != ORI_NO_TOKEN)
            return ori_fail_at(err, ORION_E_FORMAT, offset, KEY_TOKENS,
                               "the tokens %d and %u stand for the same byte",
                               vocab->byte_tokens[byte], i);
        vocab->byte_tokens[byte] = (int32_t)i;
        missing--;
    }
    /* One that ends answers would let a rare character end one. */
    const struct token *unk = token_at(vocab, vocab->unk);
    if (missing > 0 && (!unk || (unk->flags & TOKEN_END)))
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset, KEY_TOKENS,
                           "%zu byte tokens are missing, and there is no unknown token to take "
                           "their place",
                           missing);
    return ORION_OK;
}

static bool is_space_mark(const char *text, size_t len)
{
    return len >= SPACE_MARK_BYTES && memcmp(text, SPACE_MARK, SPACE_MARK_BYTES) == 0;
}

/* Offset where the first word ends: spaces, then what is no space. */
static size_t word_len(const char *text, size_t len)
{
    size_t i = 0;
    while (is_space_mark(text + i, len - i))
        i += SPACE_MARK_BYTES;
    while (i < len && !is_space_mark(text + i, len - i))
        i++;
    return i;
}

static orion_status spm_load(struct ori_vocab *vocab, const struct ori_gguf *gguf, orion_error *err)
{
    orion_status status = load_scores(vocab, gguf, err);
    if (status == ORION_OK)
        status = load_bytes(vocab, gguf, err);
    if (status != ORION_OK)
        return status;

    vocab->words_stand_alone = true;
    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        const struct ori_str text = vocab->tokens[i].text;
        if ((vocab->tokens[i].flags & TOKEN_MERGES) && word_len(text.data, text.len) < text.len)
            vocab->words_stand_alone = false;
    }
    return ORION_OK;
}

/* ---- encoding ---- */

/* The piece with exactly this text that joining may make, or ORI_NO_TOKEN. */
static int32_t find_piece(const struct merger *merger, size_t offset, size_t len)
{
    const struct token *tokens = merger->vocab->tokens;
    const int32_t id =
        ori_token_index_find(&merger->vocab->index, tokens, merger->text + offset, len);
    return id != ORI_NO_TOKEN && (tokens[id].flags & TOKEN_MERGES) ? id : ORI_NO_TOKEN;
}

static int32_t spm_merge(const struct merger *merger, const struct symbol *left,
                         const struct symbol *right, float *score)
{
    const int32_t token = find_piece(merger, left->offset, left->len + right->len);

    if (token != ORI_NO_TOKEN)
        *score = merger->vocab->tokens[token].score;
    return token;
}

/* One symbol for each character; a byte that belongs to none is one too. */
static void cut_characters(struct merger *merger, size_t begin, size_t end)
{
    while (begin < end) {
        size_t len = ori_utf8_char(merger->text + begin, end - begin);
        if (len == 0)
            len = 1;
        ori_merger_add(merger, begin, len, find_piece(merger, begin, len));
        begin += len;
    }
}

/* A character that is no piece: its bytes, or one unknown token where the
 * vocabulary lacks one of them. */
static orion_status put_bytes(const struct merger *merger, const struct symbol *symbol,
                              struct ori_tokens *out)
{
    const struct ori_vocab *vocab = merger->vocab;
    const size_t count = out->count;

    for (uint32_t i = 0; i < symbol->len; i++) {
        const int32_t token = vocab->byte_tokens[(uint8_t)merger->text[symbol->offset + i]];
        if (token == ORI_NO_TOKEN) {
            out->count = count;
            return ori_tokens_add(out, vocab->unk);
        }
        const orion_status status = ori_tokens_add(out, token);
        if (status != ORION_OK)
            return status;
    }
    return ORION_OK;
}

static orion_status encode_word(struct merger *merger, size_t begin, size_t end,
                                struct ori_tokens *out)
{
    /* There are no more characters than bytes. */
    orion_status status = ori_merger_start(merger, end - begin);
    if (status != ORION_OK)
        return status;
    cut_characters(merger, begin, end);
    ori_merger_run(merger);
    for (uint32_t i = 0; i != ORI_NO_SYMBOL && status == ORION_OK; i = merger->symbols[i].next) {
        const struct symbol *symbol = &merger->symbols[i];
        status = symbol->token != ORI_NO_TOKEN ? ori_tokens_add(out, symbol->token)
                                               : put_bytes(merger, symbol, out);
    }
    return status;
}

/* The text as it is cut up: a space in front, and every space marked. */
static orion_status mark_spaces(const struct ori_vocab *vocab, const char *text, size_t len,
                                struct ori_buf *out)
{
    if (vocab->adds_space)
        (void)ori_buf_adds(out, SPACE_MARK);
    while (len > 0) {
        const char *space = memchr(text, ' ', len);
        const size_t run = space ? (size_t)(space - text) : len;
        (void)ori_buf_add(out, text, run);
        if (space)
            (void)ori_buf_adds(out, SPACE_MARK);
        text += run + (space != NULL);
        len -= run + (space != NULL);
    }
    return out->status;
}

static orion_status spm_encode(const struct ori_vocab *vocab, const char *text, size_t len,
                               struct ori_tokens *out)
{
    struct merger merger;
    struct ori_buf marked;

    ori_buf_init(&marked, (size_t)SPACE_MARK_BYTES * (ORI_ENCODE_MAX_BYTES + 1));
    orion_status status = mark_spaces(vocab, text, len, &marked);
    ori_merger_init(&merger, vocab, marked.data, spm_merge);
    for (size_t at = 0; status == ORION_OK && at < marked.len;) {
        const size_t run = vocab->words_stand_alone ? word_len(marked.data + at, marked.len - at)
                                                    : marked.len - at;
        status = encode_word(&merger, at, at + run, out);
        at += run;
    }
    ori_merger_release(&merger);
    ori_buf_release(&marked);
    return status;
}

/* ---- decoding ---- */

static orion_status spm_bytes(const struct ori_vocab *vocab, const struct token *token,
                              struct ori_buf *out)
{
    struct ori_str text = token->text;

    (void)vocab;
    if (token->type == TOKEN_BYTE) {
        const char byte = (char)byte_of(text);
        return ori_buf_add(out, &byte, 1);
    }
    while (text.len > 0) {
        const bool space = is_space_mark(text.data, text.len);
        const size_t step = space ? SPACE_MARK_BYTES : 1;
        (void)ori_buf_add(out, space ? " " : text.data, 1);
        text.data += step;
        text.len -= step;
    }
    return out->status;
}

const struct tokenizer_kind ori_spm_kind = {
    .model = "llama",
    .load = spm_load,
    .encode = spm_encode,
    .bytes = spm_bytes,
};
