/* What the reader hands out for well-formed files.  What it refuses is in
 * gguf_refusals_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "gguf/gguf.h"
#include "gguf_bytes.h"
#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- helpers ---- */

struct parsed {
    uint8_t *data;
    size_t size;
    struct ori_gguf *gguf;
};

/* Parse what the builder holds; the test fails when it is refused. */
static struct parsed parse(struct bytes *b)
{
    struct parsed p = {0};
    orion_error err = {.message = ""};

    p.data = take_exact(b, &p.size);
    if (ori_gguf_parse(p.data, p.size, "sample.gguf", &p.gguf, &err) != ORION_OK)
        fail_msg("refused: %s", err.message);
    return p;
}

static void release(struct parsed *p)
{
    ori_gguf_close(p->gguf);
    free(p->data);
}

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
    for (size_t i = 0; i < COUNT(u32_rows); i++) {
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
    for (size_t i = 0; i < COUNT(text_rows); i++) {
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

/* ---- what is just inside the limits ---- */

static void longest_key(struct bytes *b)
{
    put_head(b, 0, 1);
    put_long_text(b, 'k', 65535);
    put_u32(b, U8);
    put_u8(b, 1);
}

static void longest_string(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", STRING);
    put_long_text(b, 'x', 1u << 20);
}

static void longest_template(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "tokenizer.chat_template", STRING);
    put_long_text(b, 'x', 16u << 20);
}

static void second_template(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "tokenizer.chat_template.tool_use", STRING);
    put_long_text(b, 'x', 2u << 20);
}

static void longest_array(struct bytes *b)
{
    put_head(b, 0, 1);
    put_array(b, "k", U8, 4u << 20);
    put_fill(b, 9, 4u << 20);
}

static void most_keys(struct bytes *b)
{
    put_head(b, 0, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key.%u", i * 2654435761u % 65536u);
        put_kv_le(b, key, U8, 1, 1);
    }
}

static void most_tensors(struct bytes *b)
{
    put_head(b, 65536, 0);
    for (unsigned i = 0; i < 65536; i++) {
        char name[80];
        (void)snprintf(name, sizeof(name), "%063u", i);
        put_tensor(b, name, 0, 1, (const uint64_t[]){8}, 32ull * (65535 - i));
    }
    put_padding(b, 32);
    put_fill(b, 0, 65536u * 32u);
}

static void no_keys_no_tensors(struct bytes *b)
{
    put_head(b, 0, 0);
}

static void keys_alone_unpadded(struct bytes *b)
{
    put_head(b, 0, 1);
    put_kv_le(b, "k", U8, 1, 1);
}

static void keys_alone_and_one_unit(struct bytes *b)
{
    keys_alone_unpadded(b);
    put_fill(b, 0, 32);
}

static void alignment_of(struct bytes *b, uint32_t alignment)
{
    put_head(b, 2, 1);
    put_kv_le(b, "general.alignment", U32, alignment, 4);
    put_tensor(b, "s", 0, 1, (const uint64_t[]){1}, 0);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){1}, alignment);
    put_padding(b, alignment);
    put_fill(b, 0, alignment + 4);
}

static void alignment_8(struct bytes *b)
{
    alignment_of(b, 8);
}

static void alignment_64k(struct bytes *b)
{
    alignment_of(b, 65536);
}

static void one_unit_after_the_last(struct bytes *b)
{
    alignment_of(b, 32);
    put_fill(b, 0xEE, 32);
}

static void longest_tensor_name(struct bytes *b)
{
    put_head(b, 1, 0);
    put_tensor(b, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", 1, 1,
               (const uint64_t[]){2}, 0);
    put_padding(b, 32);
    put_fill(b, 0, 4);
}

static void split_of(struct bytes *b, uint32_t count, uint32_t tensors)
{
    put_head(b, 1, 3);
    put_kv_le(b, "split.no", U16, 0, 2);
    put_kv_le(b, "split.count", U16, count, 2);
    put_kv_le(b, "split.tensors.count", I32, tensors, 4);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){2}, 0);
    put_padding(b, 32);
    put_fill(b, 0, 8);
}

static void split_joined_again(struct bytes *b)
{
    split_of(b, 0, 1);
}

static void split_of_one(struct bytes *b)
{
    split_of(b, 1, 1);
}

/* clang-format off */
static const struct accepted {
    const char *label;
    void (*build)(struct bytes *b);
    size_t n_kv, n_tensors;
} accepted[] = {
    {"accepted: no keys and no tensors", no_keys_no_tensors, 0, 0},
    {"accepted: keys alone, unpadded", keys_alone_unpadded, 1, 0},
    {"accepted: keys alone and one unit of padding", keys_alone_and_one_unit, 1, 0},
    {"accepted: key of 65,535 bytes", longest_key, 1, 0},
    {"accepted: string of 1 MiB", longest_string, 1, 0},
    {"accepted: chat template of 16 MiB", longest_template, 1, 0},
    {"accepted: another chat template of 2 MiB", second_template, 1, 0},
    {"accepted: array of 4 Mi elements", longest_array, 1, 0},
    {"accepted: 65,536 keys", most_keys, 65536, 0},
    {"accepted: 65,536 tensors, last described first", most_tensors, 0, 65536},
    {"accepted: alignment 8", alignment_8, 1, 2},
    {"accepted: alignment 64 KiB", alignment_64k, 1, 2},
    {"accepted: one unit after the last tensor", one_unit_after_the_last, 1, 2},
    {"accepted: tensor name of 63 bytes", longest_tensor_name, 0, 1},
    {"accepted: split and joined again", split_joined_again, 3, 1},
    {"accepted: split into one", split_of_one, 3, 1},
};
/* clang-format on */

