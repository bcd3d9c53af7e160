/* The writer: what it writes is read back by the reader, and what would not be
 * a file is refused and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "gguf_bytes.h"
#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ori_gguf_writer *new_writer(const char *path)
{
    struct ori_gguf_writer *w = NULL;
    orion_error err = {.message = ""};
    if (ori_gguf_writer_new(path, &w, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return w;
}

static void write_two_tensors(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "first", ORI_F32, 1, (const uint64_t[]){3});
    ori_gguf_write_tensor(w, "second", ORI_Q8_0, 2, (const uint64_t[]){64, 2});
    const float first[] = {1, 2, 3};
    uint8_t second[136];
    memset(second, 0x5A, sizeof(second));
    /* pieces that do not care where a tensor ends */
    uint8_t all[sizeof(first) + sizeof(second)];
    memcpy(all, first, sizeof(first));
    memcpy(all + sizeof(first), second, sizeof(second));
    ori_gguf_write_data(w, all, 5);
    ori_gguf_write_data(w, all + 5, 20);
    ori_gguf_write_data(w, all + 25, sizeof(all) - 25);
}

static void round_trip(void **state)
{
    (void)state;
    const char *path = path_of("round.gguf");
    const struct ori_str words[] = {{"a", 1}, {"", 0}, {"x\0y", 3}};
    const float floats[] = {0.25f, -1e30f};
    const int32_t ints[] = {-1, 0, INT32_MAX};
    struct ori_gguf *gguf = NULL;
    orion_error err = {.message = ""};
    char text[64];

    struct ori_gguf_writer *w = new_writer(path);
    ori_gguf_write_str(w, "general.architecture", "phi3");
    ori_gguf_write_u32(w, "general.alignment", 64);
    ori_gguf_write_f32(w, "f", 1.5f);
    ori_gguf_write_bool(w, "yes", true);
    ori_gguf_write_bool(w, "no", false);
    ori_gguf_write_str_array(w, "words", words, 3);
    ori_gguf_write_f32_array(w, "floats", floats, 2);
    ori_gguf_write_i32_array(w, "ints", ints, 3);
    write_two_tensors(w);
    assert_false(exists(path)); /* nothing under the name before the end */
    assert_int_equal(ori_gguf_writer_finish(w, &err), ORION_OK);
    ori_gguf_writer_free(w);

    if (ori_gguf_open(path, &gguf, &err) != ORION_OK)
        fail_msg("%s", err.message);
    assert_int_equal(ori_gguf_alignment(gguf), 64);
    assert_int_equal(ori_gguf_n_kv(gguf), 8);
    (void)ori_gguf_value_text(ori_gguf_find(gguf, "f"), text, sizeof(text));
    assert_string_equal(text, "1.5");
    (void)ori_gguf_value_text(ori_gguf_find(gguf, "no"), text, sizeof(text));
    assert_string_equal(text, "false");
    const uint8_t *cursor = ori_gguf_find(gguf, "words")->data;
    assert_true(ori_str_eq(ori_gguf_next_string(&cursor), "a"));
    assert_int_equal(ori_gguf_next_string(&cursor).len, 0);
    assert_memory_equal(ori_gguf_next_string(&cursor).data, "x\0y", 3);
    assert_true(ori_gguf_f32_at(ori_gguf_find(gguf, "floats"), 1) == -1e30f);
    assert_int_equal(ori_gguf_i32_at(ori_gguf_find(gguf, "ints"), 2), INT32_MAX);

    const struct ori_gguf_tensor *first = ori_gguf_find_tensor(gguf, "first");
    const struct ori_gguf_tensor *second = ori_gguf_find_tensor(gguf, "second");
    assert_memory_equal(first->data, ((const float[]){1, 2, 3}), 12);
    assert_int_equal(second->offset - first->offset, 64);
    assert_int_equal(second->size_bytes, 136);
    assert_int_equal(((const uint8_t *)second->data)[0], 0x5A);
    assert_int_equal(((const uint8_t *)second->data)[135], 0x5A);
    ori_gguf_close(gguf);
    assert_int_equal(unlink(path), 0);
}

/* Every pair of the sample copied over gives the same pairs again. */
static void pairs_are_copied_as_they_stand(void **state)
{
    (void)state;
    const char *path = path_of("copy.gguf");
    struct bytes b = {0};
    size_t size;
    struct ori_gguf *sample = NULL;
    struct ori_gguf *copy = NULL;
    put_sample(&b);
    uint8_t *data = take_exact(&b, &size);
    assert_int_equal(ori_gguf_parse(data, size, "sample.gguf", &sample, NULL), ORION_OK);

    struct ori_gguf_writer *w = new_writer(path);
    for (size_t i = 0; i < ori_gguf_n_kv(sample); i++)
        ori_gguf_write_kv(w, ori_gguf_kv_at(sample, i));
    assert_int_equal(ori_gguf_writer_finish(w, NULL), ORION_OK);
    ori_gguf_writer_free(w);
    assert_int_equal(ori_gguf_open(path, &copy, NULL), ORION_OK);
    assert_int_equal(ori_gguf_n_kv(copy), ori_gguf_n_kv(sample));
    for (size_t i = 0; i < ori_gguf_n_kv(copy); i++) {
        const struct ori_gguf_kv *old = ori_gguf_kv_at(sample, i);
        const struct ori_gguf_kv *new = ori_gguf_kv_at(copy, i);
        assert_string_equal(old->key, new->key);
        assert_int_equal(old->type, new->type);
        assert_int_equal(old->element, new->element);
        assert_int_equal(old->count, new->count);
        assert_int_equal(old->data_bytes, new->data_bytes);
        assert_int_equal(old->offset, new->offset);
        assert_memory_equal(old->data, new->data, (size_t)old->data_bytes);
    }
    ori_gguf_close(copy);
    assert_int_equal(unlink(path), 0);
    ori_gguf_close(sample);
    free(data);
}

