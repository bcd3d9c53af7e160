/* Models of other programs, taking them in, and cleaning up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tiny_gguf.h"

static ino_t inode(const char *path)
{
    struct stat st;
    return lstat(at(path), &st) == 0 ? st.st_ino : 0;
}

/* ---- import ---- */

static struct ori_import from(const char *source, enum ori_import_mode mode)
{
    return (struct ori_import){
        .source = at(source), .repo = "acme/tiny", .file = "i.gguf", .mode = mode};
}

#define IMPORTED "acme/tiny/i.gguf"

static void models_are_taken_in(void **state)
{
    static const struct {
        const char *label;
        enum ori_import_mode mode;
        bool source_stays;
        bool may_link;
    } rows[] = {
        {"auto", ORI_IMPORT_AUTO, true, true},
        {"link", ORI_IMPORT_LINK, true, true},
        {"copy", ORI_IMPORT_COPY, true, false},
        {"move", ORI_IMPORT_MOVE, false, true},
    };
    struct ori_store *store = *state;
    struct ori_stored model;
    enum ori_import_way way;
    orion_error err = {0};

    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        put_tiny("elsewhere/x.bin");
        const ino_t before = inode("elsewhere/x.bin");
        const struct ori_import what = from("elsewhere/x.bin", rows[i].mode);
        if (ori_store_import(store, &what, NULL, &way, &err) != ORION_OK)
            fail_msg("%s: %s", rows[i].label, err.message);
        assert_true(holds(IMPORTED, tiny, sizeof(tiny)));
        assert_true(exists("elsewhere/x.bin") == rows[i].source_stays);
        assert_true(rows[i].may_link || inode(IMPORTED) != before);
        assert_true(way != ORI_IMPORTED_HARD_LINK || inode(IMPORTED) == before);
        assert_int_equal(ori_store_look(store, IMPORTED, &model, NULL), ORION_OK);
        assert_true(model.intact);
        assert_string_equal(model.record.sha256, tiny_hex);
        assert_string_equal(model.record.repo, "acme/tiny");
        assert_string_equal(model.record.hub, "");
        ori_stored_release(&model);
        assert_int_equal(ori_store_verify(store, IMPORTED, NULL, NULL, NULL), ORION_OK);
        assert_int_equal(count_in(".partial") + count_in(".lock"), 0);
        assert_int_equal(ori_store_remove(store, IMPORTED, NULL), ORION_OK);
        assert_true(exists("elsewhere/x.bin") == rows[i].source_stays);
    }
}

static void what_is_there_already(void **state)
{
    struct ori_store *store = *state;
    enum ori_import_way way;

    put_tiny("elsewhere/x.gguf");
    struct ori_import what = from("elsewhere/x.gguf", ORI_IMPORT_COPY);
    assert_int_equal(ori_store_import(store, &what, NULL, &way, NULL), ORION_OK);
    assert_int_equal(ori_store_import(store, &what, NULL, &way, NULL), ORION_OK);
    assert_int_equal(way, ORI_IMPORT_WAS_THERE);
    what = from(IMPORTED, ORI_IMPORT_MOVE); /* onto itself */
    assert_int_equal(ori_store_import(store, &what, NULL, &way, NULL), ORION_OK);
    assert_true(holds(IMPORTED, tiny, sizeof(tiny)));
    make_tiny('b'); /* other bytes */
    put_tiny("elsewhere/x.gguf");
    what = from("elsewhere/x.gguf", ORI_IMPORT_MOVE);
    assert_int_equal(ori_store_import(store, &what, NULL, &way, NULL), ORION_E_DENIED);
    make_tiny('a');
    assert_true(holds(IMPORTED, tiny, sizeof(tiny)));
    assert_true(exists("elsewhere/x.gguf"));
}

