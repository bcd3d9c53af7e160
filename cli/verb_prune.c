/* orion prune: delete what is no longer of use. */
#include "cli.h"
#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

#define SECONDS_A_DAY 86400

struct prune_args {
    bool dry_run;
    uint32_t days;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .letter = 'n',
     .name = "dry-run",
     .offset = offsetof(struct prune_args, dry_run),
     .help = "only list what would be deleted"},
    {.kind = CLI_KIND_COUNT,
     .name = "days",
     .offset = offsetof(struct prune_args, days),
     .value = "N",
     .help = "unfinished downloads that no one worked on for N days",
     .max = 36500,
     .show_default = true},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static const struct cli_column columns[] = {{"WHAT", false}, {"SIZE", true}, {"PATH", false}};

static void prune_init(void *args)
{
    ((struct prune_args *)args)->days = 30;
}

static void cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_litter *item = &((const orion_litter *)rows)[row];
    char bytes[CLI_NUMBER_BYTES];
    const char *const texts[] = {item->what, cli_text_bytes(item->bytes, bytes), item->path};

    (void)snprintf(out, out_bytes, "%s", texts[column]);
}

static int print(const struct cli *cli, const orion_litter_list *list, bool dry_run)
{
    char bytes[CLI_NUMBER_BYTES];
    json_t *array = cli->json ? json_array() : NULL;
    uint64_t sum = 0;

    for (size_t i = 0; i < list->count; i++) {
        const orion_litter *item = &list->items[i];
        sum += item->bytes;
        if (array)
            (void)json_array_append_new(
                array, json_pack("{s:o, s:o, s:o, s:b}", "what", cli_json_text(item->what), "path",
                                 cli_json_text(item->path), "bytes", cli_json_count(item->bytes),
                                 "removed", item->removed));
    }
    if (cli->json)
        return cli_json_print(cli, array);
    if (list->count > 0)
        cli_table_print(columns, CLI_COUNT(columns), list->count, cell, list->items);
    cli_note(cli, "%s %s", cli_text_bytes(sum, bytes),
             dry_run ? "would be freed; nothing was deleted" : "freed");
    return CLI_OK;
}

static int prune_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct prune_args *a = args;
    orion_manager *manager = NULL;
    orion_litter_list *list = NULL;
    orion_error err = CLI_NO_ERROR;
    int code = cli_manager(cli, &manager);

    (void)n_operands;
    (void)operands;
    if (code != CLI_OK)
        return code;
    const orion_status status =
        orion_manager_prune(manager, (int64_t)a->days * SECONDS_A_DAY, a->dry_run, &list, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    code = print(cli, list, a->dry_run);
    orion_litter_list_free(list);
    return code;
}

const struct cli_verb verb_prune = {
    .name = "prune",
    .usage = "[--dry-run] [--days N]",
    .summary = "delete what is left over: old unfinished downloads, records without a model",
    .details = "No model is ever deleted, and nothing that another process works on.",
    .options = sets,
    .args_bytes = sizeof(struct prune_args),
    .init = prune_init,
    .max_operands = 0,
    .run = prune_run,
};
