/* orion_scheduler_*. */
#include "api/handles.h"

#include <stdlib.h>
#include <string.h>

void orion_scheduler_options_init(orion_scheduler_options *options)
{
    *options = (orion_scheduler_options){.size = sizeof(*options)};
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
        return ori_api_not_set_up(err, "orion_scheduler_options_init");
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

orion_status orion_scheduler_submit(orion_scheduler *scheduler, const orion_request *request,
                                    uint64_t *id, orion_error *err)
{
    orion_request r;

    if (id)
        *id = 0;
    if (!scheduler || !request)
        return ori_api_null_argument(err, __func__);
    orion_status status = ori_api_take_request(request, __func__, &r, err);
    if (status != ORION_OK)
        return status;
    if (!r.on_done)
        return ori_api_null_argument(err, __func__);
    struct ori_job job = {.top_logprobs = r.top_logprobs, .on_done = r.on_done};
    status = ori_api_make_prompt(ori_scheduler_model(scheduler->scheduler), &r, &job.prompt,
                                 &job.answer_starts, &job.how, err);
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

void orion_scheduler_give_back(orion_scheduler *scheduler, uint32_t idle_s)
{
    if (scheduler)
        ori_scheduler_give_back(scheduler->scheduler, idle_s);
}

void orion_scheduler_get_load(const orion_scheduler *scheduler, orion_scheduler_load *out)
{
    *out = (orion_scheduler_load){0};
    if (scheduler)
        ori_scheduler_get_load(scheduler->scheduler, out);
}
