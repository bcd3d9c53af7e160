/* What this machine has, and whether that is enough. */
#include "api/handles.h"

#include "base/pool.h"
#include "base/ram.h"

void orion_machine_get(orion_machine *out)
{
    const struct ori_ram ram = ori_ram();
    struct ori_kernels kernels;

    /* A wish for a tier that there isn't is refused where a session begins. */
    if (ori_kernels_choose(&kernels, NULL) != ORION_OK)
        ori_kernels_init(&kernels, 0);
    *out = (orion_machine){
        .cpu_tier = kernels.name,
        .cores = ori_physical_cores(),
        .memory_bytes = ram.total_bytes,
        .available_bytes = ram.available_bytes,
    };
}

orion_fit_verdict orion_fit_judge(uint64_t memory_bytes, uint64_t available_bytes)
{
    if (available_bytes > 0 && memory_bytes > available_bytes)
        return ORION_FIT_NOT;
    return memory_bytes > available_bytes / 8 * 7 ? ORION_FIT_TIGHT : ORION_FIT_FITS;
}
