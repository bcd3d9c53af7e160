/* orion embed: texts to vectors. */
#include "engine.h"
#include "input.h"
#include "interrupt.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct embed_args {
    uint32_t threads, longest; /* 0: the library's default */
    const char *pre, *pooling;
};

#define FIELD(name) offsetof(struct embed_args, name)

static const struct cli_option options[] = {
    CLI_THREADS_OPTION(FIELD(threads)),
    {.kind = CLI_KIND_COUNT,
     .name = "longest",
     .offset = FIELD(longest),
     .value = "N",
     .help = "tokens that a text may have (default: the model's, at most 2048)",
     .min = 1,
     .max = 8192},
    CLI_PRE_OPTION(FIELD(pre)),
    {.kind = CLI_KIND_CHOICE,
     .name = "pooling",
     .offset = FIELD(pooling),
     .value = "HOW",
     .help = "mean, cls or last, for a model whose file does not say",
     .choices = "mean|cls|last"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

/* ---- the texts ---- */

struct texts {
    orion_embed_input *items; /* [n] */
    size_t n, room;
};

static bool add(struct texts *texts, const char *text, size_t n_bytes)
{
    if (texts->n == texts->room) {
        const size_t room = texts->room ? texts->room * 2 : 64;
        orion_embed_input *items = realloc(texts->items, room * sizeof(*items));
        if (!items)
            return false;
        texts->items = items;
        texts->room = room;
    }
    texts->items[texts->n++] = (orion_embed_input){.text = text, .text_bytes = n_bytes};
    return true;
}

/* Each line is a text; the last may lack its newline. */
static bool add_lines(struct texts *texts, const char *at, size_t left)
{
    while (left > 0) {
        const char *newline = memchr(at, '\n', left);
        const size_t n = newline ? (size_t)(newline - at) : left;

        if (!add(texts, at, n))
            return false;
        at += n + (newline ? 1 : 0);
        left -= n + (newline ? 1 : 0);
    }
    return true;
}

/* The operands, or the lines of standard input, which `input` keeps. */
static int gather(const struct cli *cli, int n_given, char **given, struct cli_buffer *input,
                  struct texts *texts)
{
    bool ok = true;

    if (n_given == 0) {
        const int code = cli_read(cli, "-", input);
        if (code != CLI_OK)
            return code;
        ok = add_lines(texts, input->data, input->len);
    }
    for (int i = 0; i < n_given && ok; i++)
        ok = add(texts, given[i], strlen(given[i]));
    if (!ok) {
        cli_error(cli, "not enough memory for the texts.");
        return CLI_NO_FIT;
    }
    return texts->n > 0 ? CLI_OK : cli_usage(cli, "there are no texts to make vectors of.");
}

/* ---- the vectors ---- */

struct vectors {
    float *values;      /* [n][length] */
    uint32_t *n_tokens; /* [n] */
    size_t n;
    uint32_t length;
};

static json_t *vector_document(const struct vectors *v, size_t i)
{
    json_t *list = json_array();

    for (uint32_t k = 0; list && k < v->length; k++)
        cli_json_add(&list, json_real((double)v->values[i * v->length + k]));
    return list ? json_pack("{s:o, s:o}", "embedding", list, "tokens",
                            cli_json_count(v->n_tokens[i]))
                : NULL;
}

static int print_json(const struct cli *cli, const struct vectors *v)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < v->n; i++)
        cli_json_add(&list, vector_document(v, i));
    return cli_json_print(
        cli, json_pack("{s:o, s:o}", "length", cli_json_count(v->length), "embeddings", list));
}

/* Nine digits give back the same float. */
static int print(const struct cli *cli, const struct vectors *v)
{
    if (cli->json)
        return print_json(cli, v);
    for (size_t i = 0; i < v->n; i++)
        for (uint32_t k = 0; k < v->length; k++)
            (void)printf("%.9g%c", (double)v->values[i * v->length + k],
                         k + 1 < v->length ? ' ' : '\n');
    return CLI_OK;
}

static int keep_on(size_t done, size_t total, void *user)
{
    (void)done;
    (void)total;
    (void)user;
    return cli_interrupted();
}

static int compute(const struct cli *cli, orion_embedder *embedder, uint32_t length,
                   const struct texts *texts)
{
    struct vectors v = {.values = calloc(texts->n, length * sizeof(float)),
                        .n_tokens = calloc(texts->n, sizeof(uint32_t)),
                        .n = texts->n,
                        .length = length};
    orion_error err = CLI_NO_ERROR;
    int code = CLI_NO_FIT;

    if (v.values && v.n_tokens) {
        cli_interrupt_install();
        const orion_status status = orion_embed(embedder, texts->items, texts->n, keep_on, NULL,
                                                v.values, v.n_tokens, &err);
        code = status == ORION_OK ? print(cli, &v) : cli_fail(cli, status, &err);
    } else {
        cli_error(cli, "not enough memory for %zu vectors.", texts->n);
    }
    free(v.values);
    free(v.n_tokens);
    return code;
}

/* ---- the verb ---- */

static int open_embedder(struct cli *cli, const char *ref, const struct embed_args *args,
                         orion_model **model, orion_embedder **out)
{
    orion_model_options how;
    orion_embedder_options sizes;
    orion_error err = CLI_NO_ERROR;
    char *path = NULL;
    const int code = cli_model_path_or_pull(cli, ref, &path);

    if (code != CLI_OK)
        return code;
    orion_model_options_init(&how);
    how.pre_tokenizer = args->pre;
    how.pooling = args->pooling;
    orion_embedder_options_init(&sizes);
    sizes.threads = args->threads;
    sizes.batch_tokens = args->longest;
    orion_status status = orion_model_open(path, &how, model, &err);
    if (status == ORION_OK)
        status = orion_embedder_new(*model, &sizes, out, &err);
    orion_free(path);
    return status == ORION_OK ? CLI_OK : cli_fail(cli, status, &err);
}

static int embed_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    orion_model *model = NULL;
    orion_embedder *embedder = NULL;
    orion_model_info info;
    struct cli_buffer input = {0};
    struct texts texts = {0};
    int code = gather(cli, n_operands - 1, operands + 1, &input, &texts);

    if (code == CLI_OK)
        code = open_embedder(cli, operands[0], args, &model, &embedder);
    if (code == CLI_OK) {
        orion_model_get_info(model, &info);
        code = compute(cli, embedder, info.embedding_length, &texts);
    }
    orion_embedder_free(embedder);
    orion_model_close(model);
    free(texts.items);
    cli_buffer_free(&input);
    return code;
}

const struct cli_verb verb_embed = {
    .name = "embed",
    .usage = "REF [TEXT...]",
    .summary = "turn texts into vectors, by a model that was made for it",
    .details =
        "Without TEXT, each line of standard input is a text. Prints a line for each: its\n"
        "vector's numbers with spaces between, which give back the same floats. Vectors have\n"
        "length 1, so the sum of the products of two is their cosine. With --json also the\n"
        "tokens of each text. Many models want to be told what a text is for by words before\n"
        "it (\"search_query: \"): their publishers say which, and they are yours to write.",
    .options = sets,
    .args_bytes = sizeof(struct embed_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = embed_run,
};
