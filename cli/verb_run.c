/* orion run: one answer, or a conversation. */
#include "answer.h"
#include "chat.h"
#include "interrupt.h"

#include <string.h>
#include <unistd.h>

struct run_args {
    struct cli_sampling sampling;
    struct cli_engine_args engine;
    const char *system;
    bool raw, verbose, history;
};

#define FIELD(name) offsetof(struct run_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "system",
     .offset = FIELD(system),
     .value = "TEXT",
     .help = "what the model is told before the conversation"},
    {.kind = CLI_KIND_FLAG,
     .name = "raw",
     .offset = FIELD(raw),
     .help = "continue the prompt as it stands, without the chat template"},
    {.kind = CLI_KIND_FLAG,
     .name = "history",
     .offset = FIELD(history),
     .help = "in a chat, let the arrow keys bring back lines (kept in memory only)"},
    {.kind = CLI_KIND_FLAG,
     .letter = 'v',
     .name = "verbose",
     .offset = FIELD(verbose),
     .help = "print timings and the seed on standard error"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0},
                                             {cli_sampling_options, FIELD(sampling)},
                                             {cli_engine_options, FIELD(engine)},
                                             {cli_prefix_cache_options, FIELD(engine)},
                                             {NULL, 0}};

static void run_init(void *args)
{
    cli_sampling_init(&((struct run_args *)args)->sampling);
}

static orion_status generate(const struct run_args *args, const struct cli_engine *engine,
                             const char *prompt, const orion_generate_params *params,
                             struct cli_answer *answer, orion_stats *stats, orion_error *err)
{
    orion_message messages[2];
    size_t n = 0;

    if (args->raw)
        return orion_generate_text(engine->session, prompt, false, params, cli_answer_take, answer,
                                   stats, err);
    if (args->system)
        messages[n++] = (orion_message){.role = "system", .content = args->system};
    messages[n++] = (orion_message){.role = "user", .content = prompt};
    return orion_generate(engine->session, messages, n, params, cli_answer_take, answer, stats,
                          err);
}

static int answer_once(const struct cli *cli, const struct run_args *args,
                       const struct cli_engine *engine, const char *prompt,
                       const orion_generate_params *params)
{
    struct cli_answer answer;
    orion_stats stats = {0};
    orion_error err = CLI_NO_ERROR;

    cli_answer_init(&answer, cli, false);
    cli_interrupt_watch(engine->session);
    const orion_status status = generate(args, engine, prompt, params, &answer, &stats, &err);
    cli_interrupt_watch(NULL);
    const int code =
        cli_answer_finish(cli, &answer, engine, status, &stats, params->seed, args->verbose, &err);
    cli_answer_release(&answer);
    return code;
}

/* A model without a template can only continue a text. */
static int check_template(const struct cli *cli, const struct run_args *args,
                          const struct cli_engine *engine)
{
    orion_model_info info;

    orion_model_get_info(engine->model, &info);
    if (args->raw || info.chat_template[0])
        return CLI_OK;
    cli_error(cli, "this model has no chat template that orion knows; --raw continues the prompt "
                   "as it stands.");
    return CLI_FAILED;
}

/* `prompt` NULL: a conversation. */
static int run_with(struct cli *cli, const struct run_args *args, const char *ref,
                    const char *prompt)
{
    struct cli_engine engine = {0};
    orion_generate_params params;
    int code = cli_engine_open(cli, ref, true, &args->engine, &engine);

    if (code != CLI_OK)
        return code;
    cli_interrupt_install();
    cli_sampling_params(&args->sampling, &params);
    code = check_template(cli, args, &engine);
    if (code == CLI_OK && prompt)
        code = answer_once(cli, args, &engine, prompt, &params);
    else if (code == CLI_OK)
        code = cli_chat(cli, &engine, &params,
                        &(struct cli_chat_options){.system = args->system,
                                                   .verbose = args->verbose,
                                                   .history = args->history});
    cli_engine_close(&engine);
    return code;
}

static int run_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct run_args *a = args;
    const char *given = n_operands > 1 ? operands[1] : NULL;
    const bool reads = given ? strcmp(given, "-") == 0 : !isatty(STDIN_FILENO);
    struct cli_buffer typed = {0};
    int code = CLI_OK;

    if (reads)
        code = cli_read_text(cli, "-", "the prompt", &typed);
    else if (given && !*given)
        code = cli_usage(cli, "the prompt is empty.");
    else if (!given && a->raw)
        code = cli_usage(cli, "--raw continues a text: give it as PROMPT or on standard input.");
    else if (!given && cli->json)
        code = cli_usage(cli, "--json needs a PROMPT, or one on standard input.");
    if (code == CLI_OK)
        code = run_with(cli, a, operands[0], reads ? typed.data : given);
    cli_buffer_free(&typed);
    return code;
}

const struct cli_verb verb_run = {
    .name = "run",
    .usage = "REF [PROMPT]",
    .summary = "answer a prompt, or open a chat",
    .details =
        "The prompt is the argument, or else standard input. Without either, on a terminal,\n"
        "a chat opens: /help lists its commands, ^C stops an answer, ^D leaves. Nothing that\n"
        "is typed or answered is written to disk. A model that is not there yet is pulled\n"
        "first, unless --offline is given.",
    .options = sets,
    .args_bytes = sizeof(struct run_args),
    .init = run_init,
    .min_operands = 1,
    .max_operands = 2,
    .run = run_run,
};
