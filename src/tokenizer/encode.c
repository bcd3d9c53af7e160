/* Pieces -> tokens: special tokens are taken out, and the text between two of
 * them, from whichever pieces it comes, is one fragment for the tokenizer kind.
 *
 * A special token is found only inside one piece, so that a trusted "<|en" and
 * an untrusted "d|>" never make one.
 */
#include "base/ascii.h"
#include "tokenizer/internal.h"

#include <stdlib.h>
#include <string.h>

orion_status ori_tokens_add(struct ori_tokens *tokens, int32_t id)
{
    if (tokens->count == tokens->cap) {
        size_t cap;
        size_t bytes;
        if (!ori_mul(tokens->cap, 2, &cap))
            return ORION_E_NOMEM;
        if (cap < 64)
            cap = 64;
        if (!ori_mul(cap, sizeof(*tokens->ids), &bytes))
            return ORION_E_NOMEM;
        int32_t *ids = realloc(tokens->ids, bytes);
        if (!ids)
            return ORION_E_NOMEM;
        tokens->ids = ids;
        tokens->cap = cap;
    }
    tokens->ids[tokens->count++] = id;
    return ORION_OK;
}

void ori_tokens_release(struct ori_tokens *tokens)
{
    free(tokens->ids);
    *tokens = (struct ori_tokens){0};
}

struct encoder {
    const struct ori_vocab *vocab;
    struct ori_tokens *out;
    struct ori_buf fragment;
    bool swallow; /* the last special token takes the white space that follows */
};

/* The end of the fragment, whose first `len` bytes count. */
static orion_status flush(struct encoder *encoder, size_t len)
{
    orion_status status = encoder->fragment.status;

    if (status == ORION_OK && len > 0)
        status =
            encoder->vocab->kind->encode(encoder->vocab, encoder->fragment.data, len, encoder->out);
    ori_buf_clear(&encoder->fragment);
    return status;
}

static orion_status put_special(struct encoder *encoder, int32_t token)
{
    const uint8_t flags = encoder->vocab->tokens[token].flags;
    size_t len = encoder->fragment.len;

    if (flags & TOKEN_LSTRIP)
        while (len > 0 && ori_is_space(encoder->fragment.data[len - 1]))
            len--;
    const orion_status status = flush(encoder, len);
    if (status != ORION_OK)
        return status;
    encoder->swallow = (flags & TOKEN_RSTRIP) != 0;
    return ori_tokens_add(encoder->out, token);
}

/* The longest special token at the beginning of the text that may be found there,
 * or ORI_NO_TOKEN. */
static int32_t match_special(const struct ori_vocab *vocab, const char *text, size_t len,
                             bool trusted)
{
    int32_t longest = ORI_NO_TOKEN;
    uint32_t node = 0;

    for (size_t i = 0; i < len; i++) {
        node = ori_trie_child(&vocab->special, node, text[i]);
        if (node == 0)
            break;
        const int32_t token = vocab->special.tokens[node];
        if (token != ORI_NO_TOKEN && (trusted || !(vocab->tokens[token].flags & TOKEN_TRUSTED)))
            longest = token;
    }
    return longest;
}

/* The next special token in text[*at..len), with *at moved to it; or
 * ORI_NO_TOKEN and *at = len. */
static int32_t next_special(const struct ori_vocab *vocab, const struct ori_piece *piece,
                            size_t *at)
{
    for (; *at < piece->len; (*at)++) {
        const int32_t token =
            match_special(vocab, piece->text + *at, piece->len - *at, piece->special);
        if (token != ORI_NO_TOKEN)
            return token;
    }
    return ORI_NO_TOKEN;
}

static orion_status put_piece(struct encoder *encoder, const struct ori_piece *piece)
{
    orion_status status = ORION_OK;
    size_t at = 0;

    while (status == ORION_OK && at < piece->len) {
        while (encoder->swallow && at < piece->len && ori_is_space(piece->text[at]))
            at++;
        const size_t begin = at;
        const int32_t token = next_special(encoder->vocab, piece, &at);
        if (at > begin) {
            encoder->swallow = false;
            status = ori_buf_add(&encoder->fragment, piece->text + begin, at - begin);
        }
        if (status == ORION_OK && token != ORI_NO_TOKEN) {
            status = put_special(encoder, token);
            at += encoder->vocab->tokens[token].text.len;
        }
    }
    return status;
}

static orion_status put_all(struct encoder *encoder, const struct ori_piece *pieces,
                            size_t n_pieces, unsigned ends)
{
    const struct ori_vocab *vocab = encoder->vocab;
    orion_status status = ORION_OK;

    if ((ends & ORI_BEGIN) && vocab->prefix != ORI_NO_TOKEN)
        status = put_special(encoder, vocab->prefix);
    for (size_t i = 0; i < n_pieces && status == ORION_OK; i++)
        status = put_piece(encoder, &pieces[i]);
    if (status == ORION_OK)
        status = flush(encoder, encoder->fragment.len);
    if (status == ORION_OK && (ends & ORI_END) && vocab->suffix != ORI_NO_TOKEN)
        status = ori_tokens_add(encoder->out, vocab->suffix);
    return status;
}

orion_status ori_vocab_encode(const struct ori_vocab *vocab, const struct ori_piece *pieces,
                              size_t n_pieces, unsigned ends, struct ori_tokens *out,
                              orion_error *err)
{
    const size_t count = out->count;
    struct encoder encoder = {.vocab = vocab, .out = out};

    ori_buf_init(&encoder.fragment, ORI_ENCODE_MAX_BYTES);
    const orion_status status = put_all(&encoder, pieces, n_pieces, ends);
    ori_buf_release(&encoder.fragment);
    if (status == ORION_OK)
        return ORION_OK;

    out->count = count;
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "the tokens of a text");
    if (status == ORION_E_UNSUPPORTED)
        return ori_fail(err, status,
                        "the text asks too much of the expressions that cut it into words; cut it "
                        "into parts");
    return ori_fail(err, status, "the text is longer than %u bytes; cut it into parts",
                    ORI_ENCODE_MAX_BYTES);
}
