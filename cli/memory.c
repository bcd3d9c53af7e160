/* What the kernel says about this process, in /proc/self: proc(5). */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of "VmHWM:   1234 kB" in bytes when `line` has that label. */
static void take(const char *line, const char *label, uint64_t *bytes)
{
    const size_t n = strlen(label);

    if (strncmp(line, label, n) == 0)
        *bytes = strtoull(line + n, NULL, 10) * 1024;
}

struct cli_memory cli_memory_now(void)
{
    struct cli_memory memory = {0};
    char line[128];
    FILE *file = fopen("/proc/self/status", "re");

    while (file && fgets(line, sizeof(line), file)) {
        take(line, "VmHWM:", &memory.peak_bytes);
        take(line, "RssAnon:", &memory.private_bytes);
    }
    if (file)
        (void)fclose(file);
    return memory;
}

bool cli_memory_forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");

    if (!file)
        return false;
    const bool written = fputs("5", file) >= 0;
    return fclose(file) == 0 && written;
}
