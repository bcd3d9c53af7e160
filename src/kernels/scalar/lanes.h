/* The 16 virtual lanes of float reductions. */
#ifndef ORI_KERNELS_LANES_H
#define ORI_KERNELS_LANES_H

#define ORI_LANES 16

/* Joins the lanes: 8 apart, then 4, 2, 1. */
static inline float ori_join_lanes(const float lanes[ORI_LANES])
{
    float l[ORI_LANES / 2];

    for (int j = 0; j < 8; j++)
        l[j] = lanes[j] + lanes[j + 8];
    for (int half = 4; half >= 1; half /= 2)
        for (int j = 0; j < half; j++)
            l[j] += l[j + half];
    return l[0];
}

static inline double ori_join_lanes_f64(const double lanes[ORI_LANES])
{
    double l[ORI_LANES / 2];

    for (int j = 0; j < 8; j++)
        l[j] = lanes[j] + lanes[j + 8];
    for (int half = 4; half >= 1; half /= 2)
        for (int j = 0; j < half; j++)
            l[j] += l[j + half];
    return l[0];
}

#endif
