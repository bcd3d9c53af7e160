#include "base/clock.h"

#include <time.h>

uint64_t ori_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double ori_now_ms(void)
{
    return (double)ori_now_ns() / 1e6;
}
