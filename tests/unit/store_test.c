/* The store: a folder of its own for each case, and no network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/dir.h"
#include "base/file.h"
#include "base/lock.h"
#include "store/internal.h"

#define SIZE 100000u

static char folder[256];
static uint8_t bytes[SIZE]; /* a file as the hub has it */
static struct ori_blob blob;

static void fill(uint8_t seed)
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

static int set_up(void **state)
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

static int tear_down(void **state)
{
    struct ori_store *store = *state;
    char command[300];
    ori_store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* ---- helpers ---- */

static const char *at(const char *path)
{
    static char whole[4][600];
    static unsigned turn;
    char *text = whole[turn++ % 4];
    (void)snprintf(text, sizeof(whole[0]), "%s/%s", folder, path);
    return text;
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(at(path), &st) == 0;
}

static void put(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(at(path), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(at(path), 0700), 0);
}

static bool holds(const char *path, const void *data, size_t len)
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

static size_t count_in(const char *path)
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

static struct ori_partial *begin(struct ori_store *store)
{
    struct ori_partial *partial;
    orion_error err;
    if (ori_partial_open(store, &blob, NULL, &partial, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return partial;
}

static void add(struct ori_partial *partial, size_t from, size_t to)
{
    assert_int_equal(ori_partial_write(partial, from, bytes + from, to - from, NULL), ORION_OK);
}

static void fetch(struct ori_store *store)
{
    orion_error err = {0};
    struct ori_partial *partial = begin(store);
    add(partial, ori_partial_bytes(partial), SIZE);
    if (ori_partial_publish(partial, &err) != ORION_OK)
        fail_msg("%s", err.message);
    ori_partial_close(partial);
}

static const char *key_path(const char *ending)
{
    static char path[2][ORI_STORE_PATH_MAX];
    static unsigned turn;
    char *text = path[turn++ % 2];
    char key[ORI_STORE_KEY_BYTES];
    ori_store_key(&blob.digest, key);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ending, text);
    return text;
}

/* ---- from nothing to a model ---- */

static void a_model_is_published(void **state)
{
    struct ori_store *store = *state;
    struct ori_stored model;
    struct stat st;

    fetch(store);
    assert_true(holds(PLACE, bytes, SIZE));
    assert_int_equal(count_in(".partial") + count_in(".lock"), 0);
    assert_int_equal(stat(at(PLACE), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(at("acme/tiny/dir"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);

    assert_int_equal(ori_store_look(store, PLACE, &model, NULL), ORION_OK);
    assert_true(model.has_record && model.intact && !model.record_damaged);
    assert_true(model.size_bytes == SIZE && model.record.size_bytes == SIZE);
    assert_string_equal(model.record.hub, blob.hub);
    assert_string_equal(model.record.repo, blob.repo);
    assert_string_equal(model.record.file, blob.file);
    assert_string_equal(model.record.revision, blob.revision);
    assert_string_equal(model.record.sha256, blob.digest.hex);
    assert_true(model.record.verified_unix > 1600000000);
    ori_stored_release(&model);
}

static void an_interrupted_download_goes_on(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    assert_int_equal(ori_partial_bytes(partial), 0);
    add(partial, 0, 1000);
    add(partial, 1000, 33333);
    ori_partial_close(partial);
    assert_false(exists(PLACE));

    partial = begin(store);
    assert_int_equal(ori_partial_bytes(partial), 33333);
    add(partial, 33333, SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void what_is_out_of_turn_is_refused(void **state)
{
    struct ori_partial *partial = begin(*state);

    add(partial, 0, 1000);
    assert_int_equal(ori_partial_write(partial, 999, bytes, 1, NULL), ORION_E_ARGUMENT);
    assert_int_equal(ori_partial_write(partial, 1001, bytes, 1, NULL), ORION_E_ARGUMENT);
    assert_int_equal(ori_partial_write(partial, 1000, bytes, SIZE, NULL), ORION_E_ARGUMENT);
    assert_int_equal(ori_partial_publish(partial, NULL), ORION_E_ARGUMENT);
    assert_int_equal(ori_partial_bytes(partial), 1000);
    ori_partial_close(partial);
}

static void a_download_starts_over(void **state)
{
    struct ori_partial *partial = begin(*state);

    add(partial, 0, 5000);
    assert_int_equal(ori_partial_restart(partial, NULL), ORION_OK);
    assert_int_equal(ori_partial_bytes(partial), 0);
    add(partial, 0, SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void nothing_fetched_leaves_nothing(void **state)
{
    ori_partial_close(begin(*state));
    assert_int_equal(count_in(".partial") + count_in(".lock"), 0);
    ori_partial_close(NULL);
}

/* ---- what a journal may claim ---- */

static void the_journal_is_believed_only_so_far(void **state)
{
    char boot[40], other[] = "00000000-0000-0000-0000-000000000000";
    static const struct {
        const char *label;
        bool this_boot;
        uint64_t durable, length, claim;
    } rows[] = {
        {"another boot: what was synced", false, 500, 1000, 500},
        {"another boot: never more than there is", false, 500, 300, 300},
        {"this boot: what was written", true, 500, 1000, 1000},
        {"this boot: nothing there", true, 500, 0, 0},
        {"never more than the file is", true, 0, SIZE + 7, SIZE},
        {"a claim beyond the file", false, SIZE * 2ull, SIZE * 3ull, SIZE},
    };

    (void)state;
    ori_journal_boot_id(boot);
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_journal journal = {.size_bytes = SIZE, .durable = rows[i].durable};
        if (rows[i].this_boot && !boot[0])
            continue;
        memcpy(journal.boot_id, rows[i].this_boot ? boot : other, 37);
        const uint64_t claim = ori_journal_claim(&journal, rows[i].length);
        if (claim != rows[i].claim)
            fail_msg("%s: %llu", rows[i].label, (unsigned long long)claim);
    }
    const struct ori_journal nameless = {.size_bytes = SIZE, .durable = 5};
    assert_int_equal(ori_journal_claim(&nameless, 10), 5);
}

static void journals_that_cannot_be_used(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"orion_journal\": 2, \"size_bytes\": 5}",
        "{\"orion_journal\": 1}",
        "{\"orion_journal\": 1, \"size_bytes\": -5}",
        "{\"orion_journal\": 1, \"size_bytes\": 5, \"size_bytes\": 6}"};
    struct ori_store *store = *state;
    struct ori_journal journal;

    for (size_t i = 0; i < ORI_COUNT(texts); i++) {
        struct ori_partial *partial = begin(store);
        add(partial, 0, 7000);
        ori_partial_close(partial);
        put(key_path(".json"), texts[i], strlen(texts[i]));
        char key[ORI_STORE_KEY_BYTES];
        ori_store_key(&blob.digest, key);
        assert_int_equal(ori_journal_read(store, key, &journal, NULL), ORION_E_FORMAT);
        partial = begin(store); /* its bytes are not trusted */
        assert_int_equal(ori_partial_bytes(partial), 0);
        ori_partial_close(partial);
    }
}

static void a_journal_of_another_file(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 0, 7000);
    ori_partial_close(partial);
    blob.size_bytes = SIZE - 1; /* the same digest, another size */
    partial = begin(store);
    assert_int_equal(ori_partial_bytes(partial), 0);
    ori_partial_close(partial);
}

static void a_killed_process_loses_nothing(void **state)
{
    struct ori_store *store = *state;
    char boot[40];
    int status;

    ori_journal_boot_id(boot);
    if (!boot[0])
        skip();
    const pid_t child = fork();
    if (child == 0) {
        struct ori_partial *partial;
        if (ori_partial_open(store, &blob, NULL, &partial, NULL) == ORION_OK)
            (void)ori_partial_write(partial, 0, bytes, 54321, NULL);
        _exit(0); /* no close, no sync: as if it was killed */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    struct ori_partial *partial = begin(store);
    assert_int_equal(ori_partial_bytes(partial), 54321);
    add(partial, 54321, SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

/* ---- integrity ---- */

static void wrong_bytes_are_discarded(void **state)
{
    struct ori_store *store = *state;
    orion_error err;

    fetch(store); /* an earlier model */
    uint8_t *old = malloc(SIZE);
    assert_non_null(old);
    memcpy(old, bytes, SIZE);
    fill(2);
    bytes[777] ^= 1;
    struct ori_partial *partial = begin(store);
    add(partial, 0, SIZE);
    assert_int_equal(ori_partial_publish(partial, &err), ORION_E_INTEGRITY);
    assert_non_null(strstr(err.message, "hash"));
    ori_partial_close(partial);
    assert_true(holds(PLACE, old, SIZE));
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL), ORION_OK);
    assert_int_equal(count_in(".partial"), 0);

    bytes[777] ^= 1; /* and now the right ones */
    fetch(store);
    assert_true(holds(PLACE, bytes, SIZE));
    free(old);
}

static void damage_in_the_partial_is_found(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 0, 50000);
    ori_partial_close(partial);
    const int fd = open(at(key_path(".part")), O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 100), 1);
    assert_int_equal(close(fd), 0);
    partial = begin(store);
    add(partial, 50000, SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL), ORION_E_INTEGRITY);
    ori_partial_close(partial);
    assert_false(exists(PLACE));
}

static void what_is_no_gguf_is_refused(void **state)
{
    struct ori_sha256 hash;
    orion_error err;

    memcpy(bytes, "<htm", 4);
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, bytes, SIZE);
    ori_sha256_hex(&hash, blob.digest.hex);
    struct ori_partial *partial = begin(*state);
    add(partial, 0, SIZE);
    assert_int_equal(ori_partial_publish(partial, &err), ORION_E_FORMAT);
    ori_partial_close(partial);
    assert_false(exists(PLACE));
    assert_int_equal(count_in(".partial"), 0);
}

static void git_hashes(void **state)
{
    struct ori_store *store = *state;
    static const char content[] = "GGUF\n";
    bool has;

    /* printf 'GGUF\n' | git hash-object --stdin */
    blob.digest = (struct ori_digest){.kind = ORI_DIGEST_GIT_SHA1,
                                      .hex = "6aad6ce2ac9fa560abaa0bce36e0f6d2118ab69c"};
    blob.size_bytes = sizeof(content) - 1;
    struct ori_partial *partial = begin(store);
    assert_int_equal(ori_partial_write(partial, 0, content, sizeof(content) - 1, NULL), ORION_OK);
    const orion_status status = ori_partial_publish(partial, NULL);
    ori_partial_close(partial);
    assert_int_equal(status, ORION_OK);
    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_true(has);
    /* printf 'GGUF\n' | sha256sum */
    struct ori_stored model;
    assert_int_equal(ori_store_look(store, PLACE, &model, NULL), ORION_OK);
    assert_string_equal(model.record.sha256,
                        "68e0ec597aee59d35f8dc44942d7b17d471ade10d3aca07a5bb7177713950312");
    ori_stored_release(&model);
}

/* ---- is it here? ---- */

static void set_time(const char *path, time_t when)
{
    const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
    assert_int_equal(utimensat(AT_FDCWD, at(path), times, 0), 0);
}

static void what_is_here_is_known(void **state)
{
    struct ori_store *store = *state;
    struct ori_stored model;
    bool has = true;

    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_false(has);
    fetch(store);
    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_true(has);

    set_time(PLACE, 1000); /* copied from elsewhere, say */
    assert_int_equal(ori_store_look(store, PLACE, &model, NULL), ORION_OK);
    assert_true(model.has_record && !model.intact && model.modified_unix == 1000);
    ori_stored_release(&model);
    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_true(has);
    assert_int_equal(ori_store_look(store, PLACE, &model, NULL), ORION_OK);
    assert_true(model.intact); /* hashed, and recorded anew */
    ori_stored_release(&model);

    assert_int_equal(unlink(at("acme/tiny/dir/.t.gguf.json")), 0);
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL), ORION_E_UNSUPPORTED);
    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_true(has);
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL), ORION_OK);

    bytes[5000] ^= 1;
    put(PLACE, bytes, SIZE); /* rot */
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL), ORION_E_INTEGRITY);
    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_false(has);
    assert_int_equal(ori_store_verify(store, "no/such/x.gguf", NULL, NULL), ORION_E_NOT_FOUND);
}

