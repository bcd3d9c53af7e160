/* orion help: the pages that the tables make. */
#include "cli.h"

#include <stdio.h>

static int help_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    (void)args;
    if (n_operands == 0) {
        cli_print_overview(stdout);
        return CLI_OK;
    }
    const struct cli_verb *verb = cli_find_verb(cli, operands[0]);
    if (!verb)
        return CLI_USAGE;
    cli_print_verb_help(verb);
    return CLI_OK;
}

const struct cli_verb verb_help = {
    .name = "help",
    .usage = "[VERB]",
    .summary = "explain a verb",
    .max_operands = 1,
    .run = help_run,
};