static void data_missing(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "t", ORI_F32, 1, (const uint64_t[]){3});
    ori_gguf_write_data(w, "12345678901", 11);
}

static void data_in_excess(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "t", ORI_F32, 1, (const uint64_t[]){3});
    ori_gguf_write_data(w, "1234567890123", 13);
}

static void described_too_late(struct ori_gguf_writer *w)
{
    write_two_tensors(w);
    ori_gguf_write_tensor(w, "third", ORI_F32, 1, (const uint64_t[]){3});
}

static void key_too_late(struct ori_gguf_writer *w)
{
    write_two_tensors(w);
    ori_gguf_write_u32(w, "late", 1);
}

static void row_not_of_blocks(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "t", ORI_Q8_0, 1, (const uint64_t[]){33});
}

static void unknown_tensor_type(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "t", 5, 1, (const uint64_t[]){32});
}

static void tensor_too_large(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "t", ORI_F32, 2, (const uint64_t[]){1ull << 32, 1ull << 32});
}

static void name_too_long(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                          ORI_F32, 1, (const uint64_t[]){32});
}

static void empty_key_written(struct ori_gguf_writer *w)
{
    ori_gguf_write_u32(w, "", 1);
}

static void alignment_of_12(struct ori_gguf_writer *w)
{
    ori_gguf_write_u32(w, "general.alignment", 12);
}

static void alignment_after_tensors(struct ori_gguf_writer *w)
{
    ori_gguf_write_tensor(w, "t", ORI_F32, 1, (const uint64_t[]){3});
    ori_gguf_write_u32(w, "general.alignment", 64);
}

static const struct writer_row {
    const char *label;
    void (*write)(struct ori_gguf_writer *w);
    const char *name; /* of the key or tensor that is blamed */
} writer_rows[] = {
    {"writer refuses: data missing", data_missing, ""},
    {"writer refuses: data in excess", data_in_excess, ""},
    {"writer refuses: tensor described after data", described_too_late, "third"},
    {"writer refuses: key after data", key_too_late, "late"},
    {"writer refuses: row not of whole blocks", row_not_of_blocks, "t"},
    {"writer refuses: unknown tensor type", unknown_tensor_type, "t"},
    {"writer refuses: tensor too large", tensor_too_large, "t"},
    {"writer refuses: tensor name of 64 bytes", name_too_long,
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
    {"writer refuses: empty key", empty_key_written, ""},
    {"writer refuses: alignment of 12", alignment_of_12, "general.alignment"},
    {"writer refuses: alignment after tensors", alignment_after_tensors, "general.alignment"},
};

static void writer_refusal_test(void **state)
{
    const struct writer_row *row = *state;
    const char *path = path_of("refused.gguf");
    orion_error err = {.message = ""};
    char before[8] = "";

    write_file(path, "before", 6);
    struct ori_gguf_writer *w = new_writer(path);
    row->write(w);
    assert_int_equal(ori_gguf_writer_finish(w, &err), ORION_E_ARGUMENT);
    assert_non_null(strstr(err.message, "refused.gguf"));
    assert_string_equal(err.name, row->name);
    ori_gguf_writer_free(w);
    /* what was there before is untouched */
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(before, 1, sizeof(before), file), 6);
    assert_string_equal(before, "before");
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink(path), 0);
    assert_folder_is_empty();
}

static void writer_without_a_folder(void **state)
{
    (void)state;
    struct ori_gguf_writer *w = (struct ori_gguf_writer *)folder;
    orion_error err = {.message = ""};
    assert_int_equal(ori_gguf_writer_new(path_of("no/such/folder.gguf"), &w, &err),
                     ORION_E_NOT_FOUND);
    assert_null(w);
    ori_gguf_writer_free(NULL);
}

static void writer_given_up(void **state)
{
    (void)state;
    const char *path = path_of("given-usample");
    struct ori_gguf_writer *w = new_writer(path);
    write_two_tensors(w);
    ori_gguf_writer_free(w);
    assert_folder_is_empty();
}

static const struct CMUnitTest plain[] = {
    cmocka_unit_test(round_trip),
    cmocka_unit_test(pairs_are_copied_as_they_stand),
    cmocka_unit_test(writer_without_a_folder),
    cmocka_unit_test(writer_given_up),
};

int main(void)
{
    struct CMUnitTest tests[COUNT(plain) + COUNT(writer_rows)];
    size_t n = COUNT(plain);

    memcpy(tests, plain, sizeof(plain));
    for (size_t i = 0; i < COUNT(writer_rows); i++)
        tests[n++] = (struct CMUnitTest){.name = writer_rows[i].label,
                                         .test_func = writer_refusal_test,
                                         .initial_state = (void *)(uintptr_t)&writer_rows[i]};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