/* ---- the list ---- */

static void models_are_found(void **state)
{
    struct ori_store *store = *state;
    struct ori_stored *models;
    size_t n;

    assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
    assert_int_equal(n, 0);
    fetch(store);
    make_folder("zoo");
    put("dropped.GGUF", "x", 1);
    put("zoo/also here.gguf", "xy", 2);
    put("zoo/not.bin", "x", 1);
    put("zoo/.hidden.gguf", "x", 1);
    put(".partial/p.gguf", "x", 1);
    make_folder("folder.gguf");
    assert_int_equal(symlink("dropped.GGUF", at("link.gguf")), 0);
    assert_int_equal(symlink("/", at("root")), 0);
    assert_int_equal(mkfifo(at("pipe.gguf"), 0600), 0);
    assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
    assert_int_equal(n, 3);
    assert_string_equal(models[0].path, PLACE);
    assert_true(models[0].intact);
    assert_string_equal(models[1].path, "dropped.GGUF");
    assert_false(models[1].has_record || models[1].record_damaged);
    assert_string_equal(models[2].path, "zoo/also here.gguf");
    assert_int_equal(models[2].size_bytes, 2);
    for (size_t i = 0; i < n; i++)
        ori_stored_release(&models[i]);
    free(models);
}

static void a_damaged_record_is_named(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[1]",
        "{\"orion_record\": 1}",
        "\xff\xfe",
        ("{\"orion_record\": 9, \"size_bytes\": 1, \"verified_unix\": 1, \"inode\": 1, "
         "\"modified_ns\": 1, \"sha256\": "
         "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"),
        ("{\"orion_record\": 1, \"size_bytes\": 1, \"verified_unix\": 1, \"inode\": 1, "
         "\"modified_ns\": 1, \"sha256\": \"zz\"}")};
    struct ori_store *store = *state;
    struct ori_stored *models;
    size_t n;

    fetch(store);
    put("other.gguf", "x", 1);
    for (size_t i = 0; i < ORI_COUNT(texts); i++) {
        put("acme/tiny/dir/.t.gguf.json", texts[i], strlen(texts[i]));
        assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
        assert_int_equal(n, 2);
        if (!models[0].record_damaged || models[0].has_record || models[0].record.sha256[0])
            fail_msg("believed '%s'", texts[i]);
        assert_false(models[1].record_damaged);
        for (size_t m = 0; m < n; m++)
            ori_stored_release(&models[m]);
        free(models);
    }
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL), ORION_E_UNSUPPORTED);
}

