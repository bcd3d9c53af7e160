/* orion verify: is a model on disk what was released? */
#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"

static int verify_one(struct cli *cli, const char *ref)
{
    struct cli_progress progress = {0};
    orion_pull_options options;
    orion_error err = CLI_NO_ERROR;

    cli_progress_init(&progress, cli, ref);
    orion_pull_options_init(&options);
    options.on_progress = cli_progress_step;
    options.user = &progress;
    const orion_status status = orion_manager_verify(cli->manager, ref, &options, &err);
    cli_progress_end(&progress);

    if (status == ORION_E_CANCELLED) {
        cli_error(cli, "stopped.");
        return CLI_CANCELLED;
    }
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    cli_note(cli, "%s is intact", ref);
    return CLI_OK;
}

static int verify_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    orion_manager *manager = NULL;
    int result = cli_manager(cli, &manager);

    (void)args;
    if (result != CLI_OK)
        return result;
    cli_interrupt_install();
    json_t *results = cli->json ? json_object() : NULL;
    for (int i = 0; i < n_operands; i++) {
        const int code = verify_one(cli, operands[i]);
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
    return result;
}

const struct cli_verb verb_verify = {
    .name = "verify",
    .usage = "REF...",
    .summary = "hash models again and compare with their records",
    .details = "Ends with exit code 5 when a model is not what was downloaded, and with 1 when\n"
               "nothing was recorded to compare with (a file that you put there yourself).",
    .min_operands = 1,
    .max_operands = -1,
    .run = verify_run,
};
