/* orion run: one answer, or a conversation. */
#include "answer.h"
#include "chat.h"
#include "input.h"
#include "interrupt.h"
#include "speaker.h"

#include <string.h>
#include <unistd.h>

struct run_args {
    struct cli_sampling sampling;
    struct cli_engine_args engine;
    struct cli_server_args server;
    const char *system;
    const char *template; /* a file, or a name */
    const char *tools, *documents, *effort;
    bool think, no_think;
    bool raw, verbose, history;
};

#define FIELD(name) offsetof(struct run_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "system",
     .offset = FIELD(system),
     .value = "TEXT",
     .help = "what the model is told before the conversation"},
    {.kind = CLI_KIND_TEXT,
     .name = "template",
     .offset = FIELD(template),
     .value = "FILE",
     .help = "lay the chat out by this Jinja file, or as one built in"},
    {.kind = CLI_KIND_FLAG,
     .name = "think",
     .offset = FIELD(think),
     .help = "have the model think before it answers, where its template knows how"},
    {.kind = CLI_KIND_FLAG,
     .name = "no-think",
     .offset = FIELD(no_think),
     .help = "have it answer at once"},
    {.kind = CLI_KIND_CHOICE,
     .name = "effort",
     .offset = FIELD(effort),
     .value = "low|medium|high",
     .choices = "low|medium|high",
     .help = "how much it thinks, where its template knows that (gpt-oss)"},
    {.kind = CLI_KIND_TEXT,
     .name = "tools",
     .offset = FIELD(tools),
     .value = "FILE",
     .help = "functions that it may call, a JSON list as OpenAI's API has it"},
    {.kind = CLI_KIND_TEXT,
     .name = "documents",
     .offset = FIELD(documents),
     .value = "FILE",
     .help = "documents to answer from: a JSON list of {\"title\", \"text\"}"},
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
     .help = "print timings, the seed, and where it ran on standard error"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0},
                                             {cli_sampling_options, FIELD(sampling)},
                                             {cli_engine_options, FIELD(engine)},
                                             {cli_prefix_cache_options, FIELD(engine)},
                                             {cli_server_options, FIELD(server)},
                                             {NULL, 0}};

static void run_init(void *args)
{
    cli_sampling_init(&((struct run_args *)args)->sampling);
}

static int answer_once(const struct cli *cli, const struct run_args *args,
                       struct cli_speaker *speaker, const char *prompt,
                       const orion_generate_params *params, const orion_chat_options *template)
{
    orion_message messages[2];
    size_t n = 0;
    struct cli_answer answer;
    orion_request request;
    orion_stats stats = {0};
    orion_error err = CLI_NO_ERROR;

    if (args->system && !args->raw)
        messages[n++] = (orion_message){.role = "system", .content = args->system};
    if (!args->raw)
        messages[n++] = (orion_message){.role = "user", .content = prompt};
    cli_answer_init(&answer, cli, false);
    orion_request_init(&request);
    request.messages = messages;
    request.n_messages = n;
    request.prompt = prompt;
    request.params = params;
    request.chat = template;
    const orion_status status = cli_speak(speaker, &request, &answer, &stats, &err);
    const int code = cli_answer_finish(cli, &answer, &speaker->engine, status, &stats, params->seed,
                                       args->verbose, &err);
    cli_answer_release(&answer);
    return code;
}

/* What --template names, in *out, which `text` may hold: a file's text, or else a
 * name that the library may know. */
static int read_template(const struct cli *cli, const char *wanted, struct cli_buffer *text,
                         const char **out)
{
    *out = wanted;
    if (!wanted || (!strchr(wanted, '/') && access(wanted, F_OK) != 0))
        return CLI_OK;
    const int code = cli_read_text(cli, wanted, "the template", text);
    *out = text->data;
    return code;
}

/* `prompt` NULL: a conversation. */
static int converse(struct cli *cli, const struct run_args *args,
                    const struct cli_engine_args *engine, const orion_chat_options *template,
                    const char *ref, const char *prompt)
{
    const struct cli_speaker_args how = {
        .engine = engine, .sampling = &args->sampling, .server = &args->server, .raw = args->raw};
    struct cli_speaker speaker;
    orion_generate_params params;
    int code = cli_speaker_open(cli, ref, &how, &speaker);

    if (code != CLI_OK)
        return code;
    cli_interrupt_install();
    cli_sampling_params(&args->sampling, &params);
    if (prompt)
        code = answer_once(cli, args, &speaker, prompt, &params, template);
    else
        code = cli_chat(cli, &speaker, &params,
                        &(struct cli_chat_options){.system = args->system,
                                                   .template = template,
                                                   .verbose = args->verbose,
                                                   .history = args->history});
    cli_speaker_close(&speaker);
    return code;
}

static int run_with(struct cli *cli, const struct run_args *args, const char *ref,
                    const char *prompt)
{
    struct cli_engine_args engine = args->engine;
    struct cli_buffer template = {0}, tools = {0}, documents = {0};
    orion_chat_options told;

    orion_chat_options_init(&told);
    told.thinking = args->think      ? ORION_THINKING_ON
                    : args->no_think ? ORION_THINKING_OFF
                                     : ORION_THINKING_AS_IS;
    told.reasoning_effort = args->effort;
    int code = read_template(cli, args->template, &template, &engine.chat_template);
    if (code == CLI_OK && args->tools)
        code = cli_read_text(cli, args->tools, "the list of tools", &tools);
    if (code == CLI_OK && args->documents)
        code = cli_read_text(cli, args->documents, "the list of documents", &documents);
    told.tools = tools.data;
    told.documents = documents.data;
    if (code == CLI_OK)
        code = converse(cli, args, &engine, &told, ref, prompt);
    cli_buffer_free(&template);
    cli_buffer_free(&tools);
    cli_buffer_free(&documents);
    return code;
}

static int check_args(const struct cli *cli, const struct run_args *a)
{
    if (a->think && a->no_think)
        return cli_usage(cli, "--think and --no-think exclude each other.");
    if (a->raw && (a->think || a->no_think || a->effort || a->tools || a->documents))
        return cli_usage(cli, "--raw goes without the chat template, which --think, --no-think, "
                              "--effort, --tools and --documents are for.");
    return CLI_OK;
}

static int run_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct run_args *a = args;
    const char *given = n_operands > 1 ? operands[1] : NULL;
    const bool reads = given ? strcmp(given, "-") == 0 : !isatty(STDIN_FILENO);
    struct cli_buffer typed = {0};
    int code = CLI_OK;

    if ((code = check_args(cli, a)) != CLI_OK)
        return code;
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
        "first, unless --offline is given. Where a server of this machine holds the model\n"
        "('orion ps'), it answers: the same, to the byte, without loading it again. A name of\n"
        "a 'remote' entry of the configuration is asked elsewhere, which is said.\n"
        "What a model thinks before it answers is shown dimmed on standard error, if that is\n"
        "a terminal, and is not part of the answer; --quiet hides it. Calls of the functions\n"
        "in --tools come as lines of JSON; nothing is executed.",
    .options = sets,
    .args_bytes = sizeof(struct run_args),
    .init = run_init,
    .min_operands = 1,
    .max_operands = 2,
    .run = run_run,
};
