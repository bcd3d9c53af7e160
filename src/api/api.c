/* Version, memory and what the other files of this room share. */
#include "api/handles.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *orion_version(void)
{
    return VERSION_TEXT(ORION_VERSION_MAJOR, ORION_VERSION_MINOR, ORION_VERSION_PATCH);
}

void orion_free(void *memory)
{
    free(memory);
}

orion_status ori_api_null_argument(orion_error *err, const char *call)
{
    return ori_fail(err, ORION_E_ARGUMENT, "%s() was given NULL where it needs a value", call);
}

orion_status ori_api_not_set_up(orion_error *err, const char *init)
{
    return ori_fail(err, ORION_E_ARGUMENT, "the options were not set up: call %s() first", init);
}

orion_status ori_api_check_kv_type(orion_kv_type type, orion_error *err)
{
    if ((unsigned)type < ORI_KV_COUNT)
        return ORION_OK;
    return ori_fail(err, ORION_E_ARGUMENT, "%d is no type of a KV cache", (int)type);
}

bool ori_api_take_options(void *ours, size_t our_bytes, const void *theirs)
{
    size_t their_bytes;

    memcpy(&their_bytes, theirs, sizeof(their_bytes));
    if (their_bytes < sizeof(their_bytes))
        return false;
    memcpy(ours, theirs, their_bytes < our_bytes ? their_bytes : our_bytes);
    memcpy(ours, &our_bytes, sizeof(our_bytes));
    return true;
}
