/* Loading a vocabulary: everything is checked here, once. */
#include "tokenizer/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MODEL "tokenizer.ggml.model"
#define KEY_TOKENS "tokenizer.ggml.tokens"
#define KEY_TYPES "tokenizer.ggml.token_type"
#define KEY_ADD_BOS "tokenizer.ggml.add_bos_token"

static const struct tokenizer_kind *const kinds[] = {
    &ori_spm_kind,
    &ori_bpe_kind,
    &ori_wordpiece_kind,
    &ori_unigram_kind,
};

/* Control tokens that end a turn or a text, in the models that we know. */
static const char *const end_texts[] = {
    "<|end|>", "<|endoftext|>", "<|im_end|>",      "<|eot_id|>", "<|eom_id|>", "<end_of_turn>",
    "<|eot|>", "</s>",          "<|end_of_text|>", "<|return|>", "<|call|>",   "<end_of_utterance>",
};

/* Markup of chat templates that is not of the form <|...|>. */
static const char *const markup_texts[] = {
    "<s>",    "</s>",    "<unk>",           "<pad>",         "<bos>", "<eos>",
    "[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>", "[CLS]", "[SEP]",
};

static bool is_one_of(struct ori_str text, const char *const *texts, size_t n_texts)
{
    for (size_t i = 0; i < n_texts; i++)
        if (ori_str_eq(text, texts[i]))
            return true;
    return false;
}

static bool is_markup(struct ori_str text)
{
    if (text.len > 4 && memcmp(text.data, "<|", 2) == 0 &&
        memcmp(text.data + text.len - 2, "|>", 2) == 0)
        return true;
    return is_one_of(text, markup_texts, ORI_COUNT(markup_texts));
}

/* ---- reading the keys ---- */

static orion_status find_kind(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                              orion_error *err)
{
    struct ori_str model;
    const orion_status status = ori_gguf_get_str(gguf, KEY_MODEL, &model, err);

    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, KEY_MODEL,
                           "the file has no vocabulary: '%s' is missing", KEY_MODEL);
    if (status != ORION_OK)
        return status;
    for (size_t i = 0; i < ORI_COUNT(kinds); i++) {
        if (ori_str_eq(model, kinds[i]->model)) {
            vocab->kind = kinds[i];
            return ORION_OK;
        }
    }
    return ori_fail_at(err, ORION_E_UNSUPPORTED, ori_gguf_find(gguf, KEY_MODEL)->offset, KEY_MODEL,
                       "the tokenizer model '%.*s' is not supported; 'llama', 'gpt2', 'bert' and "
                       "'t5' are",
                       ORI_STR_ARG(model));
}

static orion_status load_texts(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                               orion_error *err)
{
    const struct ori_gguf_kv *kv;
    const orion_status status = ori_gguf_get_array(gguf, KEY_TOKENS, ORI_GGUF_STRING, &kv, err);

    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, KEY_TOKENS,
                           "the file has no vocabulary: '%s' is missing", KEY_TOKENS);
    if (status != ORION_OK)
        return status;
    if (kv->count == 0 || kv->count > ORI_VOCAB_MAX_TOKENS)
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset, KEY_TOKENS,
                           "'%s' has %" PRIu64 " tokens; 1 to %u are possible", KEY_TOKENS,
                           kv->count, ORI_VOCAB_MAX_TOKENS);
    vocab->n_tokens = (uint32_t)kv->count;
    vocab->tokens = ori_calloc_array(vocab->n_tokens, sizeof(*vocab->tokens));
    if (!vocab->tokens)
        return ori_fail_nomem(err, "the vocabulary");

    const uint8_t *cursor = kv->data;
    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        const uint64_t offset = kv->offset + (uint64_t)(cursor - kv->data);
        struct token *token = &vocab->tokens[i];
        token->text = ori_gguf_next_string(&cursor);
        token->type = TOKEN_NORMAL;
        if (token->text.len > ORI_VOCAB_MAX_PIECE_BYTES)
            return ori_fail_at(err, ORION_E_UNSUPPORTED, offset, KEY_TOKENS,
                               "token %u is %zu bytes long; %u are possible", i, token->text.len,
                               ORI_VOCAB_MAX_PIECE_BYTES);
    }
    return ORION_OK;
}

