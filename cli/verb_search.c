/* orion search: which models does the hub have? */
#include "cli.h"
#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_LIMIT 20
#define MAX_LIMIT 100

struct search_args {
    uint32_t limit;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_COUNT,
     .letter = 'n',
     .name = "limit",
     .offset = offsetof(struct search_args, limit),
     .value = "N",
     .help = "at most N answers",
     .min = 1,
     .max = MAX_LIMIT,
     .show_default = true},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static const struct cli_column columns[] = {{"REPOSITORY", false}, {"PARAMETERS", true},
                                            {"ARCH", false},       {"DOWNLOADS", true},
                                            {"UPDATED", false},    {"ACCESS", false}};

static void search_init(void *args)
{
    ((struct search_args *)args)->limit = DEFAULT_LIMIT;
}

static void cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_hit *hit = &((const orion_hit *)rows)[row];

    switch (column) {
    case 0:
        (void)snprintf(out, out_bytes, "%s", hit->repo);
        break;
    case 1:
        if (hit->n_params > 0)
            (void)snprintf(out, out_bytes, "%.2f B", (double)hit->n_params / 1e9);
        else
            (void)snprintf(out, out_bytes, "-");
        break;
    case 2:
        (void)snprintf(out, out_bytes, "%s", hit->architecture[0] ? hit->architecture : "-");
        break;
    case 3:
        (void)snprintf(out, out_bytes, "%llu", (unsigned long long)hit->downloads);
        break;
    case 4:
        (void)snprintf(out, out_bytes, "%.10s", hit->updated[0] ? hit->updated : "-");
        break;
    default:
        (void)snprintf(out, out_bytes, "%s", hit->gated ? "gated" : "open");
        break;
    }
}

static int print_json(const struct cli *cli, const orion_hit_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const orion_hit *hit = &list->hits[i];
        cli_json_add(&array,
                     json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "repo",
                               cli_json_text(hit->repo), "updated", cli_json_text(hit->updated),
                               "architecture", cli_json_text(hit->architecture), "downloads",
                               cli_json_count(hit->downloads), "likes", cli_json_count(hit->likes),
                               "n_params", cli_json_count(hit->n_params), "gated", hit->gated));
    }
    return cli_json_print(cli, array);
}

/* The operands as one text, as a person who did not quote them meant it. */
static void join(int n, char **words, char *out, size_t out_bytes)
{
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < n && used < out_bytes; i++) {
        const int more = snprintf(out + used, out_bytes - used, "%s%s", i > 0 ? " " : "", words[i]);
        used += more > 0 ? (size_t)more : 0;
    }
}

static int search_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    char words[512];
    orion_manager *manager = NULL;
    orion_hit_list *list = NULL;
    orion_error err = CLI_NO_ERROR;
    int code = cli_manager(cli, &manager);

    if (code != CLI_OK)
        return code;
    join(n_operands, operands, words, sizeof(words));
    const orion_status status = orion_manager_search(
        manager, words, ((const struct search_args *)args)->limit, &list, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (cli->json)
        code = print_json(cli, list);
    else if (list->count == 0)
        cli_note(cli, "the hub has no GGUF models for '%s'.", words);
    else
        cli_table_print(columns, CLI_COUNT(columns), list->count, cell, list->hits);
    orion_hit_list_free(list);
    return code;
}

const struct cli_verb verb_search = {
    .name = "search",
    .usage = "WORD...",
    .summary = "ask the hub for models",
    .details =
        "Lists repositories with GGUF files, those downloaded most first. 'orion pull' takes\n"
        "their names, and 'orion fit' says whether one would run here. What Orion suggests\n"
        "is listed, without asking the hub, by 'orion list --available'.",
    .options = sets,
    .args_bytes = sizeof(struct search_args),
    .init = search_init,
    .min_operands = 1,
    .max_operands = -1,
    .run = search_run,
};
