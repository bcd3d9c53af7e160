/* Hyper-parameters: read from the file's keys, checked before anything is
 * sized by them. */
#include "model/model.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "phi3.block_count"; keys are short and arch->name comes from our table. */
struct key {
    char text[96];
};

static struct key key_of(const struct ori_arch *arch, const char *name)
{
    struct key key;
    (void)snprintf(key.text, sizeof(key.text), "%s.%s", arch->name, name);
    return key;
}

static uint64_t offset_of(const struct ori_gguf *gguf, const char *key)
{
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, key);
    return kv ? kv->offset : ORION_NO_OFFSET;
}

struct reader {
    const struct ori_gguf *gguf;
    const struct ori_arch *arch;
    orion_error *err;
};

/* A required integer in [1, max]. */
static orion_status need_u32(const struct reader *r, const char *name, uint32_t max, uint32_t *out)
{
    const struct key key = key_of(r->arch, name);
    uint32_t value;
    const orion_status status = ori_gguf_get_u32(r->gguf, key.text, &value, r->err);

    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(r->err, ORION_E_FORMAT, ORION_NO_OFFSET, key.text,
                           "the file does not say '%s', which this architecture needs", key.text);
    if (status != ORION_OK)
        return status;
    if (value == 0 || value > max)
        return ori_fail_at(r->err, ORION_E_FORMAT, offset_of(r->gguf, key.text), key.text,
                           "'%s' is %u, expected 1 to %u", key.text, value, max);
    *out = value;
    return ORION_OK;
}

/* An optional integer in [min, max]; *out keeps its default when absent. */
static orion_status may_u32(const struct reader *r, const char *name, uint32_t min, uint32_t max,
                            uint32_t *out)
{
    const struct key key = key_of(r->arch, name);
    uint32_t value;

    if (!ori_gguf_find(r->gguf, key.text))
        return ORION_OK;
    const orion_status status = ori_gguf_get_u32(r->gguf, key.text, &value, r->err);
    if (status != ORION_OK)
        return status;
    if (value < min || value > max)
        return ori_fail_at(r->err, ORION_E_FORMAT, offset_of(r->gguf, key.text), key.text,
                           "'%s' is %u, expected %u to %u", key.text, value, min, max);
    *out = value;
    return ORION_OK;
}

/* A positive finite number; *out keeps its default when absent and optional. */
static orion_status positive_f32(const struct reader *r, const char *name, bool required,
                                 float *out)
{
    const struct key key = key_of(r->arch, name);
    float value;

    if (!required && !ori_gguf_find(r->gguf, key.text))
        return ORION_OK;
    const orion_status status = ori_gguf_get_f32(r->gguf, key.text, &value, r->err);
    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(r->err, ORION_E_FORMAT, ORION_NO_OFFSET, key.text,
                           "the file does not say '%s', which this architecture needs", key.text);
    if (status != ORION_OK)
        return status;
    if (!(value > 0.0f) || isinf(value))
        return ori_fail_at(r->err, ORION_E_FORMAT, offset_of(r->gguf, key.text), key.text,
                           "'%s' is %g, expected a positive number", key.text, (double)value);
    *out = value;
    return ORION_OK;
}

/* An optional number in [min, max]; *out keeps its default when absent. */
static orion_status may_f32(const struct reader *r, const char *name, float min, float max,
                            float *out)
{
    const struct key key = key_of(r->arch, name);
    float value;

    if (!ori_gguf_find(r->gguf, key.text))
        return ORION_OK;
    const orion_status status = ori_gguf_get_f32(r->gguf, key.text, &value, r->err);
    if (status != ORION_OK)
        return status;
    if (!(value >= min && value <= max))
        return ori_fail_at(r->err, ORION_E_FORMAT, offset_of(r->gguf, key.text), key.text,
                           "'%s' is %g, expected %g to %g", key.text, (double)value, (double)min,
                           (double)max);
    *out = value;
    return ORION_OK;
}

static orion_status bad(const struct reader *r, const char *name, const char *sentence)
{
    const struct key key = key_of(r->arch, name);
    return ori_fail_at(r->err, ORION_E_FORMAT, offset_of(r->gguf, key.text), key.text, "'%s' %s",
                       key.text, sentence);
}

