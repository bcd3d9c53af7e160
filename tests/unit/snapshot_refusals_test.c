/* Prefixes on disk: never those of something else, whatever was done to the files, and never
 * more of them than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "snapshot_world.h"

/* ---- what is not restored ---- */

static void test_other_computations(void **state)
{
    struct ori_model *plain = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    int32_t tokens[100];
    struct model_file file;

    (void)state;
    some_tokens(tokens, 100, plain->hp.n_vocab, 5);
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(plain, 120, 16, p, tokens, 100), B); /* the same computation */

    /* The same bytes at the same time, in another place; with one bit of one weight changed
     * at the same time; and written at another time, as if they had been repaired. */
    static const struct {
        bool changed;
        time_t written;
        uint32_t cached;
    } copies[] = {{false, 1000, 0}, {false, 1000, B}, {true, 1000, 0}, {false, 2000, 0}};
    file_read(&file, data_path(PLAIN_MODEL));
    for (size_t i = 0; i < ORI_COUNT(copies); i++) {
        const struct timespec times[2] = {{.tv_sec = copies[i].written},
                                          {.tv_sec = copies[i].written}};
        uint8_t *weight = &tensor_of(&file, "blk.0.attn_k.weight")->data.data[1];
        *weight ^= copies[i].changed ? 0x10 : 0;
        file_write(&file, path_of("other.gguf"));
        *weight ^= copies[i].changed ? 0x10 : 0;
        assert_int_equal(utimensat(AT_FDCWD, path_of("other.gguf"), times, 0), 0);
        struct ori_model *other = open_model(path_of("other.gguf"));
        assert_int_equal(reuse(other, CONTEXT, 16, p, tokens, 100), copies[i].cached);
        ori_model_close(other);
    }

    /* The same file, but without its window. */
    struct ori_model *windowed = open_model(data_path(WINDOW_MODEL));
    struct ori_model *whole;
    assert_int_equal(ori_model_open(data_path(WINDOW_MODEL),
                                    (struct ori_model_options){.no_sliding_window = true}, &whole,
                                    NULL),
                     ORION_OK);
    some_tokens(tokens, 100, windowed->hp.n_vocab, 5);
    assert_int_equal(reuse(windowed, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(whole, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(windowed, CONTEXT, 16, p, tokens, 100), B);
    ori_model_close(windowed);
    ori_model_close(whole);

    /* Another type of cache. */
    some_tokens(tokens, 100, plain->hp.n_vocab, 5);
    kv_type = ORI_KV_F32;
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), B);
    kv_type = ORI_KV_F16;
    assert_int_equal(reuse(plain, CONTEXT, 16, p, tokens, 100), B); /* which is still there */

    /* Another key. */
    assert_int_equal(unlink(path_of("cache/key")), 0);
    struct ori_prefixes *rekeyed = open_cache(PLENTY);
    some_tokens(tokens, 100, plain->hp.n_vocab, 5);
    assert_int_equal(reuse(plain, CONTEXT, 16, rekeyed, tokens, 100), 0);
    assert_int_equal(reuse(plain, CONTEXT, 16, rekeyed, tokens, 100), B);

    ori_prefixes_close(rekeyed);
    ori_prefixes_close(p);
    file_free(&file);
    assert_int_equal(unlink(path_of("other.gguf")), 0);
    delete_cache();
    ori_model_close(plain);
}

/* A model with long rope chooses its factors by the session's context. */
static void test_rope_by_context(void **state)
{
    static const char *const names[] = {"rope_factors_short.weight", "rope_factors_long.weight"};
    struct model_file file;
    int32_t tokens[70];

    (void)state;
    struct ori_model *model = open_model(data_path(ROPE_MODEL));
    const uint32_t n_pairs = model->hp.n_rot / 2;
    ori_model_close(model);
    file_read(&file, data_path(ROPE_MODEL));
    set_text(&file, "phi3.rope.scaling.type", "longrope");
    set_u32(&file, "phi3.rope.scaling.original_context_length", 100);
    for (size_t i = 0; i < ORI_COUNT(names); i++) {
        struct file_tensor *factors = add_tensor(&file, names[i], ORI_F32, n_pairs, 0);
        for (uint32_t k = 0; k < n_pairs; k++)
            put_f32(&factors->data, i == 0 ? 1.0f : 2.0f);
    }
    file_write(&file, path_of("long.gguf"));
    file_free(&file);
    model = open_model(path_of("long.gguf"));
    struct ori_prefixes *p = open_cache(PLENTY);
    some_tokens(tokens, 70, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, 100, 16, p, tokens, 70), 0);
    assert_int_equal(reuse(model, 101, 16, p, tokens, 70), 0);
    assert_int_equal(reuse(model, 90, 16, p, tokens, 70), B);
    assert_int_equal(reuse(model, 200, 16, p, tokens, 70), B);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
    assert_int_equal(unlink(path_of("long.gguf")), 0);
}