static void accepted_test(void **state)
{
    const struct accepted *row = *state;
    struct bytes b = {0};

    row->build(&b);
    struct parsed p = parse(&b);
    assert_int_equal(ori_gguf_n_kv(p.gguf), row->n_kv);
    assert_int_equal(ori_gguf_n_tensors(p.gguf), row->n_tensors);
    assert_true(ori_gguf_data_offset(p.gguf) <= p.size);
    for (size_t i = 0; i < row->n_kv; i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(p.gguf, i);
        assert_ptr_equal(ori_gguf_find(p.gguf, kv->key), kv);
    }
    for (size_t i = 0; i < row->n_tensors; i++) {
        const struct ori_gguf_tensor *tensor = ori_gguf_tensor_at(p.gguf, i);
        assert_ptr_equal(ori_gguf_find_tensor(p.gguf, tensor->name), tensor);
        assert_true(tensor->offset + tensor->size_bytes <= p.size);
    }
    release(&p);
}

/* ---- damage ---- */

/* Cut anywhere but in the last padding, a file is refused with a place inside. */
static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct bytes b = {0};
    size_t size;
    put_sample(&b);
    uint8_t *whole = take_exact(&b, &size);

    for (size_t len = 0; len < size; len++) {
        struct ori_gguf *gguf = NULL;
        orion_error err = {.status = ORION_OK};
        uint8_t *cut = malloc(len ? len : 1);
        assert_non_null(cut);
        memcpy(cut, whole, len);
        if (ori_gguf_parse(cut, len, "cut.gguf", &gguf, &err) != ORION_E_FORMAT)
            fail_msg("cut to %zu of %zu bytes: %s", len, size, err.message);
        assert_null(gguf);
        assert_true(err.offset <= len);
        free(cut);
    }
    free(whole);
}

static volatile uint8_t sink; /* so that reading is not optimised away */

static void read_everything(const struct ori_gguf *gguf)
{
    char text[128];

    for (size_t i = 0; i < ori_gguf_n_kv(gguf); i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(gguf, i);
        (void)ori_gguf_value_text(kv, text, sizeof(text));
        if (kv->data_bytes > 0)
            sink = kv->data[kv->data_bytes - 1];
    }
    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *tensor = ori_gguf_tensor_at(gguf, i);
        sink = ((const uint8_t *)tensor->data)[tensor->size_bytes - 1];
    }
}

/* Any one byte changed: accepted and then safe to use, or refused in words. */
static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x20, 0x7F, 0x80, 0xFF};
    struct bytes b = {0};
    size_t size;
    put_sample(&b);
    uint8_t *data = take_exact(&b, &size);

    for (size_t at = 0; at < size - 840; at++) {
        const uint8_t before = data[at];
        for (size_t v = 0; v < COUNT(values); v++) {
            struct ori_gguf *gguf = NULL;
            orion_error err = {.message = ""};
            data[at] = values[v];
            const orion_status status = ori_gguf_parse(data, size, "x.gguf", &gguf, &err);
            if (status == ORION_OK)
                read_everything(gguf);
            else if (status != ORION_E_FORMAT && status != ORION_E_UNSUPPORTED)
                fail_msg("byte %zu set to %u: status %d", at, values[v], status);
            else
                assert_true(err.offset < size && err.message[0] != '\0');
            ori_gguf_close(gguf);
        }
        data[at] = before;
    }
    free(data);
}

/* ---- files ---- */

static void open_what_is_not_there(void **state)
{
    (void)state;
    struct ori_gguf *gguf = (struct ori_gguf *)folder;
    orion_error err = {.status = ORION_OK};
    assert_int_equal(ori_gguf_open(path_of("absent.gguf"), &gguf, &err), ORION_E_NOT_FOUND);
    assert_null(gguf);
    assert_non_null(strstr(err.message, "absent.gguf"));
}

static void open_what_is_no_file(void **state)
{
    (void)state;
    struct ori_gguf *gguf = (struct ori_gguf *)folder;
    assert_int_equal(ori_gguf_open(folder, &gguf, NULL), ORION_E_FORMAT);
    assert_null(gguf);
    assert_int_equal(mkfifo(path_of("pipe.gguf"), 0600), 0);
    assert_int_equal(ori_gguf_open(path_of("pipe.gguf"), &gguf, NULL), ORION_E_FORMAT);
    assert_int_equal(unlink(path_of("pipe.gguf")), 0);
    assert_int_equal(ori_gguf_open("/dev/zero", &gguf, NULL), ORION_E_FORMAT);
}

