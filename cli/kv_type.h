/* kv_type.h - the option --kv-type, for every verb that has to do with it. */
#ifndef CLI_KV_TYPE_H
#define CLI_KV_TYPE_H

#include "cli.h"

/* A row for a table of options; the value is a const char *, NULL when it was
 * not given. */
#define CLI_KV_TYPE_OPTION(value_offset)                                                           \
    {                                                                                              \
        .kind = CLI_KIND_CHOICE, .name = "kv-type", .offset = (value_offset), .value = "TYPE",     \
        .help = "cache in f16 (default), q8_0 (half as large) or f32", .choices = "f16|q8_0|f32"   \
    }

orion_kv_type cli_kv_type(const char *choice);

const char *cli_kv_type_name(orion_kv_type type);

#endif
