/* Files that are well formed and yet no model that we run: each is a small
 * valid model with one thing changed, and is refused with a status, the key or
 * tensor at fault, and a sentence that helps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <time.h>

#include "model_file.h"

#include "model/model.h"

#define LLAMA "golden/llama-gqa.gguf"
#define PHI3 "golden/phi3-gqa-partial.gguf"
#define QWEN2 "golden/qwen2.gguf"
#define QWEN3 "golden/qwen3.gguf"
#define GEMMA2 "golden/gemma2.gguf"
#define GEMMA3 "golden/gemma3.gguf"
#define GRANITE "golden/granite.gguf"
#define OLMO2 "golden/olmo2.gguf"
#define MIXTRAL "golden/mixtral.gguf"
#define QWEN3MOE "golden/qwen3moe.gguf"
#define GPT_OSS "golden/gpt-oss.gguf"

typedef void (*edit_fn)(struct model_file *file);

/* What is done to a file: a function, or one key or tensor by name. */
struct change {
    edit_fn edit;
    const char *u32, *f32, *text, *no_key, *no_tensor, *reshaped;
    double number;          /* of u32, f32 */
    const char *value;      /* of text */
    uint64_t columns, rows; /* of what is reshaped */
};

// clang-format off
#define EDIT(function) {.edit = function}
#define U32_KEY(key, to) {.u32 = key, .number = to}
#define F32_KEY(key, to) {.f32 = key, .number = (double)to}
#define TEXT_KEY(key, to) {.text = key, .value = to}
#define NO_KEY(key) {.no_key = key}
#define NO_TENSOR(name) {.no_tensor = name}
#define RESHAPED(name, across, down) {.reshaped = name, .columns = across, .rows = down}
// clang-format on

struct refusal {
    const char *label;
    const char *sample;
    struct change change;
    orion_status status;
    const char *name; /* in err.name */
    const char *says; /* part of the sentence */
};

/* ---- what is changed ---- */

static void no_architecture(struct model_file *f)
{
    remove_key(f, "general.architecture");
}

static void unknown_architecture(struct model_file *f)
{
    set_text(f, "general.architecture", "gptneox");
}

static void architecture_of_a_long_name(struct model_file *f)
{
    char name[200] = {0};
    memset(name, 'x', sizeof(name) - 1);
    set_text(f, "general.architecture", name);
}

static void tensor_of_a_foreign_type(struct model_file *f)
{
    tensor_of(f, "blk.0.ffn_down.weight")->type = 4; /* Q4_2, which is no more */
}

static void no_tensors(struct model_file *f)
{
    while (f->n_tensors > 0)
        remove_tensor(f, f->tensors[0].name);
}

/* Sizes. */

static void block_count_negative(struct model_file *f)
{
    put_u32(set_key(f, "llama.block_count", I32), (uint32_t)-2);
}

static void feed_forward_array(struct model_file *f)
{
    struct bytes *value = set_key(f, "llama.feed_forward_length", ARRAY);
    put_u32(value, U32);
    put_u64(value, 2);
    put_u32(value, 64);
    put_u32(value, 64);
}

/* Heads. */

static void heads_0(struct model_file *f)
{
    set_u32(f, "llama.attention.head_count", 0);
}

static void heads_do_not_divide(struct model_file *f)
{
    set_u32(f, "llama.attention.head_count", 6);
    set_u32(f, "llama.attention.head_count_kv", 6);
}

static void heads_wider_than_embedding(struct model_file *f)
{
    set_u32(f, "llama.attention.head_count", 128);
    set_u32(f, "llama.attention.head_count_kv", 128);
}

static void heads_of_one(struct model_file *f)
{
    set_u32(f, "llama.attention.head_count", 64);
    set_u32(f, "llama.attention.head_count_kv", 64);
}

static void kv_heads_by_layer(struct model_file *f)
{
    struct bytes *value = set_key(f, "llama.attention.head_count_kv", ARRAY);
    put_u32(value, I32);
    put_u64(value, 2);
    put_u32(value, 2);
    put_u32(value, 2);
}

/* Rope. */

static void yarn(struct model_file *f, const char *key, float value)
{
    set_text(f, "llama.rope.scaling.type", "yarn");
    set_f32(f, "llama.rope.scaling.factor", 4);
    set_f32(f, key, value);
}

static void yarn_factor_0(struct model_file *f)
{
    yarn(f, "llama.rope.scaling.factor", 0);
}

static void yarn_base_1(struct model_file *f)
{
    yarn(f, "llama.rope.freq_base", 1);
}

static void yarn_share_2(struct model_file *f)
{
    yarn(f, "llama.rope.scaling.yarn_ext_factor", 2);
}

static void yarn_turns_negative(struct model_file *f)
{
    yarn(f, "llama.rope.scaling.yarn_beta_fast", -32);
}

static void yarn_weight_nan(struct model_file *f)
{
    yarn(f, "llama.rope.scaling.yarn_log_multiplier", NAN);
}

static void scaling_factor_0(struct model_file *f)
{
    set_text(f, "llama.rope.scaling.type", "linear");
    set_f32(f, "llama.rope.scaling.factor", 0);
}

