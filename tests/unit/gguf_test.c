/* What the reader hands out for well-formed files.  What it refuses is in
 * gguf_refusals_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "gguf_parsed.h"

/* ---- helpers ---- */

static struct parsed parse_sample(void)
{
    struct bytes b = {0};
    put_sample(&b);
    return parse(&b);
}

/* ---- the reader ---- */

static void header_facts(void **state)
{
    (void)state;
    struct parsed p = parse_sample();

    assert_int_equal(ori_gguf_version(p.gguf), 3);
    assert_int_equal(ori_gguf_alignment(p.gguf), 32);
    assert_int_equal(ori_gguf_file_bytes(p.gguf), p.size);
    assert_int_equal(ori_gguf_data_offset(p.gguf), p.size - 160 - 840);
    assert_int_equal(ori_gguf_n_kv(p.gguf), 18);
    assert_int_equal(ori_gguf_n_tensors(p.gguf), 3);
    release(&p);
}

/* Every beginning of a file either is enough, or is said to be too short. */
static void header_alone(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    const size_t data = (size_t)ori_gguf_data_offset(p.gguf);
    size_t enough = 0;

    for (size_t size = 4; size <= p.size; size++) {
        struct ori_gguf *gguf;
        bool more = true;
        uint8_t *part = malloc(size); /* exact, so that a sanitizer sees more being read */
        assert_non_null(part);
        memcpy(part, p.data, size);
        const orion_status status =
            ori_gguf_parse_header(part, size, p.size, "sample.gguf", &gguf, &more, NULL);
        if (status != ORION_OK && !more)
            fail_msg("%zu bytes: refused with %d", size, status);
        if (status == ORION_OK) {
            enough = enough ? enough : size;
            assert_false(more);
            assert_int_equal(ori_gguf_n_tensors(gguf), 3);
            assert_int_equal(ori_gguf_file_bytes(gguf), p.size);
            assert_int_equal(ori_gguf_data_offset(gguf), data);
            const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, 0);
            assert_true(t->size_bytes > 0);
            assert_int_equal(t->data == NULL, size < p.size);
        }
        ori_gguf_close(gguf);
        free(part);
    }
    assert_in_range(enough, 1, data);

    /* Damage is damage, however much follows. */
    struct ori_gguf *gguf;
    bool more = true;
    p.data[0] = 'X';
    assert_int_equal(ori_gguf_parse_header(p.data, 100, p.size, "s", &gguf, &more, NULL),
                     ORION_E_FORMAT);
    assert_false(more);
    release(&p);
}

static void keys_in_file_order_and_found(void **state)
{
    (void)state;
    struct parsed p = parse_sample();

    assert_string_equal(ori_gguf_kv_at(p.gguf, 0)->key, "general.architecture");
    assert_string_equal(ori_gguf_kv_at(p.gguf, 17)->key, "a.empty");
    assert_null(ori_gguf_kv_at(p.gguf, 18));
    for (size_t i = 0; i < 18; i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(p.gguf, i);
        assert_ptr_equal(ori_gguf_find(p.gguf, kv->key), kv);
        assert_ptr_equal(kv->data, p.data + kv->offset);
    }
    assert_null(ori_gguf_find(p.gguf, "t.u"));
    assert_null(ori_gguf_find(p.gguf, ""));
    assert_null(ori_gguf_find(p.gguf, "zzz"));
    release(&p);
}

