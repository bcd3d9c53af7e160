/* The kind "bert": WordPiece.
 *
 * A text is cleaned (control characters go; lower case and no accents, unless the file
 * says otherwise) and cut into words: at white space, and around each punctuation mark
 * and each Chinese character.  A word is the longest piece that it begins with, then
 * the longest that goes on from there; a word that cannot be made so, or is too long,
 * is one unknown token.  All as BERT's own tokenizer does it; what it leaves out of a
 * text does not come back.
 *
 * Pieces that begin a word are marked as if a space stood before them; those that go on
 * are written as they are. */
#include "tokenizer/pieces.h"

#include <stdlib.h>
#include <utf8proc.h>

#define KEY_TOKENS "tokenizer.ggml.tokens"
#define KEY_LOWER "tokenizer.ggml.normalizer.lowercase"
#define KEY_STRIP "tokenizer.ggml.normalizer.strip_accents"

#define DOTTED_I 0x130 /* the only character with more than one for its lower case */

/* Longer words are unknown. */
#define MAX_WORD_CHARACTERS 100u

/* ---- loading ---- */

static orion_status wordpiece_load(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                                   orion_error *err)
{
    orion_status status = ori_load_switch(gguf, KEY_LOWER, true, &vocab->lowers, err);
    if (status == ORION_OK)
        status = ori_load_switch(gguf, KEY_STRIP, vocab->lowers, &vocab->strips_accents, err);
    if (status != ORION_OK)
        return status;
    if (vocab->unk == ORI_NO_TOKEN)
        vocab->unk = ori_vocab_find(vocab, "[UNK]", 5);
    if (vocab->unk == ORI_NO_TOKEN)
        return ori_fail_at(err, ORION_E_FORMAT, ori_gguf_find(gguf, KEY_TOKENS)->offset, KEY_TOKENS,
                           "there is no unknown token for words without pieces");
    vocab->adds_space = true;
    if (ori_trie_init(&vocab->pieces, vocab->tokens, vocab->n_tokens, TOKEN_MERGES) != ORION_OK)
        return ori_fail_nomem(err, "the vocabulary");
    return ORION_OK;
}

/* ---- characters ---- */

static bool is_dropped(int32_t c, utf8proc_category_t category)
{
    if (c == '\t' || c == '\n' || c == '\r')
        return false;
    return c == 0xfffd || category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_CO;
}