static void open_an_empty_file(void **state)
{
    (void)state;
    struct ori_gguf *gguf = NULL;
    orion_error err = {.offset = 9};
    const char *path = path_of("empty.gguf");
    write_file(path, "", 0);
    assert_int_equal(ori_gguf_open(path, &gguf, &err), ORION_E_FORMAT);
    assert_int_equal(err.offset, 0);
    assert_int_equal(unlink(path), 0);
}

static void file_shrinks_while_open(void **state)
{
    (void)state;
    const char *path = path_of("shrinks.gguf");
    struct bytes b = {0};
    struct ori_gguf *gguf = NULL;
    orion_error err = {.status = ORION_OK};
    const uint64_t dims[] = {256, 1024};

    put_head(&b, 1, 0);
    put_tensor(&b, "t", 0, 2, dims, 0);
    put_padding(&b, 32);
    put_fill(&b, 0x55, 1u << 20);
    write_file(path, b.data, b.len);
    free(b.data);

    assert_int_equal(ori_gguf_open(path, &gguf, &err), ORION_OK);
    const struct ori_gguf_tensor *tensor = ori_gguf_find_tensor(gguf, "t");
    const volatile uint8_t *data = tensor->data;
    assert_int_equal(data[tensor->size_bytes - 1], 0x55);
    assert_int_equal(ori_gguf_check_intact(gguf, &err), ORION_OK);

    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(data[0], 0x55);                      /* still there */
    assert_int_equal(data[tensor->size_bytes - 1], 0x00); /* gone: zeros, no crash */
    assert_int_equal(data[tensor->size_bytes / 2], 0x00);
    assert_int_equal(ori_gguf_check_intact(gguf, &err), ORION_E_IO);
    assert_int_equal(err.status, ORION_E_IO);
    assert_non_null(strstr(err.message, "shrinks.gguf"));
    ori_gguf_close(gguf);
    assert_int_equal(unlink(path), 0);
}

/* Vocabulary files of real models, where they are at hand. */
static const struct vocab_file {
    const char *label;
    const char *file;
    const char *architecture;
    uint64_t n_tokens;
} vocab_files[] = {
    {"vocabulary of phi-3", "phi-3.gguf", "phi3", 32064},
    {"vocabulary of deepseek-llm", "deepseek-llm.gguf", "llama", 102400},
    {"vocabulary of bert-bge", "bert-bge.gguf", "bert", 30522},
};

static void vocab_file_test(void **state)
{
    const struct vocab_file *row = *state;
    const char *shared = getenv("ORION_SHARED_DATA");
    char path[512];
    struct ori_gguf *gguf = NULL;
    const struct ori_gguf_kv *tokens = NULL;
    struct ori_str architecture;
    orion_error err = {.message = ""};

    (void)snprintf(path, sizeof(path), "%s/vocab/%s", shared ? shared : "", row->file);
    if (!shared || !exists(path))
        skip();
    if (ori_gguf_open(path, &gguf, &err) != ORION_OK)
        fail_msg("%s", err.message);
    assert_int_equal(ori_gguf_n_tensors(gguf), 0);
    assert_int_equal(ori_gguf_get_str(gguf, "general.architecture", &architecture, NULL), ORION_OK);
    assert_true(ori_str_eq(architecture, row->architecture));
    assert_int_equal(
        ori_gguf_get_array(gguf, "tokenizer.ggml.tokens", ORI_GGUF_STRING, &tokens, NULL),
        ORION_OK);
    assert_int_equal(tokens->count, row->n_tokens);
    read_everything(gguf);
    ori_gguf_close(gguf);
}

/* ---- tensor types ---- */

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
    for (size_t i = 0; i < COUNT(type_rows); i++) {
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
    assert_int_equal(known, COUNT(type_rows));
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

/* ---- all of them ---- */

static const struct CMUnitTest plain[] = {
    cmocka_unit_test(header_alone),
    cmocka_unit_test(header_facts),
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
    cmocka_unit_test(every_truncation_is_refused),
    cmocka_unit_test(every_changed_byte_is_survived),
    cmocka_unit_test(open_what_is_not_there),
    cmocka_unit_test(open_what_is_no_file),
    cmocka_unit_test(open_an_empty_file),
    cmocka_unit_test(file_shrinks_while_open),
    cmocka_unit_test(type_table),
    cmocka_unit_test(row_bytes_overflow),
};

#define ROW(row, fn)                                                                               \
    (struct CMUnitTest)                                                                            \
    {                                                                                              \
        .name = (row)->label, .test_func = fn, .initial_state = (void *)(uintptr_t)(row)           \
    }

int main(void)
{
    struct CMUnitTest tests[COUNT(plain) + COUNT(accepted) + COUNT(vocab_files)];
    size_t n = COUNT(plain);

    memcpy(tests, plain, sizeof(plain));
    for (size_t i = 0; i < COUNT(accepted); i++)
        tests[n++] = ROW(&accepted[i], accepted_test);
    for (size_t i = 0; i < COUNT(vocab_files); i++)
        tests[n++] = ROW(&vocab_files[i], vocab_file_test);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