static void tensors_and_their_data(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    const uint64_t data = ori_gguf_data_offset(p.gguf);
    const struct ori_gguf_tensor *b = ori_gguf_tensor_at(p.gguf, 0);
    const struct ori_gguf_tensor *a = ori_gguf_find_tensor(p.gguf, "a.f32");
    const struct ori_gguf_tensor *c = ori_gguf_find_tensor(p.gguf, "c.q6k");

    assert_string_equal(b->name, "b.q8");
    assert_int_equal(b->type, ORI_Q8_0);
    assert_int_equal(b->n_dims, 2);
    assert_int_equal(b->dims[0], 32);
    assert_int_equal(b->dims[1], 3);
    assert_int_equal(b->dims[2], 1);
    assert_int_equal(b->dims[3], 1);
    assert_int_equal(b->offset, data + 32);
    assert_int_equal(b->size_bytes, 102);
    assert_int_equal(((const uint8_t *)b->data)[0], 0x22);
    assert_int_equal(((const uint8_t *)b->data)[101], 0x22);
    assert_ptr_equal(a, ori_gguf_tensor_at(p.gguf, 1));
    assert_int_equal(a->offset, data);
    assert_int_equal(a->size_bytes, 20);
    assert_int_equal(((const uint8_t *)a->data)[19], 0x11);
    assert_int_equal(c->n_dims, 4);
    assert_int_equal(c->dims[3], 2);
    assert_int_equal(c->size_bytes, 840);
    assert_int_equal(((const uint8_t *)c->data)[839], 0x33);
    assert_null(ori_gguf_tensor_at(p.gguf, 3));
    assert_null(ori_gguf_find_tensor(p.gguf, "d"));
    ori_gguf_read_ahead(p.gguf, 0, SIZE_MAX); /* nothing to do without a mapping */
    release(&p);
}

static void version_2_reads_the_same(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_sample(&b);
    b.data[4] = 2;
    struct parsed p = parse(&b);
    assert_int_equal(ori_gguf_version(p.gguf), 2);
    assert_int_equal(ori_gguf_n_tensors(p.gguf), 3);
    release(&p);
}

/* ---- typed access ---- */

static const struct {
    const char *key;
    orion_status status;
    uint32_t value;
} u32_rows[] = {
    {"t.u8", ORION_OK, 200},
    {"t.u16", ORION_OK, 60000},
    {"t.u32", ORION_OK, 4000000000u},
    {"t.i8", ORION_E_FORMAT, 0},
    {"t.i16", ORION_E_FORMAT, 0},
    {"t.i32", ORION_E_FORMAT, 0},
    {"t.i64", ORION_E_FORMAT, 0},
    {"t.u64", ORION_E_FORMAT, 0}, /* 2^40 */
    {"t.f32", ORION_E_FORMAT, 0},
    {"t.true", ORION_E_FORMAT, 0},
    {"general.architecture", ORION_E_FORMAT, 0},
    {"a.i32", ORION_E_FORMAT, 0},
    {"absent", ORION_E_NOT_FOUND, 0},
};

static void get_u32(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    for (size_t i = 0; i < ORI_COUNT(u32_rows); i++) {
        uint32_t value = 12345;
        orion_error err = {.status = ORION_OK};
        const orion_status status = ori_gguf_get_u32(p.gguf, u32_rows[i].key, &value, &err);
        if (status != u32_rows[i].status ||
            value != (status == ORION_OK ? u32_rows[i].value : 12345))
            fail_msg("%s: status %d, value %u", u32_rows[i].key, status, value);
        if (status == ORION_OK)
            continue;
        assert_int_equal(err.status, status);
        assert_string_equal(err.name, u32_rows[i].key);
        const struct ori_gguf_kv *kv = ori_gguf_find(p.gguf, u32_rows[i].key);
        assert_int_equal(err.offset, kv ? kv->offset : ORION_NO_OFFSET);
    }
    release(&p);
}

static void get_u32_from_signed_and_wide(void **state)
{
    (void)state;
    struct bytes b = {0};
    uint32_t value = 0;
    put_head(&b, 0, 4);
    put_kv_le(&b, "i8", I8, 127, 1);
    put_kv_le(&b, "i64", I64, UINT32_MAX, 8);
    put_kv_le(&b, "u64", U64, UINT32_MAX, 8);
    put_kv_le(&b, "u64 over", U64, 1ull << 63, 8);
    struct parsed p = parse(&b);
    assert_int_equal(ori_gguf_get_u32(p.gguf, "i8", &value, NULL), ORION_OK);
    assert_int_equal(value, 127);
    assert_int_equal(ori_gguf_get_u32(p.gguf, "i64", &value, NULL), ORION_OK);
    assert_true(value == UINT32_MAX);
    value = 0;
    assert_int_equal(ori_gguf_get_u32(p.gguf, "u64", &value, NULL), ORION_OK);
    assert_true(value == UINT32_MAX);
    assert_int_equal(ori_gguf_get_u32(p.gguf, "u64 over", &value, NULL), ORION_E_FORMAT);
    release(&p);
}

