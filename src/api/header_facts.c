/* What a model's header says, wherever the model is: on disk, or on a hub. */
#include "api/headers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gguf/gguf.h"
#include "model/experts.h"

#define FIRST_BYTES (256u << 10)

/* ---- the header ---- */

static orion_status read_header(struct ori_header *header, struct ori_gguf **out, orion_error *err)
{
    const uint64_t file_bytes = ori_header_file_bytes(header);
    const void *data;
    bool more = true;
    size_t n;
    orion_status status = ORION_OK;

    *out = NULL;
    for (size_t bytes = FIRST_BYTES; more; bytes *= 4) {
        if (bytes > ORI_GGUF_MAX_HEADER)
            bytes = ORI_GGUF_MAX_HEADER;
        status = ori_header_need(header, bytes, &data, &n, err);
        if (status != ORION_OK)
            return status;
        status =
            ori_gguf_parse_header(data, n, file_bytes, ori_header_name(header), out, &more, err);
        more = more && n < file_bytes && n < ORI_GGUF_MAX_HEADER;
    }
    return status;
}

/* ---- what it says ---- */

static void take_tensors(const struct ori_gguf *gguf, struct ori_header_facts *out)
{
    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        /* No overflow: the reader has checked each product, and that all fit the file. */
        out->n_params += t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
        out->weights_bytes += t->size_bytes;
    }
}

static void cannot_run(struct ori_header_facts *out, const char *why)
{
    out->runs = false;
    if (!out->why_not[0])
        (void)snprintf(out->why_not, sizeof(out->why_not), "%.255s", why);
}

/* Hyper-parameters, as far as the keys that most architectures share tell.
 * Fails only with ORION_E_NOMEM, as does what follows. */
static orion_status take_shape(const struct ori_gguf *gguf, struct ori_header_facts *out,
                               orion_error *err)
{
    const struct ori_gguf_kv *tokens = ori_gguf_find(gguf, "tokenizer.ggml.tokens");
    const uint32_t n_vocab = tokens ? (uint32_t)tokens->count : 0;
    const struct ori_arch like = {.name = out->architecture, .experts = true};
    const struct ori_str name = {out->architecture, strlen(out->architecture)};
    const struct ori_arch *arch = ori_arch_find(name);
    orion_error why;

    if (!arch) {
        char sentence[256];
        ori_arch_refusal(name, sentence, sizeof(sentence));
        cannot_run(out, sentence);
    }
    const orion_status status =
        ori_hparams_read(gguf, arch ? arch : &like, n_vocab, false, &out->hp, &why);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "a model's shape");
    if (status != ORION_OK) {
        out->hp = (struct ori_hparams){0};
        cannot_run(out, why.message);
    }
    out->active_bytes = ori_active_bytes(gguf, &out->hp);
    out->embeds = (arch && arch->encoder) || out->hp.pooling != ORI_POOLING_NONE;
    return ORION_OK;
}

static orion_status check_vocabulary(const struct ori_gguf *gguf, struct ori_header_facts *out,
                                     orion_error *err)
{
    struct ori_vocab *vocab = NULL;
    orion_error why;

    const orion_status status = ori_vocab_new(gguf, NULL, &vocab, &why);
    ori_vocab_free(vocab);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "a vocabulary");
    if (status != ORION_OK)
        cannot_run(out, why.message);
    return ORION_OK;
}

static orion_status read_facts(struct ori_header *header, struct ori_header_facts *out,
                               orion_error *err)
{
    struct ori_gguf *gguf = NULL;

    *out = (struct ori_header_facts){.runs = true};
    orion_status status = read_header(header, &gguf, err);
    if (status == ORION_OK) {
        const struct ori_model view = {.gguf = gguf};
        (void)snprintf(out->name, sizeof(out->name), "%s", ori_gguf_text(gguf, "general.name"));
        (void)snprintf(out->architecture, sizeof(out->architecture), "%s",
                       ori_gguf_text(gguf, "general.architecture"));
        (void)snprintf(out->quantization, sizeof(out->quantization), "%s",
                       ori_model_quantization(&view));
        take_tensors(gguf, out);
        status = take_shape(gguf, out, err);
    }
    if (status == ORION_OK)
        status = check_vocabulary(gguf, out, err);
    ori_gguf_close(gguf);
    return status;
}

orion_status ori_headers_find(struct ori_headers *known, struct ori_header *header,
                              struct ori_header_facts *out, orion_error *err)
{
    struct stat st;
    const bool local = ori_header_stat(header, &st);

    if (local && ori_headers_get(known, &st, out))
        return ORION_OK;
    const orion_status status = read_facts(header, out, err);
    if (status == ORION_OK && local)
        ori_headers_put(known, &st, (int64_t)time(NULL), out);
    return status;
}
