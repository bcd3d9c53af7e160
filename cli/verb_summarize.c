/* orion summarize: health records in, a summary for the patient out. */
#include "answer.h"
#include "interrupt.h"

#include <stdlib.h>

struct summarize_args {
    struct cli_sampling sampling;
    struct cli_engine_args engine;
    const char *period, *language;
    bool verbose;
};

#define FIELD(name) offsetof(struct summarize_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "period",
     .offset = FIELD(period),
     .value = "LABEL",
     .help = "what the records cover, such as \"March 2024\""},
    {.kind = CLI_KIND_CHOICE,
     .name = "lang",
     .offset = FIELD(language),
     .value = "es|en",
     .help = "language of the summary (default: the records' own)",
     .choices = "es|en"},
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

/* A summary is to say what the records say: no chance in it unless asked. */
static void summarize_init(void *args)
{
    struct summarize_args *a = args;

    cli_sampling_init(&a->sampling);
    a->sampling.temp = 0;
}

/* ---- records ---- */

/* One text for each file; `texts` points into `buffers`. */
struct records {
    struct cli_buffer *buffers;
    const char **texts;
    size_t count;
};

static void records_release(struct records *records)
{
    for (size_t i = 0; records->buffers && i < records->count; i++)
        cli_buffer_free(&records->buffers[i]);
    free(records->buffers);
    free(records->texts);
}

static int records_read(const struct cli *cli, int n_files, char **files, struct records *out)
{
    char dash[] = "-";
    char *stdin_only[] = {dash};

    *out = (struct records){0};
    if (n_files == 0) {
        n_files = 1;
        files = stdin_only;
    }
    out->count = (size_t)n_files;
    out->buffers = calloc(out->count, sizeof(*out->buffers));
    out->texts = calloc(out->count, sizeof(*out->texts));
    if (!out->buffers || !out->texts) {
        cli_error(cli, "not enough memory for %d records.", n_files);
        return CLI_NO_FIT;
    }
    for (size_t i = 0; i < out->count; i++) {
        const int code = cli_read_text(
            cli, files[i],
            files[i][0] == '-' && !files[i][1] ? "the record on standard input" : files[i],
            &out->buffers[i]);
        if (code != CLI_OK)
            return code;
        out->texts[i] = out->buffers[i].data;
    }
    return CLI_OK;
}

/* ---- the summary ---- */

static void say_part(uint32_t part, uint32_t n_parts, void *user)
{
    const struct cli *cli = user;

    if (part == 1)
        cli_note(cli, "the records do not fit the context; summarising them in %u parts.", n_parts);
    if (part == 0)
        cli_note(cli, "joining %u parts", n_parts);
    else
        cli_note(cli, "part %u of %u", part, n_parts);
}

static int summarize(const struct cli *cli, const struct summarize_args *args,
                     const struct cli_engine *engine, const struct records *records)
{
    struct cli_answer answer;
    orion_generate_params params;
    orion_summarize_options how;
    orion_stats stats = {0};
    orion_error err = CLI_NO_ERROR;
    union {
        const struct cli *read;
        void *user;
    } cli_user = {.read = cli}; /* say_part() only reads it */

    cli_sampling_params(&args->sampling, &params);
    orion_summarize_options_init(&how);
    how.period = args->period;
    how.language = args->language;
    how.params = &params;
    how.on_part = say_part;
    how.on_part_user = cli_user.user;

    cli_answer_init(&answer, cli, false);
    cli_interrupt_install();
    cli_interrupt_watch(engine->session);
    const orion_status status = orion_summarize(engine->session, records->texts, records->count,
                                                &how, cli_answer_take, &answer, &stats, &err);
    cli_interrupt_watch(NULL);
    const int code =
        cli_answer_finish(cli, &answer, engine, status, &stats, params.seed, args->verbose, &err);
    cli_answer_release(&answer);
    return code;
}

static int summarize_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct summarize_args *a = args;
    struct records records;
    struct cli_engine engine = {0};
    int code = records_read(cli, n_operands - 1, operands + 1, &records);

    if (code == CLI_OK)
        code = cli_engine_open(cli, operands[0], true, &a->engine, &engine);
    if (code == CLI_OK) {
        code = summarize(cli, a, &engine, &records);
        cli_engine_close(&engine);
    }
    records_release(&records);
    return code;
}

const struct cli_verb verb_summarize = {
    .name = "summarize",
    .usage = "REF [FILE...]",
    .summary = "summarise health records for the patient",
    .details =
        "Each FILE is one record, oldest first; without files, or for \"-\", standard input is\n"
        "read. Records that do not fit the context are summarised in parts and the parts\n"
        "joined, which is said on standard error; nothing is left out.",
    .options = sets,
    .args_bytes = sizeof(struct summarize_args),
    .init = summarize_init,
    .min_operands = 1,
    .max_operands = -1,
    .run = summarize_run,
};