static void get_f32(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    float value = 0;
    assert_int_equal(ori_gguf_get_f32(p.gguf, "t.f32", &value, NULL), ORION_OK);
    assert_true(value == 1e-5f);
    assert_int_equal(ori_gguf_get_f32(p.gguf, "t.f64", &value, NULL), ORION_OK);
    assert_true(value == 0.1f);
    assert_int_equal(ori_gguf_get_f32(p.gguf, "t.u32", &value, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_gguf_get_f32(p.gguf, "a.f32", &value, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_gguf_get_f32(p.gguf, "absent", &value, NULL), ORION_E_NOT_FOUND);
    assert_true(value == 0.1f);
    release(&p);
}

static void get_f32_refuses_what_is_not_finite(void **state)
{
    (void)state;
    struct bytes b = {0};
    const double wide = 1e39; /* finite, but not as a float */
    float value = 7;
    put_head(&b, 0, 4);
    put_key(&b, "nan", F32);
    put_f32(&b, NAN);
    put_key(&b, "inf", F32);
    put_f32(&b, INFINITY);
    put_key(&b, "minus inf", F32);
    put_f32(&b, -INFINITY);
    put_key(&b, "wide", F64);
    put(&b, &wide, sizeof(wide));
    struct parsed p = parse(&b);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(ori_gguf_get_f32(p.gguf, ori_gguf_kv_at(p.gguf, i)->key, &value, NULL),
                         ORION_E_FORMAT);
    assert_true(value == 7);
    release(&p);
}

static void get_bool(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    bool value = false;
    assert_int_equal(ori_gguf_get_bool(p.gguf, "t.true", &value, NULL), ORION_OK);
    assert_true(value);
    assert_int_equal(ori_gguf_get_bool(p.gguf, "t.false", &value, NULL), ORION_OK);
    assert_false(value);
    assert_int_equal(ori_gguf_get_bool(p.gguf, "t.u8", &value, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_gguf_get_bool(p.gguf, "absent", &value, NULL), ORION_E_NOT_FOUND);
    release(&p);
}

static void get_str(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    struct ori_str text = {NULL, 0};
    assert_int_equal(ori_gguf_get_str(p.gguf, "general.architecture", &text, NULL), ORION_OK);
    assert_true(ori_str_eq(text, "llama"));
    assert_int_equal(ori_gguf_get_str(p.gguf, "t.u8", &text, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_gguf_get_str(p.gguf, "a.text", &text, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_gguf_get_str(p.gguf, "absent", &text, NULL), ORION_E_NOT_FOUND);
    assert_true(ori_str_eq(text, "llama"));
    release(&p);
}

static void get_arrays(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    const struct ori_gguf_kv *kv = NULL;

    assert_int_equal(ori_gguf_get_array(p.gguf, "a.text", ORI_GGUF_STRING, &kv, NULL), ORION_OK);
    assert_int_equal(kv->count, 3);
    const uint8_t *cursor = kv->data;
    assert_true(ori_str_eq(ori_gguf_next_string(&cursor), "one"));
    assert_true(ori_str_eq(ori_gguf_next_string(&cursor), ""));
    assert_true(ori_str_eq(ori_gguf_next_string(&cursor), "tr\xC3\xAAs"));
    assert_ptr_equal(cursor, kv->data + kv->data_bytes);
    assert_int_equal(ori_gguf_get_array(p.gguf, "a.f32", ORI_GGUF_F32, &kv, NULL), ORION_OK);
    assert_int_equal(kv->count, 2);
    assert_true(ori_gguf_f32_at(kv, 0) == 0.5f && ori_gguf_f32_at(kv, 1) == -2.0f);
    assert_int_equal(ori_gguf_get_array(p.gguf, "a.i32", ORI_GGUF_I32, &kv, NULL), ORION_OK);
    assert_int_equal(ori_gguf_i32_at(kv, 1), -8);
    assert_int_equal(ori_gguf_i32_at(kv, 2), 9);
    assert_int_equal(ori_gguf_get_array(p.gguf, "a.i32", ORI_GGUF_F32, &kv, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_gguf_get_array(p.gguf, "t.i32", ORI_GGUF_I32, &kv, NULL), ORION_E_FORMAT);
    assert_int_equal(ori_gguf_get_array(p.gguf, "absent", ORI_GGUF_I32, &kv, NULL),
                     ORION_E_NOT_FOUND);
    assert_string_equal(kv->key, "a.i32");
    release(&p);
}

static const struct {
    const char *key;
    const char *text;
} text_rows[] = {
    {"general.architecture", "llama"},
    {"t.u8", "200"},
    {"t.i8", "-100"},
    {"t.u16", "60000"},
    {"t.i16", "-30000"},
    {"t.u32", "4000000000"},
    {"t.i32", "-2000000000"},
    {"t.u64", "1099511627776"},
    {"t.i64", "-5"},
    {"t.f32", "1e-05"},
    {"t.f64", "0.1"},
    {"t.true", "true"},
    {"t.false", "false"},
    {"a.text", "[string x 3]"},
    {"a.empty", "[u64 x 0]"},
};

static void values_as_text(void **state)
{
    (void)state;
    struct parsed p = parse_sample();
    for (size_t i = 0; i < ORI_COUNT(text_rows); i++) {
        const struct ori_gguf_kv *kv = ori_gguf_find(p.gguf, text_rows[i].key);
        char text[64];
        char cut[3];
        assert_int_equal(ori_gguf_value_text(kv, text, sizeof(text)), strlen(text_rows[i].text));
        assert_string_equal(text, text_rows[i].text);
        assert_int_equal(ori_gguf_value_text(kv, cut, sizeof(cut)), strlen(text_rows[i].text));
        assert_memory_equal(cut, text_rows[i].text, strlen(cut));
        assert_int_equal(ori_gguf_value_text(kv, NULL, 0), strlen(text_rows[i].text));
    }
    release(&p);
}

static void text_that_could_harm_a_terminal(void **state)
{
    (void)state;
    static const char raw[] = "a\0b\x1b[2J\xC3\xA9\xFF\n\t\x7F.";
    static const char shown[] = "a?b?[2J\xC3\xA9?\n\t?.";
    struct bytes b = {0};
    char text[64];
    put_head(&b, 0, 1);
    put_key(&b, "k", STRING);
    put_u64(&b, sizeof(raw) - 1);
    put(&b, raw, sizeof(raw) - 1);
    struct parsed p = parse(&b);
    const struct ori_gguf_kv *kv = ori_gguf_kv_at(p.gguf, 0);
    assert_int_equal(ori_gguf_value_text(kv, text, sizeof(text)), sizeof(shown) - 1);
    assert_string_equal(text, shown);
    /* cut inside the two bytes of the accented letter: the letter goes */
    assert_int_equal(ori_gguf_value_text(kv, text, 9), sizeof(shown) - 1);
    assert_string_equal(text, "a?b?[2J");
    release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_facts),
        cmocka_unit_test(header_alone),
        cmocka_unit_test(keys_in_file_order_and_found),
        cmocka_unit_test(tensors_and_their_data),
        cmocka_unit_test(version_2_reads_the_same),
        cmocka_unit_test(get_u32),
        cmocka_unit_test(get_u32_from_signed_and_wide),
        cmocka_unit_test(get_f32),
        cmocka_unit_test(get_f32_refuses_what_is_not_finite),
        cmocka_unit_test(get_bool),
        cmocka_unit_test(get_str),
        cmocka_unit_test(get_arrays),
        cmocka_unit_test(values_as_text),
        cmocka_unit_test(text_that_could_harm_a_terminal),
    };
    return cmocka_run_group_tests_name("gguf", tests, NULL, NULL);
}
