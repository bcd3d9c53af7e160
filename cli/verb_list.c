/* orion list: models on disk, and the catalogue. */
#include "cli.h"
#include "json.h"
#include "links.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <time.h>

struct list_args {
    bool available;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .letter = 'a',
     .name = "available",
     .offset = offsetof(struct list_args, available),
     .help = "the catalogue and what is on disk, each with its status"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static const struct cli_column downloaded_columns[] = {
    {"ID", false}, {"SIZE", true}, {"QUANT", false}, {"MODIFIED", false}};
static const struct cli_column available_columns[] = {
    {"ID", false}, {"SIZE", true}, {"QUANT", false}, {"STATUS", false}, {"NAME", false}};

static void write_time(int64_t unix_seconds, char *out, size_t out_bytes)
{
    const time_t when = (time_t)unix_seconds;
    struct tm local;

    if (unix_seconds == 0 || !localtime_r(&when, &local) ||
        strftime(out, out_bytes, "%Y-%m-%d %H:%M", &local) == 0)
        (void)snprintf(out, out_bytes, "-");
}

static void write_status(const orion_model_facts *m, char *out, size_t out_bytes)
{
    const double share = m->size_bytes > 0 ? (double)m->partial_bytes / (double)m->size_bytes : 0;

    if (m->record_damaged)
        (void)snprintf(out, out_bytes, "record damaged");
    else if (m->link != ORION_LINK_NONE)
        (void)snprintf(out, out_bytes, "link, %s", cli_link_word(m->link));
    else if (m->downloaded)
        (void)snprintf(out, out_bytes, "downloaded");
    else if (m->partial_bytes > 0 && share > 0 && share < 1)
        (void)snprintf(out, out_bytes, "partial %.0f%%", share * 100);
    else
        (void)snprintf(out, out_bytes, m->partial_bytes > 0 ? "partial" : "available");
}

/* The first three columns of both tables. */
static void write_common(const orion_model_facts *m, size_t column, char *out, size_t out_bytes)
{
    char bytes[CLI_NUMBER_BYTES];

    if (column == 0)
        (void)snprintf(out, out_bytes, "%s", m->id);
    else if (column == 1)
        (void)snprintf(out, out_bytes, "%s",
                       m->size_bytes > 0 ? cli_text_bytes(m->size_bytes, bytes) : "-");
    else
        (void)snprintf(out, out_bytes, "%s", m->version[0] ? m->version : "-");
}

static void downloaded_cell(const void *rows, size_t row, size_t column, char *out,
                            size_t out_bytes)
{
    const orion_model_facts *m = &((const orion_model_facts *)rows)[row];

    if (column < 3)
        write_common(m, column, out, out_bytes);
    else
        write_time(m->modified_unix, out, out_bytes);
}

static void available_cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_model_facts *m = &((const orion_model_facts *)rows)[row];

    if (column < 3)
        write_common(m, column, out, out_bytes);
    else if (column == 3)
        write_status(m, out, out_bytes);
    else
        (void)snprintf(out, out_bytes, "%s", m->name);
}

/* ---- models elsewhere ---- */

static const struct cli_column remote_columns[] = {
    {"REMOTE", false}, {"STATUS", false}, {"ADDRESS", false}, {"MODEL THERE", false}};

static void remote_cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_remote *r = &((const orion_remote *)rows)[row];
    const char *const texts[] = {r->name, r->usable ? "leaves this machine" : "not allowed", r->url,
                                 r->model};

    (void)snprintf(out, out_bytes, "%s", texts[column]);
}

static void print_remotes(const orion_remote_list *remotes, bool first)
{
    if (remotes->count == 0)
        return;
    if (!first)
        (void)fputc('\n', stdout);
    cli_table_print(remote_columns, CLI_COUNT(remote_columns), remotes->count, remote_cell,
                    remotes->remotes);
}

static json_t *remote_document(const orion_remote *r)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "id", cli_json_text(r->name), "remote",
                     cli_json_text(r->url), "model", cli_json_text(r->model), "usable", r->usable,
                     "why_not", r->usable ? json_null() : cli_json_text(r->why_not));
}

/* ---- all of it ---- */

static int print_json(const struct cli *cli, const orion_model_list *list,
                      const orion_remote_list *remotes)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        cli_json_add(&array, cli_json_facts(&list->models[i]));
    for (size_t i = 0; i < remotes->count; i++)
        cli_json_add(&array, remote_document(&remotes->remotes[i]));
    return cli_json_print(cli, array);
}

static int print(const struct cli *cli, const orion_model_list *list,
                 const orion_remote_list *remotes, bool available)
{
    if (cli->json)
        return print_json(cli, list, remotes);
    if (list->count == 0) {
        if (remotes->count == 0)
            cli_note(cli, "no models yet; 'orion list --available' shows what can be pulled.");
        print_remotes(remotes, true);
        return CLI_OK;
    }
    if (available)
        cli_table_print(available_columns, CLI_COUNT(available_columns), list->count,
                        available_cell, list->models);
    else
        cli_table_print(downloaded_columns, CLI_COUNT(downloaded_columns), list->count,
                        downloaded_cell, list->models);
    print_remotes(remotes, false);
    for (size_t i = 0; i < list->count; i++) {
        if (list->models[i].record_damaged)
            cli_note(cli, "the record of '%s' cannot be read; pull it again to repair that.",
                     list->models[i].id);
        cli_note_link(cli, &list->models[i]);
    }
    return CLI_OK;
}

static int list_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const bool available = ((const struct list_args *)args)->available;
    orion_model_list *list = NULL;
    orion_remote_list *remotes = NULL;
    orion_manager *manager = NULL;
    orion_error err = CLI_NO_ERROR;
    int code = cli_manager(cli, &manager);

    (void)n_operands;
    (void)operands;
    if (code != CLI_OK)
        return code;
    orion_status status = available ? orion_manager_available(manager, &list, &err)
                                    : orion_manager_downloaded(manager, &list, &err);
    if (status == ORION_OK)
        status = orion_manager_remotes(manager, &remotes, &err);
    code = status == ORION_OK ? print(cli, list, remotes, available) : cli_fail(cli, status, &err);
    orion_remote_list_free(remotes);
    orion_model_list_free(list);
    return code;
}

const struct cli_verb verb_list = {
    .name = "list",
    .usage = "[--available]",
    .summary = "list the models on disk, or all that can be had",
    .details = "Every .gguf file below the models directory counts, whoever put it there.\n"
               "'remote' entries of the configuration are listed after them: what is sent there\n"
               "leaves this machine.",
    .options = sets,
    .args_bytes = sizeof(struct list_args),
    .max_operands = 0,
    .run = list_run,
};