static void what_is_not_taken_in(void **state)
{
    static const char other[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const struct {
        const char *label, *source, *repo, *file, *sha256;
        enum ori_import_mode mode;
        orion_status status;
    } rows[] = {
        {"nothing", "x/none.gguf", "a/b", "c.gguf", NULL, ORI_IMPORT_AUTO, ORION_E_NOT_FOUND},
        {"a folder", "x", "a/b", "c.gguf", NULL, ORI_IMPORT_AUTO, ORION_E_FORMAT},
        {"a pipe", "x/pipe", "a/b", "c.gguf", NULL, ORI_IMPORT_AUTO, ORION_E_FORMAT},
        {"no GGUF", "x/text.gguf", "a/b", "c.gguf", NULL, ORI_IMPORT_AUTO, ORION_E_FORMAT},
        {"cut short", "x/short.gguf", "a/b", "c.gguf", NULL, ORI_IMPORT_AUTO, ORION_E_FORMAT},
        {"another hash", "x/t.gguf", "a/b", "c.gguf", other, ORI_IMPORT_MOVE, ORION_E_INTEGRITY},
        {"no hash", "x/t.gguf", "a/b", "c.gguf", "zz", ORI_IMPORT_AUTO, ORION_E_ARGUMENT},
        {"climbs", "x/t.gguf", "a/b", "../c.gguf", NULL, ORI_IMPORT_AUTO, ORION_E_FORMAT},
        {"hidden", "x/t.gguf", ".partial", "c.gguf", NULL, ORI_IMPORT_AUTO, ORION_E_FORMAT},
        {"moving a link", "x/link.gguf", "a/b", "c.gguf", NULL, ORI_IMPORT_MOVE,
         ORION_E_UNSUPPORTED},
    };
    struct ori_store *store = *state;

    put_tiny("x/t.gguf");
    put_text("x/text.gguf", "<html>");
    put_in("x/short.gguf", tiny, 40);
    assert_int_equal(mkfifo(at("x/pipe"), 0600), 0);
    assert_int_equal(symlink("t.gguf", at("x/link.gguf")), 0);
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        const struct ori_import what = {.source = at(rows[i].source),
                                        .repo = rows[i].repo,
                                        .file = rows[i].file,
                                        .sha256 = rows[i].sha256,
                                        .mode = rows[i].mode};
        orion_error err = {0};
        const orion_status status = ori_store_import(store, &what, NULL, NULL, &err);
        if (status != rows[i].status || !err.message[0])
            fail_msg("%s: %d '%s'", rows[i].label, status, err.message);
        assert_false(exists("a"));
        assert_int_equal(count_in(".partial") + count_in(".lock"), 0);
        assert_true(holds("x/t.gguf", tiny, sizeof(tiny)));
    }
    const struct ori_import relative = {.source = "t.gguf", .repo = "a/b", .file = "c.gguf"};
    assert_int_equal(ori_store_import(store, &relative, NULL, NULL, NULL), ORION_E_ARGUMENT);
}

static void a_link_is_followed_to_its_file(void **state)
{
    struct ori_store *store = *state;

    put_tiny("x/t.gguf");
    assert_int_equal(symlink("t.gguf", at("x/link.gguf")), 0);
    const struct ori_import what = from("x/link.gguf", ORI_IMPORT_AUTO);
    assert_int_equal(ori_store_import(store, &what, NULL, NULL, NULL), ORION_OK);
    assert_true(holds(IMPORTED, tiny, sizeof(tiny)));
    struct stat st;
    assert_int_equal(lstat(at(IMPORTED), &st), 0);
    assert_true(S_ISREG(st.st_mode)); /* a file, not a link */
}

/* ---- other programs' stores ---- */

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct ori_foreign *find_one(const struct ori_foreign *list, size_t n,
                                          const char *repo, const char *file)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].repo, repo) == 0 && strcmp(list[i].file, file) == 0)
            return &list[i];
    fail_msg("no %s/%s among %zu", repo, file, n);
    return NULL;
}

