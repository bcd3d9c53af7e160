/* Angles: factors by context, and YaRN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "model_file.h"

#include "engine.h"

/* ---- rope ---- */

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-6 * (1 + fabs(expected))))
        fail_msg("%.9g, expected %.9g", value, expected);
}

static void test_rope_factors(void **state)
{
    const float longs[] = {2, 4};
    const float shorts[] = {1, 8};
    const struct ori_hparams hp = {.n_rot = 4,
                                   .rope_base = 100,
                                   .rope_scale = 1,
                                   .rope_attn_factor = 1,
                                   .context_tokens = 4096,
                                   .original_context_tokens = 1024};
    struct ori_model model = {.hp = hp, .rope_factors_long = longs, .rope_factors_short = shorts};
    struct ori_rope rope;

    (void)state;
    assert_int_equal(ori_rope_init(&rope, &model, 1024, NULL), ORION_OK);
    assert_near(rope.frequency[0], 1.0);
    assert_near(rope.frequency[1], 0.1 / 8);
    /* sqrt(1 + ln(4)/ln(1024)) = sqrt(1.2) */
    assert_near((double)rope.factor, sqrt(1.2));
    ori_rope_release(&rope);

    assert_int_equal(ori_rope_init(&rope, &model, 1025, NULL), ORION_OK);
    assert_near(rope.frequency[0], 0.5);
    assert_near(rope.frequency[1], 0.1 / 4);
    float angles[4];
    ori_rope_angles(&rope, rope.frequency, 3, angles);
    assert_near((double)angles[0], cos(1.5) * sqrt(1.2));
    assert_near((double)angles[1], sin(1.5) * sqrt(1.2));
    assert_near((double)angles[2], cos(0.075) * sqrt(1.2));
    assert_near((double)angles[3], sin(0.075) * sqrt(1.2));
    ori_rope_release(&rope);
    ori_rope_release(&rope);

    model.hp.rope_attn_factor = 1.5f; /* what the file says goes before */
    model.hp.rope_scale = 0.5f;
    assert_int_equal(ori_rope_init(&rope, &model, 1025, NULL), ORION_OK);
    assert_near((double)rope.factor, 1.5);
    assert_near(rope.frequency[0], 0.25);
    ori_rope_release(&rope);
}

/* Figures of the published formula, computed by hand: n_rot 16, base 500, 64 positions
 * at first.  Pair 16 ln(64 / (4 2pi)) / (2 ln 500) = 1.20 turns 4 times in them,
 * pair 3.88 half a time, so the ramp goes from 1 to 4. */
static void test_yarn(void **state)
{
    static const double share[] = {1, 1, 2.0 / 3, 1.0 / 3, 0, 0, 0, 0};
    struct ori_model model = {.hp = {.n_rot = 16,
                                     .rope_base = 500,
                                     .rope_scale = 0.25f,
                                     .rope_attn_factor = 1.5f,
                                     .yarn_share = 1,
                                     .yarn_fast_turns = 4,
                                     .yarn_slow_turns = 0.5f,
                                     .context_tokens = 256,
                                     .original_context_tokens = 64}};

    (void)state;
    for (int part = 0; part < 2; part++) { /* with a part of the share only */
        struct ori_rope rope;
        model.hp.yarn_share = part ? 0.5f : 1.0f;
        assert_int_equal(ori_rope_init(&rope, &model, 256, NULL), ORION_OK);
        for (uint32_t i = 0; i < 8; i++) {
            const double kept = share[i] * (part ? 0.5 : 1.0);
            assert_near(rope.frequency[i], pow(500, -(double)i / 8) * (kept + (1 - kept) / 4));
        }
        assert_near((double)rope.factor, 1.5);
        ori_rope_release(&rope);
    }
}

/* ---- facts ---- */

/* How keys of scaling are understood: by what, and how much longer vectors get. */
static void test_rope_keys(void **state)
{
    static const struct {
        const char *label, *type;
        float factor; /* 0: no such key */
        const char *key;
        float value;
        double scale, length;
    } rows[] = {
        {"nothing", NULL, 0, NULL, 0, 1, 1},
        {"a factor without a type", NULL, 4, NULL, 0, 0.25, 1},
        {"the old name of it", NULL, 0, "rope.scale_linear", 8, 0.125, 1},
        {"the old name, none", NULL, 0, "rope.scale_linear", 0, 1, 1},
        {"both names", NULL, 4, "rope.scale_linear", 8, 0.25, 1},
        {"linear", "linear", 8, NULL, 0, 0.125, 1},
        {"a factor that does not count", "none", 8, NULL, 0, 1, 1},
        {"longer vectors", "linear", 8, "rope.scaling.attn_factor", 1.5f, 0.125, 1.5},
        {"YaRN", "yarn", 4, NULL, 0, 0.25, 1.138629436},
        {"YaRN of a factor below 1", "yarn", 0.5f, NULL, 0, 2, 1},
        {"YaRN, more", "yarn", 4, "rope.scaling.attn_factor", 0.5f, 0.25, 0.569314718},
        {"YaRN, said", "yarn", 4, "rope.scaling.yarn_attn_factor", 0.9f, 0.25, 0.9},
        {"YaRN, DeepSeek's", "yarn", 4, "rope.scaling.yarn_log_multiplier", 0.1f, 0.25, 1},
        {"YaRN, half of it", "yarn", 4, "rope.scaling.yarn_log_multiplier", 0.05f, 0.25,
         1.06482211}, /* (1 + ln(4)/10) / (1 + ln(4)/20) */
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct model_file file;
        char key[96];
        const char *path = path_of("rope.gguf");
        file_read(&file, data_path("golden/llama-gqa.gguf"));
        if (rows[i].type)
            set_text(&file, "llama.rope.scaling.type", rows[i].type);
        if (rows[i].factor > 0)
            set_f32(&file, "llama.rope.scaling.factor", rows[i].factor);
        (void)snprintf(key, sizeof(key), "llama.%s", rows[i].key ? rows[i].key : "");
        if (rows[i].key)
            set_f32(&file, key, rows[i].value);
        file_write(&file, path);
        file_free(&file);
        struct ori_model *model = open_model(path);
        const struct ori_hparams *hp = &model->hp;
        if (fabs((double)hp->rope_scale - rows[i].scale) > 1e-6 ||
            fabs((double)hp->rope_attn_factor - rows[i].length) > 1e-6)
            fail_msg("%s: positions times %g, vectors times %g", rows[i].label,
                     (double)hp->rope_scale, (double)hp->rope_attn_factor);
        ori_model_close(model);
        assert_int_equal(unlink(path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rope_factors),
        cmocka_unit_test(test_yarn),
        cmocka_unit_test(test_rope_keys),
    };
    return cmocka_run_group_tests_name("rope", tests, NULL, NULL);
}
