/* The command-line parser. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run of the parser. */
struct parse {
    const struct cli *cli;
    const struct cli_binding *bindings;
    size_t n_bindings;
    int argc;
    char **argv;
    int next; /* the argument after the one being read */
};

/* An option that was found, and the memory that its table fills. */
struct found {
    const struct cli_option *option;
    char *base;
};

static bool find(const struct parse *p, const char *name, size_t name_len, char letter,
                 struct found *out)
{
    for (size_t i = 0; i < p->n_bindings; i++) {
        const struct cli_option *option = p->bindings[i].table;
        for (; option->kind != CLI_KIND_END; option++) {
            const bool same = name ? strlen(option->name) == name_len &&
                                         strncmp(option->name, name, name_len) == 0
                                   : option->letter == letter;
            if (same) {
                *out = (struct found){option, p->bindings[i].base};
                return true;
            }
        }
    }
    return false;
}

static const char *see_help(const struct cli *cli, char *out, size_t out_bytes)
{
    if (cli->verb)
        (void)snprintf(out, out_bytes, "See 'orion help %s'", cli->verb->name);
    else
        (void)snprintf(out, out_bytes, "The options of a verb follow the verb; see 'orion help'");
    return out;
}

static bool unknown_long(const struct parse *p, const char *name, size_t name_len)
{
    char typed[64], help[96];
    const char *best = NULL;

    (void)snprintf(typed, sizeof(typed), "%.*s", (int)(name_len < 60 ? name_len : 60), name);
    for (size_t i = 0; i < p->n_bindings; i++) {
        const struct cli_option *option = p->bindings[i].table;
        for (; option->kind != CLI_KIND_END; option++)
            best = cli_nearer(typed, best, option->name);
    }
    see_help(p->cli, help, sizeof(help));
    if (best)
        cli_error(p->cli, "unknown option '--%s'; did you mean '--%s'? %s.", typed, best, help);
    else
        cli_error(p->cli, "unknown option '--%s'. %s.", typed, help);
    return false;
}

/* ---- values ---- */

#define BOUND_BYTES 32

static void write_bound(const struct cli_option *o, double bound, char out[BOUND_BYTES])
{
    if (o->kind == CLI_KIND_NUMBER)
        (void)snprintf(out, BOUND_BYTES, "%g", bound);
    else
        (void)snprintf(out, BOUND_BYTES, "%.0f", bound);
}

static bool out_of_range(const struct parse *p, const struct cli_option *o, const char *text)
{
    char min[BOUND_BYTES], max[BOUND_BYTES];

    write_bound(o, o->min, min);
    write_bound(o, o->max, max);
    cli_error(p->cli, "--%s: '%s' is out of range: it must be %s %s and %s %s.", o->name, text,
              o->above_min ? "above" : "at least", min, o->below_max ? "below" : "at most", max);
    return false;
}

static bool in_range(const struct cli_option *o, double value)
{
    return (o->above_min ? value > o->min : value >= o->min) &&
           (o->below_max ? value < o->max : value <= o->max);
}

static bool take_whole(const struct parse *p, const struct found *f, const char *text)
{
    const struct cli_option *o = f->option;
    char *end;

    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || strspn(text, "-+0123456789") != strlen(text)) {
        cli_error(p->cli, "--%s: '%s' is not a whole number.", o->name, text);
        return false;
    }
    if (errno == ERANGE || !in_range(o, (double)value))
        return out_of_range(p, o, text);
    if (o->kind == CLI_KIND_LONG)
        *(int64_t *)(void *)(f->base + o->offset) = value;
    else
        *(uint32_t *)(void *)(f->base + o->offset) = (uint32_t)value;
    return true;
}

static bool take_number(const struct parse *p, const struct found *f, const char *text)
{
    const struct cli_option *o = f->option;
    char *end;
    const double value = strtod(text, &end);

    if (end == text || *end || strspn(text, "-+.eE0123456789") != strlen(text)) {
        cli_error(p->cli, "--%s: '%s' is not a number (write 0.5, not 0,5).", o->name, text);
        return false;
    }
    if (!isfinite(value) || !in_range(o, value))
        return out_of_range(p, o, text);
    *(float *)(void *)(f->base + o->offset) = (float)value;
    return true;
}

