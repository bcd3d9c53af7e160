#include "base/ram.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of /proc/meminfo, which counts in KiB. */
static bool take_line(const char *line, const char *key, uint64_t *bytes)
{
    const size_t len = strlen(key);

    if (strncmp(line, key, len) != 0)
        return false;
    *bytes = (uint64_t)strtoull(line + len, NULL, 10) * 1024;
    return true;
}

struct ori_ram ori_ram(void)
{
    struct ori_ram ram = {0};
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");

    while (file && fgets(line, sizeof(line), file))
        (void)(take_line(line, "MemTotal:", &ram.total_bytes) ||
               take_line(line, "MemAvailable:", &ram.available_bytes));
    if (file)
        (void)fclose(file);
    return ram;
}
