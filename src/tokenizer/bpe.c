/* The kind "gpt2": byte-level byte-pair encoding.
 *
 * The text is cut into words (pre.h).  A word is bytes, each a token; then, again
 * and again, the two neighbours whose pair comes first in the file's list of merges
 * are joined.  Any bytes can be encoded, and decode to themselves.
 *
 * The file writes bytes as visible characters: printable ones of Latin-1 as they
 * are, the other 68, in order, as U+0100 and on. */
#include "tokenizer/merge.h"
#include "tokenizer/pre.h"

#include "base/utf8.h"
#include "tokenizer/compose.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_TOKENS "tokenizer.ggml.tokens"
#define KEY_MERGES "tokenizer.ggml.merges"
#define KEY_PRE "tokenizer.ggml.pre"

/* A million merges is four times as many as any model has; their ranks are exact
 * as floats. */
#define MAX_MERGES (1u << 20)
#define PROBE_LIMIT 256u /* as in index.c, and for its reasons */

struct merge {
    int32_t left, right; /* left ORI_NO_TOKEN: free */
    int32_t joined;
    uint32_t rank; /* the lowest is joined first */
};

struct ori_bpe {
    struct ori_splitter *splitter;
    bool whole_words, composed; /* as in struct ori_pre */
    struct merge *merges;       /* [mask + 1], a power of two, at most half full */
    size_t mask;
};

/* ---- bytes as characters ---- */

static bool stands_for_itself(uint32_t byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) ||
           (byte >= 0xae && byte <= 0xff);
}

/* The character of each byte; all are below 0x800. */
static void byte_characters(uint32_t out[256])
{
    uint32_t next = 256;

    for (uint32_t byte = 0; byte < 256; byte++)
        out[byte] = stands_for_itself(byte) ? byte : next++;
}

static size_t put_character(uint32_t c, char out[2])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

/* The byte that a character of `len` bytes stands for, or -1. */
static int byte_of(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    uint32_t characters[256];
    const uint32_t c = len == 1 ? p[0] : len == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu) : 0;

    if (c < 256)
        return stands_for_itself(c) ? (int)c : -1;
    byte_characters(characters);
    for (int byte = 0; byte < 256; byte++)
        if (characters[byte] == c)
            return byte;
    return -1;
}

/* ---- loading ---- */

static orion_status load_bytes(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                               orion_error *err)
{
    uint32_t characters[256];

    byte_characters(characters);
    for (size_t byte = 0; byte < 256; byte++) {
        char text[2];
        const size_t len = put_character(characters[byte], text);
        vocab->byte_tokens[byte] = ori_token_index_find(&vocab->index, vocab->tokens, text, len);
        if (vocab->byte_tokens[byte] == ORI_NO_TOKEN)
            return ori_fail_at(err, ORION_E_FORMAT, ori_gguf_find(gguf, KEY_TOKENS)->offset,
                               KEY_TOKENS, "there is no token for the byte 0x%02zX", byte);
    }
    return ORION_OK;
}

static size_t place_of(const struct ori_bpe *bpe, int32_t left, int32_t right)
{
    const uint64_t both = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    uint64_t hash = both * 0x9E3779B97F4A7C15u;

    hash ^= hash >> 32;
    return (size_t)(hash * 0xD6E8FEB86659FD93u >> 32) & bpe->mask;
}

static const struct merge *find_merge(const struct ori_bpe *bpe, int32_t left, int32_t right)
{
    size_t at = place_of(bpe, left, right);

    while (bpe->merges[at].left != ORI_NO_TOKEN) {
        if (bpe->merges[at].left == left && bpe->merges[at].right == right)
            return &bpe->merges[at];
        at = (at + 1) & bpe->mask;
    }
    return NULL;
}

/* The first of equal pairs counts.  False when too many share a place. */
static bool add_merge(struct ori_bpe *bpe, struct merge merge)
{
    size_t at = place_of(bpe, merge.left, merge.right);

    for (size_t probes = 0; probes < PROBE_LIMIT; probes++) {
        struct merge *slot = &bpe->merges[at];
        if (slot->left == ORI_NO_TOKEN) {
            *slot = merge;
            return true;
        }
        if (slot->left == merge.left && slot->right == merge.right)
            return true;
        at = (at + 1) & bpe->mask;
    }
    return false;
}

