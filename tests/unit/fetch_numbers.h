/* Sizes and times that tests of the transfer engine count in. */
#ifndef FETCH_NUMBERS_H
#define FETCH_NUMBERS_H

#include <stdint.h>

#define KB 1024ull
#define MB (1024 * KB)
#define GB (1024 * MB)
#define SECOND 1000000000ull

/* Numbers that are the same in every run. */
static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

#endif
