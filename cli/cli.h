/* cli.h - what every verb of the command sees.
 *
 * The command stands on orion.h alone.  main.c reads the global options and
 * finds the verb; the verb's table says what it accepts; its run() does the
 * work and returns an exit code.  Data goes to standard output, everything
 * else to standard error.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <orion.h>

#include "options.h"

#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An error that nobody has filled yet. */
#define CLI_NO_ERROR                                                                               \
    {                                                                                              \
        .offset = ORION_NO_OFFSET                                                                  \
    }

/* Exit codes, as docs/guide.md promises them. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_NO_FIT = 4, /* the context, the disk or the memory is too small */
    CLI_INTEGRITY = 5,
    CLI_NETWORK = 6,
    CLI_CANCELLED = 130,
};

/* What was asked for before or after the verb, and what is open. */
struct cli {
    const struct cli_verb *verb;               /* NULL until it is known */
    const char *models_dir;                    /* NULL: the library's default */
    const char *hub_url;                       /* NULL: the library's default */
    const char *ca_file, *proxy, *config_file; /* the same */
    uint64_t limit_rate;  /* bytes a second; CLI_BYTES_NOT_GIVEN: the library's default */
    uint32_t connections; /* 0: the library's default */
    bool json, offline, quiet, help, version;
    bool names_only;        /* no paths to files elsewhere: for those whom others ask */
    orion_manager *manager; /* opened by the first cli_manager() */
};

struct cli_verb {
    const char *name;
    const char *usage;                    /* what follows the name: "[-f] REF..." */
    const char *summary;                  /* one line, no period */
    const char *details;                  /* paragraphs for its help page, or NULL */
    const struct cli_option_set *options; /* ends with a NULL table; or NULL */
    size_t args_bytes;                    /* what the options fill, cleared first */
    void (*init)(void *args);             /* sets defaults that are not zero; or NULL */
    int min_operands, max_operands;       /* max < 0: any number */
    int (*run)(struct cli *cli, const void *args, int n_operands, char **operands);
};

extern const struct cli_verb verb_bench, verb_config, verb_df, verb_embed, verb_fit, verb_help,
    verb_import, verb_list, verb_path, verb_perplexity, verb_prune, verb_ps, verb_pull,
    verb_quantize, verb_rm, verb_run, verb_search, verb_serve, verb_show, verb_stop, verb_summarize,
    verb_tokenize, verb_verify;

/* All verbs in the order of the help page; ends with NULL. */
extern const struct cli_verb *const cli_verbs[];

/* NULL, after saying so with a suggestion, when there is no such verb. */
const struct cli_verb *cli_find_verb(const struct cli *cli, const char *name);

/* ---- help.c ---- */

void cli_print_overview(FILE *out);
void cli_print_verb_help(const struct cli_verb *verb);

/* ---- report.c: sentences on standard error ---- */

#define CLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* "orion: VERB: <fmt>" and a newline.  Control characters and broken UTF-8,
 * which may come from a file or a server, are shown as '?'. */
void cli_error(const struct cli *cli, const char *fmt, ...) CLI_PRINTF(2, 3);

/* The same, for what is no error: silent with --quiet. */
void cli_note(const struct cli *cli, const char *fmt, ...) CLI_PRINTF(2, 3);

/* Report what the library said, and return the exit code for it. */
int cli_fail(const struct cli *cli, orion_status status, const orion_error *err);

int cli_exit_of(orion_status status);

/* cli_error() and CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...) CLI_PRINTF(2, 3);

/* Flush standard output.  CLI_OK, or CLI_FAILED after saying why; a reader
 * that went away ends the process as SIGPIPE would, without a word. */
int cli_finish_output(const struct cli *cli);

/* ---- models.c: names to models ---- */

/* The manager over --models-dir, opened once.  CLI_OK or an exit code. */
int cli_manager(struct cli *cli, orion_manager **out);

/* The path of a model on disk; free with orion_free(). */
int cli_model_path(struct cli *cli, const char *ref, char **path);

/* The same, but a model that is not there yet is pulled, after saying so,
 * unless --offline. */
int cli_model_path_or_pull(struct cli *cli, const char *ref, char **path);

/* Pull with progress on standard error.  `path` as in orion_manager_pull(). */
int cli_pull(struct cli *cli, const char *ref, char **path);

/* The entry for `path` in a new list of what is on disk, or NULL.  Free the
 * list, and the entry with it, with orion_model_list_free(). */
const orion_model_facts *cli_facts_of_path(struct cli *cli, const char *path,
                                           orion_model_list **list);

#endif