static orion_status read_heads(const struct reader *r, struct ori_hparams *hp)
{
    orion_status status = need_u32(r, "attention.head_count", ORI_MAX_HEADS, &hp->n_heads);
    if (status != ORION_OK)
        return status;
    hp->n_heads_kv = hp->n_heads;
    status = may_u32(r, "attention.head_count_kv", 1, ORI_MAX_HEADS, &hp->n_heads_kv);
    if (status != ORION_OK)
        return status;
    if (hp->n_heads % hp->n_heads_kv != 0)
        return bad(r, "attention.head_count_kv", "does not divide the number of heads");

    hp->head_dim = hp->n_embd / hp->n_heads;
    const bool named = ori_gguf_find(r->gguf, key_of(r->arch, "attention.key_length").text) != NULL;
    if (!named && hp->n_embd % hp->n_heads != 0)
        return bad(r, "attention.head_count", "does not divide the embedding length");
    status = may_u32(r, "attention.key_length", 2, 1024, &hp->head_dim);
    if (status != ORION_OK)
        return status;
    if (hp->head_dim < 2 || hp->head_dim > 1024 || hp->head_dim % 2 != 0)
        return bad(r, named ? "attention.key_length" : "attention.head_count",
                   "gives heads that are not 2 to 1024 wide and even");

    const struct key key = key_of(r->arch, "attention.value_length");
    uint32_t value_length = hp->head_dim;
    status = may_u32(r, "attention.value_length", 1, 1024, &value_length);
    if (status == ORION_OK && value_length != hp->head_dim)
        return ori_fail_at(r->err, ORION_E_UNSUPPORTED, offset_of(r->gguf, key.text), key.text,
                           "keys of %u and values of %u dimensions a head are not supported: they "
                           "must be equal",
                           hp->head_dim, value_length);
    return status;
}

/* YaRN says how much longer vectors get: 1 + ln(factor) / 10 unless the file
 * knows better; DeepSeek's have that divided by the same with a weight of its own. */
static orion_status read_yarn_length(const struct reader *r, float factor, struct ori_hparams *hp)
{
    const double log_factor = factor > 1.0f ? ori_log((double)factor) : 0.0;
    float weight = 0.0f, length;
    orion_status status = may_f32(r, "rope.scaling.yarn_log_multiplier", 0.0f, 100.0f, &weight);

    if (status != ORION_OK)
        return status;
    length = (float)((1.0 + 0.1 * log_factor) / (1.0 + (double)weight * log_factor));
    status = positive_f32(r, "rope.scaling.yarn_attn_factor", false, &length);
    hp->rope_attn_factor = length;
    return status;
}

static orion_status read_yarn(const struct reader *r, float factor, struct ori_hparams *hp)
{
    orion_status status;

    hp->yarn_share = 1.0f;
    hp->yarn_fast_turns = 32.0f;
    hp->yarn_slow_turns = 1.0f;
    if (hp->rope_base <= 1.0f)
        return bad(r, "rope.freq_base",
                   "is 1; pairs that all turn alike can't be told apart by YaRN");
    if ((status = may_f32(r, "rope.scaling.yarn_ext_factor", 0.0f, 1.0f, &hp->yarn_share)) !=
            ORION_OK ||
        (status = positive_f32(r, "rope.scaling.yarn_beta_fast", false, &hp->yarn_fast_turns)) !=
            ORION_OK ||
        (status = positive_f32(r, "rope.scaling.yarn_beta_slow", false, &hp->yarn_slow_turns)) !=
            ORION_OK)
        return status;
    return read_yarn_length(r, factor, hp);
}

/* A factor that all pairs are slowed down by; files from before there was a
 * table of scalings have it under another name, where 0 is none. */
static orion_status read_rope_factor(const struct reader *r, struct ori_hparams *hp, float *out)
{
    float old = 0.0f;
    orion_status status = may_f32(r, "rope.scale_linear", 0.0f, 1e30f, &old);

    *out = old > 0.0f ? old : 1.0f;
    if (status == ORION_OK)
        status = positive_f32(r, "rope.scaling.factor", false, out);
    if (status == ORION_OK && *out < ORI_MIN_ROPE_DIVISOR)
        return bad(r, "rope.scaling.factor", "is too small; rotations would turn too fast");
    hp->rope_scale = 1.0f / *out;
    return status;
}

