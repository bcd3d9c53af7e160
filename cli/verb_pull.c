/* orion pull: fetch models from a hub. */
#include "cli.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

static int print_path(struct cli *cli, const char *path)
{
    orion_model_list *list;

    if (!cli->json)
        return puts(path) == EOF ? cli_finish_output(cli) : CLI_OK;
    const orion_model_facts *facts = cli_facts_of_path(cli, path, &list);
    const int code = cli_json_print(cli, facts ? cli_json_facts(facts)
                                               : json_pack("{s:o}", "path", cli_json_text(path)));
    orion_model_list_free(list);
    return code;
}

static int pull_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    int result = CLI_OK;

    (void)args;
    for (int i = 0; i < n_operands; i++) {
        char *path = NULL;
        int code = cli_pull(cli, operands[i], &path);
        if (code == CLI_OK)
            code = print_path(cli, path);
        orion_free(path);
        if (result == CLI_OK)
            result = code;
        if (code == CLI_CANCELLED)
            break;
    }
    return result;
}

const struct cli_verb verb_pull = {
    .name = "pull",
    .usage = "REF...",
    .summary = "fetch models from a hub, and verify them",
    .details = "REF is a name from the catalogue (orion list --available), ORG/REPO[:QUANT], or\n"
               "ORG/REPO/FILE.gguf. An interrupted pull goes on where it stopped when the same\n"
               "command is given again. What is already there and intact is not fetched again.\n"
               "The path of each model is printed on standard output.",
    .min_operands = 1,
    .max_operands = -1,
    .run = pull_run,
};
