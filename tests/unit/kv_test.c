/* The arithmetic of the KV ring: where a position lies, and how far back it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include "engine.h"

static const struct ori_hparams tiny = {
    .n_layers = 2, .n_heads = 4, .n_heads_kv = 2, .head_dim = 16, .context_tokens = 1000};

static void test_slots(void **state)
{
    static const struct {
        uint32_t window, context, batch, slots;
    } rows[] = {
        {0, 1, 1, 64},        {0, 64, 1, 64},     {0, 65, 1, 128},       {0, 1000, 256, 1024},
        {8, 1000, 1, 64},     {8, 1000, 57, 64},  {8, 1000, 58, 128},    {64, 1000, 1, 64},
        {65, 1000, 1, 128},   {64, 1000, 2, 128}, {500, 100, 1, 128},    {900, 1000, 100, 1024},
        {900, 1000, 60, 960}, {1, 1000, 1, 64},   {449, 1000, 256, 512}, {450, 1000, 256, 576},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        struct ori_kv kv;
        size_t bytes = 0;
        hp.window_tokens = rows[i].window;
        assert_int_equal(
            ori_kv_bytes(&hp, ORI_KV_F16, rows[i].context, rows[i].batch, &bytes, NULL), ORION_OK);
        assert_int_equal(bytes, 2u * 2 * 2 * 2 * 16 * rows[i].slots);
        assert_int_equal(ori_kv_init(&kv, &hp, ORI_KV_F16, rows[i].context, rows[i].batch, NULL),
                         ORION_OK);
        assert_int_equal(kv.n_slots, rows[i].slots);
        assert_int_equal(kv.bytes, bytes);
        kv.memory[0] = kv.memory[bytes - 1] = 1; /* first and last are ours */
        for (uint32_t block = 0; block < rows[i].slots / 64; block++)
            for (uint32_t layer = 0; layer < 2; layer++)
                for (uint32_t head = 0; head < 2; head++) {
                    const size_t at = ((block * 2 + layer) * 2 + head) * 2 * 64 * 2 * 16;
                    assert_ptr_equal(ori_kv_block(&kv, layer, head, block), kv.memory + at);
                }
        assert_ptr_equal(ori_kv_block(&kv, 0, 0, rows[i].slots / 64), kv.memory); /* round */
        ori_kv_release(&kv);
        ori_kv_release(&kv); /* again: nothing */
        assert_null(kv.memory);
    }
}

/* Layers with a window and without, in turns: each has its own slots, and those of a kind
 * hold a block of positions together. */
static void test_slots_of_layers(void **state)
{
    static const struct {
        uint32_t window, context, batch, ring, all;
    } rows[] = {
        {8, 1000, 1, 64, 1024},   {8, 1000, 2, 128, 1024},     {8, 1000, 65, 128, 1024},
        {8, 1000, 66, 192, 1024}, {512, 1000, 256, 576, 1024}, {8, 100, 100, 128, 128},
        {512, 100, 16, 128, 128}, {0, 100, 16, 128, 128},
    };
    const size_t block = 64 * 2 * 2 * 16 * 2; /* keys and values of 2 heads of 16 in f16 */

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        const uint32_t n_slots[] = {rows[i].ring, rows[i].all, rows[i].ring};
        const size_t ring = rows[i].ring / 64, all = rows[i].all / 64;
        struct ori_kv kv;
        hp.n_layers = 3;
        hp.global_layers[0] = 2;
        hp.window_tokens = rows[i].window;
        assert_int_equal(ori_kv_init(&kv, &hp, ORI_KV_F16, rows[i].context, rows[i].batch, NULL),
                         ORION_OK);
        for (uint32_t layer = 0; layer < 3; layer++) {
            assert_int_equal(kv.layers[layer].n_slots, n_slots[layer]);
            for (uint32_t b = 0; b < n_slots[layer] / 64; b++) {
                const size_t at = layer == 1 ? 2 * ring + b : 2 * b + layer / 2;
                assert_ptr_equal(ori_kv_block(&kv, layer, 1, b),
                                 kv.memory + at * block + block / 2);
            }
        }
        assert_int_equal(kv.n_slots, rows[i].ring);
        assert_int_equal(kv.bytes, (2 * ring + all) * block);
        assert_int_equal(ori_kv_resident_bytes(&kv, 0), 0);
        assert_int_equal(ori_kv_resident_bytes(&kv, 3), 3 * block);
        assert_int_equal(ori_kv_resident_bytes(&kv, 100000), kv.bytes);
        assert_false(ori_kv_needs_window_only(&hp));
        ori_kv_release(&kv);
    }
}

