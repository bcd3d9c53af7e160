/* orion quantize: a model again, in another type. */
#include "engine.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "term.h"
#include "text.h"

#include <string.h>

struct quantize_args {
    const char *imatrix;
    uint32_t threads;
    bool pure, requantize, force;
};

#define FIELD(name) offsetof(struct quantize_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "imatrix",
     .offset = FIELD(imatrix),
     .value = "FILE",
     .help = "weigh errors by this importance matrix of llama.cpp's"},
    {.kind = CLI_KIND_FLAG,
     .name = "pure",
     .offset = FIELD(pure),
     .help = "all matrices in one type, without more bits for the sensitive ones"},
    {.kind = CLI_KIND_FLAG,
     .name = "requantize",
     .offset = FIELD(requantize),
     .help = "also from a model that is quantized already, which loses more"},
    {.kind = CLI_KIND_FLAG,
     .letter = 'f',
     .name = "force",
     .offset = FIELD(force),
     .help = "replace OUT if it is there"},
    CLI_THREADS_OPTION(FIELD(threads)),
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

/* ---- progress ---- */

struct watch {
    const struct cli *cli;
    struct cli_progress progress;
    const char *out;
};

/* The bar of a pull, with the new file's bytes. */
static int step(const orion_quantize_progress *facts, void *user)
{
    struct watch *w = user;
    const double elapsed = cli_seconds() - w->progress.start;
    const double speed = elapsed > 0 ? (double)facts->done_bytes / elapsed : 0;
    const orion_progress shown = {
        .phase = ORION_PHASE_DOWNLOAD,
        .file = w->out,
        .note = "",
        .done_bytes = facts->done_bytes,
        .total_bytes = facts->total_bytes,
        .percent = facts->percent,
        .bytes_per_second = speed,
        .seconds_left = speed > 0 ? (double)(facts->total_bytes - facts->done_bytes) / speed : -1,
        .sha256 = "",
    };

    if (facts->note[0]) {
        cli_progress_end(&w->progress);
        cli_note(w->cli, "%s", facts->note);
    }
    return cli_progress_step(&shown, &w->progress);
}

/* ---- the end ---- */

static int print(const struct cli *cli, const char *out, double seconds,
                 const orion_quantize_result *r)
{
    char from[CLI_NUMBER_BYTES], to[CLI_NUMBER_BYTES], time[CLI_NUMBER_BYTES];

    cli_note(cli, "%s: %s of %s in %s, %.2f bits a weight", out, cli_text_bytes(r->out_bytes, to),
             cli_text_bytes(r->in_bytes, from), cli_text_duration(seconds, time),
             r->bits_per_weight);
    if (cli->json)
        return cli_json_print(
            cli,
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path", cli_json_text(out),
                      "in_bytes", cli_json_count(r->in_bytes), "out_bytes",
                      cli_json_count(r->out_bytes), "tensors", cli_json_count(r->n_tensors),
                      "converted", cli_json_count(r->n_converted), "fallback",
                      cli_json_count(r->n_fallback), "unmeasured", cli_json_count(r->n_unmeasured),
                      "bits_per_weight", cli_json_number(r->bits_per_weight)));
    (void)puts(out);
    return cli_finish_output(cli);
}

static int quantize_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct quantize_args *a = args;
    const char *out = operands[1], *type = operands[2];
    struct watch watch = {.cli = cli, .out = strrchr(out, '/') ? strrchr(out, '/') + 1 : out};
    orion_quantize_params params;
    orion_quantize_result result;
    orion_error err = CLI_NO_ERROR;
    char *in = NULL;

    (void)n_operands;
    if (!*out)
        return cli_usage(cli, "the name of the new file is empty.");
    const int code = cli_model_path(cli, operands[0], &in);
    if (code != CLI_OK)
        return code;
    orion_quantize_params_init(&params);
    params.type = type;
    params.imatrix = a->imatrix;
    params.threads = a->threads;
    params.pure = a->pure;
    params.requantize = a->requantize;
    params.replace = a->force;
    params.on_progress = step;
    params.user = &watch;
    if (a->requantize)
        cli_note(cli, "from weights that are quantized already, more is lost than from the "
                      "original's.");
    cli_interrupt_install();
    cli_progress_init(&watch.progress, cli, watch.out);
    const orion_status status = orion_quantize(in, out, &params, &result, &err);
    cli_progress_end(&watch.progress);
    orion_free(in);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    return print(cli, out, cli_seconds() - watch.progress.start, &result);
}

const struct cli_verb verb_quantize = {
    .name = "quantize",
    .usage = "[--imatrix FILE] [--pure] [--force] REF OUT.gguf TYPE",
    .summary = "write a model again with fewer bits for each weight",
    .details = "REF is best a model in F16, BF16 or F32. OUT is there when it is complete; orion\n"
               "import takes it among the models. TYPE is, from the largest to the smallest:\n"
               "F32 F16 BF16 Q8_0 Q6_K Q5_K_M Q5_K_S Q5_1 Q5_0 Q4_K_M Q4_K_S Q4_1 Q4_0 IQ4_NL\n"
               "IQ4_XS MXFP4 Q3_K_L Q3_K_M IQ3_M Q3_K_S IQ3_S IQ3_XS IQ3_XXS Q2_K Q2_K_S IQ2_M\n"
               "IQ2_S IQ2_XS IQ2_XXS. Those with a last letter (and Q2_K) give sensitive matrices\n"
               "more bits than the others. Q4_K_M is a good choice for most; below it, answers\n"
               "get worse quickly, and an importance matrix helps. IQ3_XS, IQ3_XXS, Q2_K_S and\n"
               "those of IQ2 need one.",
    .options = sets,
    .args_bytes = sizeof(struct quantize_args),
    .min_operands = 3,
    .max_operands = 3,
    .run = quantize_run,
};
