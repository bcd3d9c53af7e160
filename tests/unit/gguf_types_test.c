/* The table of tensor types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/base.h"
#include "gguf/gguf.h"

/* Numbers and sizes as the format's description gives them. */
static const struct {
    const char *name;
    uint32_t number, block_elems, block_bytes;
} type_rows[] = {
    {"F32", 0, 1, 4},
    {"F16", 1, 1, 2},
    {"BF16", 30, 1, 2},
    {"Q4_0", 2, 32, 2 + 16},
    {"Q4_1", 3, 32, 4 + 16},
    {"Q5_0", 6, 32, 2 + 4 + 16},
    {"Q5_1", 7, 32, 4 + 4 + 16},
    {"Q8_0", 8, 32, 2 + 32},
    {"Q2_K", 10, 256, 4 + 16 + 64},
    {"Q3_K", 11, 256, 2 + 12 + 32 + 64},
    {"Q4_K", 12, 256, 4 + 12 + 128},
    {"Q5_K", 13, 256, 4 + 12 + 32 + 128},
    {"Q6_K", 14, 256, 2 + 16 + 64 + 128},
    {"IQ4_NL", 20, 32, 2 + 16},
    {"MXFP4", 39, 32, 1 + 16},
    {"IQ4_XS", 23, 256, 2 + 2 + 4 + 128},
    {"IQ3_S", 21, 256, 2 + 64 + 8 + 32 + 4},
    {"IQ3_XXS", 18, 256, 2 + 64 + 32},
    {"IQ2_S", 22, 256, 2 + 64 + 8 + 8},
    {"IQ2_XS", 17, 256, 2 + 64 + 8},
    {"IQ2_XXS", 16, 256, 2 + 64},
};

static void type_table(void **state)
{
    (void)state;
    size_t known = 0;
    for (size_t i = 0; i < ORI_COUNT(type_rows); i++) {
        const struct ori_type_info *info = ori_type_info(type_rows[i].number);
        uint64_t bytes = 0;
        assert_non_null(info);
        assert_string_equal(info->name, type_rows[i].name);
        assert_int_equal(info->block_elems, type_rows[i].block_elems);
        assert_int_equal(info->block_bytes, type_rows[i].block_bytes);
        assert_int_equal(ori_type_by_name(type_rows[i].name), type_rows[i].number);
        assert_true(ori_type_row_bytes(type_rows[i].number, 512, &bytes));
        assert_int_equal(bytes, 512 / type_rows[i].block_elems * type_rows[i].block_bytes);
        if (type_rows[i].block_elems > 1)
            assert_false(ori_type_row_bytes(type_rows[i].number, 513, &bytes));
    }
    for (uint32_t number = 0; number < 1000; number++)
        known += ori_type_info(number) != NULL;
    assert_int_equal(known, ORI_COUNT(type_rows));
    assert_null(ori_type_info(UINT32_MAX));
    assert_int_equal(ori_type_by_name("q4_k"), ORI_Q4_K);
    assert_int_equal(ori_type_by_name("Q4_K_M"), -1);
    assert_int_equal(ori_type_by_name(""), -1);
}

static void row_bytes_overflow(void **state)
{
    (void)state;
    uint64_t bytes = 99;
    assert_false(ori_type_row_bytes(ORI_F32, 1ull << 62, &bytes));
    assert_int_equal(bytes, 99);
    assert_true(ori_type_row_bytes(ORI_F32, (1ull << 62) - 1, &bytes));
    assert_true(bytes == UINT64_MAX - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_table),
        cmocka_unit_test(row_bytes_overflow),
    };
    return cmocka_run_group_tests_name("tensor types", tests, NULL, NULL);
}