/* "left right" -> three tokens.  False when it is not that, or one is missing. */
static bool read_merge(const struct ori_vocab *vocab, struct ori_str text, struct merge *out)
{
    char joined[2 * ORI_VOCAB_MAX_PIECE_BYTES];
    const char *space = text.len > 1 ? memchr(text.data + 1, ' ', text.len - 1) : NULL;

    if (!space || text.len > sizeof(joined))
        return false;
    const size_t left = (size_t)(space - text.data), right = text.len - left - 1;
    memcpy(joined, text.data, left);
    memcpy(joined + left, space + 1, right);
    out->left = ori_token_index_find(&vocab->index, vocab->tokens, joined, left);
    out->right = ori_token_index_find(&vocab->index, vocab->tokens, joined + left, right);
    out->joined = ori_token_index_find(&vocab->index, vocab->tokens, joined, left + right);
    return out->left != ORI_NO_TOKEN && out->right != ORI_NO_TOKEN && out->joined != ORI_NO_TOKEN;
}

static orion_status new_table(struct ori_bpe *bpe, size_t n_merges, orion_error *err)
{
    size_t size = 16;

    while (size < 2 * n_merges)
        size *= 2;
    bpe->merges = ori_alloc_array(size, sizeof(*bpe->merges));
    if (!bpe->merges)
        return ori_fail_nomem(err, "the merges");
    for (size_t i = 0; i < size; i++)
        bpe->merges[i] = (struct merge){.left = ORI_NO_TOKEN};
    bpe->mask = size - 1;
    return ORION_OK;
}

static orion_status load_merges(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                                orion_error *err)
{
    const struct ori_gguf_kv *kv;
    orion_status status = ori_gguf_get_array(gguf, KEY_MERGES, ORI_GGUF_STRING, &kv, err);

    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, KEY_MERGES,
                           "the vocabulary has no merges: '%s' is missing", KEY_MERGES);
    if (status != ORION_OK)
        return status;
    if (kv->count > MAX_MERGES)
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset, KEY_MERGES,
                           "'%s' has %" PRIu64 " elements; at most %u are possible", KEY_MERGES,
                           kv->count, MAX_MERGES);
    status = new_table(vocab->bpe, (size_t)kv->count, err);
    if (status != ORION_OK)
        return status;

    const uint8_t *cursor = kv->data;
    for (uint32_t i = 0; i < kv->count; i++) {
        const uint64_t offset = kv->offset + (uint64_t)(cursor - kv->data);
        const struct ori_str text = ori_gguf_next_string(&cursor);
        struct merge merge = {.rank = i};
        if (!read_merge(vocab, text, &merge))
            return ori_fail_at(err, ORION_E_FORMAT, offset, KEY_MERGES,
                               "merge %u, '%.*s', is not two tokens that make a third", i,
                               ORI_STR_ARG(text));
        if (vocab->tokens[merge.joined].flags & TOKEN_TRUSTED)
            continue; /* a text could forge the control token */
        if (!add_merge(vocab->bpe, merge))
            return ori_fail_at(err, ORION_E_UNSUPPORTED, offset, KEY_MERGES,
                               "merge %u is one of too many with the same hash; the file looks "
                               "made to slow down its reader",
                               i);
    }
    return ORION_OK;
}

static orion_status find_pre(const struct ori_vocab *vocab, const struct ori_gguf *gguf,
                             const struct ori_pre **out, orion_error *err)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, KEY_PRE);
    struct ori_str name = {vocab->pre_name, vocab->pre_name ? strlen(vocab->pre_name) : 0};

    if (!vocab->pre_name) {
        const orion_status status = ori_gguf_get_str(gguf, KEY_PRE, &name, err);
        if (status == ORION_E_NOT_FOUND)
            return ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, KEY_PRE,
                               "the file does not say how texts are cut into words ('%s'); say "
                               "which model's way it is with --pre",
                               KEY_PRE);
        if (status != ORION_OK)
            return status;
    }
    *out = ori_pre_find(name);
    if (*out)
        return ORION_OK;
    return ori_fail_at(err, ORION_E_UNSUPPORTED, kv ? kv->offset : ORION_NO_OFFSET, KEY_PRE,
                       "texts are cut into words in a way named '%.*s', which is not known; with "
                       "--pre another one can be chosen, such as llama-bpe, qwen2 or gpt-2",
                       ORI_STR_ARG(name));
}

static void bpe_release(struct ori_vocab *vocab)
{
    if (!vocab->bpe)
        return;
    ori_splitter_free(vocab->bpe->splitter);
    free(vocab->bpe->merges);
    free(vocab->bpe);
}

static orion_status bpe_load(struct ori_vocab *vocab, const struct ori_gguf *gguf, orion_error *err)
{
    const struct ori_pre *pre;

    vocab->bpe = ori_calloc_array(1, sizeof(*vocab->bpe));
    if (!vocab->bpe)
        return ori_fail_nomem(err, "the vocabulary");
    orion_status status = find_pre(vocab, gguf, &pre, err);
    if (status == ORION_OK)
        status = ori_splitter_new(pre, &vocab->bpe->splitter, err);
    if (status == ORION_OK)
        status = load_bytes(vocab, gguf, err);
    if (status == ORION_OK)
        status = load_merges(vocab, gguf, err);
    if (status != ORION_OK)
        return status;
    vocab->bpe->whole_words = pre->whole_words;
    vocab->bpe->composed = pre->composed;
    vocab->adds_space = false;
    if (!vocab->says_prefix)
        vocab->prefix = pre->adds_bos ? vocab->bos : ORI_NO_TOKEN;
    return ORION_OK;
}

