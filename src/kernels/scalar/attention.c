/* Attention of one query over a stretch of the KV cache, with online softmax in
 * blocks of absolute positions: the same arithmetic however the prompt was cut
 * and wherever a sliding window begins. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/approx.h"
#include "kernels/bits.h"
#include "kernels/scalar/lanes.h"

static float score(const float *q, const uint16_t *k, size_t head_dim)
{
    float lanes[ORI_LANES] = {0};

    for (size_t i = 0; i < head_dim; i++)
        lanes[i % ORI_LANES] = fmaf(q[i], ori_f16_to_f32(k[i]), lanes[i % ORI_LANES]);
    return ori_join_lanes(lanes);
}

/* What has been seen so far. */
struct running {
    float max;
    float sum;
    float acc[ORI_HEAD_DIM_MAX];
};

/* Positions [begin, end) of one block, which lies in one stretch of the ring. */
static void attend_block(const struct ori_attn *a, size_t begin, size_t end, struct running *run)
{
    const uint16_t *keys = a->k + (begin % a->slots) * a->stride;
    const uint16_t *values = a->v + (begin % a->slots) * a->stride;
    float p[ORI_ATTN_BLOCK];
    float lanes[ORI_LANES] = {0};
    float max = run->max;

    for (size_t t = begin; t < end; t++) {
        const float s = score(a->q, keys + (t - begin) * a->stride, a->head_dim) * a->scale;
        p[t % ORI_ATTN_BLOCK] = s;
        max = s > max ? s : max;
    }

    const float correction = ori_expf(run->max - max);
    for (size_t i = 0; i < a->head_dim; i++)
        run->acc[i] *= correction;

    for (size_t t = begin; t < end; t++) {
        const float weight = ori_expf(p[t % ORI_ATTN_BLOCK] - max);
        const uint16_t *v = values + (t - begin) * a->stride;

        lanes[t % ORI_LANES] += weight;
        for (size_t i = 0; i < a->head_dim; i++)
            run->acc[i] = fmaf(weight, ori_f16_to_f32(v[i]), run->acc[i]);
    }
    run->sum = fmaf(run->sum, correction, ori_join_lanes(lanes));
    run->max = max;
}

void ori_attention_scalar(const struct ori_attn *a)
{
    struct running run = {.max = -INFINITY};

    for (size_t t = a->begin; t < a->end;) {
        const size_t next = t - t % ORI_ATTN_BLOCK + ORI_ATTN_BLOCK;
        const size_t stop = next < a->end ? next : a->end;

        attend_block(a, t, stop, &run);
        t = stop;
    }
    for (size_t i = 0; i < a->head_dim; i++)
        a->out[i] = run.acc[i] / run.sum;
}
