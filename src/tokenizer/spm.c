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
#include "tokenizer/pieces.h"

#include <string.h>

#include "base/utf8.h"

/* ---- loading ---- */

static orion_status spm_load(struct ori_vocab *vocab, const struct ori_gguf *gguf, orion_error *err)
{
    orion_status status = ori_load_scores(vocab, gguf, err);
    if (status == ORION_OK)
        status = ori_load_byte_tokens(vocab, gguf, err);
    vocab->words_stand_alone = !ori_pieces_cross_words(vocab);
    return status;
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
    const orion_status status =
        ori_put_byte_tokens(merger->vocab, merger->text + symbol->offset, symbol->len, out);

    return status == ORION_E_NOT_FOUND ? ori_tokens_add(out, merger->vocab->unk) : status;
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
        const size_t run = vocab->words_stand_alone
                               ? ori_word_len(marked.data + at, marked.len - at)
                               : marked.len - at;
        status = encode_word(&merger, at, at + run, out);
        at += run;
    }
    ori_merger_release(&merger);
    ori_buf_release(&marked);
    return status;
}

const struct tokenizer_kind ori_spm_kind = {
    .model = "llama",
    .adds_prefix = true,
    .load = spm_load,
    .encode = spm_encode,
    .bytes = ori_piece_bytes,
};