/* ---- encoding ---- */

struct encoding {
    struct merger merger;
    uint32_t characters[256];
    struct ori_buf mapped; /* a word in the file's characters */
    struct ori_tokens *out;
};

static int32_t bpe_merge(const struct merger *merger, const struct symbol *left,
                         const struct symbol *right, float *score)
{
    const struct merge *merge = find_merge(merger->vocab->bpe, left->token, right->token);

    if (!merge)
        return ORI_NO_TOKEN;
    *score = -(float)merge->rank;
    return merge->joined;
}

/* The token that the whole word is, or ORI_NO_TOKEN. */
static int32_t find_word(struct encoding *e, const char *word, size_t len)
{
    const struct ori_vocab *vocab = e->merger.vocab;

    if (len > vocab->index.longest)
        return ORI_NO_TOKEN;
    ori_buf_clear(&e->mapped);
    for (size_t i = 0; i < len; i++) {
        char text[2];
        const size_t n = put_character(e->characters[(uint8_t)word[i]], text);
        (void)ori_buf_add(&e->mapped, text, n);
    }
    const int32_t id =
        ori_token_index_find(&vocab->index, vocab->tokens, e->mapped.data, e->mapped.len);
    return id != ORI_NO_TOKEN && (vocab->tokens[id].flags & TOKEN_MERGES) ? id : ORI_NO_TOKEN;
}

static orion_status encode_word(void *arg, const char *word, size_t len)
{
    struct encoding *e = arg;
    struct merger *merger = &e->merger;
    const struct ori_vocab *vocab = merger->vocab;
    const int32_t whole = vocab->bpe->whole_words ? find_word(e, word, len) : ORI_NO_TOKEN;

    if (e->mapped.status != ORION_OK)
        return e->mapped.status;
    if (whole != ORI_NO_TOKEN)
        return ori_tokens_add(e->out, whole);
    orion_status status = ori_merger_start(merger, len);
    if (status != ORION_OK)
        return status;
    for (size_t i = 0; i < len; i++)
        ori_merger_add(merger, i, 1, vocab->byte_tokens[(uint8_t)word[i]]);
    ori_merger_run(merger);
    for (uint32_t i = 0; i != ORI_NO_SYMBOL && status == ORION_OK; i = merger->symbols[i].next)
        status = ori_tokens_add(e->out, merger->symbols[i].token);
    return status;
}

static orion_status encode_words(const struct ori_vocab *vocab, const char *text, size_t len,
                                 struct ori_tokens *out)
{
    struct encoding e = {.out = out};

    byte_characters(e.characters);
    ori_buf_init(&e.mapped, (size_t)2 * ORI_VOCAB_MAX_PIECE_BYTES);
    ori_merger_init(&e.merger, vocab, text, bpe_merge);
    const orion_status status = ori_split(vocab->bpe->splitter, text, len, encode_word, &e);
    ori_merger_release(&e.merger);
    ori_buf_release(&e.mapped);
    return status;
}

static orion_status bpe_encode(const struct ori_vocab *vocab, const char *text, size_t len,
                               struct ori_tokens *out)
{
    struct ori_buf composed;

    if (!vocab->bpe->composed || ori_is_composed(text, len))
        return encode_words(vocab, text, len, out);
    ori_buf_init(&composed, ORI_COMPOSE_GROWTH * (size_t)ORI_ENCODE_MAX_BYTES);
    orion_status status = ori_compose(text, len, &composed);
    if (status == ORION_OK)
        status = encode_words(vocab, ori_buf_text(&composed), composed.len, out);
    ori_buf_release(&composed);
    return status;
}

/* ---- decoding ---- */

static orion_status bpe_bytes(const struct ori_vocab *vocab, const struct token *token,
                              struct ori_buf *out)
{
    struct ori_str text = token->text;

    (void)vocab;
    while (text.len > 0) {
        size_t len = ori_utf8_char(text.data, text.len);
        if (len == 0)
            len = 1;
        const int byte = byte_of(text.data, len);
        const char c = (char)byte;
        (void)(byte >= 0 ? ori_buf_add(out, &c, 1) : ori_buf_add(out, text.data, len));
        text.data += len;
        text.len -= len;
    }
    return out->status;
}

const struct tokenizer_kind ori_bpe_kind = {
    .model = "gpt2",
    .load = bpe_load,
    .release = bpe_release,
    .encode = bpe_encode,
    .bytes = bpe_bytes,
};
