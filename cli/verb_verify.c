/* orion verify: is a model on disk what was released? */
#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"

#include <stdlib.h>

struct verify_args {
    bool repair;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .name = "repair",
     .offset = offsetof(struct verify_args, repair),
     .help = "fetch again what is damaged, and only that"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static int verify_one(struct cli *cli, const char *ref, bool repair)
{
    struct cli_progress progress = {0};
    orion_pull_options how;
    orion_error err = CLI_NO_ERROR;

    cli_progress_init(&progress, cli, ref);
    orion_pull_options_init(&how);
    how.on_progress = cli_progress_step;
    how.user = &progress;
    const orion_status status = repair ? orion_manager_repair(cli->manager, ref, &how, &err)
                                       : orion_manager_verify(cli->manager, ref, &how, &err);
    cli_progress_end(&progress);

    if (status == ORION_E_CANCELLED) {
        cli_error(cli, "stopped.");
        return CLI_CANCELLED;
    }
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    cli_note(cli, "%s is intact%s", ref, progress.downloaded ? " again" : "");
    return CLI_OK;
}

/* Of all models, those that have a hash to compare with; `*names` and what it
 * points at live as long as the list. */
static int all_models(struct cli *cli, orion_model_list **list, char ***names, int *n)
{
    orion_error err = CLI_NO_ERROR;
    const orion_status status = orion_manager_downloaded(cli->manager, list, &err);

    *n = 0;
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if ((*list)->count == 0)
        cli_note(cli, "there are no models here to verify.");
    *names = calloc((*list)->count + 1, sizeof(**names));
    if (!*names) {
        cli_error(cli, "not enough memory.");
        return CLI_NO_FIT;
    }
    for (size_t i = 0; i < (*list)->count; i++) {
        const orion_model_facts *m = &(*list)->models[i];
        if (m->sha256[0])
            (*names)[(*n)++] = (char *)(uintptr_t)m->id;
        else
            cli_note(cli, "%s was not pulled or imported; there is no hash to compare with", m->id);
    }
    return CLI_OK;
}

static int verify_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    orion_manager *manager = NULL;
    orion_model_list *list = NULL;
    char **names = NULL;
    int result = cli_manager(cli, &manager);

    if (result == CLI_OK && n_operands == 0) {
        result = all_models(cli, &list, &names, &n_operands);
        operands = names;
    }
    if (result != CLI_OK) {
        orion_model_list_free(list);
        return result;
    }
    cli_interrupt_install();
    json_t *results = cli->json ? json_object() : NULL;
    for (int i = 0; i < n_operands; i++) {
        const int code = verify_one(cli, operands[i], ((const struct verify_args *)args)->repair);
        if (results)
            (void)json_object_set_new(results, operands[i], json_boolean(code == CLI_OK));
        if (result == CLI_OK)
            result = code;
        if (code == CLI_CANCELLED)
            break;
    }
    if (cli->json) {
        const int code = cli_json_print(cli, json_pack("{s:o}", "intact", results));
        result = result == CLI_OK ? code : result;
    }
    free(names);
    orion_model_list_free(list);
    return result;
}

const struct cli_verb verb_verify = {
    .name = "verify",
    .usage = "[--repair] [REF...]",
    .summary = "hash models again and compare with their records",
    .details =
        "Without REF, all models that were pulled or imported. Ends with exit code 5 when a model\n"
        "is not what was downloaded, and with 1 when nothing was recorded to compare with (a file\n"
        "that you put there yourself). --repair fetches only the damaged ranges.",
    .options = sets,
    .args_bytes = sizeof(struct verify_args),
    .max_operands = -1,
    .run = verify_run,
};