static void hugging_face(void **state)
{
    struct ori_foreign *list = NULL;
    size_t n = 0;

    (void)state;
    put_tiny("hf/models--acme--tiny/blobs/" HEX);
    put_tiny("hf/models--acme--tiny/blobs/secret.gguf");               /* no digest: not a blob */
    put_tiny("hf/models--acme--tiny/snapshots/" COMMIT "/plain.gguf"); /* no links there */
    put_text("hf/models--acme--tiny/snapshots/" COMMIT "/text.gguf", "not a model");
    put_tiny("hf/models--acme--tiny/snapshots/main/x.gguf"); /* no commit */
    put_tiny("hf/datasets--acme--tiny/snapshots/" COMMIT "/x.gguf");
    put_tiny("hf/models--acme/snapshots/" COMMIT "/x.gguf");
    put_tiny("hf/models--..--tiny/snapshots/" COMMIT "/x.gguf");
    put_tiny("secret.gguf");
    assert_int_equal(mkdir(at("hf/models--acme--tiny/snapshots/" COMMIT "/Q4"), 0700), 0);
    const struct {
        const char *target, *name;
    } links[] = {
        {"../../blobs/" HEX, "t.gguf"},
        {"../../../blobs/" HEX, "Q4/t.gguf"},
        {"../../../../secret.gguf", "climbs.gguf"},
        {"../../blobs/../../../secret.gguf", "climbs2.gguf"},
        {"../../blobs/secret.gguf", "nohex.gguf"},
        {"/etc/passwd", "absolute.gguf"},
        {"../../blobs/" COMMIT, "dangling.gguf"},
    };
    for (size_t i = 0; i < ORI_COUNT(links); i++) {
        char name[200];
        (void)snprintf(name, sizeof(name), "hf/models--acme--tiny/snapshots/" COMMIT "/%s",
                       links[i].name);
        assert_int_equal(symlink(links[i].target, at(name)), 0);
    }
    assert_int_equal(ori_foreign_find(ORI_FOREIGN_HUGGING_FACE, at("hf"), &list, &n, NULL),
                     ORION_OK);
    assert_int_equal(n, 3);
    const struct ori_foreign *one = find_one(list, n, "acme/tiny", "t.gguf");
    assert_string_equal(one->path, at("hf/models--acme--tiny/blobs/" HEX));
    assert_string_equal(one->sha256, HEX);
    assert_string_equal(one->revision, COMMIT);
    assert_int_equal(one->size_bytes, TINY_BYTES);
    (void)find_one(list, n, "acme/tiny", "Q4/t.gguf");
    assert_string_equal(find_one(list, n, "acme/tiny", "plain.gguf")->sha256, "");
    ori_foreign_free(list, n);
}

static void llama_cpp(void **state)
{
    struct ori_foreign *list = NULL;
    size_t n = 0;

    (void)state;
    put_tiny("llama/acme_tiny_t-Q4.gguf");
    put_text(
        "llama/acme_tiny_t-Q4.gguf.json",
        "{\"etag\": \"x\", \"url\": \"https://huggingface.co/acme/tiny/resolve/main/t-Q4.gguf\"}");
    put_tiny("llama/alone.gguf");
    put_tiny("llama/evil.gguf");
    put_text("llama/evil.gguf.json",
             "{\"url\": \"https://h/../../etc/resolve/main/../../passwd.gguf\"}");
    put_text("llama/half.gguf.downloadInProgress", "GGUF");
    put_tiny("llama/models--acme--new/blobs/" HEX);
    put_tiny("llama/models--acme--new/snapshots/" COMMIT "/n.gguf");
    assert_int_equal(ori_foreign_find(ORI_FOREIGN_LLAMA_CPP, at("llama"), &list, &n, NULL),
                     ORION_OK);
    assert_int_equal(n, 4);
    assert_string_equal(find_one(list, n, "acme/tiny", "t-Q4.gguf")->path,
                        at("llama/acme_tiny_t-Q4.gguf"));
    (void)find_one(list, n, "", "alone.gguf");
    (void)find_one(list, n, "", "evil.gguf");
    (void)find_one(list, n, "acme/new", "n.gguf");
    ori_foreign_free(list, n);
}

