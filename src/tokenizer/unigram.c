/* The kind "t5": SentencePiece's Unigram.
 *
 * A text is normalised by a table of the file (charsmap.h), a space is put in front and
 * spaces are marked.  Of all the ways to cut it into pieces, the one whose scores have
 * the highest sum is taken, found from left to right: the best way to each place
 * follows from the best ways to the places before it.  A character that is no piece
 * costs more than any; it goes out byte by byte, or, where there are no byte tokens, a
 * run of them as one unknown token.
 *
 * Where no piece goes on from one word to the next (true of nearly all), each word is
 * cut by itself. */
#include "tokenizer/pieces.h"

#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"

#define KEY_TOKENS "tokenizer.ggml.tokens"

/* What an unknown character scores below the worst piece. */
#define UNKNOWN_PENALTY 10.0

/* ---- loading ---- */

static double worst_score(const struct ori_vocab *vocab)
{
    double worst = 0;

    for (uint32_t i = 0; i < vocab->n_tokens; i++)
        if (vocab->tokens[i].type == TOKEN_NORMAL && (double)vocab->tokens[i].score < worst)
            worst = (double)vocab->tokens[i].score;
    return worst;
}

static orion_status unigram_load(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                                 orion_error *err)
{
    struct ori_unigram *unigram = &vocab->unigram;

    if (vocab->unk == ORI_NO_TOKEN)
        vocab->unk = ori_vocab_find(vocab, "<unk>", 5);
    orion_status status = ori_load_scores(vocab, gguf, err);
    if (status == ORION_OK)
        status = ori_load_byte_tokens(vocab, gguf, err);
    if (status == ORION_OK)
        status = ori_charsmap_load(gguf, &unigram->charsmap, err);
    if (status == ORION_OK)
        status = ori_load_switch(gguf, "tokenizer.ggml.remove_extra_whitespaces", false,
                                 &unigram->squeezes, err);
    if (status != ORION_OK)
        return status;
    unigram->unknown_score = worst_score(vocab) - UNKNOWN_PENALTY;
    vocab->words_stand_alone = !ori_pieces_cross_words(vocab);
    if (ori_trie_init(&vocab->pieces, vocab->tokens, vocab->n_tokens, TOKEN_MERGES) != ORION_OK)
        return ori_fail_nomem(err, "the vocabulary");
    return ORION_OK;
}

/* ---- normalising ---- */

struct normalised {
    struct ori_buf text;
    bool squeezes;
    bool space_waits; /* of a run of spaces that is made one */
};

static void put_byte(struct normalised *n, char byte)
{
    if (byte != ' ') {
        if (n->space_waits)
            (void)ori_buf_adds(&n->text, SPACE_MARK);
        n->space_waits = false;
        (void)ori_buf_add(&n->text, &byte, 1);
    } else if (!n->squeezes) {
        (void)ori_buf_adds(&n->text, SPACE_MARK);
    } else {
        n->space_waits = n->text.len > 0 || n->space_waits;
    }
}

static bool ends_with_mark(const struct ori_buf *text)
{
    return text->len >= SPACE_MARK_BYTES &&
           ori_is_space_mark(text->data + text->len - SPACE_MARK_BYTES, SPACE_MARK_BYTES);
}

/* The text as it is cut into pieces; squeezed, it begins and ends without spaces, but
 * for the one that is put in front.  (A mark that the text itself ends with goes too.) */
static orion_status normalise(const struct ori_vocab *vocab, const char *text, size_t len,
                              struct normalised *n)
{
    n->squeezes = vocab->unigram.squeezes;
    if (vocab->adds_space && !n->squeezes)
        put_byte(n, ' ');
    n->space_waits = vocab->adds_space && n->squeezes;
    while (len > 0) {
        size_t taken;
        const struct ori_str next = ori_charsmap_next(&vocab->unigram.charsmap, text, len, &taken);
        for (size_t i = 0; i < next.len; i++)
            put_byte(n, next.data[i]);
        text += taken;
        len -= taken;
    }
    while (n->squeezes && ends_with_mark(&n->text))
        n->text.len -= SPACE_MARK_BYTES;
    return n->text.status;
}

/* ---- the best way ---- */

/* The best way to a place in a word. */
struct way {
    double score;  /* its sum; -INFINITY: none yet */
    uint32_t from; /* where its last piece begins */
    int32_t token; /* that piece */
};

