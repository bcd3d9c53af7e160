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

/* Read the weights of a layer with all threads: adds the time and the bytes. */
void ori_bench_read_layer(struct ori_session *session, uint32_t layer, double *ms, uint64_t *bytes);

/* The matrices of a layer, but those of experts; some without rows. */
#define ORI_BENCH_WEIGHTS 7
void ori_bench_weights(const struct ori_layer *layer,
                       const struct ori_weight *out[ORI_BENCH_WEIGHTS]);

#endif