static bool is_space(int32_t c, utf8proc_category_t category)
{
    return c == '\t' || c == '\n' || c == '\r' || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* Ideographs, which stand alone.  (The gap before U+2B920 is BERT's own.) */
static bool is_chinese(int32_t c)
{
    static const struct {
        int32_t first, last;
    } ranges[] = {
        {0x4e00, 0x9fff},   {0x3400, 0x4dbf},   {0x20000, 0x2a6df}, {0x2a700, 0x2b73f},
        {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0xf900, 0xfaff},   {0x2f800, 0x2fa1f},
    };

    if (c < ranges[1].first)
        return false;
    for (size_t i = 0; i < ORI_COUNT(ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* Of ASCII, all that is no letter, digit or space. */
static bool is_punctuation(int32_t c)
{
    if (c < 0x80)
        return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
               !(c >= 'a' && c <= 'z');
    const utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* ---- one word ---- */

struct encoding {
    const struct ori_vocab *vocab;
    struct ori_buf run;  /* what stands between two spaces, cleaned */
    struct ori_buf word; /* of it, as its pieces are written */
    size_t n_characters; /* of the word */
    int32_t *characters; /* [cap], of a run that is decomposed */
    size_t cap;
    struct ori_tokens *out;
};

/* The longest piece that goes on from `node` with the beginning of the text, and its
 * length; ORI_NO_TOKEN: none. */
static int32_t longest_piece(const struct ori_trie *pieces, uint32_t node, const char *text,
                             size_t len, size_t *piece_len)
{
    int32_t longest = ORI_NO_TOKEN;

    for (size_t i = 0; i < len; i++) {
        node = ori_trie_child(pieces, node, text[i]);
        if (node == 0)
            break;
        if (pieces->tokens[node] != ORI_NO_TOKEN) {
            longest = pieces->tokens[node];
            *piece_len = i + 1;
        }
    }
    return longest;
}

/* ORION_E_NOT_FOUND when the word cannot be made of pieces. */
static orion_status put_pieces(const struct encoding *e)
{
    const struct ori_trie *pieces = &e->vocab->pieces;
    const char *text = e->word.data;
    size_t left = e->word.len;
    uint32_t node = 0; /* behind the mark of a word's beginning */

    for (size_t i = 0; i < SPACE_MARK_BYTES && (node != 0 || i == 0); i++)
        node = ori_trie_child(pieces, node, SPACE_MARK[i]);
    if (node == 0)
        return ORION_E_NOT_FOUND;
    while (left > 0) {
        size_t len = 0;
        const int32_t token = longest_piece(pieces, node, text, left, &len);
        if (token == ORI_NO_TOKEN)
            return ORION_E_NOT_FOUND;
        const orion_status status = ori_tokens_add(e->out, token);
        if (status != ORION_OK)
            return status;
        text += len;
        left -= len;
        node = 0;
    }
    return ORION_OK;
}

static orion_status end_word(struct encoding *e)
{
    const size_t count = e->out->count;
    orion_status status = e->word.status;

    if (status != ORION_OK || e->word.len == 0)
        return status;
    status = e->n_characters <= MAX_WORD_CHARACTERS ? put_pieces(e) : ORION_E_NOT_FOUND;
    if (status == ORION_E_NOT_FOUND) {
        e->out->count = count;
        status = ori_tokens_add(e->out, e->vocab->unk);
    }
    ori_buf_clear(&e->word);
    e->n_characters = 0;
    return status;
}

static orion_status add_character(struct encoding *e, int32_t c)
{
    char text[4];
    const utf8proc_ssize_t len = utf8proc_encode_char(c, (utf8proc_uint8_t *)text);

    e->n_characters++;
    return ori_buf_add(&e->word, text, (size_t)len);
}

/* ---- from text to words ---- */

/* A character of a run, decomposed if accents go. */
static orion_status take_character(struct encoding *e, int32_t c)
{
    orion_status status = ORION_OK;

    if (e->vocab->strips_accents && c >= 0x80 && utf8proc_category(c) == UTF8PROC_CATEGORY_MN)
        return status;
    if (e->vocab->lowers && c == DOTTED_I) {
        (void)add_character(e, 'i');
        c = 0x307; /* the dot, which had gone already if accents did */
    } else if (e->vocab->lowers) {
        c = utf8proc_tolower(c);
    }
    if (!is_punctuation(c))
        return add_character(e, c);
    status = end_word(e);
    if (status == ORION_OK)
        status = add_character(e, c);
    return status == ORION_OK ? end_word(e) : status;
}

/* All characters of a text, which is UTF-8, as they are. */
static orion_status take_characters(struct encoding *e, const char *text, size_t len)
{
    orion_status status = ORION_OK;

    while (len > 0 && status == ORION_OK) {
        int32_t c;
        const utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &c);
        status = take_character(e, c);
        text += n;
        len -= (size_t)n;
    }
    return status;
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] >= 0x80)
            return false;
    return true;
}

/* The characters of the run, decomposed and in canonical order, into e->characters. */
static utf8proc_ssize_t decompose(const struct encoding *e)
{
    return utf8proc_decompose((const utf8proc_uint8_t *)e->run.data, (utf8proc_ssize_t)e->run.len,
                              e->characters, (utf8proc_ssize_t)e->cap,
                              UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
}

static orion_status take_decomposed(struct encoding *e)
{
    orion_status status = ORION_OK;
    utf8proc_ssize_t n = decompose(e);

    if (n > (utf8proc_ssize_t)e->cap) { /* n is how many there are */
        free(e->characters);
        e->cap = 0;
        e->characters = ori_alloc_array((size_t)n, sizeof(*e->characters));
        if (!e->characters)
            return ORION_E_NOMEM;
        e->cap = (size_t)n;
        n = decompose(e);
    }
    if (n < 0)
        return n == UTF8PROC_ERROR_NOMEM ? ORION_E_NOMEM : ORION_E_TOO_LONG;
    for (utf8proc_ssize_t i = 0; i < n && status == ORION_OK; i++)
        status = take_character(e, e->characters[i]);
    return status;
}

static orion_status end_run(struct encoding *e)
{
    orion_status status = e->run.status;

    if (status != ORION_OK || e->run.len == 0)
        return status;
    if (e->vocab->strips_accents && !is_ascii(e->run.data, e->run.len))
        status = take_decomposed(e);
    else
        status = take_characters(e, e->run.data, e->run.len);
    ori_buf_clear(&e->run);
    return status == ORION_OK ? end_word(e) : status;
}

/* A character of the text as it is given, of `len` bytes. */
static orion_status clean_character(struct encoding *e, int32_t c, const char *text, size_t len)
{
    const utf8proc_category_t category = utf8proc_category(c);

    if (is_dropped(c, category))
        return ORION_OK;
    if (is_space(c, category))
        return end_run(e);
    if (!is_chinese(c))
        return ori_buf_add(&e->run, text, len);
    orion_status status = end_run(e);
    if (status == ORION_OK)
        status = ori_buf_add(&e->run, text, len);
    return status == ORION_OK ? end_run(e) : status;
}

static orion_status wordpiece_encode(const struct ori_vocab *vocab, const char *text, size_t len,
                                     struct ori_tokens *out)
{
    struct encoding e = {.vocab = vocab, .out = out};
    orion_status status = ORION_OK;

    ori_buf_init(&e.run, ORI_ENCODE_MAX_BYTES);
    ori_buf_init(&e.word, (size_t)4 * ORI_ENCODE_MAX_BYTES);
    while (len > 0 && status == ORION_OK) {
        int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &c);
        if (n > 0)
            status = clean_character(&e, c, text, (size_t)n);
        else
            n = 1; /* not UTF-8, and dropped */
        text += n;
        len -= (size_t)n;
    }
    if (status == ORION_OK)
        status = end_run(&e);
    free(e.characters);
    ori_buf_release(&e.run);
    ori_buf_release(&e.word);
    return status;
}

const struct tokenizer_kind ori_wordpiece_kind = {
    .model = "bert",
    .adds_prefix = true,
    .adds_suffix = true,
    .ends_with_sep = true,
    .load = wordpiece_load,
    .encode = wordpiece_encode,
    .bytes = ori_piece_bytes,
};
