/* orion rm: delete models from disk. */
#include "cli.h"
#include "json.h"

struct rm_args {
    bool force;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .letter = 'f',
     .name = "force",
     .offset = offsetof(struct rm_args, force),
     .help = "succeed when a model is not there"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

/* Deletes one; adds it to `removed` when that is given. */
static int remove_one(struct cli *cli, const char *ref, bool force, json_t *removed)
{
    orion_error err = CLI_NO_ERROR;
    const orion_status status = orion_manager_remove(cli->manager, ref, &err);

    if (status == ORION_E_NOT_FOUND && force)
        return CLI_OK;
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (removed)
        (void)json_array_append_new(removed, cli_json_text(ref));
    else
        cli_note(cli, "removed %s", ref);
    return CLI_OK;
}

static int rm_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct rm_args *a = args;
    orion_manager *manager = NULL;
    int result = cli_manager(cli, &manager);

    if (result != CLI_OK)
        return result;
    json_t *removed = cli->json ? json_array() : NULL;
    for (int i = 0; i < n_operands; i++) {
        const int code = remove_one(cli, operands[i], a->force, removed);
        if (result == CLI_OK)
            result = code; /* and go on: the rest can still be removed */
    }
    if (cli->json) {
        const int code = cli_json_print(cli, json_pack("{s:o}", "removed", removed));
        result = result == CLI_OK ? code : result;
    }
    return result;
}

const struct cli_verb verb_rm = {
    .name = "rm",
    .usage = "[-f] REF...",
    .summary = "delete models from disk",
    .details = "Deletes the file, its record and any unfinished download of it. Only files below\n"
               "the models directory are ever deleted.",
    .options = sets,
    .args_bytes = sizeof(struct rm_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = rm_run,
};