static void flip(const char *path, long offset)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    const int byte = fgetc(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 0x20, f), byte ^ 0x20);
    assert_int_equal(fclose(f), 0);
}

/* A file as it was never written is deleted, and computed and written anew. */
static void test_damage(void **state)
{
    enum { MAGIC = 0, NONCE = 8, TAG = 20, DATA = 36 };
    static const struct {
        const char *label;
        long flip;     /* a bit of this byte; from the end when negative; 0 is the first */
        long truncate; /* to so many bytes; from the end when negative */
        bool append;
    } rows[] = {
        {"the first byte", MAGIC, 0, false}, {"the version", MAGIC + 6, 0, false},
        {"the nonce", NONCE, 0, false},      {"the nonce's end", TAG - 1, 0, false},
        {"the tag", TAG, 0, false},          {"the tag's end", DATA - 1, 0, false},
        {"the data", DATA, 0, false},        {"amid the data", 2000, 0, false},
        {"the last byte", -1, 0, false},     {"empty", 0, 1, false},
        {"only a magic", 0, 8, false},       {"only a header", 0, 36, false},
        {"one byte short", 0, -1, false},    {"one byte more", 0, 0, true},
    };
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    int32_t tokens[200];

    (void)state;
    some_tokens(tokens, 200, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        assert_int_equal(list_files(), 3);
        for (size_t f = 0; f < 3; f++) {
            const char *path = files[f];
            struct stat st;
            assert_int_equal(stat(path, &st), 0);
            if (rows[i].truncate)
                assert_int_equal(truncate(path, rows[i].truncate > 0
                                                    ? rows[i].truncate - (rows[i].truncate == 1)
                                                    : st.st_size + rows[i].truncate),
                                 0);
            else if (rows[i].append)
                assert_int_equal(truncate(path, st.st_size + 1), 0);
            else
                flip(path, rows[i].flip < 0 ? st.st_size + rows[i].flip : rows[i].flip);
        }
        const uint32_t cached = reuse(model, CONTEXT, 16, p, tokens, 200);
        if (cached != 0)
            fail_msg("%s: %u tokens were taken all the same", rows[i].label, cached);
        assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 3 * B); /* repaired */
    }
    /* Blocks that changed places are not taken for one another. */
    static char first[PATH_MAX];
    (void)snprintf(first, sizeof(first), "%s", files[0]);
    assert_int_equal(rename(first, path_of("held")), 0);
    assert_int_equal(rename(files[1], first), 0);
    assert_int_equal(rename(path_of("held"), files[1]), 0);
    assert_true(reuse(model, CONTEXT, 16, p, tokens, 200) < 3 * B);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

