/* Tokens -> text in whole characters. */
#include "tokenizer/internal.h"

#include "base/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void ori_decoder_init(struct ori_decoder *decoder, const struct ori_vocab *vocab, bool at_start,
                      bool show_special, bool replace)
{
    *decoder = (struct ori_decoder){
        .vocab = vocab,
        .show_special = show_special,
        .replace = replace,
        .strip_space = at_start && vocab->adds_space,
    };
    /* An unfinished character and the token that may finish it. */
    ori_buf_init(&decoder->pending, ORI_VOCAB_MAX_PIECE_BYTES + 4);
}

void ori_decoder_release(struct ori_decoder *decoder)
{
    ori_buf_release(&decoder->pending);
}

/* How many bytes at the beginning of the text are broken together: as many as
 * would begin a character (Unicode 15, section 3.9), at least one. */
static size_t broken_len(const char *text, size_t len)
{
    size_t n = 1;
    while (n < len && ori_utf8_is_partial(text, n + 1))
        n++;
    return n;
}

/* Move what is whole of pending[at..] to out; at the end, all of it. */
static orion_status drain(struct ori_decoder *decoder, size_t at, bool at_end, struct ori_buf *out)
{
    const char *text = ori_buf_text(&decoder->pending);
    const size_t len = decoder->pending.len;

    while (at < len) {
        const size_t whole = ori_utf8_valid_len(text + at, len - at);
        (void)ori_buf_add(out, text + at, whole);
        at += whole;
        if (at == len || (!at_end && ori_utf8_is_partial(text + at, len - at)))
            break;
        const size_t broken = broken_len(text + at, len - at);
        (void)(decoder->replace ? ori_buf_adds(out, REPLACEMENT)
                                : ori_buf_add(out, text + at, broken));
        at += broken;
    }

    char rest[4]; /* an unfinished character has three bytes at most */
    size_t n_rest = 0;
    for (; at < len; at++)
        rest[n_rest++] = text[at];
    ori_buf_clear(&decoder->pending);
    (void)ori_buf_add(&decoder->pending, rest, n_rest);
    return out->status != ORION_OK ? out->status : decoder->pending.status;
}

orion_status ori_decoder_add(struct ori_decoder *decoder, int32_t id, struct ori_buf *out)
{
    const struct token *token = token_at(decoder->vocab, id);
    orion_status status = ORION_OK;

    if (!token)
        return ORION_E_ARGUMENT;
    const bool special = (token->flags & TOKEN_SPECIAL) != 0;
    if (special) /* no character goes on across a special token */
        status = drain(decoder, 0, true, out);
    if (status == ORION_OK)
        status =
            ori_vocab_token_bytes(decoder->vocab, id, decoder->show_special, &decoder->pending);
    if (status != ORION_OK)
        return status;
    if (special) {
        decoder->strip_space = decoder->vocab->adds_space;
        return drain(decoder, 0, false, out);
    }
    /* Where a fragment begins nothing can be pending but this token. */
    const bool strip = decoder->strip_space && *ori_buf_text(&decoder->pending) == ' ';
    if (decoder->pending.len > 0)
        decoder->strip_space = false;
    return drain(decoder, strip ? 1 : 0, false, out);
}

orion_status ori_decoder_finish(struct ori_decoder *decoder, struct ori_buf *out)
{
    return drain(decoder, 0, true, out);
}
