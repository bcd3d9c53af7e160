/* orion show: what is in a model's file. */
#include "kv_type.h"
#include "links.h"
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct show_args {
    bool metadata, tensors, template;
    const char *kv_type;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .name = "metadata",
     .offset = offsetof(struct show_args, metadata),
     .help = "print all keys and values instead"},
    {.kind = CLI_KIND_FLAG,
     .name = "tensors",
     .offset = offsetof(struct show_args, tensors),
     .help = "print all tensors instead"},
    {.kind = CLI_KIND_FLAG,
     .name = "template",
     .offset = offsetof(struct show_args, template),
     .help = "print the chat template instead"},
    CLI_KV_TYPE_OPTION(offsetof(struct show_args, kv_type)),
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

/* Open for inference; else for the vocabulary alone, so that the facts of a
 * file that cannot be run can still be read. */
static int open_any(const struct cli *cli, const char *path, orion_model **out)
{
    orion_model_options how;
    orion_error why = CLI_NO_ERROR;

    orion_model_options_init(&how);
    const orion_status status = orion_model_open(path, &how, out, &why);
    if (status == ORION_OK)
        return CLI_OK;
    how.vocab_only = true;
    if (status != ORION_E_UNSUPPORTED || orion_model_open(path, &how, out, NULL) != ORION_OK)
        return cli_fail(cli, status, &why);
    cli_note(cli, "orion cannot run this file: %s.", why.message);
    return CLI_OK;
}

static void count_tensor(struct show *show, const orion_tensor_info *tensor)
{
    size_t i = 0;

    while (i < show->n_types && strcmp(show->types[i].name, tensor->type) != 0)
        i++;
    if (i == SHOW_TYPES_MAX)
        return;
    if (i == show->n_types)
        show->types[show->n_types++].name = tensor->type;
    show->types[i].count++;
    show->types[i].bytes += tensor->size_bytes;
}

static void gather(struct show *show, orion_kv_type kv_type)
{
    orion_tensor_info tensor;

    orion_model_get_info(show->model, &show->info);
    for (size_t i = 0; orion_model_tensor(show->model, i, &tensor); i++)
        count_tensor(show, &tensor);
    show->kv_type = kv_type;
    show->kv_bytes_per_token = orion_model_kv_bytes_per_token(show->model, kv_type);
}

/* What orion fit says, too.  Without it the weights alone are known. */
static void predict_memory(struct cli *cli, struct show *show)
{
    orion_manager *manager = NULL;
    orion_fit_options asked;
    orion_fit fit;

    orion_fit_options_init(&asked);
    asked.kv_type = show->kv_type;
    show->memory_bytes = show->info.file_bytes;
    if (show->kv_bytes_per_token == 0 || cli_manager(cli, &manager) != CLI_OK ||
        orion_manager_fit(manager, show->path, &asked, &fit, NULL) != ORION_OK)
        return;
    show->context = fit.context_tokens;
    show->kv_bytes = fit.kv_bytes;
    show->memory_bytes = fit.memory_bytes;
}

static int print(const struct show *show, const struct show_args *args)
{
    int code = CLI_OK;

    if (show->cli->json)
        return show_json(show, args->metadata, args->tensors, args->template);
    if (args->metadata)
        code = show_metadata(show);
    if (args->tensors)
        show_tensors(show);
    if (args->template && code == CLI_OK)
        code = show_template(show);
    if (!args->metadata && !args->tensors && !args->template)
        show_facts(show);
    return code;
}

static int show_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct show_args *how = args;
    struct show show = {.cli = cli};
    orion_model *model = NULL;
    orion_model_list *list = NULL;
    char *path = NULL;
    int code = cli_model_path(cli, operands[0], &path);

    (void)n_operands;
    if (code == CLI_OK)
        code = open_any(cli, path, &model);
    if (code == CLI_OK) {
        show.path = path;
        show.model = model;
        show.facts = cli_facts_of_path(cli, path, &list);
        gather(&show, cli_kv_type(how->kv_type));
        predict_memory(cli, &show);
        code = print(&show, how);
        if (show.facts)
            cli_note_link(cli, show.facts);
    }
    orion_model_list_free(list);
    orion_model_close(model);
    orion_free(path);
    return code;
}

const struct cli_verb verb_show = {
    .name = "show",
    .usage = "[--metadata] [--tensors] [--template] [--kv-type TYPE] REF",
    .summary = "show what is in a model on disk",
    .details =
        "Memory is what orion fit predicts for a process: the weights, which are used from the\n"
        "file as it lies, the cache for a context of at most 4096 tokens, and what computing\n"
        "takes besides.",
    .options = sets,
    .args_bytes = sizeof(struct show_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = show_run,
};
