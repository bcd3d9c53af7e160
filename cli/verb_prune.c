/* orion prune: delete what is no longer of use. */
#include "cli.h"
#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

#define SECONDS_A_DAY 86400

struct prune_args {
    bool dry_run, prefix_cache;
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
    {.kind = CLI_KIND_FLAG,
     .name = "prefix-cache",
     .offset = offsetof(struct prune_args, prefix_cache),
     .help = "the prefix cache instead, all of it, and its key"},
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

static void say_freed(const struct cli *cli, uint64_t bytes, bool dry_run)
{
    char text[CLI_NUMBER_BYTES];

    cli_note(cli, "%s %s", cli_text_bytes(bytes, text),
             dry_run ? "would be freed; nothing was deleted" : "freed");
}

static int print(const struct cli *cli, const orion_litter_list *list, bool dry_run)
{
    json_t *array = cli->json ? json_array() : NULL;
    uint64_t sum = 0;

    for (size_t i = 0; i < list->count; i++) {
        const orion_litter *item = &list->items[i];
        sum += item->bytes;
        if (array)
            cli_json_add(&array,
                         json_pack("{s:o, s:o, s:o, s:b}", "what", cli_json_text(item->what),
                                   "path", cli_json_text(item->path), "bytes",
                                   cli_json_count(item->bytes), "removed", item->removed));
    }
    if (cli->json)
        return cli_json_print(cli, array);
    if (list->count > 0)
        cli_table_print(columns, CLI_COUNT(columns), list->count, cell, list->items);
    say_freed(cli, sum, dry_run);
    return CLI_OK;
}

/* Nothing there is nothing to delete. */
static orion_status clear_prefixes(orion_manager *manager, bool dry_run, uint64_t *bytes,
                                   orion_error *err)
{
    orion_prefix_cache_options existing;
    orion_prefix_cache *cache = NULL;

    *bytes = 0;
    orion_prefix_cache_options_init(&existing);
    existing.existing_only = true;
    orion_status status = orion_prefix_cache_open(manager, &existing, &cache, err);
    if (status == ORION_E_NOT_FOUND)
        return ORION_OK;
    if (status == ORION_OK)
        status = orion_prefix_cache_usage(cache, NULL, bytes, err);
    if (status == ORION_OK && !dry_run)
        status = orion_prefix_cache_clear(cache, err);
    orion_prefix_cache_close(cache);
    return status;
}

static int prune_prefixes(const struct cli *cli, orion_manager *manager, bool dry_run)
{
    uint64_t bytes;
    orion_error err = CLI_NO_ERROR;
    const orion_status status = clear_prefixes(manager, dry_run, &bytes, &err);

    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (cli->json)
        return cli_json_print(cli, json_pack("{s:o, s:b}", "prefix_cache_bytes",
                                             cli_json_count(bytes), "removed", !dry_run));
    say_freed(cli, bytes, dry_run);
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
    if (a->prefix_cache)
        return prune_prefixes(cli, manager, a->dry_run);
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
    .usage = "[--dry-run] [--days N] [--prefix-cache]",
    .summary = "delete what is left over: old unfinished downloads, records without a model",
    .details = "No model is ever deleted, and nothing that another process works on.",
    .options = sets,
    .args_bytes = sizeof(struct prune_args),
    .init = prune_init,
    .max_operands = 0,
    .run = prune_run,
};
