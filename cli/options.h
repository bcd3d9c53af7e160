/* options.h - the command line, as tables.
 *
 * A table describes options and where each value goes: an offset into a
 * struct that the verb defines.  Tables are constant, so the help page is
 * printed from the same rows that the parser reads.
 *
 * Accepted: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, bundled short
 * flags, options anywhere among the operands, and "--" after which all are
 * operands.  A single "-" is an operand.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_kind {
    CLI_KIND_END = 0,
    CLI_KIND_FLAG,   /* bool */
    CLI_KIND_TEXT,   /* const char *, borrowed from argv */
    CLI_KIND_TEXTS,  /* struct cli_texts, one more each time */
    CLI_KIND_CHOICE, /* const char *, one of `choices` */
    CLI_KIND_COUNT,  /* uint32_t */
    CLI_KIND_LONG,   /* int64_t */
    CLI_KIND_NUMBER, /* float */
    CLI_KIND_BYTES,  /* uint64_t: 500000, 2M (powers of 1000), 64Ki (of 1024) */
};

#define CLI_TEXTS_MAX 16
#define CLI_BYTES_NOT_GIVEN UINT64_MAX /* where 0 can be meant */

struct cli_texts {
    const char *items[CLI_TEXTS_MAX];
    size_t count;
};

struct cli_option {
    enum cli_kind kind;
    char letter;         /* 0: none */
    const char *name;    /* without the dashes */
    size_t offset;       /* of the value in the struct that the table fills */
    const char *value;   /* what the help page calls the value; NULL for a flag */
    const char *help;    /* one line, no period */
    double min, max;     /* of a number, both included unless said below */
    bool above_min;      /* the value must be above min */
    bool below_max;      /* the value must be below max */
    bool show_default;   /* print the value that init() sets on the help page */
    const char *choices; /* "es|en" */
};

/* A table, and where the struct that it fills lies in the verb's arguments. */
struct cli_option_set {
    const struct cli_option *table;
    size_t offset;
};

/* A table bound to memory, for one run of the parser. */
struct cli_binding {
    const struct cli_option *table;
    void *base;
};

struct cli;

/* Parse argv[0..argc), writing values through the bindings and gathering the
 * operands at the front of argv in their order.  With `until_operand` it stops
 * before the first operand instead.
 *
 * Returns the number of operands (with until_operand: the index of the first
 * one, or argc), or -1 after reporting a mistake. */
int cli_parse(const struct cli *cli, const struct cli_binding *bindings, size_t n_bindings,
              bool until_operand, int argc, char **argv);

/* The better of `best` (may be NULL) and `candidate` as a guess at what
 * `typed` was meant to be; NULL when neither is near. */
const char *cli_nearer(const char *typed, const char *best, const char *candidate);

#endif
