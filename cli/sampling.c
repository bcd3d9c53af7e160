/* The options that shape an answer. */
#include "engine.h"
#include "term.h"

#include <sys/random.h>

#define FIELD(name) offsetof(struct cli_sampling, name)

const struct cli_option cli_sampling_options[] = {
    {.kind = CLI_KIND_NUMBER,
     .name = "temp",
     .offset = FIELD(temp),
     .value = "X",
     .help = "temperature; 0 always takes the likeliest token",
     .max = 100,
     .show_default = true},
    {.kind = CLI_KIND_COUNT,
     .name = "top-k",
     .offset = FIELD(top_k),
     .value = "N",
     .help = "choose among the N likeliest; 0: among all",
     .max = 1 << 24,
     .show_default = true},
    {.kind = CLI_KIND_NUMBER,
     .name = "top-p",
     .offset = FIELD(top_p),
     .value = "X",
     .help = "choose within this share of the probability",
     .max = 1,
     .above_min = true,
     .show_default = true},
    {.kind = CLI_KIND_NUMBER,
     .name = "min-p",
     .offset = FIELD(min_p),
     .value = "X",
     .help = "drop what is below this share of the likeliest",
     .max = 1,
     .below_max = true,
     .show_default = true},
    {.kind = CLI_KIND_NUMBER,
     .name = "repeat-penalty",
     .offset = FIELD(repeat_penalty),
     .value = "X",
     .help = "make repetition less likely; 1: off",
     .max = 100,
     .above_min = true,
     .show_default = true},
    {.kind = CLI_KIND_LONG,
     .name = "seed",
     .offset = FIELD(seed),
     .value = "N",
     .help = "repeat a run exactly (default: a new seed each time)",
     .max = 9007199254740992.0},
    {.kind = CLI_KIND_COUNT,
     .name = "max-tokens",
     .offset = FIELD(max_tokens),
     .value = "N",
     .help = "stop after N tokens (default: no limit but the context)",
     .max = UINT32_MAX},
    {.kind = CLI_KIND_TEXTS,
     .name = "stop",
     .offset = FIELD(stop),
     .value = "TEXT",
     .help = "end the answer before this text; may be repeated"},
    {.kind = CLI_KIND_COUNT,
     .name = "lookup",
     .offset = FIELD(lookup),
     .value = "N",
     .help = "guess at most N tokens ahead from the text so far (default: automatic)",
     .min = 1,
     .max = 15},
    {.kind = CLI_KIND_FLAG,
     .name = "no-lookup",
     .offset = FIELD(no_lookup),
     .help = "guess nothing ahead; the answer is the same, only its speed differs"},
    {.kind = CLI_KIND_END},
};

void cli_sampling_init(struct cli_sampling *sampling)
{
    orion_generate_params params;

    orion_generate_params_init(&params);
    *sampling = (struct cli_sampling){
        .temp = params.temperature,
        .top_k = params.top_k,
        .top_p = params.top_p,
        .min_p = params.min_p,
        .repeat_penalty = params.repeat_penalty,
        .max_tokens = params.max_tokens,
        .seed = -1,
    };
}

/* 32 bits: short enough to type again.  Sameness is not asked for here, so a
 * system without random bytes falls back on the clock. */
static uint64_t new_seed(void)
{
    uint32_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = (uint32_t)(uint64_t)(cli_seconds() * 1e6);
    return seed;
}

void cli_sampling_params(const struct cli_sampling *sampling, orion_generate_params *params)
{
    orion_generate_params_init(params);
    params->temperature = sampling->temp;
    params->top_k = sampling->top_k;
    params->top_p = sampling->top_p;
    params->min_p = sampling->min_p;
    params->repeat_penalty = sampling->repeat_penalty;
    params->max_tokens = sampling->max_tokens;
    params->seed = sampling->seed >= 0 ? (uint64_t)sampling->seed : new_seed();
    params->stop = sampling->stop.items;
    params->n_stop = sampling->stop.count;
    params->lookup = sampling->no_lookup ? ORION_LOOKUP_OFF : (int32_t)sampling->lookup;
}
