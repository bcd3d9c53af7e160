#include "base/clock.h"

#include <time.h>

uint64_t ori_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double ori_cpu_ms(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used); /* cannot fail on Linux */
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

double ori_now_ms(void)
{
    return (double)ori_now_ns() / 1e6;
}
