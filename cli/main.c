/* main.c - find the verb, parse its options, run it. */
#include "cli.h"
#include "global.h"
#include "term.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cli_verb *const cli_verbs[] = {
    &verb_pull,   &verb_search,   &verb_fit,       &verb_list,   &verb_show,     &verb_path,
    &verb_rm,     &verb_run,      &verb_summarize, &verb_embed,  &verb_tokenize, &verb_perplexity,
    &verb_serve,  &verb_ps,       &verb_stop,      &verb_bench,  &verb_verify,   &verb_df,
    &verb_import, &verb_quantize, &verb_prune,     &verb_config, &verb_help,     NULL};

#define FIELD(name) offsetof(struct cli, name)

const struct cli_option cli_global_options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "models-dir",
     .offset = FIELD(models_dir),
     .value = "DIR",
     .help = "where models are (default ~/.orionhealth/models)"},
    {.kind = CLI_KIND_TEXT,
     .name = "hub",
     .offset = FIELD(hub_url),
     .value = "URL",
     .help = "hub to pull from (default https://huggingface.co)"},
    {.kind = CLI_KIND_FLAG,
     .name = "offline",
     .offset = FIELD(offline),
     .help = "never open a connection off this machine"},
    {.kind = CLI_KIND_BYTES,
     .name = "limit-rate",
     .offset = FIELD(limit_rate),
     .value = "RATE",
     .help = "fetch at most so many bytes a second, e.g. 2M; 0: no limit"},
    {.kind = CLI_KIND_COUNT,
     .name = "connections",
     .offset = FIELD(connections),
     .value = "N",
     .help = "fetch over at most N connections (default 16)",
     .min = 1,
     .max = 16},
    {.kind = CLI_KIND_TEXT,
     .name = "proxy",
     .offset = FIELD(proxy),
     .value = "URL",
     .help = "go through this proxy; an empty one: through none"},
    {.kind = CLI_KIND_TEXT,
     .name = "cacert",
     .offset = FIELD(ca_file),
     .value = "FILE",
     .help = "trust the certificates in FILE"},
    {.kind = CLI_KIND_TEXT,
     .name = "config",
     .offset = FIELD(config_file),
     .value = "FILE",
     .help = "read this instead of ~/.orionhealth/config.json"},
    {.kind = CLI_KIND_FLAG,
     .name = "json",
     .offset = FIELD(json),
     .help = "print JSON on standard output"},
    {.kind = CLI_KIND_FLAG,
     .letter = 'q',
     .name = "quiet",
     .offset = FIELD(quiet),
     .help = "no progress and no notes, only errors"},
    {.kind = CLI_KIND_FLAG,
     .letter = 'V',
     .name = "version",
     .offset = FIELD(version),
     .help = "print the version"},
    {.kind = CLI_KIND_FLAG,
     .letter = 'h',
     .name = "help",
     .offset = FIELD(help),
     .help = "explain the verb"},
    {.kind = CLI_KIND_END},
};

const struct cli_verb *cli_find_verb(const struct cli *cli, const char *name)
{
    const char *best = NULL;

    for (size_t i = 0; cli_verbs[i]; i++) {
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return cli_verbs[i];
        best = cli_nearer(name, best, cli_verbs[i]->name);
    }
    if (best)
        cli_error(cli, "unknown verb '%s'; did you mean '%s'? See 'orion help'.", name, best);
    else
        cli_error(cli, "unknown verb '%s'. See 'orion help'.", name);
    return NULL;
}

static int check_operands(const struct cli *cli, int n)
{
    const struct cli_verb *verb = cli->verb;

    if (n < verb->min_operands)
        return cli_usage(cli, "too few arguments. Usage: orion %s %s", verb->name, verb->usage);
    if (verb->max_operands >= 0 && n > verb->max_operands)
        return cli_usage(cli, "too many arguments%s. Usage: orion %s%s%s",
                         strstr(verb->usage, "PROMPT") ? "; put a text in quotes" : "", verb->name,
                         verb->usage[0] ? " " : "", verb->usage);
    return CLI_OK;
}

static int print_version(void)
{
    (void)printf("orion %s\n", orion_version());
    return CLI_OK;
}

#define MAX_SETS 5

/* Parse what follows the verb into `args`, and run it. */
static int run_verb(struct cli *cli, int argc, char **argv, char *args)
{
    struct cli_binding bindings[MAX_SETS + 1] = {{cli_global_options, cli}};
    const struct cli_option_set *set = cli->verb->options;
    size_t n = 1;

    for (; set && set->table && n <= MAX_SETS; set++)
        bindings[n++] = (struct cli_binding){set->table, args + set->offset};
    const int n_operands = cli_parse(cli, bindings, n, false, argc, argv);
    if (n_operands < 0)
        return CLI_USAGE;
    if (cli->version)
        return print_version();
    if (cli->help) {
        cli_print_verb_help(cli->verb);
        return CLI_OK;
    }
    const int code = check_operands(cli, n_operands);
    return code == CLI_OK ? cli->verb->run(cli, args, n_operands, argv) : code;
}

static int find_and_run(struct cli *cli, int argc, char **argv)
{
    const struct cli_binding global = {cli_global_options, cli};
    const int first = cli_parse(cli, &global, 1, true, argc, argv);

    if (first < 0)
        return CLI_USAGE;
    if (cli->version)
        return print_version();
    if (first == argc) { /* no verb */
        cli_print_overview(cli->help ? stdout : stderr);
        return cli->help ? CLI_OK : CLI_USAGE;
    }
    const struct cli_verb *verb = cli_find_verb(cli, argv[first]);
    if (!verb)
        return CLI_USAGE;
    cli->verb = verb;
    char *args = calloc(1, verb->args_bytes + 1); /* never 0 bytes */
    if (!args) {
        cli_error(cli, "not enough memory.");
        return CLI_NO_FIT;
    }
    if (verb->init)
        verb->init(args);
    const int code = run_verb(cli, argc - first - 1, argv + first + 1, args);
    free(args);
    return code;
}

int main(int argc, char **argv)
{
    struct cli cli = {.limit_rate = CLI_BYTES_NOT_GIVEN};

    cli_term_init();
    /* A socket or pipe whose other end is gone is an error of its write. */
    (void)signal(SIGPIPE, SIG_IGN);

    int code = find_and_run(&cli, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
    if (code == CLI_OK) /* after a failure, what else fails is not told */
        code = cli_finish_output(&cli);
    orion_manager_close(cli.manager);
    return code;
}
