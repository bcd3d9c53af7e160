/* orion_session_*, orion_summarize, orion_perplexity. */
#include "api/handles.h"

#include <stdlib.h>
#include <string.h>

void orion_session_options_init(orion_session_options *options)
{
    *options = (orion_session_options){.size = sizeof(*options)};
}

void orion_generate_params_init(orion_generate_params *params)
{
    *params = (orion_generate_params){
        .size = sizeof(*params),
        .temperature = 0.7f,
        .top_k = 40,
        .top_p = 0.95f,
        .min_p = 0.05f,
        .repeat_penalty = 1.0f,
        .repeat_last_tokens = 64,
    };
}

void orion_summarize_options_init(orion_summarize_options *options)
{
    *options = (orion_summarize_options){.size = sizeof(*options)};
}

orion_status orion_session_new(const orion_model *model, const orion_session_options *options,
                               orion_session **out, orion_error *err)
{
    orion_session_options o;

    if (out)
        *out = NULL;
    if (!model || !out)
        return ori_api_null_argument(err, __func__);
    orion_session_options_init(&o);
    if (options && !ori_api_take_options(&o, sizeof(o), options))
        return ori_api_not_set_up(err, "orion_session_options_init");
    const orion_status known = ori_api_check_kv_type(o.kv_type, err);
    if (known != ORION_OK)
        return known;

    orion_session *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "the session");
    const struct ori_engine_options inner = {
        .context_tokens = o.context_tokens,
        .threads = o.threads,
        .batch_tokens = o.batch_tokens,
        .kv_type = (enum ori_kv_type)o.kv_type,
        .prefixes = o.prefix_cache ? o.prefix_cache->prefixes : NULL,
    };
    const orion_status status = ori_session_new(model->model, inner, &handle->session, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

void orion_session_free(orion_session *session)
{
    if (!session)
        return;
    ori_session_free(session->session);
    free(session);
}

void orion_session_reset(orion_session *session)
{
    if (session)
        ori_session_reset(session->session);
}

void orion_session_cancel(orion_session *session)
{
    if (session)
        ori_session_cancel(session->session);
}

orion_status ori_api_take_params(const orion_generate_params *params, struct ori_generate *out,
                                 orion_error *err)
{
    orion_generate_params p;

    orion_generate_params_init(&p);
    if (params && !ori_api_take_options(&p, sizeof(p), params))
        return ori_api_not_set_up(err, "orion_generate_params_init");
    if (p.n_stop > 0 && !p.stop)
        return ori_fail(err, ORION_E_ARGUMENT, "%zu stop texts were announced but none given",
                        p.n_stop);
    *out = (struct ori_generate){
        .sampling =
            {
                .temperature = p.temperature,
                .top_k = p.top_k,
                .top_p = p.top_p,
                .min_p = p.min_p,
                .repeat_penalty = p.repeat_penalty,
                .repeat_last_tokens = p.repeat_last_tokens,
                .frequency_penalty = p.frequency_penalty,
                .presence_penalty = p.presence_penalty,
                .seed = p.seed,
            },
        .max_tokens = p.max_tokens,
        .stop = p.stop,
        .n_stop = p.n_stop,
        .lookup = p.lookup,
    };
    return ORION_OK;
}

/* Outputs are empty after a failure, whichever it is. */
static void clear(orion_stats *stats)
{
    if (stats)
        *stats = (orion_stats){0};
}

orion_status orion_summarize(orion_session *session, const char *const *records, size_t n_records,
                             const orion_summarize_options *options, orion_text_fn on_text,
                             void *user, orion_stats *stats, orion_error *err)
{
    orion_summarize_options o;
    orion_generate_params params;
    orion_stats unwanted;
    struct ori_api_listener listener = {on_text, user};

    clear(stats);
    if (!session || !records || n_records == 0)
        return ori_api_null_argument(err, __func__);
    for (size_t i = 0; i < n_records; i++)
        if (!records[i])
            return ori_api_null_argument(err, __func__);
    orion_summarize_options_init(&o);
    if (options && !ori_api_take_options(&o, sizeof(o), options))
        return ori_api_not_set_up(err, "orion_summarize_options_init");

    orion_generate_params_init(&params);
    params.temperature = 0.0f; /* a summary is to be faithful, not varied */
    struct ori_summarize how = {
        .period = o.period,
        .language = o.language,
        .on_part = o.on_part,
        .on_part_user = o.on_part_user,
    };
    const orion_status status = ori_api_take_params(o.params ? o.params : &params, &how.how, err);
    if (status != ORION_OK)
        return status;
    how.how.on_piece = on_text ? ori_api_pass_answer : NULL;
    how.how.user = &listener;
    return ori_summarize(session->session, records, n_records, &how, stats ? stats : &unwanted,
                         err);
}

orion_status orion_perplexity(orion_session *session, const char *text, size_t text_bytes,
                              bool want_digest, orion_perplexity_result *out, orion_error *err)
{
    if (out)
        *out = (orion_perplexity_result){0};
    if (!session || !text || !out)
        return ori_api_null_argument(err, __func__);
    return ori_perplexity(session->session, text, text_bytes, want_digest, out, err);
}

orion_status orion_perplexity_each(orion_session *session, const char *text, size_t text_bytes,
                                   bool want_digest, orion_score_fn on_score, void *user,
                                   orion_perplexity_result *out, orion_error *err)
{
    if (out)
        *out = (orion_perplexity_result){0};
    if (!session || !text || !on_score || !out)
        return ori_api_null_argument(err, __func__);
    return ori_perplexity_each(session->session, text, text_bytes, want_digest, on_score, user, out,
                               err);
}
