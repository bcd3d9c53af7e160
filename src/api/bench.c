/* orion_bench*. */
#include "api/handles.h"

#include "runtime/bench.h"

orion_status orion_bench(orion_session *session, orion_bench_kind kind, uint32_t tokens,
                         uint32_t depth_tokens, orion_bench_result *out, orion_error *err)
{
    if (out)
        *out = (orion_bench_result){0};
    if (!session || !out)
        return ori_api_null_argument(err, __func__);
    if (kind != ORION_BENCH_PREFILL && kind != ORION_BENCH_DECODE)
        return ori_fail(err, ORION_E_ARGUMENT, "%d is no kind of measurement", (int)kind);
    return ori_bench(session->session, kind, tokens, depth_tokens, out, err);
}

orion_status orion_bench_machine(orion_session *session, orion_bench_peaks *out, orion_error *err)
{
    if (out)
        *out = (orion_bench_peaks){0};
    if (!session || !out)
        return ori_api_null_argument(err, __func__);
    return ori_bench_machine(session->session, out, err);
}