static void scaling_factor_tiny(struct model_file *f)
{
    set_f32(f, "llama.rope.scaling.factor", 1e-30f); /* without a type it is linear */
}

static struct file_tensor *add_factors(struct model_file *f, const char *name, uint64_t n,
                                       float value)
{
    struct file_tensor *t = add_tensor(f, name, ORI_F32, n, 0);
    for (uint64_t i = 0; i < n; i++)
        put_f32(&t->data, value);
    return t;
}

static void only_long_factors(struct model_file *f)
{
    add_factors(f, "rope_factors_long.weight", 4, 1);
}

static void only_short_factors(struct model_file *f)
{
    add_factors(f, "rope_factors_short.weight", 4, 1);
}

static void factors_of_another_length(struct model_file *f)
{
    add_factors(f, "rope_factors_long.weight", 8, 1);
    add_factors(f, "rope_factors_short.weight", 8, 1);
}

static void factor_0(struct model_file *f)
{
    add_factors(f, "rope_factors_long.weight", 4, 1);
    add_factors(f, "rope_factors_short.weight", 4, 0);
}

static void factor_nan(struct model_file *f)
{
    add_factors(f, "rope_factors_long.weight", 4, NAN);
    add_factors(f, "rope_factors_short.weight", 4, 1);
}

static void factor_infinite(struct model_file *f)
{
    add_factors(f, "rope_factors_long.weight", 4, INFINITY);
    add_factors(f, "rope_factors_short.weight", 4, 1);
}

static void factor_tiny(struct model_file *f)
{
    add_factors(f, "rope_factors_long.weight", 4, 1e-40f);
    add_factors(f, "rope_factors_short.weight", 4, 1e-40f);
}

static void phi3_factors_in_llama(struct model_file *f)
{
    add_factors(f, "rope_factors_long.weight", 8, 1);
    add_factors(f, "rope_factors_short.weight", 8, 1);
}

static void experts(struct model_file *f)
{
    set_u32(f, "llama.expert_count", 8);
    set_u32(f, "llama.expert_used_count", 2);
}

static void experts_as_one_matrix(struct model_file *f)
{
    struct file_tensor *t = tensor_of(f, "blk.0.ffn_up_exps.weight");
    t->n_dims = 2;
    t->dims[1] *= t->dims[2];
    t->dims[2] = 1;
}

static void bias_of_one_expert(struct model_file *f)
{
    add_factors(f, "blk.0.ffn_up_exps.bias", 24, 0);
}

static void one_lone_expert(struct model_file *f)
{
    struct file_tensor *t = add_tensor(f, "blk.0.ffn_gate.0.weight", ORI_F32, 48, 24);
    put_fill(&t->data, 0, 48 * 24 * 4);
}

static void shared_expert(struct model_file *f)
{
    struct file_tensor *t = add_tensor(f, "blk.0.ffn_gate_shexp.weight", ORI_F32, 48, 24);
    put_fill(&t->data, 0, 48 * 24 * 4);
}

/* Tensors. */

static void no_query(struct model_file *f)
{
    remove_tensor(f, "blk.1.attn_q.weight");
}

static void output_rows(struct model_file *f)
{
    struct file_tensor *t = add_tensor(f, "output.weight", ORI_F32, 64, 277);
    put_fill(&t->data, 0, 64 * 277 * 4);
}

static void transposed(struct model_file *f)
{
    reshape(tensor_of(f, "blk.1.attn_k.weight"), 32, 64);
}

static void three_dimensions(struct model_file *f)
{
    struct file_tensor *t = tensor_of(f, "blk.0.ffn_down.weight");
    t->n_dims = 3;
    t->dims[2] = 2;
    put_fill(&t->data, 0, t->data.len);
}

static void norm_in_f16(struct model_file *f)
{
    struct file_tensor *t = tensor_of(f, "blk.1.ffn_norm.weight");
    t->type = ORI_F16;
    t->data.len /= 2;
}

static void bias_too_long(struct model_file *f)
{
    add_factors(f, "blk.0.attn_k.bias", 64, 0);
}

static void bias_of_a_norm(struct model_file *f)
{
    add_factors(f, "blk.0.attn_norm.bias", 64, 0);
}

static void bias_of_the_embedding(struct model_file *f)
{
    add_factors(f, "token_embd.bias", 64, 0);
}

static void a_layer_too_many(struct model_file *f)
{
    add_factors(f, "blk.2.attn_norm.weight", 64, 1);
}

static void another_name_for_a_layer(struct model_file *f)
{
    add_factors(f, "blk.01.attn_norm.weight", 64, 1);
}

static void gate_beside_fused(struct model_file *f)
{
    struct file_tensor *t = add_tensor(f, "blk.0.ffn_gate.weight", ORI_F32, 64, 64);
    put_fill(&t->data, 0, 64 * 64 * 4);
}

static void query_beside_fused(struct model_file *f)
{
    struct file_tensor *t = add_tensor(f, "blk.0.attn_q.weight", ORI_F32, 64, 64);
    put_fill(&t->data, 0, 64 * 64 * 4);
}

/* What is peculiar to an architecture. */

static void both_ffn_norms(struct model_file *f)
{
    add_factors(f, "blk.0.ffn_norm.weight", 48, 1);
}

