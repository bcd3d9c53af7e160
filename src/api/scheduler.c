/* Stands in until the scheduler is there: refuses to open one. */
#include "api/handles.h"

void orion_scheduler_options_init(orion_scheduler_options *options)
{
    *options = (orion_scheduler_options){.size = sizeof(*options)};
}

orion_status orion_scheduler_open(const orion_model *model, const orion_scheduler_options *options,
                                  orion_scheduler **out, orion_error *err)
{
    (void)model;
    (void)options;
    *out = NULL;
    return ori_fail(err, ORION_E_UNSUPPORTED, "this version runs no requests yet");
}

void orion_scheduler_close(orion_scheduler *scheduler)
{
    (void)scheduler;
}

void orion_request_init(orion_request *request)
{
    *request = (orion_request){.size = sizeof(*request), .top_logprobs = ORION_NO_LOGPROBS};
}

orion_status orion_scheduler_submit(orion_scheduler *scheduler, const orion_request *request,
                                    uint64_t *id, orion_error *err)
{
    (void)scheduler;
    (void)request;
    (void)id;
    return ori_fail(err, ORION_E_UNSUPPORTED, "this version runs no requests yet");
}

void orion_scheduler_cancel(orion_scheduler *scheduler, uint64_t id)
{
    (void)scheduler;
    (void)id;
}

void orion_scheduler_get_load(const orion_scheduler *scheduler, orion_scheduler_load *out)
{
    (void)scheduler;
    *out = (orion_scheduler_load){0};
}