static void downloads_are_listed(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial_facts *partials;
    size_t n;

    assert_int_equal(ori_store_partials(store, &partials, &n, NULL), ORION_OK);
    assert_int_equal(n, 0);
    struct ori_partial *partial = begin(store);
    add(partial, 0, 4321);
    ori_partial_close(partial);
    put(".partial/stray.json", "{", 1);
    put(".partial/stray.part", "x", 1);
    assert_int_equal(ori_store_partials(store, &partials, &n, NULL), ORION_OK);
    assert_int_equal(n, 1);
    assert_string_equal(partials[0].repo, "acme/tiny");
    assert_string_equal(partials[0].file, "dir/t.gguf");
    assert_true(partials[0].done_bytes == 4321 && partials[0].size_bytes == SIZE);
    free(partials);
}

/* ---- removal ---- */

static void a_model_is_removed(void **state)
{
    struct ori_store *store = *state;

    fetch(store);
    put("acme/neighbour.gguf", "x", 1);
    assert_int_equal(ori_store_remove(store, PLACE, NULL), ORION_OK);
    assert_false(exists("acme/tiny"));
    assert_true(exists("acme/neighbour.gguf"));
    assert_int_equal(ori_store_remove(store, PLACE, NULL), ORION_E_NOT_FOUND);

    struct ori_partial *partial = begin(store);
    add(partial, 0, 10);
    orion_error err;
    assert_int_equal(ori_store_remove(store, PLACE, &err), ORION_E_BUSY);
    assert_non_null(strstr(err.message, "process"));
    ori_partial_close(partial);
    assert_int_equal(ori_store_remove(store, PLACE, NULL), ORION_OK);
    assert_int_equal(count_in(".partial") + count_in(".lock"), 0);
}

