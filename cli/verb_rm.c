/* orion rm: delete models from disk. */
#include "cli.h"
#include "json.h"
#include "text.h"

struct rm_args {
    bool force, partials;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .letter = 'f',
     .name = "force",
     .offset = offsetof(struct rm_args, force),
     .help = "succeed when a model is not there"},
    {.kind = CLI_KIND_FLAG,
     .name = "partials",
     .offset = offsetof(struct rm_args, partials),
     .help = "delete unfinished downloads only; all of them when no REF is given"},
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

static int remove_partials(const struct cli *cli, const char *ref, bool force, size_t *n,
                           uint64_t *bytes)
{
    orion_error err = CLI_NO_ERROR;
    size_t removed = 0;
    uint64_t freed = 0;
    const orion_status status =
        orion_manager_remove_partials(cli->manager, ref, &removed, &freed, &err);

    *n += removed;
    *bytes += freed;
    if (status == ORION_OK || (status == ORION_E_NOT_FOUND && force))
        return CLI_OK;
    return cli_fail(cli, status, &err);
}

static int partials_run(const struct cli *cli, bool force, int n_operands, char **operands)
{
    char text[CLI_NUMBER_BYTES];
    uint64_t bytes = 0;
    size_t n = 0;
    int result = n_operands == 0 ? remove_partials(cli, NULL, force, &n, &bytes) : CLI_OK;

    for (int i = 0; i < n_operands; i++) {
        const int code = remove_partials(cli, operands[i], force, &n, &bytes);
        if (result == CLI_OK)
            result = code;
    }
    if (!cli->json) {
        cli_note(cli, "removed %zu unfinished download%s, %s freed", n, n == 1 ? "" : "s",
                 cli_text_bytes(bytes, text));
        return result;
    }
    const int code =
        cli_json_print(cli, json_pack("{s:o, s:o}", "removed_partials", cli_json_count(n),
                                      "freed_bytes", cli_json_count(bytes)));
    return result == CLI_OK ? code : result;
}

static int rm_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct rm_args *a = args;
    orion_manager *manager = NULL;
    int result = cli_manager(cli, &manager);

    if (result != CLI_OK)
        return result;
    if (a->partials)
        return partials_run(cli, a->force, n_operands, operands);
    if (n_operands == 0)
        return cli_usage(cli, "too few arguments. Usage: orion rm [-f] [--partials] REF...");
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
    .usage = "[-f] [--partials] REF...",
    .summary = "delete models from disk",
    .details = "Deletes the file, its record and any unfinished download of it. Only files below\n"
               "the models directory are ever deleted.",
    .options = sets,
    .args_bytes = sizeof(struct rm_args),
    .max_operands = -1,
    .run = rm_run,
};
