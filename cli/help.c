/* Help pages, from the same tables that the parser reads. */
#include "cli.h"
#include "global.h"

#include <stdio.h>
#include <stdlib.h>

/* "  -f, --force", "      --temp X" */
static void print_names(FILE *out, const struct cli_option *o)
{
    char names[64];

    (void)snprintf(names, sizeof(names), "--%s%s%s", o->name, o->value ? " " : "",
                   o->value ? o->value : "");
    if (o->letter)
        (void)fprintf(out, "  -%c, %-21s ", o->letter, names);
    else
        (void)fprintf(out, "      %-21s ", names);
}

static void print_default(FILE *out, const struct cli_option *o, const char *base)
{
    if (!o->show_default || !base)
        return;
    if (o->kind == CLI_KIND_NUMBER)
        (void)fprintf(out, " (default %g)",
                      (double)*(const float *)(const void *)(base + o->offset));
    else if (o->kind == CLI_KIND_COUNT)
        (void)fprintf(out, " (default %u)", *(const uint32_t *)(const void *)(base + o->offset));
}

/* `base`: a struct with the defaults in it, or NULL. */
static void print_options(FILE *out, const struct cli_option *table, const char *base)
{
    for (const struct cli_option *o = table; o->kind != CLI_KIND_END; o++) {
        print_names(out, o);
        (void)fprintf(out, " %s", o->help);
        print_default(out, o, base);
        (void)fputc('\n', out);
    }
}

void cli_print_verb_help(const struct cli_verb *verb)
{
    char *args = verb->args_bytes > 0 ? calloc(1, verb->args_bytes) : NULL;

    if (args && verb->init)
        verb->init(args);
    (void)printf("orion %s - %s\n\nUsage: orion %s%s%s [OPTION...]\n", verb->name, verb->summary,
                 verb->name, verb->usage[0] ? " " : "", verb->usage);
    if (verb->details)
        (void)printf("\n%s\n", verb->details);
    if (verb->options)
        (void)fputs("\nOptions:\n", stdout);
    for (const struct cli_option_set *set = verb->options; set && set->table; set++)
        print_options(stdout, set->table, args ? args + set->offset : NULL);
    (void)fputs("\nOptions of every verb:\n", stdout);
    print_options(stdout, cli_global_options, NULL);
    free(args);
}

void cli_print_overview(FILE *out)
{
    (void)fputs("orion - run language models on this machine, privately\n\n"
                "Usage: orion VERB [OPERAND...] [OPTION...]\n\nVerbs:\n",
                out);
    for (size_t i = 0; cli_verbs[i]; i++)
        (void)fprintf(out, "  %-11s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    (void)fputs("\nOptions of every verb:\n", out);
    print_options(out, cli_global_options, NULL);
    (void)fputs("\nA model (REF) is named by its id in the catalogue, ORG/REPO[:QUANT],\n"
                "ORG/REPO/FILE.gguf, the name of a file on disk, or a path.\n\n"
                "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 does not fit,\n"
                "5 not what was released, 6 network, 130 stopped.\n\n"
                "'orion help VERB' explains a verb.\n",
                out);
}
