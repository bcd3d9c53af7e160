#include "quantize/mix.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
static const struct {
    const char *name;
    uint32_t type;
} mixes[] = {
    {"F32", ORI_F32}, {"F16", ORI_F16}, {"BF16", ORI_BF16}, {"Q8_0", ORI_Q8_0},
    {"Q6_K", ORI_Q6_K},
    {"Q5_K_M", ORI_Q5_K}, {"Q5_K_S", ORI_Q5_K}, {"Q5_1", ORI_Q5_1}, {"Q5_0", ORI_Q5_0},
    {"Q4_K_M", ORI_Q4_K}, {"Q4_K_S", ORI_Q4_K}, {"Q4_1", ORI_Q4_1}, {"Q4_0", ORI_Q4_0},
    {"IQ4_NL", ORI_IQ4_NL}, {"IQ4_XS", ORI_IQ4_XS}, {"MXFP4", ORI_MXFP4},
    {"Q3_K_L", ORI_Q3_K}, {"Q3_K_M", ORI_Q3_K}, {"IQ3_M", ORI_IQ3_S}, {"Q3_K_S", ORI_Q3_K},
    {"IQ3_S", ORI_IQ3_S}, {"IQ3_XS", ORI_IQ3_S}, {"IQ3_XXS", ORI_IQ3_XXS},
    {"Q2_K", ORI_Q2_K}, {"Q2_K_S", ORI_Q2_K},
    {"IQ2_M", ORI_IQ2_S}, {"IQ2_S", ORI_IQ2_XS}, {"IQ2_XS", ORI_IQ2_XS}, {"IQ2_XXS", ORI_IQ2_XXS},
};

