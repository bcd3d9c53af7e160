/* orion ps: what the server of this machine holds in memory. */
#include "cli.h"
#include "json.h"
#include "kv_type.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <time.h>

struct ps_args {
    const char *server;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "server",
     .offset = offsetof(struct ps_args, server),
     .value = "URL",
     .help = "the server to ask (default: the one that runs here)"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static const struct cli_column columns[] = {{"ID", false},     {"MEMORY", true},  {"CONTEXT", true},
                                            {"RUNNING", true}, {"WAITING", true}, {"UNTIL", false}};

static void write_until(const orion_loaded *m, char *out, size_t out_bytes)
{
    char time_left[CLI_NUMBER_BYTES];
    const int64_t left = m->expires_unix - (int64_t)time(NULL);

    if (m->unloading)
        (void)snprintf(out, out_bytes, "going");
    else if (m->running > 0 || m->waiting > 0)
        (void)snprintf(out, out_bytes, "in use");
    else if (m->expires_unix == 0)
        (void)snprintf(out, out_bytes, "always");
    else
        (void)snprintf(out, out_bytes, "%s from now",
                       cli_text_duration(left > 0 ? (double)left : 0, time_left));
}

static void cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_loaded *m = &((const orion_loaded *)rows)[row];
    char bytes[CLI_NUMBER_BYTES];
    const uint32_t counts[] = {m->context_tokens, m->running, m->waiting};

    if (column == 0)
        (void)snprintf(out, out_bytes, "%s", m->id);
    else if (column == 1)
        (void)snprintf(out, out_bytes, "%s", cli_text_bytes(m->memory_bytes, bytes));
    else if (column < 5)
        (void)snprintf(out, out_bytes, "%u", counts[column - 2]);
    else
        write_until(m, out, out_bytes);
}

static json_t *document(const orion_loaded *m)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "id",
                     cli_json_text(m->id), "name", cli_json_text(m->name), "quantization",
                     cli_json_text(m->quantization), "path", cli_json_text(m->path), "memory_bytes",
                     cli_json_count(m->memory_bytes), "context_tokens",
                     cli_json_count(m->context_tokens), "running", cli_json_count(m->running),
                     "waiting", cli_json_count(m->waiting), "expires_unix",
                     m->expires_unix > 0 ? cli_json_count((uint64_t)m->expires_unix) : json_null(),
                     "unloading", m->unloading);
}

static int print_json(const struct cli *cli, const orion_loaded_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        cli_json_add(&array, document(&list->models[i]));
    return cli_json_print(cli, array);
}

static int print(const struct cli *cli, const orion_loaded_list *list)
{
    if (cli->json)
        return print_json(cli, list);
    if (list->count == 0)
        cli_note(cli, "no model is in the server's memory; the first request for one loads it.");
    else
        cli_table_print(columns, CLI_COUNT(columns), list->count, cell, list->models);
    return CLI_OK;
}

static int ps_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct ps_args *a = args;
    orion_manager *manager = NULL;
    orion_endpoint *server = NULL;
    orion_loaded_list *list = NULL;
    orion_error err = CLI_NO_ERROR;
    int code = cli_manager(cli, &manager);

    (void)n_operands;
    (void)operands;
    if (code != CLI_OK)
        return code;
    orion_status status = orion_endpoint_open_server(manager, a->server, &server, &err);
    if (status == ORION_OK)
        status = orion_endpoint_loaded(server, &list, &err);
    code = status == ORION_OK ? print(cli, list) : cli_fail(cli, status, &err);
    orion_loaded_list_free(list);
    orion_endpoint_close(server);
    return code;
}

const struct cli_verb verb_ps = {
    .name = "ps",
    .usage = "[--server URL]",
    .summary = "list the models in the memory of the running server",
    .details = "The server is the one that 'orion serve' runs on this machine, unless --server or\n"
               "ORION_SERVER names another. 'orion run' uses what it holds.",
    .options = sets,
    .args_bytes = sizeof(struct ps_args),
    .max_operands = 0,
    .run = ps_run,
};
