/* Names to models: the manager, paths, pulls. */
#include "cli.h"
#include "interrupt.h"
#include "progress.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

int cli_manager(struct cli *cli, orion_manager **out)
{
    orion_manager_options options;
    orion_error err = CLI_NO_ERROR;

    if (!cli->manager) {
        orion_manager_options_init(&options);
        options.models_dir = cli->models_dir;
        options.hub_url = cli->hub_url;
        options.offline = cli->offline;
        options.ca_file = cli->ca_file;
        options.proxy = cli->proxy;
        options.config_file = cli->config_file;
        options.connections = cli->connections;
        options.names_only = cli->names_only;
        if (cli->limit_rate != CLI_BYTES_NOT_GIVEN)
            options.limit_bytes_per_second = cli->limit_rate > 0 ? cli->limit_rate : UINT64_MAX;
        const orion_status status = orion_manager_open(&options, &cli->manager, &err);
        if (status != ORION_OK)
            return cli_fail(cli, status, &err);
    }
    *out = cli->manager;
    return CLI_OK;
}

int cli_model_path(struct cli *cli, const char *ref, char **path)
{
    orion_manager *manager = NULL;
    orion_error err = CLI_NO_ERROR;
    const int code = cli_manager(cli, &manager);

    if (code != CLI_OK)
        return code;
    const orion_status status = orion_manager_path(manager, ref, path, &err);
    return status == ORION_OK ? CLI_OK : cli_fail(cli, status, &err);
}

/* ---- pulling ---- */

static void say_done(const struct cli *cli, const struct cli_progress *p)
{
    char bytes[CLI_NUMBER_BYTES], speed[CLI_NUMBER_BYTES], time[CLI_NUMBER_BYTES];
    const double seconds = cli_seconds() - p->start;
    const uint64_t fetched = p->done > p->resumed ? p->done - p->resumed : 0;

    if (!p->downloaded)
        cli_note(cli, "already here%s", p->verified ? ", and verified" : "");
    else if (seconds > 0)
        cli_note(cli, "%s: %s in %s (%s/s), verified", p->file, cli_text_bytes(fetched, bytes),
                 cli_text_duration(seconds, time),
                 cli_text_bytes((uint64_t)((double)fetched / seconds), speed));
}

static orion_status pull(struct cli *cli, const char *ref, struct cli_progress *progress,
                         char **path, orion_error *err)
{
    orion_pull_options options;

    cli_interrupt_install();
    orion_pull_options_init(&options);
    options.on_progress = cli_progress_step;
    options.user = progress;
    const orion_status status = orion_manager_pull(cli->manager, ref, &options, path, err);
    cli_progress_end(progress);
    return status;
}

static int pull_failed(const struct cli *cli, const char *ref, orion_status status,
                       const struct cli_progress *progress, const orion_error *err)
{
    char bytes[CLI_NUMBER_BYTES];

    if (status != ORION_E_CANCELLED)
        return cli_fail(cli, status, err);
    if (progress->done > 0)
        cli_error(cli, "stopped; %s of %s are kept. Run the same command again to go on.",
                  cli_text_bytes(progress->done, bytes), progress->file);
    else
        cli_error(cli, "stopped before anything of %s was fetched.", ref);
    return CLI_CANCELLED;
}

int cli_pull(struct cli *cli, const char *ref, char **path)
{
    struct cli_progress progress = {0};
    orion_manager *manager = NULL;
    orion_error err = CLI_NO_ERROR;
    const int code = cli_manager(cli, &manager);

    if (code != CLI_OK)
        return code;
    cli_progress_init(&progress, cli, ref);
    const orion_status status = pull(cli, ref, &progress, path, &err);
    if (status != ORION_OK)
        return pull_failed(cli, ref, status, &progress, &err);
    say_done(cli, &progress);
    return CLI_OK;
}

int cli_model_path_or_pull(struct cli *cli, const char *ref, char **path)
{
    struct cli_progress progress = {0};
    char announce[256];
    orion_manager *manager = NULL;
    orion_error absent = CLI_NO_ERROR, err = CLI_NO_ERROR;
    const int code = cli_manager(cli, &manager);

    if (code != CLI_OK)
        return code;
    orion_status status = orion_manager_path(manager, ref, path, &absent);
    if (status == ORION_OK)
        return CLI_OK;
    if (status != ORION_E_NOT_FOUND)
        return cli_fail(cli, status, &absent);

    /* Announced with the first bytes: until then it may be no model at all. */
    (void)snprintf(announce, sizeof(announce), "%.128s is not here yet; downloading it", ref);
    cli_progress_init(&progress, cli, ref);
    progress.announce = announce;
    status = pull(cli, ref, &progress, path, &err);
    if (status == ORION_OK) {
        say_done(cli, &progress);
        return CLI_OK;
    }
    /* Offline, or not a name that can be fetched: it is just absent. */
    if (!progress.downloaded && (status == ORION_E_NAME || status == ORION_E_OFFLINE))
        return cli_fail(cli, ORION_E_NOT_FOUND, &absent);
    return pull_failed(cli, ref, status, &progress, &err);
}

const orion_model_facts *cli_facts_of_path(struct cli *cli, const char *path,
                                           orion_model_list **list)
{
    orion_manager *manager = NULL;

    *list = NULL;
    if (cli_manager(cli, &manager) != CLI_OK ||
        orion_manager_downloaded(manager, list, NULL) != ORION_OK)
        return NULL;
    for (size_t i = 0; i < (*list)->count; i++)
        if (strcmp((*list)->models[i].path, path) == 0)
            return &(*list)->models[i];
    return NULL;
}
