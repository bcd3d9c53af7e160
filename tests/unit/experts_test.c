/* Mixtures of experts: which are chosen, what is read of them, and what that costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include "engine.h"
#include "model/readahead.h"

/* The logits of a few tokens of a file, which is written and removed again. */
static float *logits_of_file(const struct model_file *file)
{
    enum { n = 20 };
    int32_t tokens[n];
    const char *path = path_of("mixture.gguf");

    file_write(file, path);
    struct ori_model *model = open_model(path);
    some_tokens(tokens, n, model->hp.n_vocab, 8);
    float *logits = reference(model, tokens, n);
    ori_model_close(model);
    assert_int_equal(unlink(path), 0);
    return logits;
}

static void assert_same_files(const struct model_file *a, const struct model_file *b)
{
    float *expected = logits_of_file(a), *logits = logits_of_file(b);

    assert_memory_equal(logits, expected, 20 * 278 * sizeof(*logits));
    free(expected);
    free(logits);
}

/* blk.0.ffn_up_exps.weight becomes blk.0.ffn_up.0.weight and its like. */
static void take_apart(struct model_file *file, const char *layer, const char *what)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%s.%s_exps.weight", layer, what);
    const struct file_tensor all = *tensor_of(file, name);
    const size_t bytes = all.data.len / (size_t)all.dims[2];
    for (size_t i = 0; i < all.dims[2]; i++) {
        (void)snprintf(name, sizeof(name), "%s.%s.%zu.weight", layer, what, i);
        struct file_tensor *t = add_tensor(file, name, all.type, all.dims[0], all.dims[1]);
        put(&t->data, all.data.data + i * bytes, bytes);
    }
    (void)snprintf(name, sizeof(name), "%s.%s_exps.weight", layer, what);
    remove_tensor(file, name);
}

/* As files had it before 2024. */
static void test_lone_experts(void **state)
{
    static const char *const layers[] = {"blk.0", "blk.1"};
    static const char *const whats[] = {"ffn_gate", "ffn_up", "ffn_down"};
    struct model_file together, apart;

    (void)state;
    file_read(&together, data_path("golden/mixtral.gguf"));
    file_read(&apart, data_path("golden/mixtral.gguf"));
    for (size_t i = 0; i < ORI_COUNT(layers); i++)
        for (size_t j = 0; j < ORI_COUNT(whats); j++)
            take_apart(&apart, layers[i], whats[j]);
    assert_same_files(&together, &apart);
    file_free(&together);
    file_free(&apart);
}

/* A router that likes all alike: the first experts compute, and nobody reads the
 * weights of the others, which are no numbers here. */
static void test_ties(void **state)
{
    struct model_file whole, spoilt;

    (void)state;
    file_read(&whole, data_path("golden/mixtral.gguf"));
    for (uint32_t layer = 0; layer < 2; layer++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "blk.%u.ffn_gate_inp.weight", layer);
        struct file_tensor *router = tensor_of(&whole, name);
        memset(router->data.data, 0, router->data.len);
    }
    const char *path = path_of("ties.gguf");
    file_write(&whole, path);
    file_read(&spoilt, path);
    assert_int_equal(unlink(path), 0);
    for (size_t i = 0; i < spoilt.n_tensors; i++) {
        struct bytes *data = &spoilt.tensors[i].data;
        if (strstr(spoilt.tensors[i].name, "_exps.weight"))
            memset(data->data + data->len / 5 * 2, 0xFF, data->len / 5 * 3);
    }
    assert_same_files(&whole, &spoilt);
    file_free(&whole);
    file_free(&spoilt);
}

/* Reading ahead leaves out what lies within one tensor of experts. */
static void test_read_ahead_of_experts(void **state)
{
    struct ori_model *model = open_model(data_path("golden/mixtral.gguf"));
    size_t n_experts = 0;

    (void)state;
    for (size_t i = 0; i < ori_gguf_n_tensors(model->gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(model->gguf, i);
        const bool experts = ori_readahead_is_experts(model->gguf, t->offset, t->size_bytes);

        assert_int_equal(experts, strstr(t->name, "_exps.") != NULL);
        assert_false(ori_readahead_is_experts(model->gguf, t->offset, t->size_bytes + 1));
        assert_false(ori_readahead_is_experts(model->gguf, t->offset - 1, 2));
        n_experts += experts;
    }
    assert_int_equal(n_experts, 6);
    assert_false(ori_readahead_is_experts(model->gguf, 0, 1));
    assert_false(ori_readahead_is_experts(model->gguf, UINT64_MAX, 1));
    ori_model_close(model);
}

/* Two of five experts, and all that is not experts. */
static void test_active_bytes(void **state)
{
    static const struct {
        const char *name;
        bool experts;
    } names[] = {
        {"blk.0.ffn_up_exps.weight", true},   {"blk.31.ffn_gate.7.weight", true},
        {"blk.0.ffn_down_exps.bias", true},   {"blk.0.ffn_up.weight", false},
        {"blk.0.ffn_gate_inp.weight", false}, {"blk.0.ffn_gate_shexp.weight", false},
        {"blk.0.attn_output.weight", false},  {"output.weight", false},
    };
    struct ori_model *model = open_model(data_path("golden/mixtral.gguf"));
    const uint64_t experts = 2 * 3 * 5 * 48 * 24 * 2; /* layers, matrices, experts, F16 */
    uint64_t all = 0;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(names); i++)
        assert_int_equal(ori_is_expert_tensor(names[i].name), names[i].experts);
    for (size_t i = 0; i < ori_gguf_n_tensors(model->gguf); i++)
        all += ori_gguf_tensor_at(model->gguf, i)->size_bytes;
    assert_int_equal(ori_active_bytes(model->gguf, &model->hp), all - experts / 5 * 3);
    ori_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lone_experts),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_read_ahead_of_experts),
        cmocka_unit_test(test_active_bytes),
    };
    return cmocka_run_group_tests_name("experts", tests, make_folder, remove_folder);
}
