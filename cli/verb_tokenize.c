/* orion tokenize: text to token ids, and back. */
#include "engine.h"
#include "input.h"
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tokenize_args {
    bool special, decode, bos, eos;
    const char *pre;
};

#define FIELD(name) offsetof(struct tokenize_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .name = "special",
     .offset = FIELD(special),
     .help = "\"<|end|>\" in the text is the control token; with --decode, show them"},
    {.kind = CLI_KIND_FLAG,
     .name = "bos",
     .offset = FIELD(bos),
     .help = "begin with the token that the model wants in front, if any"},
    {.kind = CLI_KIND_FLAG,
     .name = "eos",
     .offset = FIELD(eos),
     .help = "end with the one that it wants behind a complete text, if any"},
    {.kind = CLI_KIND_FLAG,
     .letter = 'd',
     .name = "decode",
     .offset = FIELD(decode),
     .help = "token ids to text"},
    CLI_PRE_OPTION(FIELD(pre)),
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

/* ---- text to ids ---- */

static json_t *ids_document(const int32_t *ids, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < n; i++)
        cli_json_add(&array, json_integer(ids[i]));
    return array ? json_pack("{s:o, s:o}", "tokens", array, "count", cli_json_count(n)) : NULL;
}

static int encode(const struct cli *cli, const orion_model *model, const struct tokenize_args *args,
                  const char *text, size_t n_bytes)
{
    const uint32_t flags = (args->special ? ORION_TOKENIZE_SPECIAL : 0) |
                           (args->bos ? ORION_TOKENIZE_BOS : 0) |
                           (args->eos ? ORION_TOKENIZE_EOS : 0);
    orion_error err = CLI_NO_ERROR;
    int32_t *ids = NULL;
    size_t n = 0;
    int code = CLI_OK;
    const orion_status status = orion_tokenize(model, text, n_bytes, flags, &ids, &n, &err);

    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (cli->json) {
        code = cli_json_print(cli, ids_document(ids, n));
    } else {
        for (size_t i = 0; i < n; i++)
            (void)printf("%s%" PRId32, i > 0 ? " " : "", ids[i]);
        (void)fputc('\n', stdout);
    }
    orion_free(ids);
    return code;
}

/* ---- ids to text ---- */

#define BETWEEN_IDS " ,\t\r\n[]"

/* Ids with white space, commas or brackets between them, one after another
 * into `out`. */
static int read_ids(const struct cli *cli, const struct cli_buffer *given, struct cli_buffer *out)
{
    const char *text = given->data ? given->data : "";

    if (strlen(text) != given->len)
        return cli_usage(cli, "the token ids have a zero byte among them.");
    if (!cli_buffer_add(out, "", 0)) /* no ids are an empty list, not NULL */
        return CLI_NO_FIT;
    for (text += strspn(text, BETWEEN_IDS); *text; text += strspn(text, BETWEEN_IDS)) {
        const size_t length = strcspn(text, BETWEEN_IDS);
        char *end;

        errno = 0;
        const long value = strtol(text, &end, 10);
        if (end != text + length || errno == ERANGE || value < 0 || value > INT32_MAX)
            return cli_usage(cli, "'%.*s' is not a token id.", (int)(length < 40 ? length : 40),
                             text);
        const int32_t id = (int32_t)value;
        if (!cli_buffer_add(out, (const char *)&id, sizeof(id))) {
            cli_error(cli, "not enough memory for the token ids.");
            return CLI_NO_FIT;
        }
        text = end;
    }
    return CLI_OK;
}

static int print_text(const struct cli *cli, const char *text, size_t n_bytes)
{
    if (cli->json)
        return cli_json_print(cli, json_pack("{s:o}", "text", cli_json_text_n(text, n_bytes)));
    (void)fwrite(text, 1, n_bytes, stdout);
    if (isatty(STDOUT_FILENO))
        (void)fputc('\n', stdout); /* elsewhere the bytes are exact */
    return CLI_OK;
}

static int decode(const struct cli *cli, const orion_model *model, const struct tokenize_args *args,
                  const struct cli_buffer *ids)
{
    orion_error err = CLI_NO_ERROR;
    char *text = NULL;
    size_t n_bytes = 0;
    /* The buffer is from malloc() and holds whole ids, so it is aligned. */
    const int32_t *first = (const int32_t *)(const void *)ids->data;
    const orion_status status =
        orion_detokenize(model, first, ids->len / sizeof(int32_t),
                         args->special ? ORION_DETOKENIZE_SPECIAL : 0, &text, &n_bytes, &err);

    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    const int code = print_text(cli, text, n_bytes);
    orion_free(text);
    return code;
}

/* ---- both ---- */

static int open_vocabulary(struct cli *cli, const char *ref, const char *pre, orion_model **out)
{
    orion_model_options how;
    orion_error err = CLI_NO_ERROR;
    char *path = NULL;
    const int code = cli_model_path(cli, ref, &path);

    if (code != CLI_OK)
        return code;
    orion_model_options_init(&how);
    how.vocab_only = true;
    how.pre_tokenizer = pre;
    const orion_status status = orion_model_open(path, &how, out, &err);
    orion_free(path);
    return status == ORION_OK ? CLI_OK : cli_fail(cli, status, &err);
}

/* The operands with a space between them, or standard input. */
static int read_given(const struct cli *cli, int n_given, char **given, struct cli_buffer *out)
{
    if (n_given == 0)
        return cli_read(cli, "-", out);
    for (int i = 0; i < n_given; i++) {
        if ((i > 0 && !cli_buffer_add(out, " ", 1)) ||
            !cli_buffer_add(out, given[i], strlen(given[i]))) {
            cli_error(cli, "not enough memory for the text.");
            return CLI_NO_FIT;
        }
    }
    return CLI_OK;
}

static int tokenize_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct tokenize_args *a = args;
    struct cli_buffer given = {0}, ids = {0};
    orion_model *model = NULL;
    int code = CLI_OK;

    if (!a->decode && n_operands > 2)
        return cli_usage(cli, "more than one text: put it in quotes.");
    code = read_given(cli, n_operands - 1, operands + 1, &given);
    if (code == CLI_OK && a->decode)
        code = read_ids(cli, &given, &ids);
    if (code == CLI_OK)
        code = open_vocabulary(cli, operands[0], a->pre, &model);
    if (code == CLI_OK)
        code =
            a->decode ? decode(cli, model, a, &ids) : encode(cli, model, a, given.data, given.len);
    orion_model_close(model);
    cli_buffer_free(&ids);
    cli_buffer_free(&given);
    return code;
}

const struct cli_verb verb_tokenize = {
    .name = "tokenize",
    .usage = "REF [TEXT | --decode [ID...]]",
    .summary = "print the token ids of a text, or the text of token ids",
    .details =
        "Without TEXT, standard input is taken whole, byte for byte. The ids are printed on\n"
        "one line. REF may also be a file that holds a vocabulary and no tensors. --decode\n"
        "writes exactly the bytes that the ids stand for.",
    .options = sets,
    .args_bytes = sizeof(struct tokenize_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = tokenize_run,
};
