/* The kind "llama": SentencePiece-style byte-pair encoding.
 *
 * Spaces become U+2581 (a visible mark) and one is put in front.  The text is
 * cut into characters; then, again and again, the adjacent pair whose joined
 * text is the piece with the highest score is joined, the leftmost of equals
 * first.  What is no piece in the end goes out byte by byte.
 *
 * Candidates wait in a heap and symbols in a linked list, so a text costs
 * O(n log n).  Usually no piece holds a space after another character; then
 * no joining crosses from one word to the next, and words are encoded one by
 * one, with the same result and a heap that stays small.
 */
#include "tokenizer/internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
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

#define NONE UINT32_MAX

/* A run of text that is one character or has been joined; a list in order. */
struct symbol {
    uint32_t offset; /* in the text */
    uint32_t len;    /* 0: joined to its left neighbour, gone */
    uint32_t prev, next;
};

/* Joining symbol `left` with the one after it gives a piece of `len` bytes. */
struct candidate {
    float score;
    uint32_t left;
    uint32_t len;
};

struct merger {
    const struct ori_vocab *vocab;
    const char *text;
    struct symbol *symbols; /* [n_symbols] */
    uint32_t n_symbols, cap;
    struct candidate *heap; /* [n_heap], room for 2 * cap */
    uint32_t n_heap;
};

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    if (a->score > b->score)
        return true;
    return !(a->score < b->score) && a->left < b->left;
}

/* Each joining removes a symbol and offers two candidates at most, and there
 * are fewer than n_symbols to begin with, so 2 * n_symbols is room enough. */
static void heap_push(struct merger *merger, struct candidate added)
{
    struct candidate *heap = merger->heap;
    uint32_t at = merger->n_heap++;

    while (at > 0 && comes_before(&added, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = added;
}

static struct candidate heap_pop(struct merger *merger)
{
    struct candidate *heap = merger->heap;
    const struct candidate top = heap[0];
    const struct candidate last = heap[--merger->n_heap];
    const uint32_t n = merger->n_heap;
    uint32_t at = 0;

    for (uint32_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* The piece with exactly this text that joining may make, or ORI_NO_TOKEN. */
static int32_t find_piece(const struct merger *merger, uint32_t offset, uint32_t len)
{
    const struct token *tokens = merger->vocab->tokens;
    const int32_t id =
        ori_token_index_find(&merger->vocab->index, tokens, merger->text + offset, len);
    return id != ORI_NO_TOKEN && (tokens[id].flags & TOKEN_MERGES) ? id : ORI_NO_TOKEN;
}

/* Offer to join a symbol with the one after it. */
static void offer(struct merger *merger, uint32_t left)
{
    if (left == NONE || merger->symbols[left].next == NONE)
        return;
    const struct symbol *symbol = &merger->symbols[left];
    const uint32_t len = symbol->len + merger->symbols[symbol->next].len;
    const int32_t token = find_piece(merger, symbol->offset, len);
    if (token != ORI_NO_TOKEN)
        heap_push(merger, (struct candidate){
                              .score = merger->vocab->tokens[token].score,
                              .left = left,
                              .len = len,
                          });
}

static void join(struct merger *merger, const struct candidate *best)
{
    struct symbol *left = &merger->symbols[best->left];
    if (left->len == 0 || left->next == NONE)
        return;
    struct symbol *right = &merger->symbols[left->next];
    if (left->len + right->len != best->len)
        return; /* out of date: one of the two has been joined since */

    left->len = best->len;
    left->next = right->next;
    right->len = 0;
    if (left->next != NONE)
        merger->symbols[left->next].prev = best->left;
    offer(merger, left->prev);
    offer(merger, best->left);
}

/* Room for the symbols of a word; there are no more of them than bytes. */
static orion_status reserve(struct merger *merger, size_t n_bytes)
{
    if (merger->symbols && n_bytes <= merger->cap)
        return ORION_OK;
    const size_t n = n_bytes < 256 ? 256 : n_bytes;
    free(merger->symbols);
    free(merger->heap);
    merger->cap = 0;
    merger->symbols = ori_alloc_array(n, sizeof(*merger->symbols));
    merger->heap = ori_alloc_array(2 * n, sizeof(*merger->heap));
    if (!merger->symbols || !merger->heap)
        return ORION_E_NOMEM;
    merger->cap = (uint32_t)n;
    return ORION_OK;
}

/* One symbol for each character; a byte that belongs to none is one too. */
static void cut_characters(struct merger *merger, size_t begin, size_t end)
{
    uint32_t n = 0;

    while (begin < end) {
        size_t len = ori_utf8_char(merger->text + begin, end - begin);
        if (len == 0)
            len = 1;
        merger->symbols[n] = (struct symbol){
            .offset = (uint32_t)begin,
            .len = (uint32_t)len,
            .prev = n == 0 ? NONE : n - 1,
            .next = begin + len < end ? n + 1 : NONE,
        };
        begin += len;
        n++;
    }
    merger->n_symbols = n;
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
    orion_status status = reserve(merger, end - begin);
    if (status != ORION_OK)
        return status;
    cut_characters(merger, begin, end);
    merger->n_heap = 0;
    for (uint32_t i = 0; i < merger->n_symbols; i++)
        offer(merger, i);
    while (merger->n_heap > 0) {
        const struct candidate best = heap_pop(merger);
        join(merger, &best);
    }
    for (uint32_t i = 0; i != NONE && status == ORION_OK; i = merger->symbols[i].next) {
        const struct symbol *symbol = &merger->symbols[i];
        const int32_t token = find_piece(merger, symbol->offset, symbol->len);
        status =
            token != ORI_NO_TOKEN ? ori_tokens_add(out, token) : put_bytes(merger, symbol, out);
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
    struct merger merger = {.vocab = vocab};
    struct ori_buf marked;

    ori_buf_init(&marked, (size_t)SPACE_MARK_BYTES * (ORI_ENCODE_MAX_BYTES + 1));
    orion_status status = mark_spaces(vocab, text, len, &marked);
    merger.text = marked.data;
    for (size_t at = 0; status == ORION_OK && at < marked.len;) {
        const size_t run = vocab->words_stand_alone ? word_len(marked.data + at, marked.len - at)
                                                    : marked.len - at;
        status = encode_word(&merger, at, at + run, out);
        at += run;
    }
    free(merger.symbols);
    free(merger.heap);
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
