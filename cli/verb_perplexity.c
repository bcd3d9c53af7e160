/* orion perplexity: how well a model predicts a text. */
#include "engine.h"
#include "input.h"
#include "interrupt.h"
#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

struct perplexity_args {
    struct cli_engine_args engine;
    bool digest, each;
};

#define FIELD(name) offsetof(struct perplexity_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .name = "digest",
     .offset = FIELD(digest),
     .help = "also print a SHA-256 over all logits: equal digests mean equal bits"},
    {.kind = CLI_KIND_FLAG,
     .name = "each",
     .offset = FIELD(each),
     .help = "first print how well each token was predicted"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0},
                                             {cli_engine_options, FIELD(engine)},
                                             {cli_prefix_cache_options, FIELD(engine)},
                                             {NULL, 0}};

/* ---- each token ---- */

/* Where the scores go: the terminal, or a list for --json. */
struct scores {
    const orion_model *model;
    json_t *list; /* NULL: print */
    bool no_memory;
};

static void print_token(const orion_model *model, int32_t token)
{
    char *text = NULL;

    (void)putchar('\t');
    if (orion_detokenize(model, &token, 1, ORION_DETOKENIZE_SPECIAL, &text, NULL, NULL) == ORION_OK)
        cli_text_put_escaped(stdout, text);
    orion_free(text);
}

static int take_score(const orion_token_score *score, void *user)
{
    struct scores *scores = user;

    if (!scores->list) {
        (void)printf("%u\t%.6f\t%d\t%d", score->position, score->log_likelihood, score->token,
                     score->likeliest);
        print_token(scores->model, score->token);
        print_token(scores->model, score->likeliest);
        (void)putchar('\n');
        return ferror(stdout);
    }
    json_t *row = json_pack("{s:o, s:i, s:i, s:o}", "position", cli_json_count(score->position),
                            "token", (int)score->token, "likeliest", (int)score->likeliest,
                            "log_likelihood", cli_json_number(score->log_likelihood));
    scores->no_memory = json_array_append_new(scores->list, row) != 0;
    return scores->no_memory;
}

/* ---- all together ---- */

/* Takes `list` over; NULL: not asked for. */
static int print(const struct cli *cli, const orion_perplexity_result *result, bool digest,
                 json_t *list)
{
    if (cli->json)
        return cli_json_print(cli, json_pack("{s:o, s:o, s:o, s:o*}", "perplexity",
                                             cli_json_number(result->perplexity), "tokens",
                                             cli_json_count(result->n_tokens), "digest",
                                             digest ? cli_json_text(result->digest) : json_null(),
                                             "each", list));
    (void)printf("%.6f\n", result->perplexity);
    if (digest)
        (void)printf("%s\n", result->digest);
    cli_note(cli, "over %" PRIu64 " tokens", result->n_tokens);
    return CLI_OK;
}

static int measure(const struct cli *cli, const struct cli_engine *engine,
                   const struct cli_buffer *text, const struct perplexity_args *args)
{
    struct scores scores = {.model = engine->model,
                            .list = args->each && cli->json ? json_array() : NULL};
    orion_perplexity_result result;
    orion_error err = CLI_NO_ERROR;

    cli_interrupt_install();
    cli_interrupt_watch(engine->session);
    const orion_status status =
        args->each
            ? orion_perplexity_each(engine->session, text->data, text->len, args->digest,
                                    take_score, &scores, &result, &err)
            : orion_perplexity(engine->session, text->data, text->len, args->digest, &result, &err);
    cli_interrupt_watch(NULL);
    if (status == ORION_OK)
        return print(cli, &result, args->digest, scores.list);
    json_decref(scores.list);
    if (scores.no_memory) {
        cli_error(cli, "not enough memory for the list of tokens.");
        return CLI_NO_FIT;
    }
    return ferror(stdout) ? cli_finish_output(cli) : cli_fail(cli, status, &err);
}

static int perplexity_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct perplexity_args *a = args;
    struct cli_buffer text = {0};
    struct cli_engine engine = {0};
    int code = cli_read(cli, operands[1], &text);

    (void)n_operands;
    if (code == CLI_OK)
        code = cli_engine_open(cli, operands[0], false, &a->engine, &engine);
    if (code == CLI_OK) {
        code = measure(cli, &engine, &text, a);
        cli_engine_close(&engine);
    }
    cli_buffer_free(&text);
    return code;
}

const struct cli_verb verb_perplexity = {
    .name = "perplexity",
    .usage = "REF FILE",
    .summary = "measure how well a model predicts a text",
    .details =
        "FILE is a text, or \"-\" for standard input. Prints the perplexity, and with --digest\n"
        "the digest on a second line. --each first prints a line for each token: its position,\n"
        "the logarithm of its likelihood, its id and the likeliest one's, and the text of both,\n"
        "with tabs between.",
    .options = sets,
    .args_bytes = sizeof(struct perplexity_args),
    .min_operands = 2,
    .max_operands = 2,
    .run = perplexity_run,
};
