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
#include "base/lock.h"
#include "store_folder.h"

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

    assert_int_equal(so_far(partial), 0);
    add(partial, 0, 1000);
    add(partial, 1000, 33333);
    ori_partial_close(partial);
    assert_false(exists(PLACE));

    partial = begin(store);
    assert_int_equal(so_far(partial), 33333);
    add(partial, 33333, SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void bytes_may_come_in_any_order(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 60000, SIZE);
    add(partial, 0, 1000);
    assert_int_equal(so_far(partial), 1000);
    ori_partial_close(partial);
    partial = begin(store);
    const struct ori_ranges *have = ori_partial_have(partial);
    assert_int_equal(have->count, 2);
    assert_int_equal(ori_ranges_total(have), 41000);
    assert_int_equal(ori_partial_durable_bytes(partial), 41000);
    add(partial, 30000, 60000);
    add(partial, 1000, 30000);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void what_is_out_of_bounds_is_refused(void **state)
{
    struct ori_partial *partial = begin(*state);

    add(partial, 0, 1000);
    assert_int_equal(ori_partial_write(partial, SIZE, bytes, 1, NULL), ORION_E_ARGUMENT);
    assert_int_equal(ori_partial_write(partial, 1000, bytes, SIZE, NULL), ORION_E_ARGUMENT);
    assert_int_equal(ori_partial_write(partial, UINT64_MAX, bytes, 2, NULL), ORION_E_ARGUMENT);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_E_ARGUMENT);
    assert_int_equal(so_far(partial), 1000);
    ori_partial_close(partial);
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
    static const struct {
        const char *label;
        uint64_t durable, noted, length, claim;
        bool noted_now; /* in this boot */
    } rows[] = {
        {"another boot: what was synced", 500, 800, 1000, 500, false},
        {"another boot: never more than there is", 500, 800, 300, 300, false},
        {"this boot: what was noted", 500, 800, 1000, 800, true},
        {"this boot: never more than there is", 500, 800, 600, 600, true},
        {"this boot: nothing there", 500, 800, 0, 0, true},
        {"nothing synced yet", 0, 800, 1000, 800, true},
        {"a note beyond the file", 500, SIZE * 2ull, SIZE * 3ull, SIZE, true},
        {"a claim beyond the file", SIZE * 2ull, 0, SIZE * 3ull, SIZE, true},
    };
    struct ori_store *store = *state;
    char boot[40], other[40] = "00000000-0000-0000-0000-000000000000";

    ori_journal_boot_id(boot);
    ori_partial_close(begin(store)); /* makes the folders */
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_journal journal = {.size_bytes = SIZE};
        struct ori_ranges noted = {0};
        if (!boot[0])
            continue;
        assert_int_equal(ori_ranges_add(&noted, 0, rows[i].noted), ORION_OK);
        assert_int_equal(ori_ranges_add(&journal.done, 0, rows[i].durable), ORION_OK);
        const int fd = ori_note_open(store, "k");
        assert_true(ori_note_write(fd, i, rows[i].noted_now ? boot : other, &noted));
        assert_int_equal(close(fd), 0);
        assert_int_equal(ori_journal_claim(store, "k", &journal, rows[i].length), ORION_OK);
        if (ori_ranges_total(&journal.done) != rows[i].claim)
            fail_msg("%s: %llu", rows[i].label,
                     (unsigned long long)ori_ranges_total(&journal.done));
        ori_ranges_release(&noted);
        ori_journal_release(&journal);
        ori_note_remove(store, "k");
    }
}

/* With a checksum that is right, as if we had written it. */
static void put_sealed(const char *path, const char *text)
{
    char hex[ORI_SHA256_HEX + 1], whole[4000];
    struct ori_sha256 hash;

    ori_sha256_init(&hash);
    ori_sha256_update(&hash, text, strlen(text));
    ori_sha256_hex(&hash, hex);
    const int n = snprintf(whole, sizeof(whole), "%s\n%s\n", text, hex);
    put(path, whole, (size_t)n);
}

