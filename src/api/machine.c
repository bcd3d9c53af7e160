/* What this machine has, and whether that is enough. */
#include "api/handles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

/* A line of /proc/meminfo, which counts in KiB. */
static bool take_line(const char *line, const char *key, uint64_t *bytes)
{
    const size_t len = strlen(key);

    if (strncmp(line, key, len) != 0)
        return false;
    *bytes = (uint64_t)strtoull(line + len, NULL, 10) * 1024;
    return true;
}

static void read_memory(orion_machine *out)
{
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");

    while (file && fgets(line, sizeof(line), file))
        (void)(take_line(line, "MemTotal:", &out->memory_bytes) ||
               take_line(line, "MemAvailable:", &out->available_bytes));
    if (file)
        (void)fclose(file);
}

void orion_machine_get(orion_machine *out)
{
    struct ori_kernels kernels;

    /* A wish for a tier that there isn't is refused where a session begins. */
    if (ori_kernels_choose(&kernels, NULL) != ORION_OK)
        ori_kernels_init(&kernels, 0);
    *out = (orion_machine){.cpu_tier = kernels.name, .cores = ori_physical_cores()};
    read_memory(out);
}

orion_fit_verdict orion_fit_judge(uint64_t memory_bytes, uint64_t available_bytes)
{
    if (available_bytes > 0 && memory_bytes > available_bytes)
        return ORION_FIT_NOT;
    return memory_bytes > available_bytes / 8 * 7 ? ORION_FIT_TIGHT : ORION_FIT_FITS;
}
