/* orion fit: would a model run on this machine? */
#include "engine.h"
#include "facts.h"
#include "json.h"
#include "kv_type.h"
#include "text.h"

#include "server/server.h"

struct fit_args {
    uint32_t context, parallel;
    const char *kv_type;
};

static const struct cli_option options[] = {
    CLI_CONTEXT_OPTION(offsetof(struct fit_args, context)),
    {.kind = CLI_KIND_COUNT,
     .name = "parallel",
     .offset = offsetof(struct fit_args, parallel),
     .value = "N",
     .help = "requests at once, each with its own context (default 1)",
     .min = 1,
     .max = 64},
    CLI_KV_TYPE_OPTION(offsetof(struct fit_args, kv_type)),
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static void print_verdict(const orion_fit *f)
{
    char needed[CLI_NUMBER_BYTES], there[CLI_NUMBER_BYTES];

    cli_text_bytes(f->memory_bytes, needed);
    cli_text_bytes(f->available_bytes, there);
    if (f->available_bytes == 0)
        cli_fact("verdict", "needs %s; how much memory is available is not known", needed);
    else if (f->verdict == ORION_FIT_FITS)
        cli_fact("verdict", "fits: %s of the %s available", needed, there);
    else if (f->verdict == ORION_FIT_TIGHT)
        cli_fact("verdict", "tight: %s of the %s available", needed, there);
    else
        cli_fact("verdict", "does not fit: it needs %s and %s are available", needed, there);
    if (!f->runs)
        cli_fact("", "but this version of orion does not run it: %s", f->why_not);
}

static void print_facts(const orion_fit *f, orion_kv_type kv_type)
{
    char a[CLI_NUMBER_BYTES], b[CLI_NUMBER_BYTES];

    cli_fact("name", "%s", f->name);
    cli_fact("architecture", "%s", f->architecture);
    cli_fact("parameters", "%s", cli_fact_count(f->n_params, a, sizeof(a)));
    cli_fact("quantization", "%s", f->quantization);
    if (f->trained_tokens > 0)
        cli_fact(f->embeds ? "longest text" : "context", "%u tokens; made for up to %u",
                 f->context_tokens, f->trained_tokens);
    cli_fact("weights", "%s", cli_text_bytes(f->weights_bytes, a));
    cli_fact_experts(f->n_experts, f->n_experts_used, f->active_bytes);
    if (f->embeds)
        cli_fact("KV cache", "%s, of the texts and the layer at hand",
                 cli_text_bytes(f->kv_bytes, a));
    else if (f->sequences > 1)
        cli_fact("KV caches", "%s in %s for %u requests of %u tokens",
                 cli_text_bytes(f->kv_bytes, a), cli_kv_type_name(kv_type), f->sequences,
                 f->context_tokens);
    else
        cli_fact("KV cache", "%s in %s at %u tokens", cli_text_bytes(f->kv_bytes, a),
                 cli_kv_type_name(kv_type), f->context_tokens);
    cli_fact("buffers", "%s", cli_text_bytes(f->buffer_bytes, a));
    cli_fact("memory", "%s", cli_text_bytes(f->memory_bytes, a));
    if (f->max_context_tokens > 0)
        cli_fact(f->embeds ? "at most" : "largest context", "%u tokens fit into what is available",
                 f->max_context_tokens);
    if (f->download_bytes > 0)
        cli_fact("disk", "%s to fetch, %s free", cli_text_bytes(f->download_bytes, a),
                 cli_text_bytes(f->disk_free_bytes, b));
    else
        cli_fact("disk", "%s, already here", cli_text_bytes(f->file_bytes, a));
    print_verdict(f);
}

static int fit_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct fit_args *how = args;
    orion_fit_options asked;
    orion_manager *manager = NULL;
    orion_error err = CLI_NO_ERROR;
    orion_fit fit;
    const int code = cli_manager(cli, &manager);

    (void)n_operands;
    if (code != CLI_OK)
        return code;
    orion_fit_options_init(&asked);
    asked.context_tokens = how->context;
    asked.sequences = how->parallel;
    asked.kv_type = cli_kv_type(how->kv_type);
    const orion_status status = orion_manager_fit(manager, operands[0], &asked, &fit, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (cli->json)
        return cli_json_print(cli, server_fit_json(operands[0], asked.kv_type, &fit));
    print_facts(&fit, asked.kv_type);
    return CLI_OK;
}

const struct cli_verb verb_fit = {
    .name = "fit",
    .usage = "[--ctx N] [--parallel N] [--kv-type TYPE] REF",
    .summary = "tell whether a model would run on this machine",
    .details =
        "Reads only the header of the file: from disk, or a few hundred kB of it from the hub.\n"
        "'tight' means that less than an eighth of the available memory would be left.",
    .options = sets,
    .args_bytes = sizeof(struct fit_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = fit_run,
};
