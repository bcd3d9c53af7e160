/* What the tests of the store share: a folder of its own for each case, and a
 * file as a hub has it.  The program may define SIZE before. */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/internal.h"

#define HELPER __attribute__((unused)) static

#ifndef SIZE
#define SIZE 100000u
#endif

static char folder[256];
static uint8_t bytes[SIZE]; /* a file as the hub has it */
static struct ori_blob blob;

HELPER void fill(uint8_t seed)
{
    struct ori_sha256 hash;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251 + seed);
    memcpy(bytes, "GGUF", 4);
    blob = (struct ori_blob){.hub = "http://hub",
                             .repo = "acme/tiny",
                             .file = "dir/t.gguf",
                             .revision = "0123456789abcdef0123456789abcdef01234567",
                             .size_bytes = SIZE};
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, bytes, SIZE);
    ori_sha256_hex(&hash, blob.digest.hex);
}

#define PLACE "acme/tiny/dir/t.gguf"

HELPER int set_up(void **state)
{
    struct ori_store *store;
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/store_test.XXXXXX", base ? base : "/tmp");
    fill(1);
    if (!mkdtemp(folder) || ori_store_open(folder, &store, NULL) != ORION_OK)
        return -1;
    *state = store;
    return 0;
}

HELPER int tear_down(void **state)
{
    struct ori_store *store = *state;
    char command[300];
    ori_store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* ---- helpers ---- */

HELPER const char *at(const char *path)
{
    static char whole[4][1400];
    static unsigned turn;
    char *text = whole[turn++ % 4];
    (void)snprintf(text, sizeof(whole[0]), "%s/%s", folder, path);
    return text;
}

HELPER bool exists(const char *path)
{
    struct stat st;
    return lstat(at(path), &st) == 0;
}

HELPER void put(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(at(path), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

HELPER void make_folder(const char *path)
{
    assert_int_equal(mkdir(at(path), 0700), 0);
}

HELPER bool holds(const char *path, const void *data, size_t len)
{
    uint8_t *there = malloc(len + 1);
    FILE *file = fopen(at(path), "rb");
    assert_non_null(there);
    const bool same =
        file && fread(there, 1, len + 1, file) == len && memcmp(there, data, len) == 0;
    if (file)
        (void)fclose(file);
    free(there);
    return same;
}

HELPER size_t count_in(const char *path)
{
    char command[400];
    int n = -1;
    (void)snprintf(command, sizeof(command), "ls -A '%s' 2>/dev/null | wc -l", at(path));
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &n), 1);
    assert_int_equal(pclose(pipe), 0);
    return (size_t)n;
}

HELPER struct ori_partial *begin(struct ori_store *store)
{
    enum ori_partial_state state;
    struct ori_partial *partial;
    orion_error err;
    if (ori_partial_open(store, &blob, NULL, &state, &partial, &err) != ORION_OK)
        fail_msg("%s", err.message);
    assert_int_equal(state, ORI_PARTIAL_OURS);
    return partial;
}

/* From the start, without a gap. */
HELPER uint64_t so_far(const struct ori_partial *partial)
{
    return ori_ranges_prefix(ori_partial_have(partial));
}

HELPER void add(struct ori_partial *partial, size_t from, size_t to)
{
    assert_int_equal(ori_partial_write(partial, from, bytes + from, to - from, NULL), ORION_OK);
}

HELPER void fetch(struct ori_store *store)
{
    orion_error err = {0};
    struct ori_partial *partial = begin(store);
    add(partial, so_far(partial), SIZE);
    if (ori_partial_publish(partial, NULL, &err) != ORION_OK)
        fail_msg("%s", err.message);
    ori_partial_close(partial);
}

HELPER const char *key_path(const char *ending)
{
    static char path[2][ORI_STORE_PATH_MAX];
    static unsigned turn;
    char *text = path[turn++ % 2];
    char key[ORI_STORE_KEY_BYTES];
    ori_store_key(&blob.digest, key);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ending, text);
    return text;
}

#endif
