/* From a chat or a text to tokens, and from tokens to an answer. */
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

/* Does the template write the BOS token itself?  Then the tokenizer need not. */
static bool begins_with_bos(const struct ori_model *model, const struct ori_chat_prompt *prompt)
{
    const size_t len = model->bos_text ? strlen(model->bos_text) : 0;
    return len > 0 && prompt->n_spans > 0 && prompt->spans[0].special &&
           prompt->spans[0].len >= len && memcmp(prompt->text.data, model->bos_text, len) == 0;
}

orion_status ori_chat_tokens(const struct ori_model *model, const struct ori_chat_ask *ask,
                             struct ori_tokens *out, struct ori_reply_form *form, orion_error *err)
{
    struct ori_chat_prompt prompt = {0};
    struct ori_reply_form unwanted;
    struct ori_piece *pieces = NULL;

    orion_status status = ori_chat_layout(&model->chat, ask, &prompt, form ? form : &unwanted, err);
    if (status != ORION_OK)
        goto done;
    pieces = ori_calloc_array(prompt.n_spans, sizeof(*pieces));
    if (!pieces) {
        status = ori_fail_nomem(err, "the prompt");
        goto done;
    }
    for (size_t i = 0; i < prompt.n_spans; i++)
        pieces[i] = (struct ori_piece){
            .text = ori_buf_text(&prompt.text) + prompt.spans[i].offset,
            .len = prompt.spans[i].len,
            .special = prompt.spans[i].special,
        };
    status = ori_vocab_encode(model->vocab, pieces, prompt.n_spans,
                              begins_with_bos(model, &prompt) ? 0 : ORI_BEGIN, out, err);
done:
    free(pieces);
    ori_chat_prompt_release(&prompt);
    return status;
}

orion_status ori_text_tokens(const struct ori_model *model, const char *text, size_t len,
                             bool parse_special, struct ori_tokens *out, orion_error *err)
{
    const struct ori_piece piece = {text, len, parse_special};
    return ori_vocab_encode(model->vocab, &piece, 1, ORI_BEGIN, out, err);
}

static orion_status answer_loop(struct ori_session *s, struct ori_answer *answer, orion_error *err)
{
    orion_status status = ori_answer_begin(answer, err);

    for (;;) {
        if (status == ORION_OK)
            status = ori_answer_take(answer, s->logits, err);
        if (status != ORION_OK || answer->over)
            return status;
        status =
            ori_session_advance(s, ori_answer_next(answer, 0, s->engine.batch_tokens - 1), err);
    }
}

orion_status ori_generate_tokens(struct ori_session *s, const struct ori_tokens *prompt,
                                 bool answer_starts, const struct ori_generate *how,
                                 orion_stats *stats, orion_error *err)
{
    struct ori_answer answer;

    *stats = (orion_stats){0};
    orion_status status = ori_generate_check(how, prompt->count, s->engine.context_tokens, err);
    if (status != ORION_OK)
        return status;
    stats->prompt_tokens = (uint32_t)prompt->count;

    status = ori_answer_init(&answer, &s->engine, &s->sequence, how, answer_starts, &s->cancel,
                             stats, err);
    if (status == ORION_OK)
        status =
            ori_session_prefill(s, prompt->ids, stats->prompt_tokens, &stats->cached_tokens, err);
    if (status == ORION_OK)
        status = answer_loop(s, &answer, err);
    ori_answer_end(&answer, status);
    return status;
}
