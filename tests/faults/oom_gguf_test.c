/* Memory that cannot be had: the Nth allocation fails, for every N, while a
 * file is read or written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "../unit/gguf_bytes.h"
#include "../unit/scratch.h"
#include "alloc_fault.h"

/* A small file with a key too long for the arena's usual blocks. */
static uint8_t *build(size_t *size)
{
    struct bytes b = {0};
    put_head(&b, 1, 2);
    put_long_text(&b, 'k', 40000);
    put_u32(&b, U8);
    put_u8(&b, 1);
    put_kv_text(&b, "name", "value");
    put_tensor(&b, "t", 0, 1, (const uint64_t[]){4}, 0);
    put_padding(&b, 32);
    put_fill(&b, 0, 16);
    return take_exact(&b, size);
}

static void assert_nomem(orion_status status, const orion_error *err)
{
    assert_int_equal(status, ORION_E_NOMEM);
    assert_int_equal(err->status, ORION_E_NOMEM);
    assert_true(strlen(err->message) > 0);
    assert_int_equal(heap.blocks, 0);
}

static void parsing(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = build(&size);
    size_t n = 0;

    for (;;) {
        struct ori_gguf *gguf = (struct ori_gguf *)data;
        orion_error err = {.status = ORION_OK};
        watch(++n);
        const orion_status status = ori_gguf_parse(data, size, "x.gguf", &gguf, &err);
        if (heap.calls < n) { /* it needed fewer: all have failed once */
            assert_int_equal(status, ORION_OK);
            ori_gguf_close(gguf);
            assert_int_equal(heap.blocks, 0);
            break;
        }
        assert_nomem(status, &err);
        assert_null(gguf);
    }
    assert_true(n > 6);
    watch(0);
    free(data);
}

static void opening(void **state)
{
    (void)state;
    char path[300];
    size_t size;
    size_t n = 0;
    uint8_t *data = build(&size);

    (void)snprintf(path, sizeof(path), "%s/oom.gguf", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    for (;;) {
        struct ori_gguf *gguf = (struct ori_gguf *)data;
        orion_error err = {.status = ORION_OK};
        watch(++n);
        const orion_status status = ori_gguf_open(path, &gguf, &err);
        if (heap.calls < n) {
            assert_int_equal(status, ORION_OK);
            ori_gguf_close(gguf);
            assert_int_equal(heap.blocks, 0);
            break;
        }
        assert_nomem(status, &err);
        assert_null(gguf);
    }
    assert_true(n > 6);
    watch(0);
    free(data);
    assert_int_equal(unlink(path), 0);
}

/* Write a file; the status of whichever step failed. */
static orion_status write_sample(const char *path, orion_error *err)
{
    static const char zeros[400];
    struct ori_gguf_writer *w = NULL;
    orion_status status = ori_gguf_writer_new(path, &w, err);

    if (status != ORION_OK) {
        assert_null(w);
        return status;
    }
    ori_gguf_write_str(w, "general.architecture", "llama");
    for (unsigned i = 0; i < 100; i++) { /* so that the lists must grow */
        char name[16];
        (void)snprintf(name, sizeof(name), "t%u", i);
        ori_gguf_write_tensor(w, name, ORI_F32, 1, (const uint64_t[]){1});
    }
    ori_gguf_write_data(w, zeros, sizeof(zeros));
    status = ori_gguf_writer_finish(w, err);
    ori_gguf_writer_free(w);
    return status;
}

static void writing(void **state)
{
    (void)state;
    char path[300];
    size_t n = 0;

    (void)snprintf(path, sizeof(path), "%s/written.gguf", folder);
    for (;;) {
        orion_error err = {.status = ORION_OK};
        watch(++n);
        const orion_status status = write_sample(path, &err);
        if (heap.calls < n) {
            assert_int_equal(status, ORION_OK);
            assert_int_equal(heap.blocks, 0);
            break;
        }
        assert_nomem(status, &err);
        watch(0);
        assert_folder_is_empty();
    }
    assert_true(n > 6);
    watch(0);
    assert_int_equal(unlink(path), 0);
}

/* The most that a header may ask for, refused at its very end. */
static void a_refusal_is_cheap(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct ori_gguf *gguf = NULL;
    orion_error err = {.status = ORION_OK};
    size_t size;

    put_head(&b, 65536, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        char key[33];
        (void)snprintf(key, sizeof(key), "%031u", i); /* 2 MiB less a bit together */
        put_kv_le(&b, key, U8, 1, 1);
    }
    for (unsigned i = 0; i < 65536; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%063u", i);
        put_tensor(&b, name, 0, 1, (const uint64_t[]){8}, 32ull * (65535 - i));
    }
    put_padding(&b, 32);
    put_fill(&b, 0, 65536u * 32u - 1);
    uint8_t *data = take_exact(&b, &size);

    watch(0);
    assert_int_equal(ori_gguf_parse(data, size, "large.gguf", &gguf, &err), ORION_E_FORMAT);
    assert_int_equal(heap.blocks, 0);
    if (heap.peak > 16u << 20)
        fail_msg("%zu bytes beyond the file", heap.peak);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing),
        cmocka_unit_test(opening),
        cmocka_unit_test(writing),
        cmocka_unit_test(a_refusal_is_cheap),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
