/* orion config: what is in force, and where it came from. */
#include "cli.h"
#include "json.h"
#include "table.h"

#include <stdio.h>

static const struct cli_column columns[] = {{"KEY", false}, {"VALUE", false}, {"FROM", false}};

static void cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_setting *s = &((const orion_setting *)rows)[row];
    const char *const texts[] = {s->key, s->value, s->source};

    (void)snprintf(out, out_bytes, "%s", texts[column]);
}

static int print_json(const struct cli *cli, const orion_setting_list *list)
{
    json_t *object = json_object();

    for (size_t i = 0; object && i < list->count; i++) {
        const orion_setting *s = &list->settings[i];
        (void)json_object_set_new(object, s->key,
                                  json_pack("{s:o, s:o}", "value", cli_json_text(s->value),
                                            "source", cli_json_text(s->source)));
    }
    return cli_json_print(cli, object);
}

static int config_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    orion_manager *manager = NULL;
    orion_setting_list *list = NULL;
    orion_error err = CLI_NO_ERROR;
    int code = cli_manager(cli, &manager);

    (void)args;
    (void)n_operands;
    (void)operands;
    if (code != CLI_OK)
        return code;
    const orion_status status = orion_manager_settings(manager, &list, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (cli->json)
        code = print_json(cli, list);
    else
        cli_table_print(columns, CLI_COUNT(columns), list->count, cell, list->settings);
    orion_setting_list_free(list);
    return code;
}

const struct cli_verb verb_config = {
    .name = "config",
    .usage = "",
    .summary = "show the configuration in force, and where it came from",
    .details =
        "An option comes before the environment, the environment before the configuration\n"
        "file (~/.orionhealth/config.json), and that before the default. Tokens and passwords\n"
        "are not shown.",
    .max_operands = 0,
    .run = config_run,
};