static void pattern_of_six(struct model_file *f)
{
    struct bytes *value = set_key(f, "gemma3.attention.sliding_window_pattern", ARRAY);
    put_u32(value, ORI_GGUF_BOOL);
    put_u64(value, 6);
    put_fill(value, 1, 6);
}

static void pattern_of_numbers(struct model_file *f)
{
    struct bytes *value = set_key(f, "gemma3.attention.sliding_window_pattern", ARRAY);
    put_u32(value, U32);
    put_u64(value, 1);
    put_u32(value, 1);
}

// clang-format off
static const struct refusal refusals[] = {
    {"no architecture", LLAMA, EDIT(no_architecture), ORION_E_FORMAT, "general.architecture", "does not say its architecture"},
    {"unknown architecture", LLAMA, EDIT(unknown_architecture), ORION_E_UNSUPPORTED, "general.architecture", "'gptneox' do not run here: what is missing is attention and feed-forward blocks that work side by side; of the catalogue smollm2-1.7b runs"},
    {"an architecture of unrotated layers", LLAMA, TEXT_KEY("general.architecture", "smollm3"), ORION_E_UNSUPPORTED, "general.architecture", "'smollm3' do not run here: what is missing is layers that are not rotated; of the catalogue smollm2-1.7b runs instead"},
    {"an architecture of states", LLAMA, TEXT_KEY("general.architecture", "falcon-h1"), ORION_E_UNSUPPORTED, "general.architecture", "a state beside those that attend; of the catalogue qwen3-1.7b"},
    {"an architecture nobody knows", LLAMA, EDIT(architecture_of_a_long_name), ORION_E_UNSUPPORTED, "general.architecture", "xxx' are not known here; 'orion list --available' names some that run; they are of llama, phi3"},
    {"a tensor type that is no more", LLAMA, EDIT(tensor_of_a_foreign_type), ORION_E_UNSUPPORTED, "blk.0.ffn_down.weight", "take the model in another, such as Q4_K_M"},
    {"architecture is a number", LLAMA, U32_KEY("general.architecture", 3), ORION_E_FORMAT, "general.architecture", "string"},
    {"a vocabulary and no tensors", LLAMA, EDIT(no_tensors), ORION_E_UNSUPPORTED, "", "it can tokenize, not answer"},
    {"no tokenizer", LLAMA, NO_KEY("tokenizer.ggml.model"), ORION_E_FORMAT, "tokenizer.ggml.model", "tokenizer"},
    {"chat template is a number", LLAMA, U32_KEY("tokenizer.chat_template", 1), ORION_E_FORMAT, "tokenizer.chat_template", "string"},

    {"no block count", LLAMA, NO_KEY("llama.block_count"), ORION_E_FORMAT, "llama.block_count", "does not say 'llama.block_count'"},
    {"block count 0", LLAMA, U32_KEY("llama.block_count", 0), ORION_E_FORMAT, "llama.block_count", "is 0, expected 1 to 1024"},
    {"block count 1025", LLAMA, U32_KEY("llama.block_count", 1025), ORION_E_FORMAT, "llama.block_count", "is 1025, expected 1 to 1024"},
    {"block count 2^32-1", LLAMA, U32_KEY("llama.block_count", UINT32_MAX), ORION_E_FORMAT, "llama.block_count", "4294967295"},
    {"block count is a text", LLAMA, TEXT_KEY("llama.block_count", "2"), ORION_E_FORMAT, "llama.block_count", "integer"},
    {"block count is negative", LLAMA, EDIT(block_count_negative), ORION_E_FORMAT, "llama.block_count", "-2"},
    {"block count below the tensors'", LLAMA, U32_KEY("llama.block_count", 1), ORION_E_UNSUPPORTED, "blk.1.", "not part of a llama model"},
    {"block count above the tensors'", LLAMA, U32_KEY("llama.block_count", 3), ORION_E_FORMAT, "blk.2.attn_norm.weight", "is missing"},
    {"embedding length 0", LLAMA, U32_KEY("llama.embedding_length", 0), ORION_E_FORMAT, "llama.embedding_length", "is 0"},
    {"embedding length huge", LLAMA, U32_KEY("llama.embedding_length", (1u << 20) + 1), ORION_E_FORMAT, "llama.embedding_length", "1048577"},
    {"feed-forward length 0", LLAMA, U32_KEY("llama.feed_forward_length", 0), ORION_E_FORMAT, "llama.feed_forward_length", "is 0"},
    {"feed-forward length by layer", LLAMA, EDIT(feed_forward_array), ORION_E_FORMAT, "llama.feed_forward_length", "array"},
    {"no context length", LLAMA, NO_KEY("llama.context_length"), ORION_E_FORMAT, "llama.context_length", "does not say"},
    {"context length 0", LLAMA, U32_KEY("llama.context_length", 0), ORION_E_FORMAT, "llama.context_length", "is 0"},
    {"context length absurd", LLAMA, U32_KEY("llama.context_length", (1u << 26) + 1), ORION_E_FORMAT, "llama.context_length", "67108865"},

    {"no head count", LLAMA, NO_KEY("llama.attention.head_count"), ORION_E_FORMAT, "llama.attention.head_count", "does not say"},
    {"head count 0", LLAMA, EDIT(heads_0), ORION_E_FORMAT, "llama.attention.head_count", "is 0"},
    {"head count 4097", LLAMA, U32_KEY("llama.attention.head_count", 4097), ORION_E_FORMAT, "llama.attention.head_count", "4097"},
    {"heads do not divide the embedding", LLAMA, EDIT(heads_do_not_divide), ORION_E_FORMAT, "llama.attention.head_count", "does not divide the embedding length"},
    {"more heads than dimensions", LLAMA, EDIT(heads_wider_than_embedding), ORION_E_FORMAT, "llama.attention.head_count", "does not divide"},
    {"heads of one dimension", LLAMA, EDIT(heads_of_one), ORION_E_FORMAT, "llama.attention.head_count", "2 to 1024 wide"},
    {"key-value heads 0", LLAMA, U32_KEY("llama.attention.head_count_kv", 0), ORION_E_FORMAT, "llama.attention.head_count_kv", "is 0"},
    {"key-value heads do not divide", LLAMA, U32_KEY("llama.attention.head_count_kv", 3), ORION_E_FORMAT, "llama.attention.head_count_kv", "does not divide"},
    {"more key-value heads than heads", LLAMA, U32_KEY("llama.attention.head_count_kv", 8), ORION_E_FORMAT, "llama.attention.head_count_kv", "does not divide"},
    {"key-value heads by layer", LLAMA, EDIT(kv_heads_by_layer), ORION_E_FORMAT, "llama.attention.head_count_kv", "array"},
    {"key length odd", LLAMA, U32_KEY("llama.attention.key_length", 15), ORION_E_FORMAT, "llama.attention.key_length", "even"},
    {"key length 1026", LLAMA, U32_KEY("llama.attention.key_length", 1026), ORION_E_FORMAT, "llama.attention.key_length", "1026"},
    {"value length differs", LLAMA, U32_KEY("llama.attention.value_length", 8), ORION_E_UNSUPPORTED, "llama.attention.value_length", "must be equal"},

    {"no eps", LLAMA, NO_KEY("llama.attention.layer_norm_rms_epsilon"), ORION_E_FORMAT, "llama.attention.layer_norm_rms_epsilon", "does not say"},
    {"eps NaN", LLAMA, F32_KEY("llama.attention.layer_norm_rms_epsilon", NAN), ORION_E_FORMAT, "llama.attention.layer_norm_rms_epsilon", "finite"},
    {"eps infinite", LLAMA, F32_KEY("llama.attention.layer_norm_rms_epsilon", INFINITY), ORION_E_FORMAT, "llama.attention.layer_norm_rms_epsilon", "finite"},
    {"eps 0", LLAMA, F32_KEY("llama.attention.layer_norm_rms_epsilon", 0), ORION_E_FORMAT, "llama.attention.layer_norm_rms_epsilon", "positive"},
    {"eps negative", LLAMA, F32_KEY("llama.attention.layer_norm_rms_epsilon", -1e-5f), ORION_E_FORMAT, "llama.attention.layer_norm_rms_epsilon", "positive"},
    {"eps is a text", LLAMA, TEXT_KEY("llama.attention.layer_norm_rms_epsilon", "1e-5"), ORION_E_FORMAT, "llama.attention.layer_norm_rms_epsilon", "f32"},

    {"rope dimensions odd", LLAMA, U32_KEY("llama.rope.dimension_count", 7), ORION_E_FORMAT, "llama.rope.dimension_count", "is odd"},
    {"rope dimensions 0", LLAMA, U32_KEY("llama.rope.dimension_count", 0), ORION_E_FORMAT, "llama.rope.dimension_count", "is 0"},
    {"rope dimensions beyond the head", LLAMA, U32_KEY("llama.rope.dimension_count", 18), ORION_E_FORMAT, "llama.rope.dimension_count", "larger than a head"},
    {"rope base 0", LLAMA, F32_KEY("llama.rope.freq_base", 0), ORION_E_FORMAT, "llama.rope.freq_base", "positive"},
    {"rope base negative", LLAMA, F32_KEY("llama.rope.freq_base", -10000), ORION_E_FORMAT, "llama.rope.freq_base", "positive"},
    {"rope base NaN", LLAMA, F32_KEY("llama.rope.freq_base", NAN), ORION_E_FORMAT, "llama.rope.freq_base", "finite"},
    {"rope base that turns too fast", LLAMA, F32_KEY("llama.rope.freq_base", 1e-30f), ORION_E_FORMAT, "llama.rope.freq_base", "is below 1"},
    {"rope scaling not known", LLAMA, TEXT_KEY("llama.rope.scaling.type", "dynamic"), ORION_E_UNSUPPORTED, "llama.rope.scaling.type", "'dynamic' is not known for llama models; 'none', 'linear', 'yarn' are"},
    {"YaRN by nothing", LLAMA, EDIT(yarn_factor_0), ORION_E_FORMAT, "llama.rope.scaling.factor", "positive"},
    {"YaRN of pairs that turn alike", LLAMA, EDIT(yarn_base_1), ORION_E_FORMAT, "llama.rope.freq_base", "is 1"},
    {"YaRN with twice the share", LLAMA, EDIT(yarn_share_2), ORION_E_FORMAT, "llama.rope.scaling.yarn_ext_factor", "is 2, expected 0 to 1"},
    {"YaRN of negative turns", LLAMA, EDIT(yarn_turns_negative), ORION_E_FORMAT, "llama.rope.scaling.yarn_beta_fast", "positive"},
    {"YaRN's length no number", LLAMA, EDIT(yarn_weight_nan), ORION_E_FORMAT, "llama.rope.scaling.yarn_log_multiplier", "finite"},
    {"rope scaling is a number", LLAMA, U32_KEY("llama.rope.scaling.type", 1), ORION_E_FORMAT, "llama.rope.scaling.type", "string"},
    {"rope scaling factor 0", LLAMA, EDIT(scaling_factor_0), ORION_E_FORMAT, "llama.rope.scaling.factor", "positive"},
    {"rope scaling factor that turns too fast", LLAMA, EDIT(scaling_factor_tiny), ORION_E_FORMAT, "llama.rope.scaling.factor", "too small"},
    {"rope scaling factor infinite", LLAMA, F32_KEY("llama.rope.scaling.factor", INFINITY), ORION_E_FORMAT, "llama.rope.scaling.factor", "finite"},
    {"rope attention factor negative", LLAMA, F32_KEY("llama.rope.scaling.attn_factor", -1), ORION_E_FORMAT, "llama.rope.scaling.attn_factor", "positive"},
    {"original context 0", PHI3, U32_KEY("phi3.rope.scaling.original_context_length", 0), ORION_E_FORMAT, "phi3.rope.scaling.original_context_length", "is 0"},
    {"longrope without factors", PHI3, TEXT_KEY("phi3.rope.scaling.type", "longrope"), ORION_E_FORMAT, "rope_factors_long.weight", "missing"},
    {"longrope in a llama model", LLAMA, TEXT_KEY("llama.rope.scaling.type", "longrope"), ORION_E_UNSUPPORTED, "llama.rope.scaling.type", "'longrope' is not known for llama"},
    {"only long rope factors", PHI3, EDIT(only_long_factors), ORION_E_FORMAT, "rope_factors_short.weight", "only one of"},
    {"only short rope factors", PHI3, EDIT(only_short_factors), ORION_E_FORMAT, "rope_factors_long.weight", "only one of"},
    {"rope factors of another length", PHI3, EDIT(factors_of_another_length), ORION_E_FORMAT, "rope_factors_long.weight", "expected 4 x 1"},
    {"a rope factor of 0", PHI3, EDIT(factor_0), ORION_E_FORMAT, "rope_factors_short.weight", "holds 0"},
    {"a rope factor that is no number", PHI3, EDIT(factor_nan), ORION_E_FORMAT, "rope_factors_long.weight", "holds nan"},
    {"a rope factor that is infinite", PHI3, EDIT(factor_infinite), ORION_E_FORMAT, "rope_factors_long.weight", "holds inf"},
    {"a rope factor that turns too fast", PHI3, EDIT(factor_tiny), ORION_E_FORMAT, "rope_factors_long.weight", "rope factors are from 0.001"},
    {"Phi-3 rope factors in a llama model", LLAMA, EDIT(phi3_factors_in_llama), ORION_E_UNSUPPORTED, "rope_factors_", "not part of a llama model"},

    {"window is a text", PHI3, TEXT_KEY("phi3.attention.sliding_window", "2047"), ORION_E_FORMAT, "phi3.attention.sliding_window", "integer"},

    {"experts", LLAMA, EDIT(experts), ORION_E_FORMAT, "blk.0.ffn_gate_inp.weight", "is missing"},
    {"experts where there are none", GEMMA2, U32_KEY("gemma2.expert_count", 4), ORION_E_UNSUPPORTED, "gemma2.expert_count", "mixture of 4 experts"},
    {"expert count is a text", MIXTRAL, TEXT_KEY("llama.expert_count", "5"), ORION_E_FORMAT, "llama.expert_count", "integer"},
    {"expert count 1025", MIXTRAL, U32_KEY("llama.expert_count", 1025), ORION_E_FORMAT, "llama.expert_count", "is 1025, expected 0 to 1024"},
    {"an expert more than there are", MIXTRAL, U32_KEY("llama.expert_count", 6), ORION_E_FORMAT, "blk.0.ffn_gate_inp.weight", "48 x 5 x 1 x 1, expected 48 x 6"},
    {"no count of used experts", MIXTRAL, NO_KEY("llama.expert_used_count"), ORION_E_FORMAT, "llama.expert_used_count", "does not say"},
    {"no expert used", MIXTRAL, U32_KEY("llama.expert_used_count", 0), ORION_E_FORMAT, "llama.expert_used_count", "is 0, expected 1 to 5"},
    {"more experts used than there are", MIXTRAL, U32_KEY("llama.expert_used_count", 6), ORION_E_FORMAT, "llama.expert_used_count", "is 6, expected 1 to 5"},
    {"expert length 0", QWEN3MOE, U32_KEY("qwen3moe.expert_feed_forward_length", 0), ORION_E_FORMAT, "qwen3moe.expert_feed_forward_length", "is 0"},
    {"no expert length", QWEN3MOE, NO_KEY("qwen3moe.expert_feed_forward_length"), ORION_E_FORMAT, "blk.0.ffn_gate_exps.weight", "expected 48 x 72 x 7"},
    {"no expert count", QWEN3MOE, NO_KEY("qwen3moe.expert_count"), ORION_E_FORMAT, "blk.0.ffn_gate.weight", "is missing"},
    {"no router", MIXTRAL, NO_TENSOR("blk.1.ffn_gate_inp.weight"), ORION_E_FORMAT, "blk.1.ffn_gate_inp.weight", "is missing"},
    {"no down matrices", MIXTRAL, NO_TENSOR("blk.0.ffn_down_exps.weight"), ORION_E_FORMAT, "blk.0.ffn_down_exps.weight", "is missing"},
    {"experts as one matrix", MIXTRAL, EDIT(experts_as_one_matrix), ORION_E_FORMAT, "blk.0.ffn_up_exps.weight", "48 x 120 x 1 x 1, expected 48 x 24 x 5"},
    {"a bias of one expert only", MIXTRAL, EDIT(bias_of_one_expert), ORION_E_FORMAT, "blk.0.ffn_up_exps.bias", "expected 24 x 5"},
    {"one expert by itself", MIXTRAL, EDIT(one_lone_expert), ORION_E_FORMAT, "blk.0.ffn_up.0.weight", "is missing"},
    {"a shared expert", MIXTRAL, EDIT(shared_expert), ORION_E_UNSUPPORTED, "blk.0.ffn_gate_shexp.weight", "would give wrong answers"},

    {"no embedding", LLAMA, NO_TENSOR("token_embd.weight"), ORION_E_FORMAT, "token_embd.weight", "is missing"},
    {"no output norm", LLAMA, NO_TENSOR("output_norm.weight"), ORION_E_FORMAT, "output_norm.weight", "is missing"},
    {"no query matrix", LLAMA, EDIT(no_query), ORION_E_FORMAT, "blk.1.attn_q.weight", "is missing"},
    {"no fused matrix", PHI3, NO_TENSOR("blk.0.attn_qkv.weight"), ORION_E_FORMAT, "blk.0.attn_qkv.weight", "is missing"},
    {"no down matrix", PHI3, NO_TENSOR("blk.1.ffn_down.weight"), ORION_E_FORMAT, "blk.1.ffn_down.weight", "is missing"},
    {"no gate matrix", LLAMA, NO_TENSOR("blk.0.ffn_gate.weight"), ORION_E_FORMAT, "blk.0.ffn_gate.weight", "is missing"},
    {"more rows than the vocabulary", LLAMA, RESHAPED("token_embd.weight", 64, 279), ORION_E_FORMAT, "token_embd.weight", "64 x 279 x 1 x 1, expected 64 x 278"},
    {"fewer rows than the vocabulary", LLAMA, RESHAPED("token_embd.weight", 64, 277), ORION_E_FORMAT, "token_embd.weight", "64 x 277 x 1 x 1, expected 64 x 278"},
    {"fewer output rows than the vocabulary", LLAMA, EDIT(output_rows), ORION_E_FORMAT, "output.weight", "expected 64 x 278"},
    {"a narrow query matrix", LLAMA, RESHAPED("blk.0.attn_q.weight", 62, 64), ORION_E_FORMAT, "blk.0.attn_q.weight", "expected 64 x 64"},
    {"as many keys as queries", LLAMA, RESHAPED("blk.1.attn_k.weight", 64, 64), ORION_E_FORMAT, "blk.1.attn_k.weight", "expected 64 x 32"},
    {"a matrix transposed", LLAMA, EDIT(transposed), ORION_E_FORMAT, "blk.1.attn_k.weight", "32 x 64"},
    {"fused matrix without keys and values", PHI3, RESHAPED("blk.0.attn_qkv.weight", 64, 64), ORION_E_FORMAT, "blk.0.attn_qkv.weight", "expected 64 x 128"},
    {"fused matrix without the gate", PHI3, RESHAPED("blk.0.ffn_up.weight", 64, 64), ORION_E_FORMAT, "blk.0.ffn_up.weight", "expected 64 x 128"},
    {"a matrix of three dimensions", LLAMA, EDIT(three_dimensions), ORION_E_FORMAT, "blk.0.ffn_down.weight", "64 x 64 x 2 x 1"},
    {"a norm too long", LLAMA, RESHAPED("blk.0.attn_norm.weight", 65, 1), ORION_E_FORMAT, "blk.0.attn_norm.weight", "expected 64 x 1"},
    {"a norm that is a matrix", LLAMA, RESHAPED("blk.0.ffn_norm.weight", 64, 2), ORION_E_FORMAT, "blk.0.ffn_norm.weight", "expected 64 x 1"},
    {"a norm in F16", LLAMA, EDIT(norm_in_f16), ORION_E_UNSUPPORTED, "blk.1.ffn_norm.weight", "is F16; only F32"},
    {"a bias too long", LLAMA, EDIT(bias_too_long), ORION_E_FORMAT, "blk.0.attn_k.bias", "is 64 x 1 x 1 x 1, expected 32 x 1"},
    {"a bias of a norm", LLAMA, EDIT(bias_of_a_norm), ORION_E_UNSUPPORTED, "blk.0.attn_norm.bias", "would give wrong answers"},
    {"a bias of the embedding", LLAMA, EDIT(bias_of_the_embedding), ORION_E_UNSUPPORTED, "token_embd.bias", "would give wrong answers"},
    {"a layer too many", LLAMA, EDIT(a_layer_too_many), ORION_E_UNSUPPORTED, "blk.2.attn_norm.weight", "not part of a llama model"},
    {"another name for a layer", LLAMA, EDIT(another_name_for_a_layer), ORION_E_UNSUPPORTED, "blk.01.attn_norm.weight", "not part of"},
    {"a gate beside the fused matrix", PHI3, EDIT(gate_beside_fused), ORION_E_UNSUPPORTED, "blk.0.ffn_gate.weight", "not part of a phi3 model"},
    {"a query beside the fused matrix", PHI3, EDIT(query_beside_fused), ORION_E_UNSUPPORTED, "blk.0.attn_q.weight", "not part of a phi3 model"},

    {"no bias", QWEN2, NO_TENSOR("blk.1.attn_k.bias"), ORION_E_FORMAT, "blk.1.attn_k.bias", "is missing"},
    {"no norm of queries", QWEN3, NO_TENSOR("blk.0.attn_q_norm.weight"), ORION_E_FORMAT, "blk.0.attn_q_norm.weight", "is missing"},
    {"no norm after a block", OLMO2, NO_TENSOR("blk.1.post_ffw_norm.weight"), ORION_E_FORMAT, "blk.1.post_ffw_norm.weight", "is missing"},
    {"no sinks", GPT_OSS, NO_TENSOR("blk.1.attn_sinks.weight"), ORION_E_FORMAT, "blk.1.attn_sinks.weight", "is missing"},
    {"sinks of heads of keys", GPT_OSS, RESHAPED("blk.0.attn_sinks.weight", 1, 1), ORION_E_FORMAT, "blk.0.attn_sinks.weight", "expected 3 x 1"},
    {"a norm under two names", GPT_OSS, EDIT(both_ffn_norms), ORION_E_UNSUPPORTED, "blk.0.ffn_norm.weight", "not part of a gpt-oss model"},
    {"a bias of too few experts", GPT_OSS, RESHAPED("blk.0.ffn_gate_inp.bias", 5, 1), ORION_E_FORMAT, "blk.0.ffn_gate_inp.bias", "expected 6 x 1"},
    {"a soft cap of 0", GEMMA2, F32_KEY("gemma2.attn_logit_softcapping", 0.0f), ORION_E_FORMAT, "gemma2.attn_logit_softcapping", "positive"},
    {"a local base below 1", GEMMA3, F32_KEY("gemma3.rope.freq_base_swa", 0.5f), ORION_E_FORMAT, "gemma3.rope.freq_base_swa", "below 1"},
    {"a window in each 0th layer", GEMMA3, U32_KEY("gemma3.attention.sliding_window_pattern", 0), ORION_E_FORMAT, "gemma3.attention.sliding_window_pattern", "is 0"},
    {"a window in six of seven layers", GEMMA3, EDIT(pattern_of_six), ORION_E_FORMAT, "gemma3.attention.sliding_window_pattern", "tells of 6 layers, but the model has 7"},
    {"layers told by numbers", GEMMA3, EDIT(pattern_of_numbers), ORION_E_FORMAT, "gemma3.attention.sliding_window_pattern", "array"},
    {"logits divided by no number", GRANITE, F32_KEY("granite.logit_scale", NAN), ORION_E_FORMAT, "granite.logit_scale", "must be a finite"},
};
// clang-format on

