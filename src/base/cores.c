/* How many physical cores this process may run on. */
#define _GNU_SOURCE /* sched_getaffinity, CPU_ISSET */
#include "base/pool.h"

#include <sched.h>
#include <stdio.h>

#define MAX_CPUS ((int)CPU_SETSIZE)

/* The lowest-numbered sibling that shares cpu's core; itself when unknown. */
static int first_sibling(int cpu)
{
    char path[128];
    int first = cpu;

    (void)snprintf(path, sizeof(path),
                   "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fscanf(file, "%d", &first) != 1)
            first = cpu;
        (void)fclose(file);
    }
    return first;
}

uint32_t ori_physical_cores(void)
{
    cpu_set_t allowed;
    bool seen[CPU_SETSIZE] = {false};
    uint32_t cores = 0;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return 1;
    for (int cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &allowed))
            continue;
        const int first = first_sibling(cpu);
        if (first >= 0 && first < MAX_CPUS && !seen[first]) {
            seen[first] = true;
            cores++;
        }
    }
    return cores > 0 ? cores : 1;
}
