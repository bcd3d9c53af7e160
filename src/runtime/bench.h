/* Measuring a session: how fast tokens go through it, and what the machine
 * would give to anyone. */
#ifndef ORI_RUNTIME_BENCH_H
#define ORI_RUNTIME_BENCH_H

#include "runtime/session.h"

/* What orion_bench() promises. */
orion_status ori_bench(struct ori_session *session, orion_bench_kind kind, uint32_t n_tokens,
                       uint32_t depth_tokens, orion_bench_result *out, orion_error *err);

/* What orion_bench_machine() promises. */
orion_status ori_bench_machine(struct ori_session *session, orion_bench_peaks *out,
                               orion_error *err);

#endif
