/* What a model's file says of it: sizes, windows, and how it is quantized. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include "engine.h"

static void test_facts(void **state)
{
    struct ori_model *model = open_model(data_path("golden/llama-gqa.gguf"));
    const struct ori_hparams *hp = &model->hp;

    (void)state;
    assert_string_equal(model->arch->name, "llama");
    assert_int_equal(hp->n_layers, 2);
    assert_int_equal(hp->n_embd, 64);
    assert_int_equal(hp->n_heads, 4);
    assert_int_equal(hp->n_heads_kv, 2);
    assert_int_equal(hp->head_dim, 16);
    assert_int_equal(hp->n_vocab, 278);
    assert_int_equal(hp->window_tokens, 0);
    assert_int_equal(hp->original_context_tokens, 256);
    assert_ptr_equal(model->output.data, model->token_embd.data); /* tied */
    assert_non_null(model->rope_factors);
    assert_string_equal(ori_model_quantization(model), "F16");
    /* 278 x 64; 2 layers of q, o: 64 x 64, k, v: 32 x 64, 3 x 64 x 64, 2 norms;
     * the last norm; 8 rope factors */
    assert_int_equal(model->n_params,
                     278 * 64 + 2 * (2 * 4096 + 2 * 2048 + 3 * 4096 + 128) + 64 + 8);
    assert_int_equal(ori_gguf_check_intact(model->gguf, NULL), ORION_OK);
    ori_model_close(model);
    ori_model_close(NULL);
}

/* The window: from the key, by default for an old Phi-3-mini file, or off. */
static void test_window(void **state)
{
    static const struct {
        uint32_t key, context, expected;
        bool has_key, none;
    } rows[] = {
        {8, 256, 8, true, false},      {8, 256, 0, true, true},   {256, 256, 0, true, false},
        {255, 256, 255, true, false},  {0, 256, 0, true, false},  {0, 256, 0, false, false},
        {0, 4096, 2047, false, false}, {0, 4096, 0, false, true}, {0, 4096, 0, true, false},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct model_file file;
        struct ori_model *model;
        const struct ori_model_options options = {.no_sliding_window = rows[i].none};
        file_read(&file, data_path("golden/phi3-window.gguf"));
        set_u32(&file, "phi3.context_length", rows[i].context);
        set_u32(&file, "phi3.rope.scaling.original_context_length", rows[i].context);
        if (rows[i].has_key)
            set_u32(&file, "phi3.attention.sliding_window", rows[i].key);
        else
            remove_key(&file, "phi3.attention.sliding_window");
        const char *path = path_of("window.gguf");
        file_write(&file, path);
        assert_int_equal(ori_model_open(path, options, &model, NULL), ORION_OK);
        assert_int_equal(model->hp.window_tokens, rows[i].expected);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
        file_free(&file);
    }
}

/* Which layers have the window: by the architecture, a period or flags in the file. */
static void test_window_layers(void **state)
{
    static const struct {
        const char *label;
        uint32_t period;
        const char *flags; /* a character a layer, l or g */
        const char *layers;
        uint32_t window;
    } rows[] = {
        {"gemma3's own", 0, NULL, "lllllgl", 8},
        {"a period", 3, NULL, "llgllgl", 8},
        {"a longer period than there are layers", 8, NULL, "lllllll", 8},
        {"no layer has it", 1, NULL, "ggggggg", 0},
        {"flags", 0, "glglllg", "glglllg", 8},
        {"no flag", 0, "ggggggg", "ggggggg", 0},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        static const char key[] = "gemma3.attention.sliding_window_pattern";
        struct model_file file;
        const char *path = path_of("layers.gguf");
        file_read(&file, data_path("golden/gemma3.gguf"));
        if (rows[i].period > 0)
            set_u32(&file, key, rows[i].period);
        if (rows[i].flags) {
            struct bytes *value = set_key(&file, key, ARRAY);
            put_u32(value, ORI_GGUF_BOOL);
            put_u64(value, strlen(rows[i].flags));
            for (const char *c = rows[i].flags; *c; c++)
                put_fill(value, *c == 'l', 1);
        }
        file_write(&file, path);
        file_free(&file);
        struct ori_model *model = open_model(path);
        for (uint32_t layer = 0; layer < 7; layer++)
            if (ori_layer_is_local(&model->hp, layer) != (rows[i].layers[layer] == 'l'))
                fail_msg("%s: layer %u", rows[i].label, layer);
        assert_int_equal(model->hp.window_tokens, rows[i].window);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
    }
}

static void test_quantization_name(void **state)
{
    static const struct {
        uint32_t file_type;
        const char *name;
    } rows[] = {{0, "F32"},   {7, "Q8_0"},  {15, "Q4_K_M"},
                {18, "Q6_K"}, {32, "BF16"}, {999, "F16"}}; /* unknown: what most bytes are */
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct model_file file;
        file_read(&file, data_path("golden/llama-gqa.gguf"));
        set_u32(&file, "general.file_type", rows[i].file_type);
        const char *path = path_of("type.gguf");
        file_write(&file, path);
        struct ori_model *model = open_model(path);
        assert_string_equal(ori_model_quantization(model), rows[i].name);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
        file_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_window_layers),
        cmocka_unit_test(test_quantization_name),
    };
    return cmocka_run_group_tests_name("model: facts", tests, make_folder, remove_folder);
}