static void test_key(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    int32_t tokens[200];
    struct stat st;

    (void)state;
    some_tokens(tokens, 200, model->hp.n_vocab, 5);
    struct ori_prefixes *p = open_cache(PLENTY);
    assert_int_equal(stat(path_of("cache"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(path_of("cache/key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, ORI_KEY_BYTES);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    assert_int_equal(list_files(), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(files[i], &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_true(ori_sha256_is_hex(strrchr(files[i], '/') + 1));
    }
    ori_prefixes_close(p);
    assert_int_equal(truncate(path_of("cache/key"), 31), 0); /* no key: a new one is made */
    p = open_cache(PLENTY);
    assert_int_equal(stat(path_of("cache/key"), &st), 0);
    assert_int_equal(st.st_size, ORI_KEY_BYTES);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 200), 0);
    ori_prefixes_close(p);
    delete_cache();
    ori_model_close(model);
}

/* Neither tokens nor keys and values can be seen in the files. */
static void test_nothing_in_the_clear(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *s = new_session(model, CONTEXT, 16, p);
    int32_t tokens[B + 1];
    static char data[1 << 16];

    (void)state;
    some_tokens(tokens, B + 1, model->hp.n_vocab, 5);
    (void)prefill(s, tokens, B + 1);
    assert_int_equal(list_files(), 1);
    FILE *f = fopen(files[0], "rb");
    assert_non_null(f);
    const size_t n = fread(data, 1, sizeof(data), f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(n, ORI_PREFIX_HEADER_BYTES + s->engine.prefix_block_bytes);
    for (size_t i = 0; i + 16 <= n; i++) {
        assert_memory_not_equal(data + i, tokens, 16);
        assert_memory_not_equal(data + i, ori_kv_block(&s->sequence.kv, 0, 0, 0), 16);
    }
    ori_session_free(s);
    delete_cache();
    ori_prefixes_close(p);
    ori_model_close(model);
}

/* ---- bounds ---- */

static void test_size_is_bounded(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    struct ori_session *s = new_session(model, CONTEXT, 16, p);
    const uint64_t block = ORI_PREFIX_HEADER_BYTES + s->engine.prefix_block_bytes;
    int32_t a[CONTEXT], b[B + 6];
    uint64_t n_files, bytes;

    (void)state;
    ori_session_free(s);
    ori_prefixes_close(p);
    p = open_cache(3 * block + 10);
    some_tokens(a, CONTEXT, model->hp.n_vocab, 5);
    assert_int_equal(reuse(model, CONTEXT, 16, p, a, CONTEXT), 0);
    /* The beginning of a prefix is what is kept of it. */
    assert_int_equal(reuse(model, CONTEXT, 16, p, a, CONTEXT), 3 * B);
    for (uint32_t i = 0; i < 20; i++) { /* others come and go; what is used stays */
        some_tokens(b, B + 6, model->hp.n_vocab, 100 + i);
        assert_int_equal(reuse(model, CONTEXT, 16, p, b, B + 6), 0);
        assert_int_equal(reuse(model, CONTEXT, 16, p, a, 2 * B + 1), 2 * B);
        assert_int_equal(ori_prefixes_usage(p, &n_files, &bytes, NULL), ORION_OK);
        assert_true(bytes <= 3 * block + 10 && n_files == 3);
    }
    ori_prefixes_close(p);
    p = open_cache(block - 1); /* not even one */
    some_tokens(b, B + 6, model->hp.n_vocab, 999);
    assert_int_equal(reuse(model, CONTEXT, 16, p, b, B + 6), 0);
    assert_int_equal(reuse(model, CONTEXT, 16, p, b, B + 6), 0);
    assert_int_equal(ori_prefixes_clear(p, NULL), ORION_OK);
    assert_int_equal(ori_prefixes_usage(p, &n_files, &bytes, NULL), ORION_OK);
    assert_true(n_files == 0 && bytes == 0 && !exists(path_of("cache/key")));
    ori_prefixes_close(p);
    delete_cache();
    ori_model_close(model);
}

/* Processes that save, restore, evict and delete at the same time. */
static void test_processes(void **state)
{
    enum { N = 3 };
    pid_t children[N];

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] != 0)
            continue;
        struct ori_model *model = open_model(data_path(i == 0 ? WINDOW_MODEL : PLAIN_MODEL));
        struct ori_prefixes *p = open_cache(100000);
        for (uint32_t round = 0; round < 12; round++) {
            int32_t tokens[150];
            some_tokens(tokens, 150, model->hp.n_vocab, round % 3);
            (void)reuse(model, CONTEXT, 16, p, tokens, 150 - round);
            if (round == 6)
                (void)ori_prefixes_clear(p, NULL);
        }
        ori_prefixes_close(p);
        ori_model_close(model);
        _exit(0);
    }
    for (size_t i = 0; i < N; i++) {
        int how;
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        assert_int_equal(how, 0);
    }
    delete_cache();
}

/* A folder that is gone, or is no folder, is no error of the prompt. */
static void test_folder_is_gone(void **state)
{
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    struct ori_prefixes *p = open_cache(PLENTY);
    int32_t tokens[100];
    orion_error err = {0};

    (void)state;
    some_tokens(tokens, 100, model->hp.n_vocab, 5);
    delete_cache();
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 100), 0);
    assert_int_equal(reuse(model, CONTEXT, 16, p, tokens, 100), 0);
    ori_prefixes_close(p);
    assert_int_equal(ori_prefixes_open(path_of("cache"), PLENTY, false, &p, &err),
                     ORION_E_NOT_FOUND);
    assert_false(exists(path_of("cache")));
    write_file(path_of("cache"), "x", 1);
    assert_int_not_equal(ori_prefixes_open(path_of("cache"), PLENTY, true, &p, &err), ORION_OK);
    assert_null(p);
    assert_non_null(strstr(err.message, "prefix cache"));
    assert_int_equal(unlink(path_of("cache")), 0);
    ori_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_computations),
        cmocka_unit_test(test_rope_by_context),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_nothing_in_the_clear),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_folder_is_gone),
    };
    return cmocka_run_group_tests_name("snapshot: refusals", tests, make_folder, remove_folder);
}