#define LAYER(digest)                                                                              \
    "{\"layers\": [{\"mediaType\": \"application/vnd.ollama.image.license\", \"digest\": "         \
    "\"sha256:" HEX                                                                                \
    "\"}, {\"mediaType\": \"application/vnd.ollama.image.model\", \"digest\": \"" digest "\"}]}"

static void ollama(void **state)
{
    struct ori_foreign *list = NULL;
    size_t n = 0;

    (void)state;
    put_tiny("ollama/blobs/sha256-" HEX);
    put_tiny("outside.gguf");
    put_text("ollama/manifests/registry.ollama.ai/library/tiny/1b", LAYER("sha256:" HEX));
    put_text("ollama/manifests/registry.ollama.ai/acme/mine/latest", LAYER("sha256:" HEX));
    const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"layers\": 5}",
        "{\"layers\": [5]}",
        LAYER(HEX),
        LAYER("sha256:../../outside.gguf"),
        LAYER("sha256:0000000000000000000000000000000000000000000000000000000000000000"),
        LAYER("sha512:" HEX),
    };
    for (size_t i = 0; i < ORI_COUNT(bad); i++) {
        char name[100];
        (void)snprintf(name, sizeof(name), "ollama/manifests/h/ns/model/bad%zu", i);
        put_text(name, bad[i]);
    }
    assert_int_equal(ori_foreign_find(ORI_FOREIGN_OLLAMA, at("ollama"), &list, &n, NULL), ORION_OK);
    assert_int_equal(n, 2);
    const struct ori_foreign *one = find_one(list, n, "library/tiny", "tiny-1b.gguf");
    assert_string_equal(one->path, at("ollama/blobs/sha256-" HEX));
    assert_string_equal(one->sha256, HEX);
    (void)find_one(list, n, "acme/mine", "mine-latest.gguf");
    ori_foreign_free(list, n);
}

static void lm_studio(void **state)
{
    struct ori_foreign *list = NULL;
    size_t n = 0;

    (void)state;
    put_tiny("lm/acme/tiny/t.gguf");
    put_tiny("lm/acme/too-high.gguf");
    put_tiny("lm/acme/tiny/deeper/t.gguf");
    put_tiny("lm/acme/tiny/.hidden.gguf");
    assert_int_equal(symlink("/", at("lm/root")), 0);
    assert_int_equal(ori_foreign_find(ORI_FOREIGN_LM_STUDIO, at("lm"), &list, &n, NULL), ORION_OK);
    assert_int_equal(n, 1);
    (void)find_one(list, n, "acme/tiny", "t.gguf");
    /* A second store adds to the list; one that is not there adds nothing. */
    assert_int_equal(ori_foreign_find(ORI_FOREIGN_LM_STUDIO, at("none"), &list, &n, NULL),
                     ORION_OK);
    assert_int_equal(ori_foreign_find(ORI_FOREIGN_LM_STUDIO, at("lm"), &list, &n, NULL), ORION_OK);
    assert_int_equal(n, 2);
    ori_foreign_free(list, n);
}

/* ---- room and order ---- */

static void room_is_counted(void **state)
{
    struct ori_store *store = *state;
    struct ori_usage usage;
    orion_error err;

    fetch(store);
    struct ori_partial *partial;
    fill(9);
    blob.file = "other.gguf";
    partial = begin(store);
    add(partial, 0, 50000);
    ori_partial_close(partial);
    assert_int_equal(ori_store_usage(store, &usage, NULL), ORION_OK);
    assert_int_equal(usage.n_models, 1);
    assert_int_equal(usage.n_partials, 1);
    assert_int_equal(usage.model_bytes, SIZE);
    assert_true(usage.partial_bytes >= 50000 && usage.partial_bytes < SIZE);
    assert_true(usage.disk.free_bytes > 0 && usage.disk.total_bytes > usage.disk.free_bytes);
    const uint64_t used = usage.model_bytes + usage.partial_bytes;
    assert_int_equal(ori_store_check_quota(store, 0, UINT64_MAX, NULL), ORION_OK);
    assert_int_equal(ori_store_check_quota(store, used + 10, 10, NULL), ORION_OK);
    assert_int_equal(ori_store_check_quota(store, used + 10, 11, &err), ORION_E_NO_SPACE);
    assert_non_null(strstr(err.message, "models.max_bytes"));
    assert_int_equal(ori_store_check_quota(store, used - 1, 0, NULL), ORION_E_NO_SPACE);
    assert_int_equal(ori_store_check_quota(store, used, UINT64_MAX, NULL), ORION_E_NO_SPACE);
}

