/* orion path: where a model lies. */
#include "cli.h"
#include "json.h"

#include <stdio.h>

static int path_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    char *path = NULL;
    int code = cli_model_path(cli, operands[0], &path);

    (void)args;
    (void)n_operands;
    if (code == CLI_OK && cli->json)
        code = cli_json_print(cli, json_pack("{s:o}", "path", cli_json_text(path)));
    else if (code == CLI_OK)
        (void)puts(path);
    orion_free(path);
    return code;
}

const struct cli_verb verb_path = {
    .name = "path",
    .usage = "REF",
    .summary = "print where a model lies on disk",
    .min_operands = 1,
    .max_operands = 1,
    .run = path_run,
};
