/* engine.h - an open model and a session over it, with the options that every
 * verb that computes shares. */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include "cli.h"

/* Rows for a table of options; the values are uint32_t, 0 when they were not given. */
#define CLI_CONTEXT_OPTION(value_offset)                                                           \
    {                                                                                              \
        .kind = CLI_KIND_COUNT, .name = "ctx", .offset = (value_offset), .value = "N",             \
        .help = "tokens of context (default: the model's, at most 4096)", .min = 1, .max = 1 << 26 \
    }
#define CLI_THREADS_OPTION(value_offset)                                                           \
    {                                                                                              \
        .kind = CLI_KIND_COUNT, .letter = 't', .name = "threads", .offset = (value_offset),        \
        .value = "N", .help = "threads to compute with (default: physical cores)", .min = 1,       \
        .max = ORION_MAX_THREADS                                                                   \
    }

/* The same; the value is a const char *, NULL when it was not given. */
#define CLI_PRE_OPTION(value_offset)                                                               \
    {                                                                                              \
        .kind = CLI_KIND_TEXT, .name = "pre", .offset = (value_offset), .value = "NAME",           \
        .help = "cut texts into words as this kind of model does (qwen2, llama-bpe, ...)"          \
    }

/* Filled by cli_engine_options, prefix_cache by cli_prefix_cache_options. */
struct cli_engine_args {
    uint32_t ctx, threads, chunk; /* 0: the library's default */
    bool no_sliding_window;
    const char *pre;
    const char *kv_type; /* NULL: the default */
    bool prefix_cache;
    const char *chat_template; /* a name or a program; NULL: the file's own */
};

extern const struct cli_option cli_engine_options[];
extern const struct cli_option cli_prefix_cache_options[]; /* where what is kept may be used */

/* Filled by cli_sampling_options. */
struct cli_sampling {
    float temp, top_p, min_p, repeat_penalty;
    uint32_t top_k, max_tokens;
    int64_t seed; /* -1: a new one for each run */
    struct cli_texts stop;
    uint32_t lookup; /* longest draft; 0: the library's choice */
    bool no_lookup;
};

extern const struct cli_option cli_sampling_options[];

/* The library's defaults, and a seed of -1. */
void cli_sampling_init(struct cli_sampling *sampling);

/* The parameters that the options ask for, with a random seed where none was
 * given.  Borrows from `sampling`. */
void cli_sampling_params(const struct cli_sampling *sampling, orion_generate_params *params);

struct cli_engine {
    orion_model *model;
    orion_session *session;
    orion_prefix_cache *prefix_cache; /* NULL: none */
    double load_ms;
    const char *where; /* the address of what answers instead of these; NULL: they do */
};

/* Open the model that `ref` names, pulling it if it may and must.  CLI_OK or
 * an exit code after saying why. */
int cli_engine_open(struct cli *cli, const char *ref, bool may_pull,
                    const struct cli_engine_args *args, struct cli_engine *out);
void cli_engine_close(struct cli_engine *engine);

/* Timings of an answer on standard error, for --verbose. */
void cli_print_stats(const struct cli_engine *engine, const orion_stats *stats, uint64_t seed);

const char *cli_finish_name(orion_finish finish);

#endif