#define JOURNAL(done)                                                                              \
    "{\"orion_journal\": 2, \"size_bytes\": 100000, \"inode\": 0, \"modified_ns\": 0, " done "}"

static void journals_that_cannot_be_used(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"orion_journal\": 1, \"size_bytes\": 5}",
        "{\"orion_journal\": 2}",
        "{\"orion_journal\": 2, \"size_bytes\": -5}",
        "{\"orion_journal\": 2, \"size_bytes\": 5, \"size_bytes\": 6}",
        JOURNAL("\"done\": {}"),
        JOURNAL("\"done\": [[0]]"),
        JOURNAL("\"done\": [[5, 5]]"),
        JOURNAL("\"done\": [[-5, 5]]"),
        JOURNAL("\"done\": [[0, 100001]]"),
        JOURNAL("\"done\": [[50, 60], [10, 20]]"),
        JOURNAL("\"done\": [[10, 20], [15, 30]]"),
        JOURNAL("\"done\": [[0, 9223372036854775807]]"),
    };
    struct ori_store *store = *state;
    struct ori_journal journal;

    for (size_t i = 0; i < ORI_COUNT(texts); i++) {
        struct ori_partial *partial = begin(store);
        add(partial, 0, 7000);
        ori_partial_close(partial);
        put_sealed(key_path(".json"), texts[i]);
        char key[ORI_STORE_KEY_BYTES];
        ori_store_key(&blob.digest, key);
        if (ori_journal_read(store, key, &journal, NULL) != ORION_E_FORMAT)
            fail_msg("took %s", texts[i]);
        partial = begin(store); /* its bytes are not trusted */
        assert_int_equal(so_far(partial), 0);
        ori_partial_close(partial);
    }
}

/* Cut anywhere, with any byte another, or as zeros: it claims nothing. */
static void a_torn_journal_claims_nothing(void **state)
{
    struct ori_store *store = *state;
    char key[ORI_STORE_KEY_BYTES], text[4000], torn[4000];
    struct ori_journal journal;

    ori_store_key(&blob.digest, key);
    struct ori_partial *partial = begin(store);
    add(partial, 0, 7000);
    ori_partial_close(partial);
    FILE *file = fopen(at(key_path(".json")), "rb");
    assert_non_null(file);
    const size_t len = fread(text, 1, sizeof(text), file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ori_journal_read(store, key, &journal, NULL), ORION_OK);
    assert_int_equal(ori_ranges_total(&journal.done), 7000);
    ori_journal_release(&journal);
    for (size_t i = 0; i < len; i++) {
        put(key_path(".json"), text, i);
        assert_int_equal(ori_journal_read(store, key, &journal, NULL), ORION_E_FORMAT);
        memcpy(torn, text, len);
        torn[i] = (char)(torn[i] ^ 1);
        put(key_path(".json"), torn, len);
        assert_int_equal(ori_journal_read(store, key, &journal, NULL), ORION_E_FORMAT);
        memset(torn + i, 0, len - i);
        put(key_path(".json"), torn, len);
        assert_int_equal(ori_journal_read(store, key, &journal, NULL), ORION_E_FORMAT);
    }
    put(key_path(".json"), text, len);
    assert_int_equal(ori_journal_read(store, key, &journal, NULL), ORION_OK);
    ori_journal_release(&journal);
}

