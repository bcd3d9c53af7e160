#include "tokenizer/pieces.h"

#include "base/ascii.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define KEY_TOKENS "tokenizer.ggml.tokens"
#define KEY_SCORES "tokenizer.ggml.scores"

/* ---- loading ---- */

orion_status ori_load_scores(struct ori_vocab *vocab, const struct ori_gguf *gguf, orion_error *err)
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

/* The byte that "<0x0A>" stands for, or -1. */
static int byte_of(struct ori_str text)
{
    if (text.len != 6 || memcmp(text.data, "<0x", 3) != 0 || text.data[5] != '>')
        return -1;
    const int high = ori_hex_digit(text.data[3]);
    const int low = ori_hex_digit(text.data[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

orion_status ori_load_byte_tokens(struct ori_vocab *vocab, const struct ori_gguf *gguf,
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

bool ori_pieces_cross_words(const struct ori_vocab *vocab)
{
    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        const struct ori_str text = vocab->tokens[i].text;
        if ((vocab->tokens[i].flags & TOKEN_MERGES) && ori_word_len(text.data, text.len) < text.len)
            return true;
    }
    return false;
}

/* ---- texts and tokens ---- */

bool ori_is_space_mark(const char *text, size_t len)
{
    return len >= SPACE_MARK_BYTES && memcmp(text, SPACE_MARK, SPACE_MARK_BYTES) == 0;
}

size_t ori_word_len(const char *text, size_t len)
{
    size_t i = 0;
    while (ori_is_space_mark(text + i, len - i))
        i += SPACE_MARK_BYTES;
    while (i < len && !ori_is_space_mark(text + i, len - i))
        i++;
    return i;
}

orion_status ori_put_byte_tokens(const struct ori_vocab *vocab, const char *text, size_t len,
                                 struct ori_tokens *out)
{
    orion_status status = ORION_OK;

    for (size_t i = 0; i < len; i++)
        if (vocab->byte_tokens[(uint8_t)text[i]] == ORI_NO_TOKEN)
            return ORION_E_NOT_FOUND;
    for (size_t i = 0; i < len && status == ORION_OK; i++)
        status = ori_tokens_add(out, vocab->byte_tokens[(uint8_t)text[i]]);
    return status;
}

orion_status ori_piece_bytes(const struct ori_vocab *vocab, const struct token *token,
                             struct ori_buf *out)
{
    struct ori_str text = token->text;

    (void)vocab;
    if (token->type == TOKEN_BYTE) {
        const char byte = (char)byte_of(text);
        return ori_buf_add(out, &byte, 1);
    }
    while (text.len > 0) {
        const bool space = ori_is_space_mark(text.data, text.len);
        const size_t step = space ? SPACE_MARK_BYTES : 1;
        (void)ori_buf_add(out, space ? " " : text.data, 1);
        text.data += step;
        text.len -= step;
    }
    return out->status;
}
