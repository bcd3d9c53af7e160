/* What the kernel tests share: the scalar tier, and random rows. */
#ifndef ORI_TESTS_KERNELS_INPUT_H
#define ORI_TESTS_KERNELS_INPUT_H

#include "kernels/kernels.h"

static inline const struct ori_kernels *scalar(void)
{
    static struct ori_kernels kernels;

    ori_kernels_init(&kernels, 0);
    return &kernels;
}

/* splitmix64, and a bell-shaped float of variance 1 made from it. */
static inline uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline double uniform(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

static inline float normal(uint64_t *state)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return (float)sum;
}

static inline void fill_normal(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = normal(&seed);
}

#endif