static orion_status unknown_scaling(const struct reader *r, struct ori_str type)
{
    const struct key key = key_of(r->arch, "rope.scaling.type");
    return ori_fail_at(r->err, ORION_E_UNSUPPORTED, offset_of(r->gguf, key.text), key.text,
                       "rope scaling of type '%.*s' is not known for %s models; 'none', 'linear', "
                       "'yarn'%s are",
                       ORI_STR_ARG(type), r->arch->name,
                       r->arch->rope_long_short ? " and 'longrope'" : "");
}

/* How rope was stretched to a longer context than the model was first made for.
 * Llama 3 has no type for it: its factors are a tensor. */
static orion_status read_rope_scaling(const struct reader *r, struct ori_hparams *hp)
{
    const struct key key = key_of(r->arch, "rope.scaling.type");
    struct ori_str type = {"linear", 6}; /* what a factor without a type has always meant */
    float factor = 1.0f;
    orion_status status = ORION_OK;

    if (ori_gguf_find(r->gguf, key.text))
        status = ori_gguf_get_str(r->gguf, key.text, &type, r->err);
    if (status != ORION_OK)
        return status;
    hp->longrope = r->arch->rope_long_short && ori_str_eq(type, "longrope");
    const bool yarn = ori_str_eq(type, "yarn");
    if (yarn || ori_str_eq(type, "linear"))
        status = read_rope_factor(r, hp, &factor);
    else if (!hp->longrope && !ori_str_eq(type, "none"))
        return unknown_scaling(r, type);
    if (status == ORION_OK && yarn)
        status = read_yarn(r, factor, hp);
    float more = 1.0f;
    if (status == ORION_OK)
        status = positive_f32(r, "rope.scaling.attn_factor", false, &more);
    hp->rope_attn_factor *= more;
    return status;
}

static orion_status read_rope(const struct reader *r, struct ori_hparams *hp)
{
    hp->n_rot = r->arch->learned_positions ? 0 : hp->head_dim;
    hp->rope_base = 10000.0f;
    hp->rope_scale = 1.0f;
    hp->rope_attn_factor = 1.0f;
    hp->original_context_tokens = hp->context_tokens;
    if (r->arch->learned_positions)
        return ORION_OK;

    orion_status status = may_u32(r, "rope.dimension_count", 1, ORI_MAX_EMBD, &hp->n_rot);
    if (status != ORION_OK)
        return status;
    if (hp->n_rot % 2 != 0)
        return bad(r, "rope.dimension_count", "is odd; rotations need pairs");
    if (hp->n_rot > hp->head_dim)
        return bad(r, "rope.dimension_count", "is larger than a head");
    status = positive_f32(r, "rope.freq_base", false, &hp->rope_base);
    if (status != ORION_OK)
        return status;
    if (hp->rope_base < 1.0f)
        return bad(r, "rope.freq_base", "is below 1; rotations would turn too fast");
    status = may_u32(r, "rope.scaling.original_context_length", 1, ORI_MAX_CONTEXT,
                     &hp->original_context_tokens);
    if (status != ORION_OK)
        return status;
    return read_rope_scaling(r, hp);
}

static orion_status read_window(const struct reader *r, bool none, struct ori_hparams *hp)
{
    const struct key key = key_of(r->arch, "attention.sliding_window");
    uint32_t window = 0;

    const orion_status status = may_u32(r, "attention.sliding_window", 0, ORI_MAX_CONTEXT, &window);
    if (status != ORION_OK)
        return status;
    if (!ori_gguf_find(r->gguf, key.text) && r->arch->unnamed_window_tokens > 0 &&
        hp->context_tokens == r->arch->unnamed_window_context)
        window = r->arch->unnamed_window_tokens;
    const uint32_t before = r->arch->encoder ? window / 2 : window;
    hp->window_tokens = none || before >= hp->context_tokens ? 0 : window;
    return ORION_OK;
}

static void make_global(struct ori_hparams *hp, uint32_t layer)
{
    hp->global_layers[layer / 64] |= UINT64_C(1) << layer % 64;
}

