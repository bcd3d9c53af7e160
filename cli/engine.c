/* An open model and a session over it. */
#include "engine.h"
#include "kv_type.h"
#include "term.h"

#include <stdio.h>

#define FIELD(name) offsetof(struct cli_engine_args, name)

const struct cli_option cli_engine_options[] = {
    CLI_CONTEXT_OPTION(FIELD(ctx)),
    CLI_THREADS_OPTION(FIELD(threads)),
    {.kind = CLI_KIND_COUNT,
     .name = "chunk",
     .offset = FIELD(chunk),
     .value = "N",
     .help = "prompt tokens computed at a time (default 512)",
     .min = 1,
     .max = 8192},
    {.kind = CLI_KIND_FLAG,
     .name = "no-sliding-window",
     .offset = FIELD(no_sliding_window),
     .help = "let attention see the whole context"},
    CLI_PRE_OPTION(FIELD(pre)),
    CLI_KV_TYPE_OPTION(FIELD(kv_type)),
    {.kind = CLI_KIND_END},
};

const struct cli_option cli_prefix_cache_options[] = {
    {.kind = CLI_KIND_FLAG,
     .name = "prefix-cache",
     .offset = FIELD(prefix_cache),
     .help = "keep computed prompts on disk, encrypted, and reuse them"},
    {.kind = CLI_KIND_END},
};

/* Without it the answer is the same: that it can't be had is only said. */
static void open_prefix_cache(struct cli *cli, struct cli_engine *engine)
{
    orion_manager *manager = NULL;
    orion_error err = CLI_NO_ERROR;

    if (cli_manager(cli, &manager) == CLI_OK &&
        orion_prefix_cache_open(manager, NULL, &engine->prefix_cache, &err) != ORION_OK)
        cli_note(cli, "going on without the prefix cache: %s.", err.message);
}

static int open_session(const struct cli *cli, const struct cli_engine_args *args,
                        struct cli_engine *engine)
{
    orion_session_options options;
    orion_error err = CLI_NO_ERROR;

    orion_session_options_init(&options);
    options.context_tokens = args->ctx;
    options.threads = args->threads;
    options.batch_tokens = args->chunk;
    options.kv_type = cli_kv_type(args->kv_type);
    options.prefix_cache = engine->prefix_cache;
    const orion_status status = orion_session_new(engine->model, &options, &engine->session, &err);
    return status == ORION_OK ? CLI_OK : cli_fail(cli, status, &err);
}

static int open_model(const struct cli *cli, const char *path, const struct cli_engine_args *args,
                      struct cli_engine *engine)
{
    orion_model_options options;
    orion_error err = CLI_NO_ERROR;

    orion_model_options_init(&options);
    options.no_sliding_window = args->no_sliding_window;
    options.pre_tokenizer = args->pre;
    options.chat_template = args->chat_template;
    const orion_status status = orion_model_open(path, &options, &engine->model, &err);
    return status == ORION_OK ? CLI_OK : cli_fail(cli, status, &err);
}

int cli_engine_open(struct cli *cli, const char *ref, bool may_pull,
                    const struct cli_engine_args *args, struct cli_engine *out)
{
    char *path = NULL;
    int code = may_pull ? cli_model_path_or_pull(cli, ref, &path) : cli_model_path(cli, ref, &path);
    const double start = cli_seconds();

    *out = (struct cli_engine){0};
    if (code == CLI_OK)
        code = open_model(cli, path, args, out);
    if (code == CLI_OK && args->prefix_cache)
        open_prefix_cache(cli, out);
    if (code == CLI_OK)
        code = open_session(cli, args, out);
    if (code != CLI_OK)
        cli_engine_close(out);
    out->load_ms = (cli_seconds() - start) * 1e3;
    orion_free(path);
    return code;
}

void cli_engine_close(struct cli_engine *engine)
{
    orion_session_free(engine->session);
    orion_prefix_cache_close(engine->prefix_cache);
    orion_model_close(engine->model);
    *engine = (struct cli_engine){0};
}

/* ---- timings ---- */

const char *cli_finish_name(orion_finish finish)
{
    switch (finish) {
    case ORION_FINISH_END:
        return "end";
    case ORION_FINISH_STOP:
        return "stop";
    case ORION_FINISH_LENGTH:
        return "length";
    case ORION_FINISH_CONTEXT:
        return "context";
    case ORION_FINISH_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

static double per_second(uint32_t tokens, double ms)
{
    return ms > 0 ? tokens * 1e3 / ms : 0;
}

void cli_print_stats(const struct cli_engine *engine, const orion_stats *stats, uint64_t seed)
{
    const uint32_t computed = stats->prompt_tokens - stats->cached_tokens;

    if (engine->where)
        (void)fprintf(stderr, "where:   %s\n", engine->where);
    (void)fprintf(stderr, "load:    %.1f ms\n", engine->load_ms);
    (void)fprintf(stderr, "prompt:  %u tokens (%u from the cache), %.1f ms, %.1f tokens/s\n",
                  stats->prompt_tokens, stats->cached_tokens, stats->prompt_ms,
                  per_second(computed, stats->prompt_ms));
    (void)fprintf(stderr, "output:  %u tokens, %.1f ms, %.1f tokens/s\n", stats->output_tokens,
                  stats->output_ms, per_second(stats->output_tokens, stats->output_ms));
    (void)fprintf(stderr, "lookup:  %u tokens guessed, %u of them right\n", stats->drafted_tokens,
                  stats->accepted_tokens);
    (void)fprintf(stderr, "first token after %.1f ms\n", stats->first_token_ms);
    (void)fprintf(stderr, "finish:  %s\n", cli_finish_name(stats->finish));
    (void)fprintf(stderr, "seed:    %llu\n", (unsigned long long)seed);
}