/* "2M", "1.5G", "64Ki", with or without a B. */
static bool take_bytes(const struct parse *p, const struct found *f, const char *text)
{
    static const char letters[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    const size_t digits = strspn(text, ".0123456789");

    if (digits > 0 && end == text + digits) {
        const char *letter = *end ? strchr(letters, *end == 'k' ? 'K' : *end) : NULL;
        const bool binary = letter && end[1] == 'i';
        for (const char *at = letters; letter && at <= letter; at++)
            value *= binary ? 1024 : 1000;
        end += (letter != NULL) + binary;
        end += *end == 'B';
        if (!*end && value < 9e18) {
            *(uint64_t *)(void *)(f->base + f->option->offset) = (uint64_t)value;
            return true;
        }
    }
    cli_error(p->cli, "--%s: '%s' is not a number of bytes such as 500000, 2M or 1.5G.",
              f->option->name, text);
    return false;
}

static bool take_choice(const struct parse *p, const struct found *f, const char *text)
{
    const struct cli_option *o = f->option;
    const size_t len = strlen(text);

    for (const char *choice = o->choices; *choice;) {
        const size_t n = strcspn(choice, "|");
        if (n == len && strncmp(choice, text, n) == 0) {
            *(const char **)(void *)(f->base + o->offset) = text;
            return true;
        }
        choice += n + (choice[n] == '|');
    }
    cli_error(p->cli, "--%s: '%s' is not one of %s.", o->name, text, o->choices);
    return false;
}

static bool take_another(const struct parse *p, const struct found *f, const char *text)
{
    struct cli_texts *texts = (struct cli_texts *)(void *)(f->base + f->option->offset);

    if (texts->count == CLI_TEXTS_MAX) {
        cli_error(p->cli, "--%s can be given %d times at most.", f->option->name, CLI_TEXTS_MAX);
        return false;
    }
    texts->items[texts->count++] = text;
    return true;
}

static bool take_value(const struct parse *p, const struct found *f, const char *text)
{
    switch (f->option->kind) {
    case CLI_KIND_TEXT:
        *(const char **)(void *)(f->base + f->option->offset) = text;
        return true;
    case CLI_KIND_TEXTS:
        return take_another(p, f, text);
    case CLI_KIND_CHOICE:
        return take_choice(p, f, text);
    case CLI_KIND_COUNT:
    case CLI_KIND_LONG:
        return take_whole(p, f, text);
    case CLI_KIND_NUMBER:
        return take_number(p, f, text);
    case CLI_KIND_BYTES:
        return take_bytes(p, f, text);
    case CLI_KIND_FLAG:
    case CLI_KIND_END:
        break;
    }
    return false;
}

/* The value given with the option, or else the next argument. */
static bool take_option(struct parse *p, const struct found *f, const char *attached)
{
    if (f->option->kind == CLI_KIND_FLAG) {
        if (attached) {
            cli_error(p->cli, "--%s takes no value.", f->option->name);
            return false;
        }
        *(bool *)(void *)(f->base + f->option->offset) = true;
        return true;
    }
    if (!attached && p->next < p->argc)
        attached = p->argv[p->next++];
    if (!attached) {
        cli_error(p->cli, "--%s needs a value (%s).", f->option->name, f->option->value);
        return false;
    }
    return take_value(p, f, attached);
}

/* ---- arguments ---- */

static bool take_long(struct parse *p, const char *text)
{
    const size_t name_len = strcspn(text, "=");
    struct found f;

    if (!find(p, text, name_len, 0, &f))
        return unknown_long(p, text, name_len);
    return take_option(p, &f, text[name_len] ? text + name_len + 1 : NULL);
}

static bool take_short(struct parse *p, const char *text)
{
    for (; *text; text++) {
        struct found f;
        char help[96];

        if (!find(p, NULL, 0, *text, &f)) {
            cli_error(p->cli, "unknown option '-%.8s'. %s.", text,
                      see_help(p->cli, help, sizeof(help)));
            return false;
        }
        if (f.option->kind != CLI_KIND_FLAG)
            return take_option(p, &f, text[1] ? text + 1 : NULL);
        if (!take_option(p, &f, NULL))
            return false;
    }
    return true;
}

int cli_parse(const struct cli *cli, const struct cli_binding *bindings, size_t n_bindings,
              bool until_operand, int argc, char **argv)
{
    struct parse p = {
        .cli = cli, .bindings = bindings, .n_bindings = n_bindings, .argc = argc, .argv = argv};
    int n_operands = 0;
    bool only_operands = false;

    while (p.next < argc) {
        char *arg = argv[p.next];
        const bool is_option = !only_operands && arg[0] == '-' && arg[1];

        if (!is_option && until_operand)
            return p.next;
        p.next++;
        if (!is_option)
            argv[n_operands++] = arg; /* never past the argument being read */
        else if (strcmp(arg, "--") == 0)
            only_operands = true;
        else if (arg[1] == '-' ? !take_long(&p, arg + 2) : !take_short(&p, arg + 1))
            return -1;
    }
    return until_operand ? p.next : n_operands;
}