/* Each such layer sees all; 0: none does. */
static void set_period(struct ori_hparams *hp, uint32_t period)
{
    for (uint32_t i = 0; i < hp->n_layers && period > 0; i++)
        if (i % period == period - 1)
            make_global(hp, i);
}

/* A flag for each layer: does it have the window? */
static orion_status read_flags(const struct reader *r, const char *key, struct ori_hparams *hp)
{
    const struct ori_gguf_kv *kv;
    const orion_status status = ori_gguf_get_array(r->gguf, key, ORI_GGUF_BOOL, &kv, r->err);

    if (status != ORION_OK)
        return status;
    if (kv->count != hp->n_layers)
        return ori_fail_at(r->err, ORION_E_FORMAT, kv->offset, key,
                           "'%s' tells of %llu layers, but the model has %u", key,
                           (unsigned long long)kv->count, hp->n_layers);
    for (uint32_t i = 0; i < hp->n_layers; i++)
        if (!kv->data[i])
            make_global(hp, i);
    return ORION_OK;
}

/* Which layers have the window is known by the architecture; a file may say it, too. */
static orion_status read_window_layers(const struct reader *r, struct ori_hparams *hp)
{
    static const char name[] = "attention.sliding_window_pattern";
    const struct key key = key_of(r->arch, name);
    const struct ori_gguf_kv *kv = ori_gguf_find(r->gguf, key.text);
    uint32_t period = r->arch->window_period;

    if (hp->window_tokens == 0 && period == 0)
        return ORION_OK;
    if (kv && kv->type == ORI_GGUF_ARRAY)
        return read_flags(r, key.text, hp);
    const orion_status status = may_u32(r, name, 1, ORI_MAX_LAYERS, &period);
    if (status == ORION_OK)
        set_period(hp, period);
    return status;
}

/* A window that no layer has is none. */
static void drop_idle_window(struct ori_hparams *hp)
{
    uint32_t i = 0;

    while (i < hp->n_layers && !ori_layer_is_local(hp, i))
        i++;
    if (i == hp->n_layers)
        hp->window_tokens = 0;
}

static orion_status read_local_base(const struct reader *r, struct ori_hparams *hp)
{
    static const char name[] = "rope.freq_base_swa";

    hp->rope_base_local = r->arch->rope_base_local;
    if (hp->rope_base_local == 0.0f)
        return ORION_OK;
    const orion_status status = positive_f32(r, name, false, &hp->rope_base_local);
    if (status == ORION_OK && hp->rope_base_local < 1.0f)
        return bad(r, name, "is below 1; rotations would turn too fast");
    return status;
}

/* What embeddings, scores, blocks and logits are multiplied by, or held down to. */
static orion_status read_scales(const struct reader *r, struct ori_hparams *hp)
{
    orion_status status = ORION_OK;

    hp->embedding_scale = r->arch->embedding_root_scale ? sqrtf((float)hp->n_embd) : 1.0f;
    hp->residual_scale = 1.0f;
    hp->attention_scale = 1.0f / sqrtf((float)hp->head_dim);
    hp->logit_scale = 1.0f;
    if (r->arch->scale_keys) {
        float divisor = 1.0f;
        if ((status = positive_f32(r, "embedding_scale", false, &hp->embedding_scale)) !=
                ORION_OK ||
            (status = positive_f32(r, "residual_scale", false, &hp->residual_scale)) != ORION_OK ||
            (status = positive_f32(r, "attention.scale", false, &hp->attention_scale)) !=
                ORION_OK ||
            (status = positive_f32(r, "logit_scale", false, &divisor)) != ORION_OK)
            return status;
        hp->logit_scale = 1.0f / divisor; /* the key says what they are divided by */
    }
    if (r->arch->softcap_keys && (status = positive_f32(r, "attn_logit_softcapping", false,
                                                        &hp->attention_softcap)) == ORION_OK)
        status = positive_f32(r, "final_logit_softcapping", false, &hp->logit_softcap);
    return status;
}

/* Some models are published both ways: with each token seeing all of its text, or
 * those before it only. */
