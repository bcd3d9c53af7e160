/* Names of the types of a KV cache. */
#include "kv_type.h"

#include <string.h>

static const char *const names[] = {
    [ORION_KV_F16] = "f16", [ORION_KV_Q8_0] = "q8_0", [ORION_KV_F32] = "f32"};

orion_kv_type cli_kv_type(const char *choice)
{
    for (size_t i = 0; choice && i < CLI_COUNT(names); i++)
        if (strcmp(choice, names[i]) == 0)
            return (orion_kv_type)i;
    return ORION_KV_F16;
}

const char *cli_kv_type_name(orion_kv_type type)
{
    return names[type];
}