/* ---- and what comes of it ---- */

static void apply(const struct change *change, struct model_file *file)
{
    if (change->edit)
        change->edit(file);
    if (change->u32)
        set_u32(file, change->u32, (uint32_t)change->number);
    if (change->f32)
        set_f32(file, change->f32, (float)change->number);
    if (change->text)
        set_text(file, change->text, change->value);
    if (change->no_key)
        remove_key(file, change->no_key);
    if (change->no_tensor)
        remove_tensor(file, change->no_tensor);
    if (change->reshaped)
        reshape(tensor_of(file, change->reshaped), change->columns, change->rows);
}

static void test_refusal(void **state)
{
    const struct refusal *row = *state;
    const struct ori_model_options options = {0};
    struct ori_model *model = (struct ori_model *)(uintptr_t)1;
    struct model_file file;
    orion_error err = {0};
    const char *path = path_of("refused.gguf");

    file_read(&file, data_path(row->sample));
    apply(&row->change, &file);
    file_write(&file, path);
    file_free(&file);
    const orion_status status = ori_model_open(path, options, &model, &err);
    if (status == ORION_OK)
        ori_model_close(model);
    else
        assert_null(model);
    assert_int_equal(unlink(path), 0);
    if (status != row->status || err.status != status)
        fail_msg("status %d, expected %d: %s", status, row->status, err.message);
    if (strncmp(err.name, row->name, row->name[0] ? strlen(row->name) : 1) != 0)
        fail_msg("blames '%s', expected '%s': %s", err.name, row->name, err.message);
    if (!strstr(err.message, row->says))
        fail_msg("says '%s', expected '%s' in it", err.message, row->says);
}

