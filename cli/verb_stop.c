/* orion stop: let the server of this machine forget a model. */
#include "cli.h"

struct stop_args {
    const char *server;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "server",
     .offset = offsetof(struct stop_args, server),
     .value = "URL",
     .help = "the server to tell (default: the one that runs here)"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static int stop_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct stop_args *a = args;
    orion_manager *manager = NULL;
    orion_endpoint *server = NULL;
    orion_error err = CLI_NO_ERROR;
    int code = cli_manager(cli, &manager);

    if (code != CLI_OK)
        return code;
    orion_status status = orion_endpoint_open_server(manager, a->server, &server, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    for (int i = 0; i < n_operands; i++) { /* one that fails leaves the rest to be tried */
        status = orion_endpoint_unload(server, operands[i], &err);
        if (status != ORION_OK)
            code = cli_fail(cli, status, &err);
    }
    orion_endpoint_close(server);
    return code;
}

const struct cli_verb verb_stop = {
    .name = "stop",
    .usage = "MODEL... [--server URL]",
    .summary = "take models out of the memory of the running server",
    .details = "What is under way ends first; no new request is taken meanwhile. The model stays\n"
               "on disk, and the next request loads it again.",
    .options = sets,
    .args_bytes = sizeof(struct stop_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = stop_run,
};