static orion_status load_types(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                               orion_error *err)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, KEY_TYPES);
    if (!kv)
        return ORION_OK; /* all are normal */
    const uint32_t element = kv->element == ORI_GGUF_U32 ? ORI_GGUF_U32 : ORI_GGUF_I32;
    const orion_status status = ori_gguf_get_array(gguf, KEY_TYPES, element, &kv, err);
    if (status != ORION_OK)
        return status;
    if (kv->count != vocab->n_tokens)
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset, KEY_TYPES,
                           "'%s' has %" PRIu64 " elements for %u tokens", KEY_TYPES, kv->count,
                           vocab->n_tokens);
    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        const int32_t type = ori_gguf_i32_at(kv, i);
        if (type < TOKEN_UNDEFINED || type > TOKEN_BYTE)
            return ori_fail_at(err, ORION_E_FORMAT, kv->offset + 4 * (uint64_t)i, KEY_TYPES,
                               "token %u has the unknown type %d", i, type);
        vocab->tokens[i].type = (uint8_t)type;
    }
    return ORION_OK;
}

static orion_status load_id(const struct ori_vocab *vocab, const struct ori_gguf *gguf,
                            const char *key, int32_t *out, orion_error *err)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, key);
    uint32_t id;

    *out = ORI_NO_TOKEN;
    if (!kv)
        return ORION_OK;
    const orion_status status = ori_gguf_get_u32(gguf, key, &id, err);
    if (status != ORION_OK)
        return status;
    if (id >= vocab->n_tokens)
        return ori_fail_at(err, ORION_E_FORMAT, kv->offset, key,
                           "'%s' is %u, but the vocabulary has %u tokens", key, id,
                           vocab->n_tokens);
    *out = (int32_t)id;
    return ORION_OK;
}

/* The tokens that begin and end texts are control tokens whatever the file
 * says of their type: otherwise a user's text could forge them. */
static orion_status load_boundary(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                                  const char *key, uint8_t flags, int32_t *out, orion_error *err)
{
    const orion_status status = load_id(vocab, gguf, key, out, err);
    if (status != ORION_OK || *out == ORI_NO_TOKEN)
        return status;
    struct token *token = &vocab->tokens[*out];
    if (token->type == TOKEN_BYTE)
        return ori_fail_at(err, ORION_E_FORMAT, ori_gguf_find(gguf, key)->offset, key,
                           "'%s' is %d, which is a byte token", key, *out);
    token->type = TOKEN_CONTROL;
    token->flags |= flags;
    return ORION_OK;
}

static orion_status load_ids(struct ori_vocab *vocab, const struct ori_gguf *gguf, orion_error *err)
{
    const struct {
        const char *key;
        int32_t *id;
        uint8_t flags;
    } boundaries[] = {
        {"tokenizer.ggml.bos_token_id", &vocab->bos, 0},
        {"tokenizer.ggml.eos_token_id", &vocab->eos, TOKEN_END},
        {"tokenizer.ggml.eot_token_id", &vocab->eot, TOKEN_END},
        {"tokenizer.ggml.eom_token_id", &vocab->eom, TOKEN_END},
        {"tokenizer.ggml.cls_token_id", &vocab->cls, 0},
        {"tokenizer.ggml.seperator_token_id", &vocab->sep, 0}, /* as the format spells it */
        {"tokenizer.ggml.mask_token_id", &vocab->mask, 0},
    };
    orion_status status = ORION_OK;

    for (size_t i = 0; i < ORI_COUNT(boundaries) && status == ORION_OK; i++)
        status = load_boundary(vocab, gguf, boundaries[i].key, boundaries[i].flags,
                               boundaries[i].id, err);
    if (status == ORION_OK)
        status = load_id(vocab, gguf, "tokenizer.ggml.unknown_token_id", &vocab->unk, err);
    if (status == ORION_OK)
        status = load_id(vocab, gguf, "tokenizer.ggml.padding_token_id", &vocab->pad, err);
    return status;
}

orion_status ori_load_switch(const struct ori_gguf *gguf, const char *key, bool missing, bool *out,
                             orion_error *err)
{
    *out = missing;
    return ori_gguf_find(gguf, key) ? ori_gguf_get_bool(gguf, key, out, err) : ORION_OK;
}