/* The samples themselves, taken apart and put together, are fine: so each
 * refusal is for what was changed. */
static void test_unchanged(void **state)
{
    static const char *const samples[] = {LLAMA,   PHI3,     "golden/phi3-window.gguf",
                                          QWEN2,   QWEN3,    GEMMA2,
                                          GEMMA3,  GRANITE,  OLMO2,
                                          MIXTRAL, QWEN3MOE, GPT_OSS};
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(samples); i++) {
        const struct ori_model_options options = {0};
        struct ori_model *model;
        struct model_file file;
        orion_error err = {0};
        const char *path = path_of("unchanged.gguf");
        file_read(&file, data_path(samples[i]));
        file_write(&file, path);
        file_free(&file);
        if (ori_model_open(path, options, &model, &err) != ORION_OK)
            fail_msg("%s: %s", samples[i], err.message);
        assert_string_equal(err.message, ""); /* untouched on success */
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
    }
}

/* What is refused for answering may still be good for its vocabulary. */
static void test_vocab_only(void **state)
{
    static const edit_fn edits[] = {unknown_architecture, no_tensors, heads_0, no_query, experts,
                                    no_architecture};
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(edits); i++) {
        const struct ori_model_options options = {.vocab_only = true};
        struct ori_model *model;
        struct model_file file;
        orion_error err = {0};
        const char *path = path_of("vocab.gguf");
        file_read(&file, data_path(LLAMA));
        edits[i](&file);
        file_write(&file, path);
        file_free(&file);
        if (ori_model_open(path, options, &model, &err) != ORION_OK)
            fail_msg("edit %zu: %s", i, err.message);
        assert_true(model->vocab_only);
        assert_int_equal(ori_vocab_size(model->vocab), 278);
        assert_null(model->arch);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
    }
}