/* Types whose name alone means a mix. */
static const struct {
    const char *name, *mix;
} aliases[] = {{"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};
/* clang-format on */

/* ---- what a tensor is, by its name ---- */

enum role {
    OUTPUT, /* makes the logits */
    EMBEDDING,
    VALUE, /* attn_v, and what holds it too */
    KEY,
    QUERY,
    ATTN_OUTPUT,
    DOWN,
    GATE,
    UP,
    OTHER,
    ANY, /* in rules */
};

/* clang-format off */
static const struct {
    const char *part; /* of the name */
    enum role role;
} roles[] = {
    {"token_embd.weight", EMBEDDING}, {"attn_qkv.weight", VALUE}, {"attn_kv_b.weight", VALUE},
    {"attn_v.weight", VALUE}, {"attn_k.weight", KEY}, {"attn_q.weight", QUERY},
    {"attn_output.weight", ATTN_OUTPUT}, {"ffn_up", UP}, {"ffn_gate", GATE}, {"ffn_down", DOWN},
};

/* Small or delicate: they stay as they are. */
static const char *const spared[] = {
    "_norm.weight", "ffn_gate_inp", "position_embd", "token_types.weight", "attn_rel_b.weight",
    "ssm_conv1d", "shortconv.conv.weight", "altup", "laurel", "per_layer_model_proj",
    "pos_embd", "patch_embd", "patch_merger", "rel_pos",
};
/* clang-format on */

static enum role role_of(const char *name, bool tied)
{
    if (strcmp(name, tied ? "token_embd.weight" : "output.weight") == 0)
        return OUTPUT;
    for (size_t i = 0; i < ORI_COUNT(roles); i++)
        if (strstr(name, roles[i].part))
            return roles[i].role;
    return OTHER;
}

bool ori_mix_is_matrix(const char *name, const uint64_t dims[4])
{
    static const char suffix[] = "weight";
    const size_t len = strlen(name);

    if (dims[1] == 1 && dims[2] == 1 && dims[3] == 1)
        return false;
    if (len < sizeof(suffix) - 1 || strcmp(name + len - (sizeof(suffix) - 1), suffix) != 0)
        return false;
    for (size_t i = 0; i < ORI_COUNT(spared); i++)
        if (strstr(name, spared[i]))
            return false;
    return true;
}

/* ---- the rules ---- */

enum when {
    ALWAYS,
    WHOLE_BLOCKS, /* rows are, of the type of the mix */
    FIRST_2,      /* layers */
    FIRST_4,
    FIRST_EIGHTH,
    FIRST_SIXTEENTH,
    MIDDLE,    /* neither the first nor the last eighth */
    MORE_BITS, /* the first and the last eighth, and every third layer between */
    GROUPED,   /* four heads of queries or more share one of keys */
    EXPERTS_4, /* or more */
    EXPERTS_8,
    EXPERTS_8_MORE_BITS,
    OF_EXPERTS,            /* the matrices of all experts in one tensor */
    MEASURED_FIRST_EIGHTH, /* with an importance matrix */
    UNMEASURED_FIRST_EIGHTH,
};

/* clang-format off */
/* The first that fits counts; a matrix that none fits has the type of the mix. */
static const struct rule {
    const char *mix; /* its name, or with a star how it begins */
    enum role role;
    enum when when;
    uint32_t type;
} rules[] = {
    {"MXFP4",   ANY,         OF_EXPERTS,      ORI_MXFP4},
    {"MXFP4",   ANY,         ALWAYS,          ORI_Q8_0},

    {"Q8_0",    OUTPUT,      ALWAYS,          ORI_Q8_0},
    {"IQ2_*",   OUTPUT,      WHOLE_BLOCKS,    ORI_Q5_K},
    {"IQ3_XXS", OUTPUT,      WHOLE_BLOCKS,    ORI_Q5_K},
    {"*",       OUTPUT,      ALWAYS,          ORI_Q6_K},

    {"IQ2_X*",  EMBEDDING,   ALWAYS,          ORI_Q2_K},
    {"IQ2_*",   EMBEDDING,   ALWAYS,          ORI_IQ3_S},
    {"IQ2_*",   VALUE,       GROUPED,         ORI_Q4_K},
    {"IQ2_*",   VALUE,       EXPERTS_4,       ORI_Q4_K},
    {"IQ2_X*",  VALUE,       ALWAYS,          ORI_Q2_K},
    {"IQ2_*",   VALUE,       ALWAYS,          ORI_IQ3_S},
    {"IQ2_*",   KEY,         EXPERTS_8,       ORI_Q4_K},
    {"IQ2_*",   ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"IQ2_M",   ATTN_OUTPUT, ALWAYS,          ORI_IQ3_S},
    {"IQ2_S",   ATTN_OUTPUT, ALWAYS,          ORI_IQ3_S},
    {"IQ2_X*",  DOWN,        FIRST_EIGHTH,    ORI_Q2_K},
    {"IQ2_*",   DOWN,        FIRST_EIGHTH,    ORI_IQ3_S},

    {"*",       VALUE,       EXPERTS_8,       ORI_Q8_0},
    {"*",       KEY,         EXPERTS_8,       ORI_Q8_0},

    {"Q2_K",    VALUE,       GROUPED,         ORI_Q4_K},
    {"Q2_K",    VALUE,       ALWAYS,          ORI_Q3_K},
    {"Q2_K",    ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q2_K",    ATTN_OUTPUT, ALWAYS,          ORI_Q3_K},
    {"Q2_K",    DOWN,        ALWAYS,          ORI_Q3_K},

    {"Q2_K_S",  VALUE,       GROUPED,         ORI_Q4_K},
    {"Q2_K_S",  DOWN,        FIRST_EIGHTH,    ORI_Q4_K},

    {"IQ3_*",   ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},

    {"IQ3_XXS", EMBEDDING,   ALWAYS,          ORI_IQ3_S},
    {"IQ3_XXS", VALUE,       GROUPED,         ORI_Q4_K},
    {"IQ3_XXS", KEY,         ALWAYS,          ORI_IQ2_S},
    {"IQ3_XXS", QUERY,       ALWAYS,          ORI_IQ2_S},
    {"IQ3_XXS", ATTN_OUTPUT, ALWAYS,          ORI_IQ3_S},

    {"IQ3_XS",  VALUE,       GROUPED,         ORI_Q4_K},
    {"IQ3_XS",  KEY,         ALWAYS,          ORI_IQ3_XXS},
    {"IQ3_XS",  QUERY,       ALWAYS,          ORI_IQ3_XXS},
    {"IQ3_XS",  GATE,        MIDDLE,          ORI_IQ3_XXS},
    {"IQ3_XS",  UP,          MIDDLE,          ORI_IQ3_XXS},

    {"IQ3_S",   VALUE,       GROUPED,         ORI_Q4_K},

    {"IQ3_M",   VALUE,       ALWAYS,          ORI_Q4_K},
    {"IQ3_M",   ATTN_OUTPUT, ALWAYS,          ORI_Q4_K},
    {"IQ3_M",   DOWN,        FIRST_EIGHTH,    ORI_Q4_K},
    {"IQ3_M",   DOWN,        EXPERTS_8_MORE_BITS, ORI_Q4_K},

    {"Q3_K_S",  ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},

    {"Q3_K_M",  VALUE,       FIRST_2,         ORI_Q5_K},
    {"Q3_K_M",  VALUE,       ALWAYS,          ORI_Q4_K},
    {"Q3_K_M",  ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q3_K_M",  ATTN_OUTPUT, ALWAYS,          ORI_Q4_K},
    {"Q3_K_M",  DOWN,        FIRST_SIXTEENTH, ORI_Q5_K},
    {"Q3_K_M",  DOWN,        ALWAYS,          ORI_Q4_K},

    {"Q3_K_L",  VALUE,       ALWAYS,          ORI_Q5_K},
    {"Q3_K_L",  ATTN_OUTPUT, EXPERTS_8,       ORI_Q3_K},
    {"Q3_K_L",  ATTN_OUTPUT, ALWAYS,          ORI_Q5_K},
    {"Q3_K_L",  DOWN,        ALWAYS,          ORI_Q5_K},

    {"IQ4_*",   VALUE,       GROUPED,         ORI_Q5_K},
    {"IQ4_*",   ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"IQ4_*",   DOWN,        UNMEASURED_FIRST_EIGHTH, ORI_Q5_K},

    {"Q4_K_S",  VALUE,       FIRST_4,         ORI_Q5_K},
    {"Q4_K_S",  ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q4_K_S",  DOWN,        FIRST_EIGHTH,    ORI_Q5_K},

    {"Q4_K_M",  VALUE,       MORE_BITS,       ORI_Q6_K},
    {"Q4_K_M",  ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q4_K_M",  DOWN,        MORE_BITS,       ORI_Q6_K},

    {"Q5_K_M",  VALUE,       MORE_BITS,       ORI_Q6_K},
    {"Q5_K_M",  DOWN,        MORE_BITS,       ORI_Q6_K},

    {"Q4_0",    DOWN,        MEASURED_FIRST_EIGHTH, ORI_Q4_1},
    {"Q5_0",    DOWN,        MEASURED_FIRST_EIGHTH, ORI_Q5_1},
};

/* Where rows are not whole blocks of 256. */
static const struct {
    uint32_t type, instead; /* a block of 32 that holds no less */
} fallbacks[] = {
    {ORI_Q2_K, ORI_Q4_0}, {ORI_Q3_K, ORI_Q4_0}, {ORI_Q4_K, ORI_Q5_0}, {ORI_Q5_K, ORI_Q5_1},
    {ORI_Q6_K, ORI_Q8_0}, {ORI_IQ4_XS, ORI_IQ4_NL}, {ORI_IQ3_S, ORI_IQ4_NL},
    {ORI_IQ3_XXS, ORI_IQ4_NL}, {ORI_IQ2_S, ORI_IQ4_NL}, {ORI_IQ2_XS, ORI_IQ4_NL},
    {ORI_IQ2_XXS, ORI_IQ4_NL},
};
/* clang-format on */

static bool fits(uint32_t type, uint64_t n_cols)
{
    return n_cols % ori_type_info(type)->block_elems == 0;
}

/* A matrix, as the rules see it. */
struct place {
    const struct ori_mix *mix;
    const struct ori_mix_model *model;
    enum role role;
    uint32_t layer;
    uint64_t n_cols;
    bool of_experts;
};

static bool has_more_bits(uint32_t layer, uint32_t n_layers)
{
    const uint32_t eighth = n_layers / 8;

    return layer < eighth || layer >= 7 * (uint64_t)n_layers / 8 || (layer - eighth) % 3 == 2;
}

static bool holds(enum when when, const struct place *p)
{
    const struct ori_mix_model *m = p->model;
    const uint32_t layer = p->layer;
    const bool first_eighth = layer < m->n_layers / 8;

    switch (when) {
    case ALWAYS:
        return true;
    case WHOLE_BLOCKS:
        return fits(p->mix->type, p->n_cols);
    case FIRST_2:
        return layer < 2;
    case FIRST_4:
        return layer < 4;
    case FIRST_EIGHTH:
        return first_eighth;
    case FIRST_SIXTEENTH:
        return layer < m->n_layers / 16;
    case MIDDLE:
        return !first_eighth && layer < 7 * (uint64_t)m->n_layers / 8;
    case MORE_BITS:
        return has_more_bits(layer, m->n_layers);
    case GROUPED:
        return m->queries_a_key >= 4;
    case EXPERTS_4:
        return m->n_experts >= 4;
    case EXPERTS_8:
        return m->n_experts == 8;
    case EXPERTS_8_MORE_BITS:
        return m->n_experts == 8 && has_more_bits(layer, m->n_layers);
    case OF_EXPERTS:
        return p->of_experts;
    case MEASURED_FIRST_EIGHTH:
        return m->measured && first_eighth;
    case UNMEASURED_FIRST_EIGHTH:
        return !m->measured && first_eighth;
    }
    return false;
}

/* Does the name of a mix match that of a rule? */
static bool matches(const char *rule, const char *mix)
{
    const size_t same = strcspn(rule, "*");

    return rule[same] == '*' ? strncmp(rule, mix, same) == 0 : strcmp(rule, mix) == 0;
}

/* Values of the models with 80 layers are small for their width, since eight queries share
 * them: they get more bits. */
static uint32_t raise_values(const struct place *p, uint32_t type)
{
    const bool wide = p->model->n_layers == 80 && p->model->queries_a_key > 1;
    const bool raised = p->role == VALUE && wide && !matches("IQ2_*", p->mix->name);

    return raised && (type == ORI_Q3_K || type == ORI_Q4_K) ? ORI_Q5_K : type;
}

static uint32_t by_rules(const struct place *p)
{
    for (size_t i = 0; i < ORI_COUNT(rules); i++)
        if ((rules[i].role == p->role || rules[i].role == ANY) &&
            matches(rules[i].mix, p->mix->name) && holds(rules[i].when, p))
            return raise_values(p, rules[i].type);
    return raise_values(p, p->mix->type);
}

static uint32_t that_fits(uint32_t type, uint64_t n_cols)
{
    if (fits(type, n_cols))
        return type;
    for (size_t i = 0; i < ORI_COUNT(fallbacks); i++)
        if (fallbacks[i].type == type && fits(fallbacks[i].instead, n_cols))
            return fallbacks[i].instead;
    return ORI_F16;
}

uint32_t ori_mix_type(const struct ori_mix *mix, const struct ori_mix_model *model,
                      const char *name, uint64_t n_cols, uint32_t *wanted)
{
    struct place place = {
        .mix = mix,
        .model = model,
        .role = role_of(name, model->tied),
        .n_cols = n_cols,
        .of_experts = strstr(name, "_exps") != NULL,
    };

    (void)sscanf(name, "blk.%9u.", &place.layer);
    const bool as_it_is = mix->pure || ori_type_info(mix->type)->block_elems == 1;
    *wanted = as_it_is ? mix->type : by_rules(&place);
    return that_fits(*wanted, n_cols);
}

bool ori_mix_needs_importance(const struct ori_mix *mix, uint32_t type, const char *name)
{
    /* Matrices whose columns are not measured. */
    if (strcmp(name, "token_embd.weight") == 0 || strcmp(name, "output.weight") == 0)
        return false;
    switch (type) {
    case ORI_IQ3_XXS:
    case ORI_IQ2_S:
    case ORI_IQ2_XS:
    case ORI_IQ2_XXS:
        return true;
    case ORI_Q2_K: /* elsewhere the matrices beside it have more bits */
        return strcmp(mix->name, "Q2_K_S") == 0;
    default:
        return false;
    }
}

/* ---- names, facts ---- */

const char *ori_mix_name(size_t index)
{
    return index < ORI_COUNT(mixes) ? mixes[index].name : NULL;
}

bool ori_mix_find(const char *name, struct ori_mix *out)
{
    for (size_t i = 0; i < ORI_COUNT(aliases); i++)
        if (strcasecmp(name, aliases[i].name) == 0)
            name = aliases[i].mix;
    for (size_t i = 0; i < ORI_COUNT(mixes); i++) {
        if (strcasecmp(name, mixes[i].name) != 0)
            continue;
        *out = (struct ori_mix){.name = mixes[i].name, .type = mixes[i].type};
        return ori_file_type_by_name(out->name, &out->file_type);
    }
    return false;
}

/* "<architecture>.<what>", or `otherwise`. */
static uint32_t number(const struct ori_gguf *gguf, const char *what, uint32_t otherwise)
{
    struct ori_str architecture;
    char key[256];
    uint32_t value;

    if (ori_gguf_get_str(gguf, "general.architecture", &architecture, NULL) != ORION_OK)
        return otherwise;
    (void)snprintf(key, sizeof(key), "%.*s.%s", ORI_STR_ARG(architecture), what);
    return ori_gguf_get_u32(gguf, key, &value, NULL) == ORION_OK ? value : otherwise;
}

void ori_mix_model_init(struct ori_mix_model *model, const struct ori_gguf *gguf, bool measured)
{
    const uint32_t n_heads = number(gguf, "attention.head_count", 1);
    const uint32_t n_heads_kv = number(gguf, "attention.head_count_kv", n_heads);

    *model = (struct ori_mix_model){
        .n_layers = number(gguf, "block_count", 0),
        .n_experts = number(gguf, "expert_count", 0),
        .queries_a_key = n_heads_kv > 0 ? n_heads / n_heads_kv : 1,
        .tied = !ori_gguf_find_tensor(gguf, "output.weight"),
        .measured = measured,
    };
}