static void nothing_else_is_removed(void **state)
{
    static const char *const paths[] = {"",
                                        "/etc/passwd.gguf",
                                        "../x.gguf",
                                        "acme/../../x.gguf",
                                        ".partial/x.gguf",
                                        "a/.b.gguf",
                                        "acme",
                                        "acme/tiny/x.bin",
                                        "link/x.gguf"};
    struct ori_store *store = *state;

    make_folder("real");
    put("real/x.gguf", "x", 1);
    assert_int_equal(symlink("real", at("link")), 0);
    for (size_t i = 0; i < ORI_COUNT(paths); i++)
        if (ori_store_remove(store, paths[i], NULL) == ORION_OK)
            fail_msg("removed '%s'", paths[i]);
    assert_true(exists("real/x.gguf") && exists("link"));
}

/* ---- names and links ---- */

static void places_are_checked(void **state)
{
    char path[ORI_STORE_PATH_MAX];
    static const char *const bad[][2] = {
        {"acme/tiny", "x.bin"},   {"acme/tiny", "../x.gguf"}, {"acme/..", "x.gguf"},
        {"/acme/tiny", "x.gguf"}, {"acme/tiny", "/x.gguf"},   {".lock/tiny", "x.gguf"},
        {"", "x.gguf"},           {"acme/tiny", ""},          {"acme//tiny", "x.gguf"},
    };

    (void)state;
    assert_int_equal(ori_store_place("acme/tiny", "a/b.gguf", path, NULL), ORION_OK);
    assert_string_equal(path, "acme/tiny/a/b.gguf");
    for (size_t i = 0; i < ORI_COUNT(bad); i++)
        if (ori_store_place(bad[i][0], bad[i][1], path, NULL) != ORION_E_FORMAT || path[0])
            fail_msg("took '%s' '%s'", bad[i][0], bad[i][1]);
}

