/* orion pull: fetch models from a hub. */
#include "cli.h"
#include "facts.h"
#include "json.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

struct pull_args {
    bool dry_run;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .letter = 'n',
     .name = "dry-run",
     .offset = offsetof(struct pull_args, dry_run),
     .help = "only say what would be transferred, and where to"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static int print_path(struct cli *cli, const char *path)
{
    orion_model_list *list;

    if (!cli->json)
        return puts(path) == EOF ? cli_finish_output(cli) : CLI_OK;
    const orion_model_facts *facts = cli_facts_of_path(cli, path, &list);
    const int code = cli_json_print(cli, facts ? cli_json_facts(facts)
                                               : json_pack("{s:o}", "path", cli_json_text(path)));
    orion_model_list_free(list);
    return code;
}

/* ---- without doing it ---- */

static int print_plan_json(const struct cli *cli, const orion_plan *plan)
{
    json_t *files = json_array();

    for (size_t i = 0; i < plan->count; i++) {
        const orion_plan_file *f = &plan->files[i];
        cli_json_add(&files,
                     json_pack("{s:o, s:o, s:o, s:o}", "file", cli_json_text(f->file), "path",
                               cli_json_text(f->path), "size_bytes", cli_json_count(f->size_bytes),
                               "present_bytes", cli_json_count(f->present_bytes)));
    }
    return cli_json_print(cli,
                          json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "hub",
                                    cli_json_text(plan->hub), "repo", cli_json_text(plan->repo),
                                    "revision", cli_json_text(plan->revision), "files", files,
                                    "size_bytes", cli_json_count(plan->size_bytes), "present_bytes",
                                    cli_json_count(plan->present_bytes), "transfer_bytes",
                                    cli_json_count(plan->transfer_bytes), "free_bytes",
                                    cli_json_count(plan->free_bytes), "fits", plan->fits));
}

static void print_plan(const orion_plan *plan)
{
    char a[CLI_NUMBER_BYTES], b[CLI_NUMBER_BYTES];

    for (size_t i = 0; i < plan->count; i++) {
        const orion_plan_file *f = &plan->files[i];
        cli_fact("file", "%s", f->file);
        if (f->present_bytes == f->size_bytes)
            cli_fact("size", "%s, already here", cli_text_bytes(f->size_bytes, a));
        else if (f->present_bytes > 0)
            cli_fact("size", "%s, of which %s are here", cli_text_bytes(f->size_bytes, a),
                     cli_text_bytes(f->present_bytes, b));
        else
            cli_fact("size", "%s", cli_text_bytes(f->size_bytes, a));
        cli_fact("to", "%s", f->path);
    }
    cli_fact("from", "%s, %s%s%s", plan->hub, plan->repo, plan->revision[0] ? " at " : "",
             plan->revision);
    cli_fact("to transfer", "%s", cli_text_bytes(plan->transfer_bytes, a));
    cli_fact("disk", "%s free%s", cli_text_bytes(plan->free_bytes, a),
             plan->fits ? "" : ": not enough, or more than the quota allows");
}

static int plan_one(struct cli *cli, const char *ref)
{
    orion_manager *manager = NULL;
    orion_plan *plan = NULL;
    orion_error err = CLI_NO_ERROR;
    int code = cli_manager(cli, &manager);

    if (code != CLI_OK)
        return code;
    const orion_status status = orion_manager_plan(manager, ref, &plan, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (cli->json)
        code = print_plan_json(cli, plan);
    else
        print_plan(plan);
    if (code == CLI_OK && !plan->fits)
        code = CLI_NO_FIT;
    orion_plan_free(plan);
    return code;
}

static int pull_one(struct cli *cli, const char *ref)
{
    char *path = NULL;
    int code = cli_pull(cli, ref, &path);

    if (code == CLI_OK)
        code = print_path(cli, path);
    orion_free(path);
    return code;
}

static int pull_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    int result = CLI_OK;

    for (int i = 0; i < n_operands; i++) {
        const int code = ((const struct pull_args *)args)->dry_run ? plan_one(cli, operands[i])
                                                                   : pull_one(cli, operands[i]);
        if (result == CLI_OK)
            result = code;
        if (code == CLI_CANCELLED)
            break;
    }
    return result;
}

const struct cli_verb verb_pull = {
    .name = "pull",
    .usage = "[--dry-run] REF...",
    .summary = "fetch models from a hub, and verify them",
    .details =
        "REF is a name from the catalogue (orion list --available), ORG/REPO[:QUANT], or\n"
        "ORG/REPO/FILE.gguf; @REVISION may follow the last two. An interrupted pull goes on where\n"
        "it stopped when the same command is given again. What is already there and intact is not\n"
        "fetched again. A model that is cut into several files comes whole, whichever is named.\n"
        "The path of each model is printed on standard output.",
    .options = sets,
    .args_bytes = sizeof(struct pull_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = pull_run,
};
