/* memory.h - what this process takes of the machine's memory. */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct cli_memory {
    uint64_t peak_bytes; /* the most that was resident at a time, pages of mapped files included */
    uint64_t private_bytes; /* resident now and its own: not pages of a file */
};

/* All 0 where the system does not tell. */
struct cli_memory cli_memory_now(void);

/* From now on the peak is that of what comes; false where the system can't do that. */
bool cli_memory_forget_peak(void);

#endif