static void links_lead_nowhere(void **state)
{
    struct ori_store *store = *state;
    char outside[300];
    struct ori_stored model;

    (void)snprintf(outside, sizeof(outside), "%s.outside", folder);
    assert_int_equal(mkdir(outside, 0700), 0);
    assert_int_equal(symlink(outside, at("acme")), 0);
    struct ori_partial *partial = begin(store);
    add(partial, 0, SIZE);
    assert_int_not_equal(ori_partial_publish(partial, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_int_equal(rmdir(outside), 0); /* nothing came into it */
    assert_int_equal(symlink("/etc/hostname", at("h.gguf")), 0);
    assert_int_not_equal(ori_store_look(store, "h.gguf", &model, NULL), ORION_OK);
}

static void paths_below_a_handle(void **state)
{
    static const char *const bad[] = {"",     ".",      "..",  "/",   "/a",   "a/",
                                      "a//b", "a/../b", "./a", "a/.", "../a", "a/.."};
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(bad); i++)
        if (ori_dir_path_ok(bad[i]))
            fail_msg("took '%s'", bad[i]);
    assert_true(ori_dir_path_ok("a") && ori_dir_path_ok("a/b.c") && ori_dir_path_ok("..a/b.."));
    assert_int_equal(ori_dir_open(AT_FDCWD, "../x", O_RDONLY, 0), -1);
}

/* ---- locks ---- */

static void a_lock_keeps_others_out(void **state)
{
    struct ori_store *store = *state;
    struct ori_lock mine, other;
    long holder;
    int status;

    assert_int_equal(ori_lock_try(store->fd, "x.lock", &mine, &holder, NULL), ORION_OK);
    assert_int_equal(ori_lock_try(store->fd, "x.lock", &other, &holder, NULL), ORION_E_BUSY);
    assert_int_equal(holder, getpid()); /* also against ourselves */
    const pid_t child = fork();
    if (child == 0)
        _exit(ori_lock_try(store->fd, "x.lock", &other, &holder, NULL) == ORION_E_BUSY &&
                      holder == getppid()
                  ? 0
                  : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    ori_lock_release(&mine);
    ori_lock_release(&mine);
    assert_false(exists("x.lock"));
    assert_int_equal(ori_lock_try(store->fd, "x.lock", &other, NULL, NULL), ORION_OK);
    ori_lock_release(&other);
}

static int count_to_three(void *self, orion_phase phase, uint64_t done, const char *note)
{
    (void)done;
    assert_int_equal(phase, ORION_PHASE_WAIT);
    assert_non_null(strstr(note, "process"));
    return ++*(int *)self == 3;
}

static void waiting_can_be_cancelled(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *first = begin(store), *second;
    int ticks = 0;
    const struct ori_watch watch = {.tick = count_to_three, .self = &ticks};
    orion_error err;

    assert_int_equal(ori_partial_open(store, &blob, NULL, &second, &err), ORION_E_BUSY);
    assert_null(second);
    assert_int_equal(ori_partial_open(store, &blob, &watch, &second, &err), ORION_E_CANCELLED);
    assert_null(second);
    assert_int_equal(ticks, 3);
    ori_partial_close(first);
}

/* ---- room and opening ---- */

static void a_file_too_big_for_any_disk(void **state)
{
    orion_error err;

    blob.size_bytes = (uint64_t)1 << 62;
    struct ori_partial *partial = begin(*state);
    assert_int_equal(ori_partial_make_room(partial, &err), ORION_E_NO_SPACE);
    assert_non_null(strstr(err.message, "free"));
    ori_partial_close(partial);
}

static void stores_are_opened(void **state)
{
    struct ori_store *store;
    orion_error err;

    (void)state;
    assert_int_equal(ori_store_open(at("a/b/c"), &store, &err), ORION_OK);
    assert_true(exists("a/b/c"));
    assert_int_equal(ori_store_root(store)[0], '/');
    ori_store_close(store);
    put("plain", "x", 1);
    assert_int_not_equal(ori_store_open(at("plain/x"), &store, &err), ORION_OK);
    assert_null(store);
    assert_int_not_equal(ori_store_open("", &store, &err), ORION_OK);
    ori_store_close(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_model_is_published),
        CASE(an_interrupted_download_goes_on),
        CASE(what_is_out_of_turn_is_refused),
        CASE(a_download_starts_over),
        CASE(nothing_fetched_leaves_nothing),
        CASE(the_journal_is_believed_only_so_far),
        CASE(journals_that_cannot_be_used),
        CASE(a_journal_of_another_file),
        CASE(a_killed_process_loses_nothing),
        CASE(wrong_bytes_are_discarded),
        CASE(damage_in_the_partial_is_found),
        CASE(what_is_no_gguf_is_refused),
        CASE(git_hashes),
        CASE(what_is_here_is_known),
        CASE(models_are_found),
        CASE(a_damaged_record_is_named),
        CASE(downloads_are_listed),
        CASE(a_model_is_removed),
        CASE(nothing_else_is_removed),
        CASE(places_are_checked),
        CASE(links_lead_nowhere),
        CASE(paths_below_a_handle),
        CASE(a_lock_keeps_others_out),
        CASE(waiting_can_be_cancelled),
        CASE(a_file_too_big_for_any_disk),
        CASE(stores_are_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
