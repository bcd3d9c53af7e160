/* orion_scheduler_*. */
#include "api/handles.h"

#include <stdlib.h>
#include <string.h>

void orion_scheduler_options_init(orion_scheduler_options *options)
{
    *options = (orion_scheduler_options){.size = sizeof(*options)};
}

void orion_request_init(orion_request *request)
{
    *request = (orion_request){.size = sizeof(*request), .top_logprobs = ORION_NO_LOGPROBS};
}

orion_status orion_scheduler_open(const orion_model *model, const orion_scheduler_options *options,
                                  orion_scheduler **out, orion_error *err)
{
    orion_scheduler_options o;

    if (out)
        *out = NULL;
    if (!model || !out)
        return ori_api_null_argument(err, __func__);
    orion_scheduler_options_init(&o);
    if (options && !ori_api_take_options(&o, sizeof(o), options))
        return ori_fail(err, ORION_E_ARGUMENT, "call orion_scheduler_options_init() first");
    const orion_status known = ori_api_check_kv_type(o.kv_type, err);
    if (known != ORION_OK)
        return known;

    orion_scheduler *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "the scheduler");
    const struct ori_engine_options inner = {
        .context_tokens = o.context_tokens,
        .threads = o.threads,
        .batch_tokens = o.batch_tokens,
        .sequences = o.sequences,
        .kv_type = (enum ori_kv_type)o.kv_type,
        .prefixes = o.prefix_cache ? o.prefix_cache->prefixes : NULL,
    };
    const orion_status status =
        ori_scheduler_open(model->model, &inner, o.waiting, &handle->scheduler, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

void orion_scheduler_close(orion_scheduler *scheduler)
{
    if (!scheduler)
        return;
    ori_scheduler_close(scheduler->scheduler);
    free(scheduler);
}

static orion_status make_prompt(const struct ori_model *model, const orion_request *r,
                                struct ori_job *job, orion_error *err)
{
    job->answer_starts = r->n_messages > 0;
    if (r->n_messages > 0)
        return ori_chat_tokens(model, r->messages, r->n_messages, &job->prompt, err);
    return ori_text_tokens(model, r->prompt, strlen(r->prompt), r->parse_special, &job->prompt,
                           err);
}

static orion_status check_request(const orion_request *r, orion_error *err)
{
    static const char call[] = "orion_scheduler_submit";

    if (!r->on_done || (r->n_messages > 0 ? !r->messages : !r->prompt))
        return ori_api_null_argument(err, call);
    if (r->top_logprobs < ORION_NO_LOGPROBS || r->top_logprobs > ORION_MAX_LOGPROBS)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "top_logprobs is %d, expected 0 to %d, or %d for none", r->top_logprobs,
                        ORION_MAX_LOGPROBS, ORION_NO_LOGPROBS);
    return ori_api_check_messages(r->messages, r->n_messages, call, err);
}

orion_status orion_scheduler_submit(orion_scheduler *scheduler, const orion_request *request,
                                    uint64_t *id, orion_error *err)
{
    orion_request r;

    if (id)
        *id = 0;
    if (!scheduler || !request)
        return ori_api_null_argument(err, __func__);
    orion_request_init(&r);
    if (!ori_api_take_options(&r, sizeof(r), request))
        return ori_fail(err, ORION_E_ARGUMENT, "call orion_request_init() first");
    struct ori_job job = {
        .top_logprobs = r.top_logprobs,
        .on_piece = r.on_piece,
        .on_done = r.on_done,
        .user = r.user,
    };
    orion_status status = check_request(&r, err);
    if (status == ORION_OK)
        status = ori_api_take_params(r.params, &job.how, err);
    if (status == ORION_OK)
        status = make_prompt(ori_scheduler_model(scheduler->scheduler), &r, &job, err);
    if (status == ORION_OK)
        status = ori_scheduler_submit(scheduler->scheduler, &job, id, err);
    ori_tokens_release(&job.prompt);
    return status;
}

void orion_scheduler_cancel(orion_scheduler *scheduler, uint64_t id)
{
    if (scheduler)
        ori_scheduler_cancel(scheduler->scheduler, id);
}

void orion_scheduler_get_load(const orion_scheduler *scheduler, orion_scheduler_load *out)
{
    *out = (orion_scheduler_load){0};
    if (scheduler)
        ori_scheduler_get_load(scheduler->scheduler, out);
}
