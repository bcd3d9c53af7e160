/* The memory of this machine. */
#ifndef ORI_BASE_RAM_H
#define ORI_BASE_RAM_H

#include <stdint.h>

/* Both are 0 when they are not known.  What files have in the page cache is
 * available: the system gives it up for others. */
struct ori_ram {
    uint64_t total_bytes, available_bytes;
};

struct ori_ram ori_ram(void);

#endif
