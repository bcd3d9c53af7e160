/* global.h - the options that every verb takes. */
#ifndef CLI_GLOBAL_H
#define CLI_GLOBAL_H

#include "options.h"

extern const struct cli_option cli_global_options[]; /* fill struct cli */

#endif
