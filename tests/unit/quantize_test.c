/* Quantizing: which tensor gets which type, importance matrices of both forms and
 * broken ones, and whole files.  That single blocks come out right is the kernels'
 * tests' business; quality beside llama.cpp is that of make check-quantize. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "gguf/writer.h"
#include "model_file.h"
#include "quantize/imatrix.h"
#include "quantize/mix.h"
#include "quantize/quantize.h"

/* ---- mixes ---- */

/* What llama.cpp's quantizer gives for such models. */
static const struct {
    const char *mix, *tensor;
    struct ori_mix_model model; /* layers, experts, queries a key, tied, measured */
    uint64_t n_cols;
    uint32_t type;
} choices[] = {
    // clang-format off
    {"F16",    "blk.0.attn_v.weight",      {32, 0, 4, false, false}, 100,  ORI_F16},
    {"BF16",   "output.weight",            {32, 0, 1, false, false}, 4096, ORI_BF16},
    {"Q8_0",   "output.weight",            {32, 0, 1, false, false}, 4096, ORI_Q8_0},
    {"Q4_0",   "output.weight",            {32, 0, 1, false, false}, 4096, ORI_Q6_K},
    {"Q4_0",   "token_embd.weight",        {32, 0, 1, false, false}, 4096, ORI_Q4_0},
    {"Q4_0",   "token_embd.weight",        {32, 0, 1, true,  false}, 4096, ORI_Q6_K},
    {"Q4_0",   "token_embd.weight",        {32, 0, 1, true,  false}, 96,   ORI_Q8_0},
    {"Q4_0",   "blk.3.ffn_down.weight",    {32, 0, 1, false, true},  4096, ORI_Q4_1},
    {"Q4_0",   "blk.4.ffn_down.weight",    {32, 0, 1, false, true},  4096, ORI_Q4_0},
    {"Q4_K_M", "blk.3.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q6_K},
    {"Q4_K_M", "blk.4.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"Q4_K_M", "blk.6.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q6_K},
    {"Q4_K_M", "blk.28.attn_v.weight",     {32, 0, 1, false, false}, 4096, ORI_Q6_K},
    {"Q4_K_M", "blk.27.attn_v.weight",     {32, 0, 1, false, false}, 4096, ORI_Q6_K},
    {"Q4_K_M", "blk.26.attn_qkv.weight",   {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"Q4_K_M", "blk.28.attn_q.weight",     {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"Q4_K_M", "blk.40.attn_v.weight",     {80, 0, 8, false, false}, 8192, ORI_Q5_K},
    {"Q4_K_M", "blk.5.attn_v.weight",      {32, 8, 4, false, false}, 4096, ORI_Q8_0},
    {"Q4_K_M", "blk.5.attn_output.weight", {32, 8, 4, false, false}, 4096, ORI_Q5_K},
    {"Q4_K_M", "blk.0.ffn_down_exps.weight", {32, 64, 4, false, false}, 4096, ORI_Q6_K},
    {"Q4_K_M", "blk.0.ffn_down.weight",    {32, 0, 1, false, false}, 1056, ORI_Q8_0},
    {"Q4_K_M", "blk.4.ffn_down.weight",    {32, 0, 1, false, false}, 1056, ORI_Q5_0},
    {"Q4_K_M", "blk.4.ffn_down.weight",    {32, 0, 1, false, false}, 100,  ORI_F16},
    {"Q4_K",   "blk.3.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q6_K},
    {"q4_k_s", "blk.3.attn_v.weight",      {32, 0, 1, false, false}, 4096, ORI_Q5_K},
    {"Q4_K_S", "blk.4.attn_v.weight",      {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"Q5_K_M", "blk.0.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q6_K},
    {"Q5_K_S", "blk.0.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q5_K},
    {"Q5_K_S", "blk.0.ffn_down.weight",    {32, 0, 1, false, false}, 32,   ORI_Q5_1},
    {"Q3_K_M", "blk.1.attn_v.weight",      {32, 0, 1, false, false}, 4096, ORI_Q5_K},
    {"Q3_K_M", "blk.2.attn_v.weight",      {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"Q3_K_M", "blk.1.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q5_K},
    {"Q3_K_M", "blk.2.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"Q3_K_L", "blk.9.attn_output.weight", {32, 0, 1, false, false}, 4096, ORI_Q5_K},
    {"Q3_K_S", "blk.9.attn_output.weight", {32, 0, 1, false, false}, 4096, ORI_Q3_K},
    {"Q2_K",   "blk.9.attn_v.weight",      {32, 0, 4, false, false}, 4096, ORI_Q4_K},
    {"Q2_K",   "blk.9.attn_v.weight",      {32, 0, 1, false, false}, 4096, ORI_Q3_K},
    {"Q2_K",   "blk.9.ffn_up.weight",      {32, 0, 1, false, false}, 4096, ORI_Q2_K},
    {"Q2_K",   "blk.9.ffn_up.weight",      {32, 0, 1, false, false}, 4064, ORI_Q4_0},
    {"IQ4_NL", "blk.9.attn_v.weight",      {32, 0, 4, false, false}, 4096, ORI_Q5_K},
    {"IQ4_NL", "blk.9.attn_v.weight",      {32, 0, 1, false, false}, 4096, ORI_IQ4_NL},
    {"IQ4_XS", "blk.3.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q5_K},
    {"IQ4_XS", "blk.3.ffn_down.weight",    {32, 0, 1, false, true},  4096, ORI_IQ4_XS},
    {"IQ4_XS", "blk.4.ffn_up.weight",      {32, 0, 1, false, false}, 4064, ORI_IQ4_NL},
    {"IQ4_XS", "blk.4.attn_output.weight", {32, 8, 4, false, false}, 4096, ORI_Q5_K},
    {"MXFP4",  "output.weight",            {32, 8, 1, false, false}, 4096, ORI_Q8_0},
    {"MXFP4",  "blk.0.attn_v.weight",      {32, 8, 4, false, false}, 4096, ORI_Q8_0},
    {"MXFP4",  "blk.0.ffn_up_exps.weight", {32, 8, 4, false, false}, 4096, ORI_MXFP4},
    {"IQ3_M",  "blk.3.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"IQ3_M",  "blk.4.ffn_down.weight",    {32, 0, 1, false, false}, 4096, ORI_IQ3_S},
    {"IQ3_M",  "blk.6.ffn_down_exps.weight", {32, 8, 4, false, true}, 4096, ORI_Q4_K},
    {"IQ3_M",  "blk.7.ffn_down_exps.weight", {32, 8, 4, false, true}, 4096, ORI_IQ3_S},
    {"IQ3_M",  "blk.4.attn_output.weight", {32, 0, 1, false, false}, 4096, ORI_Q4_K},
    {"IQ3_S",  "blk.4.attn_v.weight",      {32, 0, 4, false, false}, 4096, ORI_Q4_K},
    {"IQ3_S",  "blk.4.attn_v.weight",      {80, 0, 8, false, false}, 8192, ORI_Q5_K},
    {"IQ3_S",  "blk.4.attn_q.weight",      {32, 0, 4, false, false}, 4096, ORI_IQ3_S},
    {"IQ3_XS", "blk.4.attn_q.weight",      {32, 0, 4, false, true},  4096, ORI_IQ3_XXS},
    {"IQ3_XS", "blk.3.ffn_gate.weight",    {32, 0, 4, false, true},  4096, ORI_IQ3_S},
    {"IQ3_XS", "blk.4.ffn_gate.weight",    {32, 0, 4, false, true},  4096, ORI_IQ3_XXS},
    {"IQ3_XS", "blk.28.ffn_up.weight",     {32, 0, 4, false, true},  4096, ORI_IQ3_S},
    {"IQ3_XXS", "token_embd.weight",       {32, 0, 4, false, true},  4096, ORI_IQ3_S},
    {"IQ3_XXS", "output.weight",           {32, 0, 4, false, true},  4096, ORI_Q5_K},
    {"IQ3_XXS", "blk.4.attn_k.weight",     {32, 0, 4, false, true},  4096, ORI_IQ2_S},
    {"IQ3_XXS", "blk.4.attn_k.weight",     {32, 8, 4, false, true},  4096, ORI_Q8_0},
    {"IQ2_M",  "blk.4.attn_output.weight", {32, 0, 1, false, true},  4096, ORI_IQ3_S},
    {"IQ2_M",  "blk.4.ffn_up.weight",      {32, 0, 1, false, true},  4096, ORI_IQ2_S},
    {"IQ2_S",  "blk.4.ffn_up.weight",      {32, 0, 1, false, true},  4096, ORI_IQ2_XS},
    {"IQ2_S",  "blk.4.attn_v.weight",      {32, 0, 1, false, true},  4096, ORI_IQ3_S},
    {"IQ2_XS", "blk.4.attn_v.weight",      {32, 0, 1, false, true},  4096, ORI_Q2_K},
    {"IQ2_XS", "blk.4.attn_v.weight",      {80, 0, 8, false, true},  8192, ORI_Q4_K},
    {"IQ2_XS", "blk.4.attn_v.weight",      {32, 4, 1, false, true},  4096, ORI_Q4_K},
    {"IQ2_XS", "blk.4.attn_k.weight",      {32, 8, 1, false, true},  4096, ORI_Q4_K},
    {"IQ2_XS", "blk.4.attn_output.weight", {32, 0, 1, false, true},  4096, ORI_IQ2_XS},
    {"IQ2_XXS", "blk.3.ffn_down.weight",   {32, 0, 1, false, true},  4096, ORI_Q2_K},
    {"IQ2_XXS", "blk.4.ffn_down.weight",   {32, 0, 1, false, true},  4096, ORI_IQ2_XXS},
    {"IQ2_XXS", "token_embd.weight",       {32, 0, 1, false, true},  4096, ORI_Q2_K},
    {"IQ2_XXS", "output.weight",           {32, 0, 1, false, true},  4064, ORI_Q8_0},
    {"IQ2_XXS", "blk.4.ffn_down.weight",   {32, 0, 1, false, true},  4064, ORI_IQ4_NL},
    // clang-format on
};

static void mixes_choose(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(choices); i++) {
        struct ori_mix mix;
        uint32_t wanted;

        assert_true(ori_mix_find(choices[i].mix, &mix));
        const uint32_t type =
            ori_mix_type(&mix, &choices[i].model, choices[i].tensor, choices[i].n_cols, &wanted);
        if (type != choices[i].type)
            fail_msg("%s, %s of rows of %llu: %s, not %s", choices[i].mix, choices[i].tensor,
                     (unsigned long long)choices[i].n_cols, ori_type_info(type)->name,
                     ori_type_info(choices[i].type)->name);
    }
}

static void pure_is_one_type(void **state)
{
    const struct ori_mix_model model = {.n_layers = 32, .queries_a_key = 1};
    struct ori_mix mix;
    uint32_t wanted;

    (void)state;
    assert_true(ori_mix_find("Q4_K_M", &mix));
    mix.pure = true;
    assert_int_equal(ori_mix_type(&mix, &model, "output.weight", 4096, &wanted), ORI_Q4_K);
    assert_int_equal(ori_mix_type(&mix, &model, "blk.0.ffn_down.weight", 96, &wanted), ORI_Q5_0);
    assert_int_equal(wanted, ORI_Q4_K);
}

static void names_lead_to_mixes(void **state)
{
    struct ori_mix mix;

    (void)state;
    for (size_t i = 0; ori_mix_name(i); i++) {
        assert_true(ori_mix_find(ori_mix_name(i), &mix));
        assert_string_equal(ori_file_type_name(mix.file_type), ori_mix_name(i));
    }
    assert_false(ori_mix_find("Q9_K", &mix));
    assert_false(ori_mix_find("", &mix));
}

static void only_matrices_change(void **state)
{
    static const struct {
        const char *name;
        uint64_t dims[4];
        bool matrix;
    } rows[] = {
        {"blk.0.attn_q.weight", {64, 64, 1, 1}, true},
        {"blk.0.ffn_up_exps.weight", {64, 64, 8, 1}, true},
        {"blk.0.attn_norm.weight", {64, 1, 1, 1}, false},
        {"blk.0.attn_q_norm.weight", {64, 4, 1, 1}, false},
        {"blk.0.ffn_gate_inp.weight", {64, 8, 1, 1}, false},
        {"blk.0.attn_q.bias", {64, 64, 1, 1}, false},
        {"position_embd.weight", {64, 64, 1, 1}, false},
        {"token_types.weight", {64, 2, 1, 1}, false},
        {"x", {64, 64, 1, 1}, false},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++)
        if (ori_mix_is_matrix(rows[i].name, rows[i].dims) != rows[i].matrix)
            fail_msg("%s", rows[i].name);
}

/* ---- importance matrices ---- */

static void put_i32(struct bytes *b, int32_t value)
{
    put(b, &value, sizeof(value));
}

static void put_entry(struct bytes *b, const char *name, const float *values, int32_t n)
{
    put_i32(b, (int32_t)strlen(name));
    put(b, name, strlen(name));
    put_i32(b, 7); /* calls */
    put_i32(b, n);
    put(b, values, (size_t)n * sizeof(float));
}

static orion_status open_bytes(const struct bytes *b, size_t size, struct ori_imatrix **out,
                               orion_error *err)
{
    const char *path = path_of("imatrix");

    write_file(path, b->data, size);
    const orion_status status = ori_imatrix_open(path, out, err);
    (void)unlink(path);
    return status;
}

static void expect_importance(const struct ori_imatrix *m)
{
    float got[4];
    orion_error err;

    assert_int_equal(ori_imatrix_count(m), 2);
    assert_true(ori_imatrix_has(m, "b.weight"));
    assert_false(ori_imatrix_has(m, "b"));
    /* a: 1 2 3 and twice that, both with a mean of 1; an unmeasured row is even */
    assert_int_equal(ori_imatrix_get(m, "a.weight", 2, 2, got, &err), ORION_OK);
    assert_true(got[0] == 0.5f && got[1] == 1.5f && got[2] == 1 && got[3] == 1);
    assert_int_equal(ori_imatrix_get(m, "c.weight", 2, 2, got, &err), ORION_E_NOT_FOUND);
    assert_int_equal(ori_imatrix_get(m, "a.weight", 4, 2, got, &err), ORION_E_FORMAT);
    assert_int_equal(ori_imatrix_get(m, "a.weight", UINT64_MAX, 2, got, &err), ORION_E_FORMAT);
}

static const float a_values[] = {1, 3, 0, 0}, b_values[] = {5, 5};

static void reads_the_binary_form(void **state)
{
    struct ori_imatrix *m = NULL;
    struct bytes b = {0};
    orion_error err = {.message = ""};

    (void)state;
    put_i32(&b, 2);
    put_entry(&b, "b.weight", b_values, 2);
    put_entry(&b, "a.weight", a_values, 4);
    const size_t needed = b.len;
    put_i32(&b, 99); /* last call, data set: not looked at */
    if (open_bytes(&b, b.len, &m, &err) != ORION_OK)
        fail_msg("%s", err.message);
    expect_importance(m);
    ori_imatrix_close(m);
    for (size_t size = 1; size < needed; size++) { /* cut anywhere */
        assert_int_equal(open_bytes(&b, size, &m, &err), ORION_E_FORMAT);
        assert_null(m);
    }
    free(b.data);
}

static void reads_the_gguf_form(void **state)
{
    struct ori_gguf_writer *w = NULL;
    struct ori_imatrix *m = NULL;
    const float counts[] = {4, 0};
    orion_error err = {.message = ""};

    (void)state;
    assert_int_equal(ori_gguf_writer_new(path_of("imatrix.gguf"), &w, &err), ORION_OK);
    ori_gguf_write_str(w, "general.type", "imatrix");
    ori_gguf_write_tensor(w, "b.weight.in_sum2", ORI_F32, 2, (const uint64_t[]){2, 1});
    ori_gguf_write_tensor(w, "b.weight.counts", ORI_F32, 2, (const uint64_t[]){1, 1});
    ori_gguf_write_tensor(w, "a.weight.in_sum2", ORI_F32, 2, (const uint64_t[]){2, 2});
    ori_gguf_write_tensor(w, "a.weight.counts", ORI_F32, 2, (const uint64_t[]){1, 2});
    ori_gguf_write_data(w, b_values, sizeof(b_values));
    ori_gguf_write_data(w, counts, sizeof(float));
    ori_gguf_write_data(w, a_values, sizeof(a_values));
    ori_gguf_write_data(w, counts, sizeof(counts));
    assert_int_equal(ori_gguf_writer_finish(w, &err), ORION_OK);
    ori_gguf_writer_free(w);
    if (ori_imatrix_open(path_of("imatrix.gguf"), &m, &err) != ORION_OK)
        fail_msg("%s", err.message);
    expect_importance(m);
    ori_imatrix_close(m);
    (void)unlink(path_of("imatrix.gguf"));
}

static void refuses_broken_importance(void **state)
{
    static const float negative[] = {1, -1}, infinite[] = {INFINITY, 1}, no_number[] = {1, NAN};
    static const struct {
        const char *label, *name;
        int32_t entries, n;
        const float *values;
        const char *says;
    } rows[] = {
        {"no entry", "a", 0, 2, a_values, "the number of matrices is 0"},
        {"too many entries", "a", 70000, 2, a_values, "the number of matrices is 70000"},
        {"negative entries", "a", -1, 2, a_values, "the number of matrices"},
        {"no name", "", 1, 2, a_values, "the length of a name is 0"},
        {"a name that is no text", "\xff", 1, 2, a_values, "not UTF-8"},
        {"no values", "a", 1, 0, a_values, "the number of its values is 0"},
        {"negative", "a", 1, 2, negative, "no sum of squares"},
        {"infinite", "a", 1, 2, infinite, "no sum of squares"},
        {"not a number", "a", 1, 2, no_number, "no sum of squares"},
        {"twice", "a", 2, 2, a_values, "twice"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_imatrix *m = NULL;
        struct bytes b = {0};
        orion_error err = {.message = ""};

        put_i32(&b, rows[i].entries);
        put_entry(&b, rows[i].name, rows[i].values, rows[i].n);
        put_entry(&b, rows[i].name, rows[i].values, rows[i].n);
        assert_int_equal(open_bytes(&b, b.len, &m, &err), ORION_E_FORMAT);
        if (!strstr(err.message, rows[i].says))
            fail_msg("%s: %s", rows[i].label, err.message);
        free(b.data);
    }
}

/* ---- whole files ---- */

#define IN "golden/llama-gqa.gguf"

static orion_quantize_params params_for(const char *type)
{
    orion_quantize_params params;

    orion_quantize_params_init(&params);
    params.type = type;
    params.threads = 1;
    return params;
}

/* Fails when it does not go well; the path is path_of("out.gguf"). */
static orion_quantize_result make(const char *in, const orion_quantize_params *params)
{
    orion_quantize_result result;
    orion_error err = {.message = ""};

    if (ori_quantize(in, path_of("out.gguf"), params, &result, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return result;
}

static struct bytes read_whole(const char *path)
{
    struct bytes b = {0};
    char block[4096];
    size_t n;
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    while ((n = fread(block, 1, sizeof(block), file)) > 0)
        put(&b, block, n);
    (void)fclose(file);
    return b;
}

static void keeps_what_is_no_matrix(void **state)
{
    const orion_quantize_params params = params_for("Q8_0");
    struct ori_gguf *before = NULL, *after = NULL;
    orion_error err = {.message = ""};
    uint32_t file_type = 0;

    (void)state;
    const orion_quantize_result result = make(data_path(IN), &params);
    assert_int_equal(ori_gguf_open(data_path(IN), &before, &err), ORION_OK);
    assert_int_equal(ori_gguf_open(path_of("out.gguf"), &after, &err), ORION_OK);
    assert_int_equal(ori_gguf_file_bytes(after), result.out_bytes);
    assert_int_equal(ori_gguf_n_tensors(after), ori_gguf_n_tensors(before));
    for (size_t i = 0; i < ori_gguf_n_tensors(after); i++) {
        const struct ori_gguf_tensor *a = ori_gguf_tensor_at(before, i),
                                     *b = ori_gguf_tensor_at(after, i);
        assert_string_equal(a->name, b->name);
        if (a->n_dims == 1) {
            assert_int_equal(a->type, b->type);
            assert_memory_equal(a->data, b->data, a->size_bytes);
        } else {
            assert_int_equal(b->type, ORI_Q8_0);
        }
    }
    assert_int_equal(ori_gguf_get_u32(after, "general.file_type", &file_type, &err), ORION_OK);
    assert_int_equal(file_type, 7);
    assert_non_null(ori_gguf_find(after, "tokenizer.ggml.tokens"));
    ori_gguf_close(before);
    ori_gguf_close(after);
    (void)unlink(path_of("out.gguf"));
}

/* Rows that segments do not divide. */
static void write_named(const char *path, const char *name, uint64_t n_cols, uint64_t n_rows,
                        float first)
{
    struct ori_gguf_writer *w = NULL;
    orion_error err;

    assert_int_equal(ori_gguf_writer_new(path, &w, &err), ORION_OK);
    ori_gguf_write_str(w, "general.architecture", "llama");
    ori_gguf_write_tensor(w, name, ORI_F32, 2, (const uint64_t[]){n_cols, n_rows});
    for (uint64_t i = 0; i < n_cols * n_rows; i++) {
        const float x = i == 0 ? first : (float)(int32_t)((uint32_t)i * 2654435761u) * 0x1p-33f;
        ori_gguf_write_data(w, &x, sizeof(x));
    }
    assert_int_equal(ori_gguf_writer_finish(w, &err), ORION_OK);
    ori_gguf_writer_free(w);
}

static void write_wide(const char *path, uint64_t n_cols, uint64_t n_rows, float first)
{
    write_named(path, "wide.weight", n_cols, n_rows, first);
}

static void write_importance(const char *path, const char *name, size_t n)
{
    struct bytes b = {0};

    put_i32(&b, 1);
    put_i32(&b, (int32_t)strlen(name));
    put(&b, name, strlen(name));
    put_i32(&b, 1);
    put_i32(&b, (int32_t)n);
    for (size_t i = 0; i < n; i++)
        put(&b, &(const float){(float)(i % 7)}, sizeof(float));
    write_file(path, b.data, b.len);
    free(b.data);
}

static void expect_same_bytes(const char *in, orion_quantize_params *params)
{
    (void)make(in, params);
    struct bytes one = read_whole(path_of("out.gguf"));
    params->threads = 3;
    params->replace = true;
    (void)make(in, params);
    struct bytes three = read_whole(path_of("out.gguf"));
    assert_int_equal(one.len, three.len);
    assert_memory_equal(one.data, three.data, one.len);
    free(one.data);
    free(three.data);
    (void)unlink(path_of("out.gguf"));
}

static void threads_do_not_matter(void **state)
{
    static const char *const types[] = {"Q4_K_M", "Q6_K",   "Q2_K",    "Q5_1",  "F16",
                                        "IQ4_NL", "IQ4_XS", "IQ3_XXS", "IQ2_M", "IQ2_XXS"};
    char in[512], imatrix[512];

    (void)state;
    (void)snprintf(in, sizeof(in), "%s", path_of("wide.gguf"));
    (void)snprintf(imatrix, sizeof(imatrix), "%s", path_of("imatrix"));
    write_wide(in, 256 * 33, 20, 0);
    write_importance(imatrix, "wide.weight", 256 * 33);
    for (size_t i = 0; i < ORI_COUNT(types); i++) {
        orion_quantize_params params = params_for(types[i]);
        struct ori_mix mix;

        assert_true(ori_mix_find(types[i], &mix));
        if (!ori_mix_needs_importance(&mix, mix.type, "wide.weight"))
            expect_same_bytes(in, &params);
        params = params_for(types[i]);
        params.imatrix = imatrix;
        expect_same_bytes(in, &params);
    }
    write_wide(in, 256 * 33, 130, 0); /* more than a piece */
    orion_quantize_params params = params_for("Q8_0");
    expect_same_bytes(in, &params);
    (void)unlink(in);
    (void)unlink(imatrix);
}

static int cancel_at(const orion_quantize_progress *progress, void *user)
{
    return progress->index == *(const uint32_t *)user;
}

static void cancelling_leaves_nothing(void **state)
{
    orion_quantize_params params = params_for("Q8_0");
    orion_quantize_result result;
    orion_error err = {.message = ""};

    (void)state;
    params.on_progress = cancel_at;
    for (uint32_t at = 0; at < 3; at++) {
        params.user = &at;
        assert_int_equal(ori_quantize(data_path(IN), path_of("out.gguf"), &params, &result, &err),
                         ORION_E_CANCELLED);
        assert_folder_is_empty();
    }
}

static void refuse(const char *in, const orion_quantize_params *params, orion_status status,
                   const char *says)
{
    orion_quantize_result result;
    orion_error err = {.message = ""};

    assert_int_equal(ori_quantize(in, path_of("out.gguf"), params, &result, &err), status);
    if (!strstr(err.message, says))
        fail_msg("'%s' does not say '%s'", err.message, says);
}

static void refuses(void **state)
{
    orion_quantize_params params = params_for("Q4_K_M");
    const float bad[] = {NAN, -INFINITY, 1e6f};
    char in[512];

    (void)state;
    params.type = "Q7";
    refuse(data_path(IN), &params, ORION_E_ARGUMENT, "F32 F16");
    params.type = "Q8_0";

    (void)snprintf(in, sizeof(in), "%s", path_of("in.gguf"));
    refuse(in, &params, ORION_E_NOT_FOUND, "in.gguf");
    for (size_t i = 0; i < ORI_COUNT(bad); i++) {
        write_wide(in, 256, 1 + 1, bad[i]);
        refuse(in, &params, ORION_E_FORMAT, "element 0");
    }
    (void)unlink(in);
    assert_folder_is_empty();

    /* of another model, or of another shape */
    params.imatrix = in;
    write_importance(in, "other.weight", 4);
    refuse(data_path(IN), &params, ORION_E_ARGUMENT, "measured on another");
    write_importance(in, "token_embd.weight", 4);
    refuse(data_path(IN), &params, ORION_E_FORMAT, "4 values");
    (void)unlink(in);
    params.imatrix = NULL;
    assert_folder_is_empty();
}

static void does_not_replace(void **state)
{
    orion_quantize_params params = params_for("Q8_0");
    orion_quantize_result result;
    orion_error err = {.message = ""};

    (void)state;
    (void)make(data_path(IN), &params);
    refuse(data_path(IN), &params, ORION_E_DENIED, "there already");
    params.replace = true;
    (void)make(data_path(IN), &params);
    assert_int_equal(ori_quantize(path_of("out.gguf"), path_of("out.gguf"), &params, &result, &err),
                     ORION_E_ARGUMENT);
    (void)unlink(path_of("out.gguf"));
    assert_folder_is_empty();
}

/* Very few bits are given only to what is measured, embeddings aside. */
static void needs_importance(void **state)
{
    static const char *const types[] = {"IQ3_XS", "IQ3_XXS", "Q2_K_S", "IQ2_M",
                                        "IQ2_S",  "IQ2_XS",  "IQ2_XXS"};
    char in[512], imatrix[512];

    (void)state;
    (void)snprintf(in, sizeof(in), "%s", path_of("in.gguf"));
    (void)snprintf(imatrix, sizeof(imatrix), "%s", path_of("imatrix"));
    write_named(in, "blk.1.attn_q.weight", 512, 2, 0);
    for (size_t i = 0; i < ORI_COUNT(types); i++) {
        orion_quantize_params params = params_for(types[i]);

        refuse(in, &params, ORION_E_ARGUMENT, "to do without an importance matrix; take");
        params.imatrix = imatrix;
        write_importance(imatrix, "blk.0.attn_q.weight", 512);
        refuse(in, &params, ORION_E_ARGUMENT, "does not have it");
        write_importance(imatrix, "blk.1.attn_q.weight", 512);
        assert_int_equal(make(in, &params).n_converted, 1);
        (void)unlink(path_of("out.gguf"));
    }
    write_named(in, "token_embd.weight", 512, 2, 0);
    orion_quantize_params params = params_for("IQ2_XXS");
    params.pure = true;
    assert_int_equal(make(in, &params).n_converted, 1);
    (void)unlink(path_of("out.gguf"));
    (void)unlink(in);
    (void)unlink(imatrix);
    assert_folder_is_empty();
}

static void asks_before_it_loses_twice(void **state)
{
    orion_quantize_params params = params_for("Q8_0");
    char in[512];

    (void)state;
    (void)make(data_path(IN), &params);
    (void)snprintf(in, sizeof(in), "%s", path_of("in.gguf"));
    assert_int_equal(rename(path_of("out.gguf"), in), 0);
    assert_int_equal(make(in, &params).n_converted, 0); /* the same again is a copy */
    (void)unlink(path_of("out.gguf"));
    params.type = "Q4_0";
    refuse(in, &params, ORION_E_UNSUPPORTED, "already");
    params.requantize = true;
    assert_true(make(in, &params).n_converted > 0);
    (void)unlink(path_of("out.gguf"));
    (void)unlink(in);
    assert_folder_is_empty();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixes_choose),
        cmocka_unit_test(pure_is_one_type),
        cmocka_unit_test(names_lead_to_mixes),
        cmocka_unit_test(only_matrices_change),
        cmocka_unit_test(reads_the_binary_form),
        cmocka_unit_test(reads_the_gguf_form),
        cmocka_unit_test(refuses_broken_importance),
        cmocka_unit_test(keeps_what_is_no_matrix),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(cancelling_leaves_nothing),
        cmocka_unit_test(refuses),
        cmocka_unit_test(does_not_replace),
        cmocka_unit_test(needs_importance),
        cmocka_unit_test(asks_before_it_loses_twice),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
