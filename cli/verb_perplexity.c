/* orion perplexity: how well a model predicts a text. */
#include "engine.h"
#include "input.h"
#include "json.h"

#include <inttypes.h>
#include <stdio.h>

struct perplexity_args {
    struct cli_engine_args engine;
    bool digest;
};

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .name = "digest",
     .offset = offsetof(struct perplexity_args, digest),
     .help = "also print a SHA-256 over all logits: equal digests mean equal bits"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {
    {options, 0}, {cli_engine_options, offsetof(struct perplexity_args, engine)}, {NULL, 0}};

static int print(const struct cli *cli, const orion_perplexity_result *result, bool digest)
{
    if (cli->json)
        return cli_json_print(cli, json_pack("{s:o, s:o, s:o}", "perplexity",
                                             cli_json_number(result->perplexity), "tokens",
                                             cli_json_count(result->n_tokens), "digest",
                                             digest ? cli_json_text(result->digest) : json_null()));
    (void)printf("%.6f\n", result->perplexity);
    if (digest)
        (void)printf("%s\n", result->digest);
    cli_note(cli, "over %" PRIu64 " tokens", result->n_tokens);
    return CLI_OK;
}

static int perplexity_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct perplexity_args *a = args;
    struct cli_buffer text = {0};
    struct cli_engine engine = {0};
    orion_perplexity_result result;
    orion_error err = CLI_NO_ERROR;
    int code = cli_read(cli, operands[1], &text);

    (void)n_operands;
    if (code == CLI_OK)
        code = cli_engine_open(cli, operands[0], false, &a->engine, &engine);
    if (code == CLI_OK) {
        const orion_status status =
            orion_perplexity(engine.session, text.data, text.len, a->digest, &result, &err);
        code = status == ORION_OK ? print(cli, &result, a->digest) : cli_fail(cli, status, &err);
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
        "the digest on a second line.",
    .options = sets,
    .args_bytes = sizeof(struct perplexity_args),
    .min_operands = 2,
    .max_operands = 2,
    .run = perplexity_run,
};