/* What goes around texts, and whether it does. */
static orion_status load_ends(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                              orion_error *err)
{
    const struct tokenizer_kind *kind = vocab->kind;
    const char *suffix_key =
        kind->ends_with_sep ? "tokenizer.ggml.add_sep_token" : "tokenizer.ggml.add_eos_token";
    bool adds_prefix = false, adds_suffix = false;

    vocab->says_prefix = ori_gguf_find(gguf, KEY_ADD_BOS) != NULL;
    orion_status status = ori_load_switch(gguf, KEY_ADD_BOS, kind->adds_prefix, &adds_prefix, err);
    if (status == ORION_OK)
        status = ori_load_switch(gguf, suffix_key, kind->adds_suffix, &adds_suffix, err);
    const int32_t first = vocab->bos != ORI_NO_TOKEN ? vocab->bos : vocab->cls;
    vocab->prefix = adds_prefix ? first : ORI_NO_TOKEN;
    vocab->suffix = !adds_suffix ? ORI_NO_TOKEN : kind->ends_with_sep ? vocab->sep : vocab->eos;
    return status;
}

/* ---- what follows from them ---- */

/* In Phi-3 the added tokens swallow the white space that follows them, all but
 * these (and </s> does, though it is not one of the added tokens). */
static bool swallows_space(struct ori_str text)
{
    static const char *const none[] = {"<unk>", "<s>", "<|endoftext|>"};
    return !is_one_of(text, none, ORI_COUNT(none));
}

/* From type and text to flags. */
static void classify(struct token *token, bool is_phi3)
{
    if (token->text.len == 0 || token->type == TOKEN_BYTE)
        return;
    /* Converters have written "<|end|>" as a user-defined or normal token. */
    if (token->type != TOKEN_UNKNOWN && is_markup(token->text))
        token->type = TOKEN_CONTROL;

    if (token->type == TOKEN_CONTROL || token->type == TOKEN_UNKNOWN)
        token->flags |= TOKEN_SPECIAL | TOKEN_TRUSTED;
    else if (token->type == TOKEN_USER_DEFINED)
        token->flags |= TOKEN_SPECIAL;
    else
        token->flags |= TOKEN_MERGES;
    if (token->type == TOKEN_CONTROL && is_one_of(token->text, end_texts, ORI_COUNT(end_texts)))
        token->flags |= TOKEN_END;
    if (is_phi3 && (token->flags & TOKEN_SPECIAL) && swallows_space(token->text))
        token->flags |= TOKEN_RSTRIP;
}

static void classify_all(struct ori_vocab *vocab, const struct ori_gguf *gguf)
{
    struct ori_str architecture;
    const bool is_phi3 =
        ori_gguf_get_str(gguf, "general.architecture", &architecture, NULL) == ORION_OK &&
        ori_str_eq(architecture, "phi3");

    for (uint32_t i = 0; i < vocab->n_tokens; i++)
        classify(&vocab->tokens[i], is_phi3);
    /* RoBERTa and what came of it write <mask>, BERT [MASK]. */
    if (vocab->mask != ORI_NO_TOKEN && ori_str_eq(vocab->tokens[vocab->mask].text, "<mask>"))
        vocab->tokens[vocab->mask].flags |= TOKEN_LSTRIP;
}

/* gpt-oss ends answers with <|return|> or <|call|>, and each part of one, of which the
 * thinking comes first, with <|end|>. */
static void keep_parts_together(struct ori_vocab *vocab)
{
    const int32_t end = ori_vocab_find(vocab, "<|end|>", 7);

    if (end != ORI_NO_TOKEN && ori_vocab_find(vocab, "<|return|>", 10) != ORI_NO_TOKEN &&
        ori_vocab_find(vocab, "<|call|>", 8) != ORI_NO_TOKEN)
        vocab->tokens[end].flags &= (uint8_t)~TOKEN_END;
}

/* Where a token's text lies in the file; slow, for error messages. */
static uint64_t text_offset(const struct ori_gguf *gguf, uint32_t id)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, KEY_TOKENS);
    const uint8_t *cursor = kv->data;
    for (uint32_t i = 0; i < id; i++)
        (void)ori_gguf_next_string(&cursor);
    return kv->offset + (uint64_t)(cursor - kv->data);
}

static orion_status build_index(struct ori_vocab *vocab, const struct ori_gguf *gguf,
                                orion_error *err)
{
    if (ori_token_index_init(&vocab->index, vocab->n_tokens) != ORION_OK)
        return ori_fail_nomem(err, "the vocabulary");

    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        const struct ori_str text = vocab->tokens[i].text;
        int32_t other;
        if (text.len == 0)
            continue; /* a filler: never found, means nothing */
        const orion_status status =
            ori_token_index_add(&vocab->index, vocab->tokens, (int32_t)i, &other);
        if (status == ORION_E_FORMAT)
            return ori_fail_at(err, status, text_offset(gguf, i), KEY_TOKENS,
                               "token %u has the same text as token %d: '%.*s'", i, other,
                               ORI_STR_ARG(text));
        if (status != ORION_OK)
            return ori_fail_at(err, status, text_offset(gguf, i), KEY_TOKENS,
                               "token %u is one of too many with the same hash; the file looks "
                               "made to slow down its reader",
                               i);
    }
    return ORION_OK;
}