static void test_can_rewind(void **state)
{
    static const struct {
        const char *label;
        uint32_t window, slots, written, keep;
        bool can;
    } rows[] = {
        {"nothing written", 8, 64, 0, 0, true},
        {"more than was written", 8, 64, 10, 11, false},
        {"exactly what was written", 8, 64, 10, 10, true},
        {"to the beginning, nothing lost", 8, 64, 64, 0, true},
        {"to the beginning, one lost", 8, 64, 65, 0, false},
        {"no window: nothing is ever lost", 0, 64, 64, 3, true},
        {"the window's first key is the oldest kept", 8, 64, 100, 43, true},
        {"the window's first key is just gone", 8, 64, 100, 42, false},
        {"the window begins at 0 and 0 is kept", 8, 64, 64, 7, true},
        {"the window begins at 0 and 0 is gone", 8, 64, 65, 7, false},
        {"the window begins at 1 and 0 is gone", 8, 64, 65, 8, true},
        {"one ahead of the last, far on", 8, 64, 1000, 1000, true},
        {"a window as large as the ring, one back", 64, 64, 1000, 999, true},
        {"a window as large as the ring, two back", 64, 64, 1000, 998, false},
        {"a window as large as the ring, going on", 64, 64, 1000, 1000, true},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        const struct ori_kv kv = {.n_slots = rows[i].slots};
        hp.window_tokens = rows[i].window;
        if (ori_kv_can_rewind(&kv, &hp, rows[i].written, rows[i].keep) != rows[i].can)
            fail_msg("%s", rows[i].label);
    }
}

/* The rule against a list of which position each slot holds. */
static void test_can_rewind_is_exact(void **state)
{
    (void)state;
    for (uint32_t window = 1; window <= 70; window += 23) {
        uint32_t slot[128] = {0}; /* position it holds, + 1 */
        struct ori_hparams hp = tiny;
        const struct ori_kv kv = {.n_slots = 128};
        hp.window_tokens = window;
        for (uint32_t written = 0; written <= 400; written++) {
            for (uint32_t keep = 0; keep <= written; keep++) {
                const uint32_t first = keep + 1 > window ? keep + 1 - window : 0;
                bool all = written <= 128 || first > 0;
                for (uint32_t t = first; t < keep && all; t++)
                    all = slot[t % 128] == t + 1;
                /* The query's own key is written anew, so a window of one has
                 * no need of the cache: the rule may be stricter there. */
                const bool can = ori_kv_can_rewind(&kv, &hp, written, keep);
                if (can && !all)
                    fail_msg("window %u: %u of %u are not there", window, keep, written);
                if (!can && all && keep - first > 0)
                    fail_msg("window %u: %u of %u are there", window, keep, written);
            }
            slot[written % 128] = written + 1;
        }
    }
}

static void test_cache_too_large(void **state)
{
    struct ori_hparams hp = tiny;
    struct ori_kv kv;
    orion_error err = {0};
    size_t bytes;

    (void)state;
    hp.n_layers = ORI_MAX_LAYERS;
    hp.n_heads_kv = ORI_MAX_HEADS;
    hp.head_dim = 1024;
    assert_int_equal(ori_kv_bytes(&hp, ORI_KV_F16, ORI_MAX_CONTEXT, 1, &bytes, NULL),
                     ORION_OK); /* 2^60 */
    assert_int_equal(ori_kv_init(&kv, &hp, ORI_KV_F16, ORI_MAX_CONTEXT, 1, &err), ORION_E_NOMEM);
    assert_non_null(strstr(err.message, "67108864 tokens"));
    assert_non_null(strstr(err.message, "smaller context"));
    assert_null(kv.memory);
    ori_kv_release(&kv);
}

static void test_cache_types_of_heads(void **state)
{
    static const struct {
        enum ori_kv_type type;
        uint32_t head_dim;
        size_t row_bytes; /* 0: refused */
    } rows[] = {
        {ORI_KV_F16, 16, 32}, {ORI_KV_F32, 16, 64}, {ORI_KV_Q8_0, 32, 34}, {ORI_KV_Q8_0, 48, 0}};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_hparams hp = tiny;
        struct ori_kv kv;
        orion_error err = {0};

        hp.head_dim = rows[i].head_dim;
        const orion_status status = ori_kv_init(&kv, &hp, rows[i].type, 64, 1, &err);
        assert_int_equal(status, rows[i].row_bytes > 0 ? ORION_OK : ORION_E_UNSUPPORTED);
        assert_int_equal(kv.row_bytes, rows[i].row_bytes);
        assert_int_equal(kv.bytes, 2 * 2 * 2 * 64 * rows[i].row_bytes);
        if (status != ORION_OK)
            assert_non_null(strstr(err.message, "have 48"));
        ori_kv_release(&kv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),           cmocka_unit_test(test_slots_of_layers),
        cmocka_unit_test(test_can_rewind),      cmocka_unit_test(test_can_rewind_is_exact),
        cmocka_unit_test(test_cache_too_large), cmocka_unit_test(test_cache_types_of_heads),
    };
    return cmocka_run_group_tests_name("KV cache", tests, NULL, NULL);
}
