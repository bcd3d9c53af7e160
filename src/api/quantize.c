/* orion_quantize*. */
#include "quantize/quantize.h"
#include "api/handles.h"
#include "quantize/mix.h"

void orion_quantize_params_init(orion_quantize_params *params)
{
    *params = (orion_quantize_params){.size = sizeof(*params), .type = "Q4_K_M"};
}

orion_status orion_quantize(const char *in, const char *out, const orion_quantize_params *params,
                            orion_quantize_result *result, orion_error *err)
{
    orion_quantize_params p;
    orion_quantize_result r = {0};

    if (result)
        *result = r;
    orion_quantize_params_init(&p);
    if (params && !ori_api_take_options(&p, sizeof(p), params))
        return ori_api_not_set_up(err, "orion_quantize_params_init");
    if (!in || !out || !p.type)
        return ori_api_null_argument(err, __func__);
    const orion_status status = ori_quantize(in, out, &p, &r, err);
    if (result)
        *result = r;
    return status;
}

const char *orion_quantize_type(size_t index)
{
    return ori_mix_name(index);
}