struct encoding {
    const struct ori_vocab *vocab;
    struct way *ways; /* [cap], one more than the word has bytes */
    size_t cap;
    bool after_unknown; /* the last token is the unknown one */
    struct ori_tokens *out;
};

static orion_status start_word(struct encoding *e, size_t len)
{
    if (len >= e->cap) {
        const size_t cap = len < 255 ? 256 : len + 1;
        free(e->ways);
        e->cap = 0;
        e->ways = ori_alloc_array(cap, sizeof(*e->ways));
        if (!e->ways)
            return ORION_E_NOMEM;
        e->cap = cap;
    }
    e->ways[0] = (struct way){.score = 0};
    for (size_t i = 1; i <= len; i++)
        e->ways[i].score = -INFINITY;
    return ORION_OK;
}

static void offer(struct encoding *e, size_t from, size_t to, double score, int32_t token)
{
    score += e->ways[from].score;
    if (score > e->ways[to].score)
        e->ways[to] = (struct way){score, (uint32_t)from, token};
}

/* Go on from a place where a character of char_len bytes begins. */
static void go_on(struct encoding *e, const char *text, size_t len, size_t from, size_t char_len)
{
    const struct ori_trie *pieces = &e->vocab->pieces;
    bool known = false;
    uint32_t node = 0;

    for (size_t to = from; to < len;) {
        node = ori_trie_child(pieces, node, text[to++]);
        if (node == 0)
            break;
        const int32_t token = pieces->tokens[node];
        if (token == ORI_NO_TOKEN)
            continue;
        offer(e, from, to, (double)e->vocab->tokens[token].score, token);
        known = known || to == from + char_len;
    }
    if (!known)
        offer(e, from, from + char_len, e->vocab->unigram.unknown_score, ORI_NO_TOKEN);
}

static orion_status put_unknown(struct encoding *e, const char *text, size_t len)
{
    orion_status status = ori_put_byte_tokens(e->vocab, text, len, e->out);
    const bool unknown = status == ORION_E_NOT_FOUND;

    if (unknown)
        status = e->after_unknown ? ORION_OK : ori_tokens_add(e->out, e->vocab->unk);
    e->after_unknown = unknown;
    return status;
}

/* The tokens of the best way to the end of the word. */
static orion_status put_best(struct encoding *e, const char *text, size_t len)
{
    orion_status status = ORION_OK;
    size_t next = 0;

    for (size_t at = len; at > 0;) { /* turn the way back into the way there */
        const size_t from = e->ways[at].from;
        e->ways[at].from = (uint32_t)next;
        next = at;
        at = from;
    }
    for (size_t at = 0; next > 0 && status == ORION_OK; at = next, next = e->ways[next].from) {
        const int32_t token = e->ways[next].token;
        if (token == ORI_NO_TOKEN) {
            status = put_unknown(e, text + at, next - at);
        } else {
            e->after_unknown = false;
            status = ori_tokens_add(e->out, token);
        }
    }
    return status;
}

static orion_status encode_word(struct encoding *e, const char *text, size_t len)
{
    const orion_status status = start_word(e, len);
    if (status != ORION_OK)
        return status;
    for (size_t at = 0; at < len;) {
        size_t char_len = ori_utf8_char(text + at, len - at);
        if (char_len == 0)
            char_len = 1; /* from a strange table */
        go_on(e, text, len, at, char_len);
        at += char_len;
    }
    return put_best(e, text, len);
}

static orion_status unigram_encode(const struct ori_vocab *vocab, const char *text, size_t len,
                                   struct ori_tokens *out)
{
    struct encoding e = {.vocab = vocab, .out = out};
    struct normalised n = {0};

    ori_buf_init(&n.text, (size_t)SPACE_MARK_BYTES * (ORI_ENCODE_MAX_BYTES + 1));
    orion_status status = normalise(vocab, text, len, &n);
    for (size_t at = 0; status == ORION_OK && at < n.text.len;) {
        const char *word = n.text.data + at;
        const size_t left = n.text.len - at;
        const size_t word_len = vocab->words_stand_alone ? ori_word_len(word, left) : left;
        status = encode_word(&e, word, word_len);
        at += word_len;
    }
    free(e.ways);
    ori_buf_release(&n.text);
    return status;
}

const struct tokenizer_kind ori_unigram_kind = {
    .model = "t5",
    .adds_suffix = true,
    .load = unigram_load,
    .encode = unigram_encode,
    .bytes = ori_piece_bytes,
};
