/* Damaged containers, files that are none, and those of real vocabularies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gguf_parsed.h"
#include "scratch.h"

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
        for (size_t v = 0; v < ORI_COUNT(values); v++) {
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

static const struct CMUnitTest others[] = {
    cmocka_unit_test(every_truncation_is_refused), cmocka_unit_test(every_changed_byte_is_survived),
    cmocka_unit_test(open_what_is_not_there),      cmocka_unit_test(open_what_is_no_file),
    cmocka_unit_test(open_an_empty_file),          cmocka_unit_test(file_shrinks_while_open),
};

int main(void)
{
    struct CMUnitTest tests[ORI_COUNT(others) + ORI_COUNT(vocab_files)];

    memcpy(tests, others, sizeof(others));
    for (size_t i = 0; i < ORI_COUNT(vocab_files); i++)
        tests[ORI_COUNT(others) + i] =
            (struct CMUnitTest){.name = vocab_files[i].label,
                                .test_func = vocab_file_test,
                                .initial_state = (void *)(uintptr_t)&vocab_files[i]};
    return cmocka_run_group_tests_name("gguf: damage", tests, make_folder, remove_folder);
}
