#include "runtime/scheduler_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* One block of memory: pointers first, then the texts. */
static orion_status copy_stop_texts(struct ori_request *r, const struct ori_generate *how,
                                    orion_error *err)
{
    size_t bytes;
    bool fits = ori_mul(how->n_stop, sizeof(char *), &bytes);

    if (how->n_stop == 0)
        return ORION_OK;
    for (size_t i = 0; i < how->n_stop; i++)
        fits = fits && ori_add(bytes, strlen(how->stop[i]) + 1, &bytes);
    const char **texts = fits ? malloc(bytes) : NULL;
    if (!texts)
        return ori_fail_nomem(err, "stop texts");
    char *at = (char *)(texts + how->n_stop);
    for (size_t i = 0; i < how->n_stop; i++) {
        const size_t len = strlen(how->stop[i]) + 1;
        texts[i] = memcpy(at, how->stop[i], len);
        at += len;
    }
    r->stop_texts = texts;
    r->how.stop = texts;
    return ORION_OK;
}

orion_status ori_request_new(const struct ori_engine *engine, struct ori_job *job,
                             struct ori_request **out, orion_error *err)
{
    *out = NULL;
    struct ori_request *r = calloc(1, sizeof(*r));
    if (!r)
        return ori_fail_nomem(err, "the request");
    r->answer_starts = job->answer_starts;
    r->how = job->how;
    r->how.choices = NULL;
    if (job->top_logprobs >= 0) {
        ori_choices_init(&r->choices, engine, (uint32_t)job->top_logprobs);
        r->how.choices = &r->choices;
    }
    r->on_done = job->on_done;
    r->asked_ms = ori_now_ms();
    r->stats.prompt_tokens = (uint32_t)job->prompt.count;
    const orion_status status = copy_stop_texts(r, &job->how, err);
    if (status != ORION_OK) {
        ori_request_free(r);
        return status;
    }
    r->prompt = job->prompt;
    job->prompt = (struct ori_tokens){0};
    *out = r;
    return ORION_OK;
}

void ori_request_free(struct ori_request *r)
{
    if (!r)
        return;
    ori_tokens_release(&r->prompt);
    if (r->how.choices)
        ori_choices_release(&r->choices);
    free(r->stop_texts);
    free(r);
}

orion_status ori_request_start(struct ori_request *r, const struct ori_engine *engine,
                               struct ori_sequence *sequence, orion_error *err)
{
    const orion_status status = ori_answer_init(&r->answer, engine, sequence, &r->how,
                                                r->answer_starts, &r->cancel, &r->stats, err);
    r->answer.asked_ms = r->asked_ms;
    return status;
}

bool ori_request_take(struct ori_request *r, const float *logits, orion_status *status,
                      orion_error *err)
{
    *status = ori_answer_take(&r->answer, logits, err);
    return *status != ORION_OK || r->answer.over;
}

void ori_request_end(struct ori_request *r, orion_status status, const orion_error *err)
{
    static const orion_error none = {.status = ORION_OK, .offset = ORION_NO_OFFSET};

    ori_answer_end(&r->answer, status);
    if (status == ORION_E_CANCELLED)
        r->stats.finish = ORION_FINISH_CANCELLED;
    r->on_done(status, &r->stats, status == ORION_OK ? &none : err, r->how.user);
    ori_request_free(r);
}
