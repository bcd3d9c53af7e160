/* orion_model_*, orion_tokenize, orion_detokenize. */
#include "api/handles.h"

#include "model/kv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)1 << 30)

void orion_model_options_init(orion_model_options *options)
{
    *options = (orion_model_options){.size = sizeof(*options)};
}

orion_status orion_model_open(const char *path, const orion_model_options *options,
                              orion_model **out, orion_error *err)
{
    orion_model_options o;

    if (out)
        *out = NULL;
    if (!path || !out)
        return ori_api_null_argument(err, __func__);
    orion_model_options_init(&o);
    if (options && !ori_api_take_options(&o, sizeof(o), options))
        return ori_api_not_set_up(err, "orion_model_options_init");

    orion_model *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "the model");
    const struct ori_model_options inner = {.vocab_only = o.vocab_only,
                                            .no_sliding_window = o.no_sliding_window,
                                            .pre_tokenizer = o.pre_tokenizer,
                                            .chat_template = o.chat_template,
                                            .pooling = o.pooling};
    const orion_status status = ori_model_open(path, inner, &handle->model, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

void orion_model_close(orion_model *model)
{
    if (!model)
        return;
    ori_model_close(model->model);
    free(model);
}

bool orion_is_available(const char *path, orion_error *err)
{
    orion_model *model;
    const orion_status status = orion_model_open(path, NULL, &model, err);

    orion_model_close(model);
    return status == ORION_OK;
}

void orion_model_get_info(const orion_model *handle, orion_model_info *out)
{
    const struct ori_model *m = handle->model;
    const struct ori_hparams *hp = &m->hp;

    *out = (orion_model_info){
        .name = ori_gguf_text(m->gguf, "general.name"),
        .architecture = m->arch ? m->arch->name : ori_gguf_text(m->gguf, "general.architecture"),
        .quantization = ori_model_quantization(m),
        .license = ori_gguf_text(m->gguf, "general.license"),
        .chat_template = ori_chat_label(&m->chat),
        .n_params = m->n_params,
        .file_bytes = ori_gguf_file_bytes(m->gguf),
        .n_layers = hp->n_layers,
        .n_embd = hp->n_embd,
        .n_heads = hp->n_heads,
        .n_heads_kv = hp->n_heads_kv,
        .head_dim = hp->head_dim,
        .n_ff = hp->n_ff,
        .n_vocab = ori_vocab_size(m->vocab),
        .n_experts = hp->n_experts,
        .n_experts_used = hp->n_experts_used,
        .active_bytes = ori_active_bytes(m->gguf, hp),
        .context_tokens = hp->context_tokens,
        .sliding_window_tokens = hp->window_tokens,
        .chat_skills = m->chat.skills.flags,
        .chat_note = m->chat.program ? "" : m->chat.why_not,
        .kv_bytes_per_token = orion_model_kv_bytes_per_token(handle, ORION_KV_F16),
        .embedding_length = ori_model_embeds(m) ? ori_model_embedding_length(m) : 0,
        .pooling = ori_pooling_name(hp->pooling),
    };
}

uint64_t orion_model_kv_bytes_per_token(const orion_model *handle, orion_kv_type type)
{
    const struct ori_hparams *hp = &handle->model->hp;
    size_t row_bytes;

    if ((unsigned)type >= ORI_KV_COUNT ||
        !ori_kv_row_bytes((enum ori_kv_type)type, hp->head_dim, &row_bytes))
        return 0;
    return (uint64_t)hp->n_layers * hp->n_heads_kv * row_bytes * 2; /* keys and values */
}

size_t orion_model_n_metadata(const orion_model *model)
{
    return ori_gguf_n_kv(model->model->gguf);
}

size_t orion_model_metadata(const orion_model *model, size_t index, const char **key, char *value,
                            size_t value_bytes)
{
    if (index >= ori_gguf_n_kv(model->model->gguf))
        return 0;
    const struct ori_gguf_kv *kv = ori_gguf_kv_at(model->model->gguf, index);
    if (key)
        *key = kv->key;
    return ori_gguf_value_text(kv, value, value_bytes);
}

orion_value_kind orion_model_metadata_kind(const orion_model *model, size_t index)
{
    if (index >= ori_gguf_n_kv(model->model->gguf))
        return ORION_VALUE_TEXT;
    switch (ori_gguf_kv_at(model->model->gguf, index)->type) {
    case ORI_GGUF_STRING:
        return ORION_VALUE_TEXT;
    case ORI_GGUF_BOOL:
        return ORION_VALUE_FLAG;
    case ORI_GGUF_ARRAY:
        return ORION_VALUE_LIST;
    default:
        return ORION_VALUE_NUMBER;
    }
}

size_t orion_model_n_tensors(const orion_model *model)
{
    return ori_gguf_n_tensors(model->model->gguf);
}

bool orion_model_tensor(const orion_model *model, size_t index, orion_tensor_info *out)
{
    if (index >= ori_gguf_n_tensors(model->model->gguf))
        return false;
    const struct ori_gguf_tensor *t = ori_gguf_tensor_at(model->model->gguf, index);
    *out = (orion_tensor_info){
        .name = t->name,
        .type = ori_type_info(t->type)->name,
        .n_dims = t->n_dims,
        .offset_bytes = t->offset,
        .size_bytes = t->size_bytes,
    };
    memcpy(out->dims, t->dims, sizeof(out->dims));
    return true;
}

orion_status orion_tokenize(const orion_model *model, const char *text, size_t text_bytes,
                            uint32_t flags, int32_t **tokens, size_t *n_tokens, orion_error *err)
{
    struct ori_tokens list = {0};

    if (tokens)
        *tokens = NULL;
    if (n_tokens)
        *n_tokens = 0;
    if (!model || (!text && text_bytes > 0) || !tokens || !n_tokens)
        return ori_api_null_argument(err, __func__);
    const struct ori_piece piece = {text, text_bytes, (flags & ORION_TOKENIZE_SPECIAL) != 0};
    const unsigned ends =
        (flags & ORION_TOKENIZE_BOS ? ORI_BEGIN : 0) | (flags & ORION_TOKENIZE_EOS ? ORI_END : 0);
    const orion_status status = ori_vocab_encode(model->model->vocab, &piece, 1, ends, &list, err);
    if (status != ORION_OK) {
        ori_tokens_release(&list);
        return status;
    }
    *tokens = list.ids;
    *n_tokens = list.count;
    return ORION_OK;
}

static orion_status decode_all(const struct ori_vocab *vocab, const int32_t *tokens,
                               size_t n_tokens, bool show_special, struct ori_buf *out)
{
    struct ori_decoder decoder;
    orion_status status = ORION_OK;

    ori_decoder_init(&decoder, vocab, true, show_special, false);
    for (size_t i = 0; i < n_tokens && status == ORION_OK; i++)
        status = ori_decoder_add(&decoder, tokens[i], out);
    if (status == ORION_OK)
        status = ori_decoder_finish(&decoder, out);
    ori_decoder_release(&decoder);
    return status;
}

orion_status orion_detokenize(const orion_model *model, const int32_t *tokens, size_t n_tokens,
                              uint32_t flags, char **text, size_t *text_bytes, orion_error *err)
{
    struct ori_buf out;

    if (text)
        *text = NULL;
    if (text_bytes)
        *text_bytes = 0;
    if (!model || (!tokens && n_tokens > 0) || !text)
        return ori_api_null_argument(err, __func__);
    const uint32_t size = ori_vocab_size(model->model->vocab);
    for (size_t i = 0; i < n_tokens; i++)
        if (tokens[i] < 0 || (uint32_t)tokens[i] >= size)
            return ori_fail(err, ORION_E_ARGUMENT,
                            "token %d is outside the vocabulary, which has %u", tokens[i], size);

    ori_buf_init(&out, MAX_TEXT_BYTES);
    orion_status status = decode_all(model->model->vocab, tokens, n_tokens,
                                     (flags & ORION_DETOKENIZE_SPECIAL) != 0, &out);
    const size_t len = out.len;
    if (status == ORION_OK) {
        *text = ori_buf_take(&out);
        status = *text ? ORION_OK : ORION_E_NOMEM;
    }
    ori_buf_release(&out);
    if (status != ORION_OK)
        return ori_fail(err, status, "the text of %zu tokens does not fit into memory", n_tokens);
    if (text_bytes)
        *text_bytes = len;
    return ORION_OK;
}