static void set_age(const char *path, time_t seconds)
{
    const struct timespec when = {.tv_sec = time(NULL) - seconds};
    const struct timespec times[2] = {when, when};
    assert_int_equal(utimensat(AT_FDCWD, at(path), times, 0), 0);
}

static size_t prune(struct ori_store *store, bool dry_run, unsigned kinds[5])
{
    struct ori_litter *list;
    size_t n;

    memset(kinds, 0, 5 * sizeof(kinds[0]));
    assert_int_equal(ori_store_prune(store, 1000, dry_run, &list, &n, NULL), ORION_OK);
    for (size_t i = 0; i < n; i++) {
        kinds[list[i].kind]++;
        assert_true(list[i].removed == !dry_run);
        assert_true(exists(list[i].path) == dry_run);
    }
    free(list);
    return n;
}

static void litter_is_found_and_removed(void **state)
{
    struct ori_store *store = *state;
    unsigned kinds[5];

    fetch(store); /* a model, which stays */
    assert_int_equal(prune(store, true, kinds), 0);

    fill(2); /* an old download */
    struct ori_partial *partial = begin(store);
    add(partial, 0, 10);
    ori_partial_close(partial);
    set_age(key_path(".part"), 5000);
    fill(3); /* a young one */
    partial = begin(store);
    add(partial, 0, 10);
    ori_partial_close(partial);
    char young[ORI_STORE_PATH_MAX];
    (void)snprintf(young, sizeof(young), "%s", key_path(".part"));
    fill(4); /* one that is old and being worked on */
    struct ori_partial *busy = begin(store);
    add(busy, 0, 10);
    set_age(key_path(".part"), 5000);
    put(".partial/import-0123.part", "x", 1);
    put(".partial/unknown", "x", 1);
    put(".partial/.x.json.1.tmp", "x", 1);
    put(".lock/left.lock", "1\n", 2);
    put("acme/tiny/dir/.gone.gguf.json", "{}", 2);
    put("acme/tiny/dir/.gone.gguf.units", "{}", 2);
    put("acme/tiny/dir/.mine.json", "{}", 2);
    put("acme/tiny/dir/d.gguf", "x", 1);
    put("acme/tiny/dir/.d.gguf.json", "{", 1);

    assert_int_equal(prune(store, true, kinds), 7);
    const unsigned wanted[5] = {1, 2, 1, 2, 1};
    assert_memory_equal(kinds, wanted, sizeof(wanted));
    assert_int_equal(prune(store, false, kinds), 8); /* and the journal of the old download */
    assert_int_equal(prune(store, true, kinds), 0);
    assert_true(exists(PLACE) && exists("acme/tiny/dir/.t.gguf.json") && exists(young));
    assert_true(exists("acme/tiny/dir/.mine.json") && exists("acme/tiny/dir/d.gguf"));
    add(busy, 10, SIZE);
    blob.file = "fresh.gguf";
    assert_int_equal(ori_partial_publish(busy, NULL, NULL), ORION_OK);
    ori_partial_close(busy);
    set_age(".partial/.x.json.1.tmp", 5000);
    assert_int_equal(prune(store, false, kinds), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_tiny, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(models_are_taken_in),
        CASE(what_is_there_already),
        CASE(what_is_not_taken_in),
        CASE(a_link_is_followed_to_its_file),
        CASE(hugging_face),
        CASE(llama_cpp),
        CASE(ollama),
        CASE(lm_studio),
        CASE(room_is_counted),
        CASE(litter_is_found_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