/* Not a file at all. */
static void test_no_file(void **state)
{
    const struct ori_model_options options = {0};
    struct ori_model *model;
    orion_error err = {0};

    (void)state;
    assert_int_equal(ori_model_open(path_of("absent.gguf"), options, &model, &err),
                     ORION_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "absent.gguf"));
    assert_int_equal(ori_model_open(folder, options, &model, &err), ORION_E_FORMAT);
    assert_null(model);
}

/* A thousand layers, and with one tensor too many. */
static void test_many_layers(void **state)
{
    enum { LAYERS = 1000 };
    static const char *const parts[] = {"attn_norm", "attn_q",   "attn_k", "attn_v",  "attn_output",
                                        "ffn_norm",  "ffn_gate", "ffn_up", "ffn_down"};
    const struct ori_model_options options = {0};
    struct ori_model *model;
    struct model_file file;
    orion_error err = {0};
    const char *path = path_of("deep.gguf");

    (void)state;
    file_read(&file, data_path(LLAMA));
    set_u32(&file, "llama.block_count", LAYERS);
    set_u32(&file, "llama.embedding_length", 8);
    set_u32(&file, "llama.feed_forward_length", 2);
    set_u32(&file, "llama.attention.head_count", 1);
    set_u32(&file, "llama.attention.head_count_kv", 1);
    set_u32(&file, "llama.rope.dimension_count", 2);
    no_tensors(&file);
    struct file_tensor *t = add_tensor(&file, "token_embd.weight", ORI_F32, 8, 278);
    put_fill(&t->data, 0, 8 * 278 * 4);
    add_factors(&file, "output_norm.weight", 8, 1);
    for (unsigned layer = 0; layer < LAYERS; layer++) {
        for (size_t i = 0; i < ORI_COUNT(parts); i++) {
            char name[64];
            const bool norm = strstr(parts[i], "norm") != NULL;
            const bool down = strcmp(parts[i], "ffn_down") == 0;
            const bool wide = parts[i][0] == 'a';
            (void)snprintf(name, sizeof(name), "blk.%u.%s.weight", layer, parts[i]);
            if (norm) {
                add_factors(&file, name, 8, 1);
                continue;
            }
            t = add_tensor(&file, name, ORI_F32, down ? 2 : 8, wide || down ? 8 : 2);
            put_fill(&t->data, 0, (size_t)(t->dims[0] * t->dims[1]) * 4);
        }
    }
    file_write(&file, path);
    assert_int_equal(ori_model_open(path, options, &model, &err), ORION_OK);
    assert_int_equal(model->hp.n_layers, LAYERS);
    ori_model_close(model);

    add_factors(&file, "surprise.weight", 8, 1);
    file_write(&file, path);
    assert_int_equal(ori_model_open(path, options, &model, &err), ORION_E_UNSUPPORTED);
    assert_string_equal(err.name, "surprise.weight");
    assert_int_equal(unlink(path), 0);
    file_free(&file);
}

int main(void)
{
    static struct CMUnitTest tests[ORI_COUNT(refusals) + 4];
    size_t n = 0;

    for (size_t i = 0; i < ORI_COUNT(refusals); i++)
        tests[n++] = (struct CMUnitTest){refusals[i].label, test_refusal, NULL, NULL,
                                         (void *)(uintptr_t)&refusals[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_unchanged);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_vocab_only);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_no_file);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_many_layers);
    return cmocka_run_group_tests_name("model refusals", tests, make_folder, remove_folder);
}
