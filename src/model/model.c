#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static orion_status read_architecture(struct ori_model *model, orion_error *err)
{
    static const char key[] = "general.architecture";
    struct ori_str name;
    const orion_status status = ori_gguf_get_str(model->gguf, key, &name, err);

    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, key,
                           "the file does not say its architecture ('%s')", key);
    if (status != ORION_OK)
        return status;
    model->arch = ori_arch_find(name);
    if (!model->arch) {
        char why[256];
        ori_arch_refusal(name, why, sizeof(why));
        return ori_fail_at(err, ORION_E_UNSUPPORTED, ori_gguf_find(model->gguf, key)->offset, key,
                           "%s", why);
    }
    return ORION_OK;
}

/* A control token's text, as templates name it; *out is NULL without the token. */
static orion_status token_text(const struct ori_vocab *vocab, int32_t token, char **out,
                               orion_error *err)
{
    struct ori_buf text;

    *out = NULL;
    if (token == ORI_NO_TOKEN)
        return ORION_OK;
    ori_buf_init(&text, 1024);
    (void)ori_vocab_token_bytes(vocab, token, true, &text);
    *out = ori_buf_take(&text);
    ori_buf_release(&text);
    return *out ? ORION_OK : ori_fail_nomem(err, "the chat template");
}

/* `wanted` NULL: the file's own. */
static orion_status read_chat(struct ori_model *model, const char *wanted, orion_error *err)
{
    struct ori_str source = {0};
    orion_status status =
        token_text(model->vocab, ori_vocab_bos(model->vocab), &model->bos_text, err);

    if (status == ORION_OK)
        status = token_text(model->vocab, ori_vocab_eos(model->vocab), &model->eos_text, err);
    if (status == ORION_OK && ori_gguf_find(model->gguf, "tokenizer.chat_template"))
        status = ori_gguf_get_str(model->gguf, "tokenizer.chat_template", &source, err);
    if (status == ORION_OK)
        status = ori_chat_init(&model->chat, source, model->bos_text, model->eos_text, err);
    if (status == ORION_OK)
        ori_vocab_reserve(model->vocab, source);
    if (status == ORION_OK && wanted)
        ori_vocab_reserve(model->vocab, (struct ori_str){wanted, strlen(wanted)});
    return status == ORION_OK && wanted ? ori_chat_use(&model->chat, wanted, err) : status;
}

const char *ori_pooling_name(enum ori_pooling pooling)
{
    static const char *const names[] = {
        [ORI_POOLING_NONE] = "",
        [ORI_POOLING_MEAN] = "mean",
        [ORI_POOLING_CLS] = "cls",
        [ORI_POOLING_LAST] = "last",
    };
    return names[pooling];
}

/* The caller may say how a text becomes one vector where the file does not; vectors that
 * are pooled otherwise than the file says would look right and not be. */
static orion_status choose_pooling(enum ori_pooling *pooling, const char *wanted, orion_error *err)
{
    enum ori_pooling named = ORI_POOLING_LAST;

    while (named > ORI_POOLING_NONE && strcmp(ori_pooling_name(named), wanted) != 0)
        named--;
    if (named == ORI_POOLING_NONE)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "'%.40s' is no way to pool; 'mean', 'cls' and 'last' are", wanted);
    if (*pooling != ORI_POOLING_NONE && *pooling != named)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "the model's file says that it pools by '%s', so '%s' would give wrong "
                        "vectors; leave it to the file",
                        ori_pooling_name(*pooling), wanted);
    *pooling = named;
    return ORION_OK;
}

static orion_status read_all(struct ori_model *model, struct ori_model_options options,
                             orion_error *err)
{
    orion_status status;

    if (!options.vocab_only && ori_gguf_n_tensors(model->gguf) == 0)
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "the file holds a vocabulary and no tensors: it can tokenize, not answer");
    if (!options.vocab_only && (status = read_architecture(model, err)) != ORION_OK)
        return status;
    status = ori_vocab_new(model->gguf, options.pre_tokenizer, &model->vocab, err);
    if (status != ORION_OK)
        return status;
    status = read_chat(model, options.chat_template, err);
    if (status != ORION_OK)
        return status;
    model->vocab_only = options.vocab_only;
    if (options.vocab_only)
        return ORION_OK;
    status = ori_hparams_read(model->gguf, model->arch, ori_vocab_size(model->vocab),
                              options.no_sliding_window, &model->hp, err);
    if (status == ORION_OK && options.pooling)
        status = choose_pooling(&model->hp.pooling, options.pooling, err);
    if (status != ORION_OK)
        return status;
    return ori_weights_read(model, err);
}

orion_status ori_model_open(const char *path, struct ori_model_options options,
                            struct ori_model **out, orion_error *err)
{
    *out = NULL;
    struct ori_model *model = calloc(1, sizeof(*model));
    if (!model)
        return ori_fail_nomem(err, "the model");

    orion_status status = ori_gguf_open(path, &model->gguf, err);
    if (status == ORION_OK)
        status = read_all(model, options, err);
    if (status == ORION_OK)
        status = ori_gguf_check_intact(model->gguf, err);
    if (status != ORION_OK) {
        ori_model_close(model);
        return status;
    }
    *out = model;
    return ORION_OK;
}

void ori_model_close(struct ori_model *model)
{
    if (!model)
        return;
    ori_chat_release(&model->chat);
    free(model->bos_text);
    free(model->eos_text);
    ori_vocab_free(model->vocab);
    ori_gguf_close(model->gguf);
    free(model->layers);
    free(model->experts);
    free(model);
}

bool ori_model_embeds(const struct ori_model *model)
{
    return !model->vocab_only && (model->arch->encoder || model->hp.pooling != ORI_POOLING_NONE);
}

uint32_t ori_model_embedding_length(const struct ori_model *model)
{
    uint32_t n = model->hp.n_embd;

    for (size_t i = 0; i < ORI_COUNT(model->dense); i++)
        if (model->dense[i].n_rows > 0)
            n = model->dense[i].n_rows;
    return n;
}

const char *ori_model_quantization(const struct ori_model *model)
{
    uint64_t bytes[ORI_TYPE_END] = {0};
    uint32_t file_type;
    uint32_t most = ORI_F32;

    if (ori_gguf_get_u32(model->gguf, "general.file_type", &file_type, NULL) == ORION_OK) {
        const char *name = ori_file_type_name(file_type);
        if (name)
            return name;
    }
    for (size_t i = 0; i < ori_gguf_n_tensors(model->gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(model->gguf, i);
        bytes[t->type] += t->size_bytes;
        if (bytes[t->type] > bytes[most])
            most = t->type;
    }
    return bytes[most] > 0 ? ori_type_info(most)->name : "";
}

bool ori_is_expert_tensor(const char *name)
{
    unsigned layer, expert;
    char what[8];

    return strstr(name, "_exps.") ||
           sscanf(name, "blk.%u.ffn_%7[a-z].%u.", &layer, what, &expert) == 3;
}

uint64_t ori_active_bytes(const struct ori_gguf *gguf, const struct ori_hparams *hp)
{
    uint64_t experts = 0, others = 0; /* no overflow: all of them fit the file */

    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        *(ori_is_expert_tensor(t->name) ? &experts : &others) += t->size_bytes;
    }
    return hp->n_experts > 0 ? others + experts / hp->n_experts * hp->n_experts_used
                             : others + experts;
}
