/* Norm, residual, gate, rope, f16: what happens to a row between the matrices. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/approx.h"
#include "kernels/bits.h"
#include "kernels/scalar/lanes.h"

static float mean_of(const float *x, size_t n)
{
    float lanes[ORI_LANES] = {0};

    for (size_t i = 0; i < n; i++)
        lanes[i % ORI_LANES] += x[i];
    return ori_join_lanes(lanes) / (float)n;
}

/* The mean of (x - center)^2. */
static float spread_of(const float *x, size_t n, float center)
{
    float lanes[ORI_LANES] = {0};

    for (size_t i = 0; i < n; i++) {
        const float d = x[i] - center;
        lanes[i % ORI_LANES] = fmaf(d, d, lanes[i % ORI_LANES]);
    }
    return ori_join_lanes(lanes) / (float)n;
}

void ori_rms_norm_scalar(const float *x, const float *weight, float *out, size_t n, float eps)
{
    const float inverse = 1.0f / sqrtf(spread_of(x, n, 0) + eps);

    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * inverse * weight[i];
}

void ori_layer_norm_scalar(const float *x, const float *weight, const float *bias, float *out,
                           size_t n, float eps)
{
    const float mean = mean_of(x, n);
    const float inverse = 1.0f / sqrtf(spread_of(x, n, mean) + eps);

    for (size_t i = 0; i < n; i++)
        out[i] = fmaf((x[i] - mean) * inverse, weight[i], bias[i]);
}

void ori_add_scalar(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

void ori_add_scaled_scalar(float *x, const float *y, float by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = fmaf(by, y[i], x[i]);
}

void ori_silu_mul_scalar(const float *gate, const float *up, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = gate[i] / (1.0f + ori_expf(-gate[i])) * up[i];
}

void ori_gelu_scalar(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = ori_geluf(x[i]);
}

void ori_gelu_mul_scalar(const float *gate, const float *up, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ori_geluf(gate[i]) * up[i];
}

void ori_clamped_swiglu_scalar(const float *gate, const float *up, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ori_clamped_swigluf(gate[i], up[i]);
}

void ori_softcap_scalar(float *x, size_t n, float cap)
{
    for (size_t i = 0; i < n; i++)
        x[i] = ori_softcapf(x[i], cap, 2.0f / cap);
}

static void rotate(float *a, float *b, float cosine, float sine)
{
    const float x = *a, y = *b;

    *a = fmaf(x, cosine, -(y * sine));
    *b = fmaf(x, sine, y * cosine);
}

void ori_rope_scalar(float *head, const float *angles, size_t n_rot, bool neox)
{
    const size_t half = n_rot / 2;

    for (size_t i = 0; i < half; i++) {
        float *a = neox ? head + i : head + 2 * i;
        float *b = neox ? a + half : a + 1;
        rotate(a, b, angles[2 * i], angles[2 * i + 1]);
    }
}

void ori_f32_to_f16_scalar(const float *x, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ori_f32_to_f16(x[i]);
}

void ori_f32_to_f16_columns_scalar(const float *rows, size_t stride, size_t n_rows, uint16_t *out,
                                   size_t n)
{
    for (size_t r = 0; r < n_rows; r++)
        for (size_t i = 0; i < n; i++)
            out[i * ORI_ATTN_BLOCK + r] = ori_f32_to_f16(rows[r * stride + i]);
}

void ori_f16_to_f32_scalar(const uint16_t *x, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ori_f16_to_f32(x[i]);
}

/* The largest, NaN passed over; -infinity when there is none.  Which of +0 and
 * -0 comes out depends on the order, and does not matter to exp(x - max). */
static float max_of(const float *x, size_t n)
{
    float max = -INFINITY;

    for (size_t i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

double ori_log_sum_exp_scalar(const float *x, size_t n)
{
    const double max = max_of(x, n);
    double lanes[ORI_LANES] = {0};

    for (size_t i = 0; i < n; i++)
        lanes[i % ORI_LANES] += ori_exp(x[i] - max);
    return max + ori_log(ori_join_lanes_f64(lanes));
}