static orion_status check_causal(const struct reader *r)
{
    const struct key key = key_of(r->arch, "attention.causal");
    bool causal;

    if (!ori_gguf_find(r->gguf, key.text))
        return ORION_OK;
    const orion_status status = ori_gguf_get_bool(r->gguf, key.text, &causal, r->err);
    if (status != ORION_OK || causal != r->arch->encoder)
        return status;
    return ori_fail_at(r->err, ORION_E_UNSUPPORTED, offset_of(r->gguf, key.text), key.text,
                       "'%s' is %s, but %s models are supported only with tokens that see %s",
                       key.text, causal ? "true" : "false", r->arch->name,
                       causal ? "all of their text" : "what is before them");
}

static orion_status read_pooling(const struct reader *r, struct ori_hparams *hp)
{
    const struct key key = key_of(r->arch, "pooling_type");
    uint32_t pooling = ORI_POOLING_NONE;

    const orion_status status = may_u32(r, "pooling_type", 0, UINT32_MAX, &pooling);
    if (status != ORION_OK)
        return status;
    if (pooling == ORI_POOLING_RANK)
        return ori_fail_at(r->err, ORION_E_UNSUPPORTED, offset_of(r->gguf, key.text), key.text,
                           "this model ranks texts ('%s' is 4), which is not supported; models "
                           "that make embeddings are",
                           key.text);
    if (pooling > ORI_POOLING_RANK)
        return ori_fail_at(r->err, ORION_E_UNSUPPORTED, offset_of(r->gguf, key.text), key.text,
                           "'%s' is %u, which is no way to pool that is known here; 0 to 3 are",
                           key.text, pooling);
    hp->pooling = (enum ori_pooling)pooling;
    return ORION_OK;
}

/* After feed_forward_length, which is that of an expert unless the file says more. */
static orion_status read_experts(const struct reader *r, struct ori_hparams *hp)
{
    const struct key key = key_of(r->arch, "expert_count");
    orion_status status = may_u32(r, "expert_count", 0, ORI_MAX_EXPERTS, &hp->n_experts);

    if (status != ORION_OK || hp->n_experts == 0)
        return status;
    if (!r->arch->experts)
        return ori_fail_at(r->err, ORION_E_UNSUPPORTED, offset_of(r->gguf, key.text), key.text,
                           "this model is a mixture of %u experts, which %s models are not "
                           "supported as; a dense one runs",
                           hp->n_experts, r->arch->name);
    status = need_u32(r, "expert_used_count", hp->n_experts, &hp->n_experts_used);
    if (status != ORION_OK)
        return status;
    return may_u32(r, "expert_feed_forward_length", 1, ORI_MAX_FF, &hp->n_ff);
}

orion_status ori_hparams_read(const struct ori_gguf *gguf, const struct ori_arch *arch,
                              uint32_t n_vocab, bool no_sliding_window, struct ori_hparams *out,
                              orion_error *err)
{
    const struct reader r = {gguf, arch, err};
    struct ori_hparams hp = {.n_vocab = n_vocab};
    orion_status status;

    if ((status = need_u32(&r, "block_count", ORI_MAX_LAYERS, &hp.n_layers)) != ORION_OK ||
        (status = need_u32(&r, "embedding_length", ORI_MAX_EMBD, &hp.n_embd)) != ORION_OK ||
        (status = need_u32(&r, "feed_forward_length", ORI_MAX_FF, &hp.n_ff)) != ORION_OK ||
        (status = need_u32(&r, "context_length", ORI_MAX_CONTEXT, &hp.context_tokens)) !=
            ORION_OK ||
        (status = positive_f32(&r,
                               arch->layer_norm ? "attention.layer_norm_epsilon"
                                                : "attention.layer_norm_rms_epsilon",
                               true, &hp.norm_eps)) != ORION_OK ||
        (status = check_causal(&r)) != ORION_OK || (status = read_pooling(&r, &hp)) != ORION_OK ||
        (status = read_experts(&r, &hp)) != ORION_OK ||
        (status = read_heads(&r, &hp)) != ORION_OK || (status = read_rope(&r, &hp)) != ORION_OK ||
        (status = read_window(&r, no_sliding_window, &hp)) != ORION_OK ||
        (status = read_window_layers(&r, &hp)) != ORION_OK ||
        (status = read_local_base(&r, &hp)) != ORION_OK ||
        (status = read_scales(&r, &hp)) != ORION_OK)
        return status;
    drop_idle_window(&hp);
    *out = hp;
    return ORION_OK;
}