static orion_status load(struct ori_vocab *vocab, const struct ori_gguf *gguf, orion_error *err)
{
    orion_status status = find_kind(vocab, gguf, err);
    if (status == ORION_OK)
        status = load_texts(vocab, gguf, err);
    if (status == ORION_OK)
        status = load_types(vocab, gguf, err);
    if (status == ORION_OK)
        status = load_ids(vocab, gguf, err);
    if (status == ORION_OK)
        status = load_ends(vocab, gguf, err);
    if (status == ORION_OK)
        status =
            ori_load_switch(gguf, "tokenizer.ggml.add_space_prefix", true, &vocab->adds_space, err);
    if (status != ORION_OK)
        return status;

    classify_all(vocab, gguf);
    status = build_index(vocab, gguf, err);
    if (status == ORION_OK)
        keep_parts_together(vocab);
    if (status == ORION_OK &&
        ori_trie_init(&vocab->special, vocab->tokens, vocab->n_tokens, TOKEN_SPECIAL) != ORION_OK)
        status = ori_fail_nomem(err, "the special tokens");
    if (status == ORION_OK)
        status = vocab->kind->load(vocab, gguf, err);
    return status;
}

orion_status ori_vocab_new(const struct ori_gguf *gguf, const char *pre, struct ori_vocab **out,
                           orion_error *err)
{
    *out = NULL;
    struct ori_vocab *vocab = ori_calloc_array(1, sizeof(*vocab));
    if (!vocab)
        return ori_fail_nomem(err, "the vocabulary");
    vocab->pre_name = pre;
    const orion_status status = load(vocab, gguf, err);
    vocab->pre_name = NULL;
    if (status != ORION_OK) {
        ori_vocab_free(vocab);
        return status;
    }
    *out = vocab;
    return ORION_OK;
}

void ori_vocab_free(struct ori_vocab *vocab)
{
    if (!vocab)
        return;
    if (vocab->kind && vocab->kind->release)
        vocab->kind->release(vocab);
    ori_token_index_release(&vocab->index);
    ori_trie_release(&vocab->special);
    ori_trie_release(&vocab->pieces);
    free(vocab->tokens);
    free(vocab);
}

/* ---- asking ---- */

uint64_t ori_vocab_bytes(uint32_t n_tokens)
{
    return (uint64_t)n_tokens * sizeof(struct token) +
           ori_token_index_slots(n_tokens) * sizeof(struct token_slot);
}

uint32_t ori_vocab_size(const struct ori_vocab *vocab)
{
    return vocab->n_tokens;
}

int32_t ori_vocab_eos(const struct ori_vocab *vocab)
{
    return vocab->eos;
}

int32_t ori_vocab_bos(const struct ori_vocab *vocab)
{
    return vocab->bos;
}

bool ori_vocab_adds_bos(const struct ori_vocab *vocab)
{
    return vocab->prefix != ORI_NO_TOKEN;
}

bool ori_vocab_is_end(const struct ori_vocab *vocab, int32_t id)
{
    const struct token *token = token_at(vocab, id);
    return token && (token->flags & TOKEN_END);
}

bool ori_vocab_is_control(const struct ori_vocab *vocab, int32_t id)
{
    const struct token *token = token_at(vocab, id);
    return token && (token->type == TOKEN_CONTROL || token->type == TOKEN_UNKNOWN);
}

int32_t ori_vocab_find(const struct ori_vocab *vocab, const char *text, size_t len)
{
    return ori_token_index_find(&vocab->index, vocab->tokens, text, len);
}

orion_status ori_vocab_token_bytes(const struct ori_vocab *vocab, int32_t id, bool show_special,
                                   struct ori_buf *out)
{
    const struct token *token = token_at(vocab, id);
    if (!token)
        return ORION_E_ARGUMENT;
    if (ori_vocab_is_control(vocab, id))
        return show_special ? ori_buf_add(out, token->text.data, token->text.len) : out->status;
    if (token->type == TOKEN_USER_DEFINED) /* stands in texts as it is */
        return ori_buf_add(out, token->text.data, token->text.len);
    return vocab->kind->bytes(vocab, token, out);
}
