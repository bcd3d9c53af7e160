/* orion df: what models take on disk. */
#include "cli.h"
#include "facts.h"
#include "json.h"
#include "links.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static const struct cli_column columns[] = {{"ID", false}, {"SIZE", true}, {"STATE", false}};

/* What takes room: models, and unfinished downloads.  A link takes none, and is
 * shown all the same. */
static bool takes_room(const orion_model_facts *m)
{
    return m->downloaded || m->partial_bytes > 0;
}

static void cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_model_facts *m = ((const orion_model_facts *const *)rows)[row];
    const uint64_t own_bytes = m->link != ORION_LINK_NONE ? 0
                               : m->downloaded            ? m->size_bytes
                                                          : m->partial_bytes;
    char bytes[CLI_NUMBER_BYTES];

    if (column == 0)
        (void)snprintf(out, out_bytes, "%s", m->id);
    else if (column == 1)
        (void)snprintf(out, out_bytes, "%s", cli_text_bytes(own_bytes, bytes));
    else if (m->link != ORION_LINK_NONE)
        (void)snprintf(out, out_bytes, "link, %s", cli_link_word(m->link));
    else
        (void)snprintf(out, out_bytes, "%s", m->downloaded ? m->role : "partial");
}

/* Bytes of the prefix cache; 0 when there is none. */
static uint64_t prefix_bytes(orion_manager *manager)
{
    orion_prefix_cache_options options;
    orion_prefix_cache *cache = NULL;
    uint64_t bytes = 0;

    orion_prefix_cache_options_init(&options);
    options.existing_only = true;
    if (orion_prefix_cache_open(manager, &options, &cache, NULL) == ORION_OK)
        (void)orion_prefix_cache_usage(cache, NULL, &bytes, NULL);
    orion_prefix_cache_close(cache);
    return bytes;
}

static int print_json(const struct cli *cli, const orion_usage *u, uint64_t prefixes,
                      const orion_model_facts **models, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n; i++)
        cli_json_add(&array, cli_json_facts(models[i]));
    return cli_json_print(
        cli,
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "models", array, "n_models",
                  cli_json_count(u->n_models), "model_bytes", cli_json_count(u->model_bytes),
                  "n_partials", cli_json_count(u->n_partials), "partial_bytes",
                  cli_json_count(u->partial_bytes), "prefix_cache_bytes", cli_json_count(prefixes),
                  "free_bytes", cli_json_count(u->free_bytes), "disk_bytes",
                  cli_json_count(u->disk_bytes), "quota_bytes", cli_json_count(u->quota_bytes)));
}

static void print_sums(const orion_usage *u, uint64_t prefixes)
{
    char a[CLI_NUMBER_BYTES], b[CLI_NUMBER_BYTES];

    cli_fact("models", "%zu, %s", u->n_models, cli_text_bytes(u->model_bytes, a));
    if (u->n_partials > 0)
        cli_fact("unfinished", "%zu, %s on disk (orion rm --partials deletes them)", u->n_partials,
                 cli_text_bytes(u->partial_bytes, a));
    if (prefixes > 0)
        cli_fact("prefix cache", "%s (orion prune --prefix-cache deletes it)",
                 cli_text_bytes(prefixes, a));
    cli_fact("free", "%s", cli_text_bytes(u->free_bytes, a));
    if (u->quota_bytes > 0)
        cli_fact("quota", "%s of %s used", cli_text_bytes(u->model_bytes + u->partial_bytes, a),
                 cli_text_bytes(u->quota_bytes, b));
}

static int print(const struct cli *cli, const orion_usage *usage, uint64_t prefixes,
                 const orion_model_list *list)
{
    const orion_model_facts **models = calloc(list->count + 1, sizeof(const orion_model_facts *));
    size_t n = 0;
    int code = CLI_OK;

    if (!models) {
        cli_error(cli, "not enough memory.");
        return CLI_NO_FIT;
    }
    for (size_t i = 0; i < list->count; i++)
        if (takes_room(&list->models[i]))
            models[n++] = &list->models[i];
    if (cli->json) {
        code = print_json(cli, usage, prefixes, models, n);
    } else {
        if (n > 0) {
            cli_table_print(columns, CLI_COUNT(columns), n, cell, models);
            (void)putchar('\n');
        }
        print_sums(usage, prefixes);
        for (size_t i = 0; i < n; i++)
            cli_note_link(cli, models[i]);
    }
    free(models);
    return code;
}

static int df_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    orion_manager *manager = NULL;
    orion_model_list *list = NULL;
    orion_error err = CLI_NO_ERROR;
    orion_usage usage;
    int code = cli_manager(cli, &manager);

    (void)args;
    (void)n_operands;
    (void)operands;
    if (code != CLI_OK)
        return code;
    orion_status status = orion_manager_usage(manager, &usage, &err);
    if (status == ORION_OK)
        status = orion_manager_available(manager, &list, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    code = print(cli, &usage, prefix_bytes(manager), list);
    orion_model_list_free(list);
    return code;
}

const struct cli_verb verb_df = {
    .name = "df",
    .usage = "",
    .summary = "show what models take on disk, and what is free",
    .max_operands = 0,
    .run = df_run,
};