static void a_torn_note_claims_nothing(void **state)
{
    struct ori_store *store = *state;
    struct ori_ranges noted = {0}, read = {0};
    char boot[40];

    ori_journal_boot_id(boot);
    if (!boot[0])
        skip();
    ori_partial_close(begin(store));
    for (uint64_t turn = 1; turn <= 2; turn++) { /* both slots */
        assert_int_equal(ori_ranges_add(&noted, turn * 100, turn * 100 + 50), ORION_OK);
        const int fd = ori_note_open(store, "k");
        assert_true(ori_note_write(fd, turn, boot, &noted));
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(ori_note_read(store, "k", &read), ORION_OK);
    assert_int_equal(ori_ranges_total(&read), 100);
    ori_ranges_release(&read);
    /* The newer slot is the first; its list begins after magic, boot and counts. */
    const int fd = open(at(".partial/k.note"), O_RDWR);
    for (off_t i = 0; i < 96; i++) {
        char byte, other;
        assert_int_equal(pread(fd, &byte, 1, i), 1);
        other = (char)(byte ^ 4);
        assert_int_equal(pwrite(fd, &other, 1, i), 1);
        assert_int_equal(ori_note_read(store, "k", &read), ORION_OK);
        if (ori_ranges_total(&read) != 50) /* what the older slot says */
            fail_msg("byte %d: %llu", (int)i, (unsigned long long)ori_ranges_total(&read));
        ori_ranges_release(&read);
        assert_int_equal(pwrite(fd, &byte, 1, i), 1);
    }
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(ori_note_read(store, "k", &read), ORION_OK);
    assert_int_equal(read.count, 0);
    assert_int_equal(close(fd), 0);
    ori_ranges_release(&noted);
}

static void a_journal_of_another_file(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 0, 7000);
    ori_partial_close(partial);
    blob.size_bytes = SIZE - 1; /* the same digest, another size */
    partial = begin(store);
    assert_int_equal(so_far(partial), 0);
    ori_partial_close(partial);
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
    assert_int_equal(ori_partial_publish(partial, NULL, &err), ORION_E_INTEGRITY);
    assert_non_null(strstr(err.message, "hash"));
    ori_partial_close(partial);
    assert_true(holds(PLACE, old, SIZE));
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_OK);
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
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_E_INTEGRITY);
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
    assert_int_equal(ori_partial_publish(partial, NULL, &err), ORION_E_FORMAT);
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
    const orion_status status = ori_partial_publish(partial, NULL, NULL);
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
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_E_UNSUPPORTED);
    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_true(has);
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_OK);

    bytes[5000] ^= 1;
    put(PLACE, bytes, SIZE); /* rot */
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_E_INTEGRITY);
    assert_int_equal(ori_store_has(store, &blob, NULL, &has, NULL), ORION_OK);
    assert_false(has);
    assert_int_equal(ori_store_verify(store, "no/such/x.gguf", NULL, NULL, NULL),
                     ORION_E_NOT_FOUND);
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
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_E_UNSUPPORTED);
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
    assert_int_not_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
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

static void another_process_is_followed(void **state)
{
    struct ori_store *store = *state;
    enum ori_partial_state found;
    struct ori_partial *second;
    uint64_t done;
    long process;

    assert_int_equal(ori_partial_peek(store, &blob, &done, &process), ORION_E_NOT_FOUND);
    struct ori_partial *first = begin(store);
    add(first, 0, 4000);
    assert_int_equal(ori_partial_open(store, &blob, NULL, &found, &second, NULL), ORION_OK);
    assert_int_equal(found, ORI_PARTIAL_OTHERS);
    assert_null(second);
    assert_int_equal(ori_partial_peek(store, &blob, &done, &process), ORION_OK);
    assert_int_equal(process, getpid());
    assert_true(done <= 4000);
    ori_partial_close(first);
    assert_int_equal(ori_partial_peek(store, &blob, &done, &process), ORION_OK);
    assert_int_equal(process, 0);
    assert_int_equal(done, 4000);
    second = begin(store); /* takes over */
    assert_int_equal(so_far(second), 4000);
    ori_partial_close(second);
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
        CASE(bytes_may_come_in_any_order),
        CASE(what_is_out_of_bounds_is_refused),
        CASE(nothing_fetched_leaves_nothing),
        CASE(the_journal_is_believed_only_so_far),
        CASE(journals_that_cannot_be_used),
        CASE(a_journal_of_another_file),
        CASE(a_torn_journal_claims_nothing),
        CASE(a_torn_note_claims_nothing),
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
        CASE(another_process_is_followed),
        CASE(a_file_too_big_for_any_disk),
        CASE(stores_are_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
