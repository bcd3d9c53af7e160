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
    {"Q3_K_L", ORI_Q3_K}, {"Q3_K_M", ORI_Q3_K}, {"Q3_K_S", ORI_Q3_K},
    {"Q2_K", ORI_Q2_K}, {"Q2_K_S", ORI_Q2_K},
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
    FIRST_2, /* layers */
    FIRST_4,
    FIRST_EIGHTH,
    FIRST_SIXTEENTH,
    MORE_BITS, /* the first and the last eighth, and every third layer between */
    GROUPED,   /* four heads of queries or more share one of keys */
    EXPERTS_8,
    MEASURED_FIRST_EIGHTH, /* with an importance matrix */
};

/* clang-format off */
/* The first that fits counts; a matrix that none fits has the type of the mix. */
static const struct rule {
    const char *mix; /* NULL: every mix of block-quantized types */
    enum role role;
    enum when when;
    uint32_t type;
} rules[] = {
    {"Q8_0",   OUTPUT,      ALWAYS,          ORI_Q8_0},
    {NULL,     OUTPUT,      ALWAYS,          ORI_Q6_K},
    {NULL,     VALUE,       EXPERTS_8,       ORI_Q8_0},
    {NULL,     KEY,         EXPERTS_8,       ORI_Q8_0},

    {"Q2_K",   VALUE,       GROUPED,         ORI_Q4_K},
    {"Q2_K",   VALUE,       ALWAYS,          ORI_Q3_K},
    {"Q2_K",   ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q2_K",   ATTN_OUTPUT, ALWAYS,          ORI_Q3_K},
    {"Q2_K",   DOWN,        ALWAYS,          ORI_Q3_K},

    {"Q2_K_S", VALUE,       GROUPED,         ORI_Q4_K},
    {"Q2_K_S", DOWN,        FIRST_EIGHTH,    ORI_Q4_K},

    {"Q3_K_S", ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},

    {"Q3_K_M", VALUE,       FIRST_2,         ORI_Q5_K},
    {"Q3_K_M", VALUE,       ALWAYS,          ORI_Q4_K},
    {"Q3_K_M", ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q3_K_M", ATTN_OUTPUT, ALWAYS,          ORI_Q4_K},
    {"Q3_K_M", DOWN,        FIRST_SIXTEENTH, ORI_Q5_K},
    {"Q3_K_M", DOWN,        ALWAYS,          ORI_Q4_K},

    {"Q3_K_L", VALUE,       ALWAYS,          ORI_Q5_K},
    {"Q3_K_L", ATTN_OUTPUT, EXPERTS_8,       ORI_Q3_K},
    {"Q3_K_L", ATTN_OUTPUT, ALWAYS,          ORI_Q5_K},
    {"Q3_K_L", DOWN,        ALWAYS,          ORI_Q5_K},

    {"Q4_K_S", VALUE,       FIRST_4,         ORI_Q5_K},
    {"Q4_K_S", ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q4_K_S", DOWN,        FIRST_EIGHTH,    ORI_Q5_K},

    {"Q4_K_M", VALUE,       MORE_BITS,       ORI_Q6_K},
    {"Q4_K_M", ATTN_OUTPUT, EXPERTS_8,       ORI_Q5_K},
    {"Q4_K_M", DOWN,        MORE_BITS,       ORI_Q6_K},

    {"Q5_K_M", VALUE,       MORE_BITS,       ORI_Q6_K},
    {"Q5_K_M", DOWN,        MORE_BITS,       ORI_Q6_K},

    {"Q4_0",   DOWN,        MEASURED_FIRST_EIGHTH, ORI_Q4_1},
    {"Q5_0",   DOWN,        MEASURED_FIRST_EIGHTH, ORI_Q5_1},
};

/* Where rows are not whole blocks of 256. */
static const struct {
    uint32_t type, instead; /* a block of 32 that holds no less */
} fallbacks[] = {
    {ORI_Q2_K, ORI_Q4_0}, {ORI_Q3_K, ORI_Q4_0}, {ORI_Q4_K, ORI_Q5_0}, {ORI_Q5_K, ORI_Q5_1},
    {ORI_Q6_K, ORI_Q8_0},
};
/* clang-format on */

static bool holds(enum when when, uint32_t layer, const struct ori_mix_model *m)
{
    const uint32_t eighth = m->n_layers / 8;

    switch (when) {
    case ALWAYS:
        return true;
    case FIRST_2:
        return layer < 2;
    case FIRST_4:
        return layer < 4;
    case FIRST_EIGHTH:
        return layer < eighth;
    case FIRST_SIXTEENTH:
        return layer < m->n_layers / 16;
    case MORE_BITS:
        return layer < eighth || layer >= 7 * (uint64_t)m->n_layers / 8 ||
               (layer - eighth) % 3 == 2;
    case GROUPED:
        return m->queries_a_key >= 4;
    case EXPERTS_8:
        return m->n_experts == 8;
    case MEASURED_FIRST_EIGHTH:
        return m->measured && layer < eighth;
    }
    return false;
}

/* Values of the models with 80 layers are small for their width, since eight
 * queries share them. */
static bool is_wide_and_grouped(const struct ori_mix_model *m)
{
    return m->n_layers == 80 && m->queries_a_key > 1;
}

static uint32_t by_rules(const struct ori_mix *mix, const struct ori_mix_model *m, const char *name)
{
    const enum role role = role_of(name, m->tied);
    uint32_t layer = 0, type = mix->type;

    (void)sscanf(name, "blk.%9u.", &layer);
    for (size_t i = 0; i < ORI_COUNT(rules); i++) {
        const struct rule *rule = &rules[i];
        if (rule->role == role && (!rule->mix || strcmp(rule->mix, mix->name) == 0) &&
            holds(rule->when, layer, m)) {
            type = rule->type;
            break;
        }
    }
    if (role == VALUE && is_wide_and_grouped(m) && (type == ORI_Q3_K || type == ORI_Q4_K))
        type = ORI_Q5_K;
    return type;
}

static bool fits(uint32_t type, uint64_t n_cols)
{
    return n_cols % ori_type_info(type)->block_elems == 0;
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
    const bool as_it_is = mix->pure || ori_type_info(mix->type)->block_elems == 1;

    *wanted = as_it_is ? mix->type : by_rules(mix, model, name);
    return that_fits(*wanted, n_cols);
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
