/* The manager without a network: catalogue, names, lists, progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/dir.h"
#include "base/sha256.h"
#include "manager/internal.h"
#include "manager/progress.h"
#include "manager/shards.h"

static char folder[256], models[300];

static int set_up(void **state)
{
    orion_manager_options options = {.size = sizeof(options)};
    struct ori_manager *manager;
    const char *base = getenv("TMPDIR");

    (void)snprintf(folder, sizeof(folder), "%s/manager_test.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    (void)snprintf(models, sizeof(models), "%s/models", folder);
    options.models_dir = models;
    options.hub_url = "http://127.0.0.1:1";
    options.offline = true;
    if (ori_manager_open(&options, &manager, NULL) != ORION_OK)
        return -1;
    *state = manager;
    return 0;
}

static int tear_down(void **state)
{
    char command[300];
    ori_manager_close(*state);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return chdir("/") | system(command);
}

/* A file of four bytes at `path` below the test's folder. */
static void put(const char *path)
{
    char parent[600];
    const char *slash = strrchr(path, '/');

    (void)snprintf(parent, sizeof(parent), "mkdir -p '%s/%.*s'", folder,
                   slash ? (int)(slash - path) : 0, path);
    assert_int_equal(system(parent), 0);
    (void)snprintf(parent, sizeof(parent), "%s/%s", folder, path);
    FILE *file = fopen(parent, "wb");
    assert_non_null(file);
    assert_int_equal(fputs("GGUF", file) < 0 || fclose(file) != 0, 0);
}

/* A model in the store with a record, as a pull leaves it. */
static void pull(const struct ori_manager *manager, const char *repo, const char *file)
{
    struct ori_blob blob = {.hub = "http://hub",
                            .repo = repo,
                            .file = file,
                            .revision = "0123456789abcdef0123456789abcdef01234567",
                            .size_bytes = 4};
    struct ori_partial *partial;
    struct ori_sha256 hash;
    enum ori_partial_state got;

    ori_sha256_init(&hash);
    ori_sha256_update(&hash, "GGUF", 4);
    ori_sha256_hex(&hash, blob.digest.hex);
    assert_int_equal(ori_partial_open(manager->store, &blob, NULL, &got, &partial, NULL), ORION_OK);
    assert_int_equal(got, ORI_PARTIAL_OURS);
    assert_int_equal(ori_partial_write(partial, 0, "GGUF", 4, NULL), ORION_OK);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
}

/* ---- the catalogue ---- */

static void the_catalogue_is_sound(void **state)
{
    const struct ori_manager *manager = *state;
    const struct ori_catalogue *c = &manager->catalogue;

    assert_true(c->n >= 5);
    assert_string_equal(c->entries[0].id, "phi3-mini-4k");
    assert_string_equal(c->entries[0].repo, "microsoft/Phi-3-mini-4k-instruct-gguf");
    assert_string_equal(c->entries[0].file, "Phi-3-mini-4k-instruct-q4.gguf");
    for (size_t i = 0; i < c->n; i++) {
        const struct ori_catalogue_entry *e = &c->entries[i];
        struct ori_ref ref;
        char name[800];
        (void)snprintf(name, sizeof(name), "%s/%s", e->repo, e->file);
        assert_int_equal(ori_ref_parse(name, &ref, NULL), ORION_OK);
        assert_ptr_equal(ori_catalogue_find(c, e->id), e); /* no id is another's alias */
        assert_ptr_equal(ori_catalogue_find_path(c, name), e);
        for (size_t a = 0; a < json_array_size(e->aliases); a++)
            assert_ptr_equal(
                ori_catalogue_find(c, json_string_value(json_array_get(e->aliases, a))), e);
        assert_true(*e->license && *e->summary && e->size_bytes > 1000000);
        assert_true(json_array_size(e->languages) > 0 && e->memory_bytes > e->size_bytes);
    }
    assert_ptr_equal(ori_catalogue_find(c, "PHI3-mini"), &c->entries[0]);
    assert_null(ori_catalogue_find(c, "phi"));
    assert_null(ori_catalogue_find_path(c, "orion/orion-tiny/other.gguf"));
    assert_non_null(ori_catalogue_find(c, "orion-tiny"));
}

static void bad_catalogues_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "{\"models\": [{}]}",
        "{\"models\": [{\"id\": \"a\", \"name\": \"A\", \"repo\": \"../x\", \"file\": \"x.gguf\", "
        "\"size_bytes\": 1, \"memory_bytes\": 1}]}",
        "{\"models\": [{\"id\": \"a\", \"name\": \"A\", \"repo\": \"o/r\", \"file\": \"x.bin\", "
        "\"size_bytes\": 1, \"memory_bytes\": 1}]}",
        "{\"models\": [{\"id\": \"a/b\", \"name\": \"A\", \"repo\": \"o/r\", \"file\": \"x.gguf\", "
        "\"size_bytes\": 1, \"memory_bytes\": 1}]}",
        "{\"models\": [{\"id\": \"a\", \"name\": \"A\", \"repo\": \"o/r\", \"file\": \"x.gguf\", "
        "\"size_bytes\": -1, \"memory_bytes\": 1}]}",
        "{\"models\": [{\"id\": \"a\", \"name\": \"A\", \"repo\": \"o/r/s\", \"file\": \"x.gguf\", "
        "\"size_bytes\": 1, \"memory_bytes\": 1}]}",
        "{\"models\": [{\"id\": \"a\", \"name\": \"A\", \"repo\": \"o/r\", \"file\": \"x.gguf\", "
        "\"size_bytes\": 1}]}",
    };
    struct ori_catalogue catalogue;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(texts); i++)
        if (ori_catalogue_parse(texts[i], strlen(texts[i]), &catalogue, NULL) != ORION_E_FORMAT)
            fail_msg("took '%s'", texts[i]);
    static const char empty[] = "{\"models\": []}";
    assert_int_equal(ori_catalogue_parse(empty, sizeof(empty) - 1, &catalogue, NULL), ORION_OK);
    ori_catalogue_close(&catalogue);
}

/* ---- names ---- */

static void names_are_resolved(void **state)
{
    const struct ori_manager *manager = *state;

    pull(manager, "orion/orion-tiny", "orion-tiny.gguf");
    pull(manager, "acme/tiny", "t-Q4_K_M.gguf");
    pull(manager, "acme/tiny", "sub/t-Q8_0.gguf");
    pull(manager, "acme/other", "only-Q6_K.gguf");
    put("models/dropped file.gguf");
    put("models/one/same.gguf");
    put("models/two/same.gguf");
    put("elsewhere/e.gguf");
    put("here.gguf");

    static const struct {
        const char *label, *name;
        orion_status status;
        const char *path; /* from the test's folder */
    } rows[] = {
        {"catalogue id", "orion-tiny", ORION_OK, "models/orion/orion-tiny/orion-tiny.gguf"},
        {"whatever the case", "Orion-TINY", ORION_OK, "models/orion/orion-tiny/orion-tiny.gguf"},
        {"catalogue id, not here", "phi3-mini", ORION_E_NOT_FOUND, NULL},
        {"org/repo/file", "acme/tiny/t-Q4_K_M.gguf", ORION_OK, "models/acme/tiny/t-Q4_K_M.gguf"},
        {"file in a folder", "acme/tiny/sub/t-Q8_0.gguf", ORION_OK,
         "models/acme/tiny/sub/t-Q8_0.gguf"},
        {"org/repo", "acme/tiny", ORION_OK, "models/acme/tiny/t-Q4_K_M.gguf"},
        {"org/repo:QUANT", "acme/tiny:q8_0", ORION_OK, "models/acme/tiny/sub/t-Q8_0.gguf"},
        {"what there is of a repository", "acme/other", ORION_OK,
         "models/acme/other/only-Q6_K.gguf"},
        {"quantization, not here", "acme/tiny:Q2_K", ORION_E_NOT_FOUND, NULL},
        {"repository, not here", "acme/none", ORION_E_NOT_FOUND, NULL},
        {"file, not here", "acme/tiny/none.gguf", ORION_E_NOT_FOUND, NULL},
        {"stem", "t-Q4_K_M", ORION_OK, "models/acme/tiny/t-Q4_K_M.gguf"},
        {"file name", "t-Q8_0.gguf", ORION_OK, "models/acme/tiny/sub/t-Q8_0.gguf"},
        {"stem of two", "same", ORION_E_NOT_FOUND, NULL},
        {"one of the two", "two/same.gguf", ORION_OK, "models/two/same.gguf"},
        {"dropped file by its id", "dropped file.gguf", ORION_OK, "models/dropped file.gguf"},
        {"dropped file by its stem", "dropped file", ORION_OK, "models/dropped file.gguf"},
        {"path in the working folder", "here.gguf", ORION_OK, "here.gguf"},
        {"path with a slash", "elsewhere/e.gguf", ORION_OK, "elsewhere/e.gguf"},
        {"path with a dot", "./elsewhere/../here.gguf", ORION_OK, "here.gguf"},
        {"path into the store", "./models/acme/tiny/t-Q4_K_M.gguf", ORION_OK,
         "models/acme/tiny/t-Q4_K_M.gguf"},
        {"path to nothing", "./none.gguf", ORION_E_NOT_FOUND, NULL},
        {"path to a folder", "./elsewhere", ORION_E_NOT_FOUND, NULL},
        {"unknown", "nonsense", ORION_E_NOT_FOUND, NULL},
        {"empty", "", ORION_E_FORMAT, NULL},
        {"climbs", "acme/../../here.gguf", ORION_E_FORMAT, NULL},
        {"no name", "a b/c d", ORION_E_FORMAT, NULL},
    };
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_error err = {0};
        char *path = NULL, wanted[600] = "";
        const orion_status status = ori_manager_path(manager, rows[i].name, &path, &err);
        if (rows[i].path)
            (void)snprintf(wanted, sizeof(wanted), "%s/%s", folder, rows[i].path);
        if (status != rows[i].status || strcmp(path ? path : "", wanted) != 0)
            fail_msg("%s: '%s' gave %d '%s' (%s)", rows[i].label, rows[i].name, status,
                     path ? path : "", err.message);
        assert_int_equal(status != ORION_OK, err.message[0] != '\0');
        free(path);
    }
}

/* For whom anyone may ask: a path tells nothing of what is there. */
static void paths_may_be_no_names(void **state)
{
    static const char *const names[] = {"here.gguf", "./here.gguf", "elsewhere/e.gguf",
                                        "../here.gguf"};
    struct ori_manager *manager = *state;
    orion_error there, gone;
    char *path;

    manager->names_only = true;
    put("models/inside.gguf");
    assert_int_equal(ori_manager_path(manager, "inside.gguf", &path, NULL), ORION_OK);
    char *again;
    assert_int_equal(ori_manager_path(manager, path, &again, NULL), ORION_OK);
    assert_string_equal(again, path); /* one that the manager told is a name */
    free(again);
    free(path);
    for (size_t i = 0; i < ORI_COUNT(names); i++) {
        const orion_status status = ori_manager_path(manager, names[i], &path, &gone);
        assert_true(status == ORION_E_NOT_FOUND || status == ORION_E_FORMAT);
        put("here.gguf");
        put("elsewhere/e.gguf");
        assert_int_equal(ori_manager_path(manager, names[i], &path, &there), status);
        assert_string_equal(there.message, gone.message);
        assert_int_equal(system("rm -r here.gguf elsewhere"), 0);
    }
}

static void quantizations_are_read(void **state)
{
    static const struct {
        const char *file, *quantization;
    } rows[] = {
        {"x-Q4_K_M.gguf", "Q4_K_M"},
        {"a/b/x.q8_0.gguf", "Q8_0"},
        {"Phi-3-mini-q4.gguf", "Q4"},
        {"x-IQ4_NL.gguf", "IQ4_NL"},
        {"x-f16.gguf", "F16"},
        {"x-BF16-Q4_0.gguf", "Q4_0"},
        {"x.gguf", ""},
        {"Qwen2-7b.gguf", ""},
        {"Q2_K/x.gguf", ""},
        {"x-Q4_K_M-imat.gguf", "Q4_K_M"},
        {"IQ.gguf", ""},
        {"", ""},
    };
    char out[ORI_QUANT_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        ori_quantization_of(rows[i].file, out);
        if (strcmp(out, rows[i].quantization) != 0)
            fail_msg("'%s' gave '%s'", rows[i].file, out);
    }
}

/* ---- lists ---- */

static const orion_model_facts *find(const orion_model_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->models[i].id, id) == 0)
            return &list->models[i];
    return NULL;
}

static void lists_join_catalogue_and_disk(void **state)
{
    const struct ori_manager *manager = *state;
    const size_t n = manager->catalogue.n;
    orion_model_list *list;

    assert_int_equal(ori_manager_available(manager, &list, NULL), ORION_OK);
    assert_int_equal(list->count, n);
    assert_string_equal(list->models[0].id, "phi3-mini-4k");
    assert_false(list->models[0].downloaded);
    assert_string_equal(list->models[0].path, "");
    assert_true(list->models[0].size_bytes > 2000000000);
    assert_true(list->models[0].supported && list->models[0].memory_bytes > 2000000000);
    assert_string_equal(list->models[0].languages, "en es fr de it");
    assert_true(list->models[0].verified_unix == 0 && !list->models[0].intact);
    ori_manager_list_free(list);
    assert_int_equal(ori_manager_downloaded(manager, &list, NULL), ORION_OK);
    assert_int_equal(list->count, 0);
    ori_manager_list_free(list);

    pull(manager, "zeta/z", "z-Q8_0.gguf");
    pull(manager, "orion/orion-tiny", "orion-tiny.gguf");
    put("models/dropped.gguf");
    assert_int_equal(ori_manager_available(manager, &list, NULL), ORION_OK);
    assert_int_equal(list->count, n + 2);
    assert_string_equal(list->models[n].id, "dropped.gguf");
    assert_string_equal(list->models[n + 1].id, "zeta/z/z-Q8_0.gguf");

    const orion_model_facts *z = find(list, "zeta/z/z-Q8_0.gguf");
    assert_true(z && z->downloaded && !z->in_catalogue && z->size_bytes == 4);
    assert_string_equal(z->name, "z-Q8_0");
    assert_string_equal(z->version, "Q8_0");
    assert_string_equal(z->repo, "zeta/z");
    assert_string_equal(z->file, "z-Q8_0.gguf");
    assert_int_equal(strlen(z->revision), 40);
    assert_int_equal(strlen(z->sha256), 64);
    assert_true(strncmp(z->path, models, strlen(models)) == 0 && z->modified_unix > 0);
    assert_true(z->intact && z->verified_unix > 0 && !z->supported && z->memory_bytes == 0);
    assert_string_equal(z->languages, "");

    const orion_model_facts *dropped = find(list, "dropped.gguf");
    assert_true(dropped && dropped->downloaded);
    assert_string_equal(dropped->repo, "");
    assert_string_equal(dropped->sha256, "");
    assert_true(!dropped->intact && dropped->verified_unix == 0);
    const orion_model_facts *tiny = find(list, "orion-tiny");
    assert_true(tiny && tiny->downloaded && tiny->in_catalogue && tiny->size_bytes == 4);
    ori_manager_list_free(list);

    assert_int_equal(ori_manager_downloaded(manager, &list, NULL), ORION_OK);
    assert_int_equal(list->count, 3);
    assert_string_equal(list->models[0].id, "orion-tiny"); /* the catalogue's come first */
    ori_manager_list_free(list);
    ori_manager_list_free(NULL);
}

/* Write four of its bytes, as an interrupted pull leaves them. */
static void begin_partial(const struct ori_manager *manager, const char *repo, const char *file)
{
    struct ori_blob blob = {
        .hub = "http://hub", .repo = repo, .file = file, .revision = "", .size_bytes = 16};
    struct ori_partial *partial;
    enum ori_partial_state got;

    memset(blob.digest.hex, 'b', 64);
    assert_int_equal(ori_partial_open(manager->store, &blob, NULL, &got, &partial, NULL), ORION_OK);
    assert_int_equal(ori_partial_write(partial, 0, "GGUF", 4, NULL), ORION_OK);
    ori_partial_close(partial);
}

/* One model's facts, by any of its names. */
static void a_model_by_its_names(void **state)
{
    static const struct {
        const char *name, *id; /* NULL: not found */
    } rows[] = {
        {"phi3-mini", "phi3-mini-4k"},
        {"microsoft/Phi-3-mini-4k-instruct-gguf/Phi-3-mini-4k-instruct-q4.gguf", "phi3-mini-4k"},
        {"zeta/z", "zeta/z/z-Q8_0.gguf"},
        {"z-Q8_0", "zeta/z/z-Q8_0.gguf"},
        {"acme/cut", "acme/cut/c-00001-of-00002.gguf"},
        {"acme/cut/c-00002-of-00002.gguf", "acme/cut/c-00001-of-00002.gguf"},
        {"acme/half", "acme/half/h-Q4_K_M.gguf"},
        {"acme/none", NULL},
        {"acme/none/x.gguf", NULL},
        {"nothing", NULL},
        {"./outside.gguf", NULL},
    };
    const struct ori_manager *manager = *state;
    orion_model_list *list;
    orion_error err;

    pull(manager, "zeta/z", "z-Q8_0.gguf");
    pull(manager, "acme/cut", "c-00001-of-00002.gguf");
    pull(manager, "acme/cut", "c-00002-of-00002.gguf");
    begin_partial(manager, "acme/half", "h-Q4_K_M.gguf");
    put("outside.gguf");
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        err.message[0] = '\0';
        const orion_status status = ori_manager_model(manager, rows[i].name, &list, &err);
        if (rows[i].id) {
            assert_int_equal(status, ORION_OK);
            assert_int_equal(list->count, 1);
            assert_string_equal(list->models[0].id, rows[i].id);
            ori_manager_list_free(list);
        } else {
            assert_int_equal(status, ORION_E_NOT_FOUND);
            assert_null(list);
            assert_true(err.message[0] != '\0');
        }
    }
    assert_int_equal(ori_manager_model(manager, "a b/c", &list, &err), ORION_E_FORMAT);
}

static void unfinished_downloads_are_listed(void **state)
{
    const struct ori_manager *manager = *state;
    struct ori_blob blob = {.hub = "http://hub",
                            .repo = "acme/part",
                            .file = "p-Q4_0.gguf",
                            .revision = "",
                            .size_bytes = 100};
    struct ori_partial *partial;
    enum ori_partial_state got;
    orion_model_list *list;

    memset(blob.digest.hex, 'a', 64);
    assert_int_equal(ori_partial_open(manager->store, &blob, NULL, &got, &partial, NULL), ORION_OK);
    assert_int_equal(ori_partial_write(partial, 0, "GGUF", 4, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_int_equal(ori_manager_available(manager, &list, NULL), ORION_OK);
    const orion_model_facts *p = find(list, "acme/part/p-Q4_0.gguf");
    assert_true(p && !p->downloaded && p->partial_bytes == 4 && p->size_bytes == 100);
    ori_manager_list_free(list);
    assert_int_equal(ori_manager_remove(manager, "acme/part:Q4_0", NULL), ORION_OK);
    assert_int_equal(ori_manager_remove(manager, "acme/part:Q4_0", NULL), ORION_E_NOT_FOUND);
}

/* ---- what is done to models ---- */

static void removing(void **state)
{
    const struct ori_manager *manager = *state;
    orion_error err;

    pull(manager, "orion/orion-tiny", "orion-tiny.gguf");
    put("outside.gguf");
    assert_int_equal(ori_manager_remove(manager, "outside.gguf", &err), ORION_E_DENIED);
    assert_int_equal(access("outside.gguf", F_OK), 0);
    assert_int_equal(ori_manager_remove(manager, "orion-tiny", &err), ORION_OK);
    assert_int_equal(ori_manager_remove(manager, "orion-tiny", &err), ORION_E_NOT_FOUND);
    assert_int_equal(access("models/orion", F_OK), -1);
}

static void verifying(void **state)
{
    const struct ori_manager *manager = *state;

    pull(manager, "acme/tiny", "t.gguf");
    put("models/dropped.gguf");
    put("outside.gguf");
    assert_int_equal(ori_manager_verify(manager, "t", NULL, NULL), ORION_OK);
    assert_int_equal(ori_manager_verify(manager, "dropped", NULL, NULL), ORION_E_UNSUPPORTED);
    assert_int_equal(ori_manager_verify(manager, "outside.gguf", NULL, NULL), ORION_E_UNSUPPORTED);
    FILE *file = fopen("models/acme/tiny/t.gguf", "r+b");
    assert_true(file && fputs("XXXX", file) >= 0 && fclose(file) == 0);
    assert_int_equal(ori_manager_verify(manager, "t", NULL, NULL), ORION_E_INTEGRITY);
}

/* Only what is as its record says may be given on, under the name that it has there. */
static void files_to_give_on(void **state)
{
    const struct ori_manager *manager = *state;
    orion_stored_file_list *all, *one;
    char bytes[4];
    int fd;

    pull(manager, "acme/tiny", "b.gguf");
    pull(manager, "acme/tiny", "a-00001-of-00002.gguf"); /* a piece is a file like any other */
    pull(manager, "acme/other", "sub/c.gguf");
    pull(manager, "acme/moved", "m.gguf");
    put("models/acme/tiny/dropped.gguf");
    assert_int_equal(system("mkdir models/new && mv models/acme/moved models/new/moved"), 0);

    assert_int_equal(ori_manager_files(manager, NULL, &all, NULL), ORION_OK);
    assert_int_equal(all->count, 3);
    assert_string_equal(all->files[0].repo, "acme/other");
    assert_string_equal(all->files[0].file, "sub/c.gguf");
    assert_string_equal(all->files[1].file, "a-00001-of-00002.gguf");
    assert_string_equal(all->files[2].file, "b.gguf");
    assert_string_equal(all->files[2].revision, "0123456789abcdef0123456789abcdef01234567");
    assert_int_equal(strlen(all->files[2].sha256), 64);
    assert_int_equal(all->files[2].size_bytes, 4);
    assert_int_equal(ori_manager_files(manager, "acme/other", &one, NULL), ORION_OK);
    assert_int_equal(one->count, 1);
    ori_stored_files_free(one);
    assert_int_equal(ori_manager_files(manager, "acme", &one, NULL), ORION_OK);
    assert_int_equal(one->count, 0);
    ori_stored_files_free(one);

    const orion_stored_file *file = &all->files[2];
    assert_int_equal(ori_manager_open_file(manager, file, &fd, NULL), ORION_OK);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 4);
    assert_memory_equal(bytes, "GGUF", 4);
    assert_int_equal(close(fd), 0);
    orion_stored_file other = *file;
    other.sha256 = "00";
    assert_int_equal(ori_manager_open_file(manager, &other, &fd, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(fd, -1);
    other = *file;
    other.file = "../tiny/b.gguf";
    assert_int_equal(ori_manager_open_file(manager, &other, &fd, NULL), ORION_E_FORMAT);
    FILE *changed = fopen("models/acme/tiny/b.gguf", "r+b");
    assert_true(changed && fputs("GGUF, and more", changed) >= 0 && fclose(changed) == 0);
    assert_int_equal(ori_manager_open_file(manager, file, &fd, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(fd, -1);
    ori_stored_files_free(all);
    assert_int_equal(ori_manager_files(manager, "acme/tiny", &all, NULL), ORION_OK);
    assert_int_equal(all->count, 1);
    ori_stored_files_free(all);
}

static void pulling_offline(void **state)
{
    const struct ori_manager *manager = *state;
    char *path = NULL;

    assert_int_equal(ori_manager_pull(manager, "orion-tiny", NULL, &path, NULL), ORION_E_OFFLINE);
    assert_null(path);
    pull(manager, "orion/orion-tiny", "orion-tiny.gguf");
    assert_int_equal(ori_manager_pull(manager, "orion-tiny", NULL, &path, NULL), ORION_OK);
    assert_non_null(strstr(path, "/models/orion/orion-tiny/orion-tiny.gguf"));
    free(path);
    pull(manager, "acme/tiny", "x-Q6_K.gguf"); /* not what the rule likes best, but there */
    assert_int_equal(ori_manager_pull(manager, "acme/tiny", NULL, &path, NULL), ORION_OK);
    free(path);
    assert_int_equal(ori_manager_pull(manager, "acme/tiny@0123456", NULL, NULL, NULL), ORION_OK);
    assert_int_equal(ori_manager_pull(manager, "acme/tiny@main", NULL, NULL, NULL),
                     ORION_E_OFFLINE);
    assert_int_equal(ori_manager_pull(manager, "acme/tiny:Q8_0", NULL, NULL, NULL),
                     ORION_E_OFFLINE);
    assert_int_equal(ori_manager_pull(manager, "x-Q6_K", NULL, &path, NULL), ORION_OK);
    free(path);
    assert_int_equal(ori_manager_pull(manager, "nonsense", NULL, NULL, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(ori_manager_pull_file(manager, "acme/tiny", "x-Q6_K.gguf", NULL, &path, NULL),
                     ORION_OK);
    free(path);
    assert_int_equal(ori_manager_pull_file(manager, "acme/tiny", "../x.gguf", NULL, &path, NULL),
                     ORION_E_FORMAT);
    assert_int_equal(ori_manager_pull_file(manager, "acme", "x:y.gguf", NULL, &path, NULL),
                     ORION_E_FORMAT);
    assert_null(path);
}

/* ---- threads ---- */

/* Returns NULL when all went well. */
static void *use(void *self)
{
    const struct ori_manager *manager = self;
    void *bad = NULL;

    for (int i = 0; i < 10; i++) {
        orion_model_list *list = NULL;
        char *path = NULL;
        if (ori_manager_available(manager, &list, NULL) != ORION_OK || !find(list, "orion-tiny") ||
            find(list, "orion-tiny")->record_damaged ||
            ori_manager_pull(manager, "orion-tiny", NULL, &path, NULL) != ORION_OK ||
            ori_manager_verify(manager, "orion-tiny", NULL, NULL) != ORION_OK)
            bad = self;
        ori_manager_list_free(list);
        free(path);
    }
    return bad;
}

static void threads_share_a_manager(void **state)
{
    pthread_t threads[4];
    void *bad;

    pull(*state, "orion/orion-tiny", "orion-tiny.gguf");
    for (size_t i = 0; i < ORI_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, *state), 0);
    for (size_t i = 0; i < ORI_COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
}

/* ---- configuration ---- */

static void clear_environment(void)
{
    static const char *const names[] = {
        "ORION_MODELS",   "ORION_CONFIG", "ORION_LIMIT_RATE", "ORION_CONNECTIONS",
        "HF_ENDPOINT",    "HF_TOKEN",     "HF_TOKEN_PATH",    "HF_HOME",
        "HF_HUB_OFFLINE", "HTTPS_PROXY",  "https_proxy",      "ALL_PROXY",
        "SSL_CERT_FILE",  "SSL_CERT_DIR", "CURL_CA_BUNDLE",   "XDG_CACHE_HOME",
    };
    for (size_t i = 0; i < ORI_COUNT(names); i++)
        assert_int_equal(unsetenv(names[i]), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
}

static void write_config(const char *text)
{
    (void)mkdir(".orionhealth", 0700);
    FILE *file = fopen(".orionhealth/config.json", "wb");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Each source is believed before the next. */
static void options_environment_file_default(void **state)
{
    orion_manager_options options = {.size = sizeof(options)};
    struct ori_config c;
    char usual[400];

    (void)state;
    clear_environment();
    (void)snprintf(usual, sizeof(usual), "%s/.orionhealth/models", folder);
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), usual);
    assert_string_equal(c.values[ORI_CONFIG_MODELS_DIR].source, "default");
    assert_null(ori_config_text(&c, ORI_CONFIG_HUB_URL));
    assert_true(!c.offline && c.max_bytes == 0 && c.max_rate == 0 && c.connections == 0);
    ori_config_release(&c);

    write_config("{\"models\": {\"dir\": \"/file\", \"max_bytes\": \"50G\"},"
                 " \"hub\": {\"url\": \"http://file\", \"offline\": true, \"token\": \"hf_file\"},"
                 " \"download\": {\"max_rate\": \"2 MB\", \"connections\": 3}}");
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), "/file");
    assert_non_null(strstr(c.values[ORI_CONFIG_MODELS_DIR].source, "/.orionhealth/config.json"));
    assert_true(c.offline && c.max_bytes == 50000000000 && c.max_rate == 2000000);
    assert_int_equal(c.connections, 3);
    ori_config_release(&c);

    assert_int_equal(setenv("ORION_MODELS", "/env", 1) | setenv("HF_HUB_OFFLINE", "0", 1) |
                         setenv("ORION_LIMIT_RATE", "64Ki", 1) | setenv("HF_TOKEN", "hf_env", 1),
                     0);
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), "/env");
    assert_string_equal(c.values[ORI_CONFIG_MODELS_DIR].source, "ORION_MODELS");
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_HUB_URL), "http://file");
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_TOKEN), "hf_env");
    assert_true(!c.offline && c.max_rate == 65536);
    ori_config_release(&c);

    options.models_dir = "/option";
    options.offline = true;
    options.limit_bytes_per_second = UINT64_MAX; /* none, whatever others say */
    options.connections = 16;
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), "/option");
    assert_true(c.offline && c.max_rate == 0 && c.connections == 16);
    ori_config_release(&c);

    options.config_file = ""; /* none is read */
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_null(ori_config_text(&c, ORI_CONFIG_HUB_URL));
    ori_config_release(&c);
    clear_environment();
}

static void secrets_are_not_shown(void **state)
{
    static const struct {
        const char *proxy, *shown;
    } rows[] = {
        {"http://me:pass@proxy:3128", "http://***@proxy:3128"},
        {"me:pass@proxy:3128", "***@proxy:3128"},
        {"me:p://ss@proxy:3128", "***@proxy:3128"},
        {"http://me:p://ss@proxy:3128", "http://***@proxy:3128"},
        {"http://proxy:3128", "http://proxy:3128"},
    };
    orion_manager_options options = {.size = sizeof(options), .token = "hf_secret"};
    struct ori_config c;
    char text[200];

    (void)state;
    clear_environment();
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        options.proxy = rows[i].proxy;
        assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
        ori_config_show(&c, ORI_CONFIG_TOKEN, text, sizeof(text));
        assert_null(strstr(text, "secret"));
        ori_config_show(&c, ORI_CONFIG_PROXY, text, sizeof(text));
        assert_string_equal(text, rows[i].shown);
        ori_config_release(&c);
    }
}

static void bad_configurations_are_refused(void **state)
{
    static const struct {
        const char *label, *text, *says;
    } rows[] = {
        {"no JSON", "{", "config.json"},
        {"no object", "[]", "braces"},
        {"unknown section", "{\"modles\": {}}", "'modles'"},
        {"unknown key", "{\"models\": {\"folder\": \"x\"}}", "'models.folder'"},
        {"section of another type", "{\"models\": 3}", "'models' must be"},
        {"text for a flag", "{\"hub\": {\"offline\": \"yes\"}}", "'hub.offline' must be"},
        {"flag for a text", "{\"hub\": {\"url\": true}}", "'hub.url' must be"},
        {"number for a text", "{\"models\": {\"dir\": 3}}", "'models.dir' must be"},
        {"bad size", "{\"models\": {\"max_bytes\": \"many\"}}", "'models.max_bytes' is not"},
        {"negative size", "{\"models\": {\"max_bytes\": -1}}", "'models.max_bytes' is not"},
        {"too many connections", "{\"download\": {\"connections\": 17}}",
         "'download.connections' is not"},
    };
    const orion_manager_options options = {.size = sizeof(options)};
    struct ori_config c;

    (void)state;
    clear_environment();
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_error err = {0};
        write_config(rows[i].text);
        const orion_status status = ori_config_read(&options, &c, &err);
        if (status != ORION_E_ARGUMENT || !strstr(err.message, rows[i].says))
            fail_msg("%s: %d, %s", rows[i].label, status, err.message);
    }
    write_config("{}");
    assert_int_equal(setenv("ORION_CONNECTIONS", "none", 1), 0);
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_E_ARGUMENT);
    clear_environment();
    const orion_manager_options missing = {.size = sizeof(missing), .config_file = "none.json"};
    assert_int_equal(ori_config_read(&missing, &c, NULL), ORION_E_ARGUMENT);
}

static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* UINT64_MAX: refused */
    } rows[] = {{"0", 0},
                {"500000", 500000},
                {"2M", 2000000},
                {"2m", 2000000},
                {"50 GB", 50000000000},
                {"1Ki", 1024},
                {"3MiB", 3145728},
                {"1T", 1000000000000},
                {"", UINT64_MAX},
                {"-1", UINT64_MAX},
                {"2X", UINT64_MAX},
                {"2 M B", UINT64_MAX},
                {"99999999999999999999", UINT64_MAX},
                {"99999999999999999T", UINT64_MAX}};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        uint64_t bytes = UINT64_MAX;
        const bool taken = ori_config_parse_bytes(rows[i].text, &bytes);
        if (bytes != rows[i].bytes || taken != (bytes != UINT64_MAX))
            fail_msg("'%s' gave %llu", rows[i].text, (unsigned long long)bytes);
    }
}

static void offline_by_environment(void **state)
{
    static const struct {
        const char *value;
        bool offline;
    } rows[] = {{"1", true},  {"TRUE", true}, {"yes", true}, {"on", true},
                {"0", false}, {"", false},    {"no", false}};
    orion_manager_options options = {.size = sizeof(options)};
    struct ori_config c;

    (void)state;
    clear_environment();
    for (size_t i = 0; i < ORI_COUNT(rows); i++)
        for (int option = 0; option < 2; option++) {
            options.offline = option;
            assert_int_equal(setenv("HF_HUB_OFFLINE", rows[i].value, 1), 0);
            assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
            assert_int_equal(c.offline, option || rows[i].offline);
            ori_config_release(&c);
        }
    clear_environment();
}

/* ---- models in several files ---- */

static void pieces_are_recognised(void **state)
{
    static const struct {
        const char *file;
        uint32_t no, count;
    } rows[] = {
        {"m-00001-of-00003.gguf", 1, 3}, {"a/b/m-00003-of-00003.gguf", 3, 3},
        {"m-00001-of-00001.gguf", 1, 1}, {"m-00000-of-00003.gguf", 1, 1},
        {"m-00004-of-00003.gguf", 1, 1}, {"m-00001-of-99999.gguf", 1, 1},
        {"m-1-of-3.gguf", 1, 1},         {"m.gguf", 1, 1},
        {"-00002-of-00003.gguf", 2, 3},
    };
    uint32_t no, count;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        ori_shard_of(rows[i].file, &no, &count);
        if (no != rows[i].no || count != rows[i].count)
            fail_msg("'%s' gave %u of %u", rows[i].file, no, count);
    }
    char name[] = "x/m-00002-of-00012.gguf";
    ori_shard_name(name, 12);
    assert_string_equal(name, "x/m-00012-of-00012.gguf");
    assert_true(ori_shard_same_model("m-00001-of-00003.gguf", "m-00002-of-00003.gguf"));
    assert_false(ori_shard_same_model("m-00001-of-00003.gguf", "m-00002-of-00004.gguf"));
    assert_false(ori_shard_same_model("m-00001-of-00003.gguf", "n-00001-of-00003.gguf"));
    assert_false(ori_shard_same_model("m.gguf", "m.gguf"));
}

static void pieces_are_one_model(void **state)
{
    const struct ori_manager *manager = *state;
    orion_model_list *list;
    char *path = NULL;

    pull(manager, "acme/cut", "c-Q4_K_M-00001-of-00002.gguf");
    /* Half of it is no model: neither listed nor found. */
    assert_int_equal(ori_manager_downloaded(manager, &list, NULL), ORION_OK);
    assert_int_equal(list->count, 0);
    ori_manager_list_free(list);
    assert_int_equal(ori_manager_available(manager, &list, NULL), ORION_OK);
    const orion_model_facts *half = find(list, "acme/cut/c-Q4_K_M-00001-of-00002.gguf");
    assert_true(half && !half->downloaded && half->partial_bytes == 4 && half->n_files == 2);
    ori_manager_list_free(list);
    assert_int_equal(ori_manager_path(manager, "acme/cut", &path, NULL), ORION_E_NOT_FOUND);

    pull(manager, "acme/cut", "c-Q4_K_M-00002-of-00002.gguf");
    assert_int_equal(ori_manager_downloaded(manager, &list, NULL), ORION_OK);
    assert_int_equal(list->count, 1);
    assert_string_equal(list->models[0].name, "c-Q4_K_M");
    assert_string_equal(list->models[0].version, "Q4_K_M");
    assert_true(list->models[0].size_bytes == 8 && list->models[0].n_files == 2);
    assert_true(list->models[0].intact && list->models[0].verified_unix > 0);
    ori_manager_list_free(list);
    static const char *const names[] = {"acme/cut", "acme/cut:Q4_K_M", "c-Q4_K_M-00001-of-00002",
                                        "acme/cut/c-Q4_K_M-00002-of-00002.gguf"};
    for (size_t i = 0; i < ORI_COUNT(names); i++) {
        assert_int_equal(ori_manager_path(manager, names[i], &path, NULL), ORION_OK);
        assert_non_null(strstr(path, "/acme/cut/c-Q4_K_M-00001-of-00002.gguf"));
        free(path);
        assert_int_equal(ori_manager_pull(manager, names[i], NULL, NULL, NULL), ORION_OK);
    }
    assert_int_equal(ori_manager_verify(manager, "acme/cut", NULL, NULL), ORION_OK);
    FILE *file = fopen("models/acme/cut/c-Q4_K_M-00002-of-00002.gguf", "r+b");
    assert_true(file && fputs("XXXX", file) >= 0 && fclose(file) == 0);
    assert_int_equal(ori_manager_downloaded(manager, &list, NULL), ORION_OK);
    assert_false(list->models[0].intact); /* for its second piece */
    ori_manager_list_free(list);
    assert_int_equal(ori_manager_verify(manager, "acme/cut", NULL, NULL), ORION_E_INTEGRITY);
    assert_int_equal(ori_manager_remove(manager, "acme/cut", NULL), ORION_OK);
    assert_int_equal(access("models/acme", F_OK), -1);
}

static void projectors_stand_beside_models(void **state)
{
    const struct ori_manager *manager = *state;
    orion_model_list *list;
    char *path;

    pull(manager, "acme/eyes", "mmproj-F16.gguf");
    pull(manager, "acme/eyes", "z-Q8_0.gguf");
    assert_int_equal(ori_manager_downloaded(manager, &list, NULL), ORION_OK);
    assert_int_equal(list->count, 2);
    assert_string_equal(list->models[0].id, "acme/eyes/z-Q8_0.gguf");
    assert_string_equal(list->models[0].role, "model");
    assert_string_equal(list->models[1].id, "acme/eyes/mmproj-F16.gguf");
    assert_string_equal(list->models[1].role, "projector");
    ori_manager_list_free(list);
    assert_int_equal(ori_manager_path(manager, "acme/eyes", &path, NULL), ORION_OK);
    assert_non_null(strstr(path, "z-Q8_0.gguf"));
    free(path);
}

/* ---- downloads ---- */

struct calls {
    pthread_mutex_t mutex;
    unsigned n;
    orion_download_stage last;
};

static void count_call(const orion_download_facts *facts, void *user)
{
    struct calls *calls = user;
    (void)pthread_mutex_lock(&calls->mutex);
    calls->n++;
    calls->last = facts->stage;
    (void)pthread_mutex_unlock(&calls->mutex);
}

/* What is here is done at once, what is not fails: we are offline. */
static void downloads_end(void **state)
{
    const struct ori_manager *manager = *state;
    struct calls calls = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    const orion_download_options options = {
        .size = sizeof(options), .on_change = count_call, .user = &calls};
    orion_download_facts facts;
    uint64_t here, gone, *ids;
    char *path;
    size_t n;

    pull(manager, "acme/tiny", "x-Q4_K_M.gguf");
    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    assert_int_equal(n, 0);
    free(ids);
    assert_int_equal(ori_download_start(manager, "acme/tiny", &options, &here, NULL), ORION_OK);
    assert_int_equal(ori_download_start(manager, "acme/gone", &options, &gone, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, here, -1, &facts, &path, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_DONE);
    assert_true(facts.done_bytes == 4 && facts.percent == 100);
    assert_string_equal(facts.model, "acme/tiny/x-Q4_K_M.gguf");
    assert_non_null(strstr(path, "x-Q4_K_M.gguf"));
    free(path);
    assert_int_equal(ori_download_wait(manager, gone, -1, &facts, &path, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    assert_int_equal(facts.error.status, ORION_E_OFFLINE);
    assert_null(path);
    assert_string_equal(facts.name, "acme/gone");
    assert_string_equal(facts.model, ""); /* no one knows which it is */

    assert_int_equal(ori_download_resume(manager, gone, NULL), ORION_OK); /* once more */
    assert_int_equal(ori_download_wait(manager, gone, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    assert_int_equal(ori_download_pause(manager, here, NULL), ORION_OK); /* over: nothing to do */
    assert_int_equal(ori_download_cancel(manager, here, NULL), ORION_OK);
    assert_int_equal(ori_download_get(manager, here, &facts, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_DONE);

    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    assert_true(n == 2 && ids[0] == here && ids[1] == gone);
    free(ids);
    assert_int_equal(ori_download_free(manager, here, NULL), ORION_OK);
    assert_int_equal(ori_download_free(manager, here, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_get(manager, here, &facts, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_wait(manager, 99, 0, NULL, NULL, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_free(manager, gone, NULL), ORION_OK);
    /* Nothing is told any more: calls may go.  How often it was told depends on the clock. */
    assert_int_equal(ori_download_start(manager, "no name", NULL, &gone, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(gone, 0);
}

/* Verifying is work in the background, too. */
static void verifying_in_the_background(void **state)
{
    const struct ori_manager *manager = *state;
    orion_download_options options = {.size = sizeof(options), .kind = ORION_DOWNLOAD_VERIFY};
    orion_download_facts facts;
    uint64_t id;

    pull(manager, "acme/cut", "c-00001-of-00002.gguf");
    pull(manager, "acme/cut", "c-00002-of-00002.gguf");
    put("models/dropped.gguf");
    assert_int_equal(ori_download_start(manager, "acme/cut", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_DONE);
    assert_int_equal(facts.kind, ORION_DOWNLOAD_VERIFY);
    assert_true(facts.total_bytes == 8 && facts.done_bytes == 8);
    assert_string_equal(facts.name, "acme/cut");
    assert_string_equal(facts.model, "acme/cut/c-00001-of-00002.gguf");
    assert_string_equal(facts.file, "c-00002-of-00002.gguf");

    FILE *file = fopen("models/acme/cut/c-00002-of-00002.gguf", "r+b");
    assert_true(file && fputs("XXXX", file) >= 0 && fclose(file) == 0);
    assert_int_equal(ori_download_resume(manager, id, NULL), ORION_OK); /* done: nothing to do */
    assert_int_equal(ori_download_start(manager, "acme/cut", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    assert_int_equal(facts.error.status, ORION_E_INTEGRITY);
    options.kind = ORION_DOWNLOAD_REPAIR;
    assert_int_equal(ori_download_start(manager, "acme/cut", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.error.status, ORION_E_OFFLINE); /* the hub would have the bytes */
    assert_int_equal(facts.kind, ORION_DOWNLOAD_REPAIR);

    assert_int_equal(ori_download_start(manager, "acme/none", &options, &id, NULL),
                     ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_start(manager, "dropped", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.error.status, ORION_E_UNSUPPORTED); /* no hash was recorded */
}

/* ---- downloads that outlive their process ---- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct ori_manager *open_again(struct ori_manager *manager)
{
    const orion_manager_options options = {.size = sizeof(options),
                                           .models_dir = models,
                                           .hub_url = "http://127.0.0.1:1",
                                           .offline = true};

    ori_manager_close(manager);
    assert_int_equal(ori_manager_open(&options, &manager, NULL), ORION_OK);
    return manager;
}

/* The facts of the download called so; fails when there is none. */
static orion_download_facts the(const struct ori_manager *manager, const char *name)
{
    orion_download_facts facts = {.id = 0};
    uint64_t *ids;
    size_t n;

    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ori_download_get(manager, ids[i], &facts, NULL), ORION_OK);
        if (strcmp(facts.name, name) == 0)
            break;
        facts.id = 0;
    }
    free(ids);
    assert_int_not_equal(facts.id, 0);
    return facts;
}

static size_t count_downloads(const struct ori_manager *manager)
{
    uint64_t *ids;
    size_t n;

    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    free(ids);
    return n;
}

static void downloads_outlive_the_process(void **state)
{
    struct ori_manager *manager = *state;
    orion_download_facts facts;
    uint64_t id;

    begin_partial(manager, "acme/half", "h-Q4_K_M.gguf");
    write_text("models/.downloads.json", "{\"orion_downloads\": 1, \"downloads\": ["
                                         "{\"model\": \"acme/half\", \"paused\": true},"
                                         "{\"model\": \"acme/gone\", \"paused\": false},"
                                         "{\"model\": \"no name\"}, {\"model\": 7}, 8]}");
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK);
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK); /* already */
    assert_int_equal(count_downloads(manager), 2);
    facts = the(manager, "acme/half");
    assert_int_equal(facts.stage, ORION_DOWNLOAD_PAUSED);
    assert_string_equal(facts.model, "acme/half/h-Q4_K_M.gguf");
    assert_true(facts.done_bytes == 4 && facts.total_bytes == 16 && facts.percent == 25);
    id = the(manager, "acme/gone").id;
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.error.status, ORION_E_OFFLINE);
    assert_int_equal(ori_download_start(manager, "acme/new", NULL, &id, NULL), ORION_OK);
    /* Whoever waits for one, and what is but verified, is of no concern to the next. */
    assert_int_equal(ori_manager_pull(manager, "acme/pulled", NULL, NULL, NULL), ORION_E_OFFLINE);

    const orion_manager_options options = {.size = sizeof(options), .models_dir = models};
    struct ori_manager *second;
    orion_error err;
    assert_int_equal(ori_manager_open(&options, &second, NULL), ORION_OK);
    assert_int_equal(ori_download_keep(second, &err), ORION_E_BUSY);
    assert_int_equal(count_downloads(second), 0);
    ori_manager_close(second);

    *state = manager = open_again(manager);
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK);
    assert_int_equal(count_downloads(manager), 3);
    assert_int_equal(the(manager, "acme/half").stage, ORION_DOWNLOAD_PAUSED);
    (void)the(manager, "acme/new");
    assert_int_equal(ori_download_cancel(manager, the(manager, "acme/half").id, NULL), ORION_OK);
    assert_int_equal(ori_download_free(manager, the(manager, "acme/gone").id, NULL), ORION_OK);

    *state = manager = open_again(manager);
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK);
    assert_int_equal(count_downloads(manager), 1);
    (void)the(manager, "acme/new");

    *state = manager = open_again(manager);
    write_text("models/.downloads.json", "{\"orion_downloads\": 1, \"downl");
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK); /* begun anew */
    assert_int_equal(count_downloads(manager), 0);
}

/* Not asked to, a manager neither reads nor writes the list. */
static void others_leave_the_list_alone(void **state)
{
    static const char list[] = "{\"orion_downloads\": 1, \"downloads\": [{\"model\": \"a/b\"}]}";
    struct ori_manager *manager = *state;
    char text[100] = "";
    uint64_t id;

    write_text("models/.downloads.json", list);
    assert_int_equal(ori_download_start(manager, "acme/new", NULL, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, NULL, NULL, NULL), ORION_OK);
    *state = manager = open_again(manager);
    FILE *file = fopen("models/.downloads.json", "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    assert_string_equal(text, list);
}

struct watcher {
    const struct ori_manager *manager;
    uint64_t seen, id;
};

static void *start_one(void *self)
{
    struct watcher *w = self;
    assert_int_equal(ori_download_start(w->manager, "acme/gone", NULL, &w->id, NULL), ORION_OK);
    return NULL;
}

/* Whoever waits for changes misses none. */
static void changes_are_counted(void **state)
{
    struct watcher w = {.manager = *state};
    orion_download_facts facts = {.stage = ORION_DOWNLOAD_QUEUED};
    pthread_t thread;

    w.seen = ori_download_changes(w.manager, 0, -1); /* at once */
    assert_true(w.seen > 0);
    assert_int_equal(ori_download_changes(w.manager, w.seen, 0), w.seen);
    assert_int_equal(ori_download_changes(w.manager, w.seen, 1), w.seen);
    assert_int_equal(pthread_create(&thread, NULL, start_one, &w), 0);
    uint64_t seen = ori_download_changes(w.manager, w.seen, -1);
    assert_int_not_equal(seen, w.seen);
    assert_int_equal(pthread_join(thread, NULL), 0);
    while (ori_download_get(w.manager, w.id, &facts, NULL) == ORION_OK &&
           facts.stage != ORION_DOWNLOAD_FAILED)
        seen = ori_download_changes(w.manager, seen, -1);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    seen = ori_download_changes(w.manager, 0, -1);
    assert_int_equal(ori_download_free(w.manager, w.id, NULL), ORION_OK);
    assert_int_not_equal(ori_download_changes(w.manager, seen, -1), seen);
}

/* More than run at once: all get their turn, and closing stops the rest. */
/* A pull is waited for: who shows all downloads may stop it, but not take it from
 * under whoever waits. */
struct nosy {
    const struct ori_manager *manager;
    uint64_t id;
    pthread_t thread;
    unsigned calls;
};

static void *forget_it(void *arg)
{
    const struct nosy *nosy = arg;
    (void)ori_download_free(nosy->manager, nosy->id, NULL);
    return NULL;
}

static int let_it_be_forgotten(const orion_progress *progress, void *user)
{
    struct nosy *nosy = user;
    orion_download_facts facts;
    uint64_t *ids;
    size_t n;

    assert_string_equal(progress->sha256, ""); /* nothing is known of it */
    if (nosy->calls++ > 0)
        return 0;
    assert_int_equal(ori_download_list(nosy->manager, &ids, &n, NULL), ORION_OK);
    assert_int_equal(n, 1);
    nosy->id = ids[0];
    free(ids);
    assert_int_equal(pthread_create(&nosy->thread, NULL, forget_it, nosy), 0);
    for (int i = 0; i < 1000; i++, sched_yield())
        assert_int_equal(ori_download_get(nosy->manager, nosy->id, &facts, NULL), ORION_OK);
    return 0;
}

static void a_pull_is_not_forgotten_by_others(void **state)
{
    struct nosy nosy = {.manager = *state};
    const orion_pull_options options = {
        .size = sizeof(options), .on_progress = let_it_be_forgotten, .user = &nosy};
    orion_error err;

    assert_int_not_equal(ori_manager_pull(nosy.manager, "acme/gone", &options, NULL, &err),
                         ORION_OK);
    assert_true(nosy.calls > 0);
    assert_int_equal(pthread_join(nosy.thread, NULL), 0);
}

static void many_downloads(void **state)
{
    const struct ori_manager *manager = *state;
    orion_download_facts facts;
    uint64_t ids[40];

    pull(manager, "acme/tiny", "x-Q4_K_M.gguf");
    for (size_t i = 0; i < ORI_COUNT(ids); i++)
        assert_int_equal(
            ori_download_start(manager, i % 2 ? "acme/tiny" : "acme/gone", NULL, &ids[i], NULL),
            ORION_OK);
    for (size_t i = 0; i < ORI_COUNT(ids) - 10; i++) {
        assert_int_equal(ori_download_wait(manager, ids[i], -1, &facts, NULL, NULL), ORION_OK);
        assert_int_equal(facts.stage, i % 2 ? ORION_DOWNLOAD_DONE : ORION_DOWNLOAD_FAILED);
    }
}

/* ---- progress ---- */

#define MS 1000000u

struct seen {
    orion_progress last;
    unsigned calls;
    int answer;
};

static int see(const orion_progress *progress, void *user)
{
    struct seen *seen = user;
    assert_true(progress->done_bytes >= seen->last.done_bytes);
    seen->last = *progress;
    seen->calls++;
    return seen->answer;
}

static void progress_is_monotone_and_timed(void **state)
{
    struct seen seen = {0};
    const orion_pull_options options = {.on_progress = see, .user = &seen};
    struct ori_progress p;
    uint64_t now = 1000 * MS;

    (void)state;
    ori_progress_init(&p, &options, "x.gguf");
    assert_int_equal(ori_progress_tick_at(&p, ORION_PHASE_RESOLVE, 0, "", now), 0);
    assert_true(seen.calls == 1 && seen.last.seconds_left < 0 && seen.last.percent == 0);
    p.facts.total_bytes = 1000;
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 100, "", now);
    assert_int_equal(seen.calls, 2); /* a new phase is told at once */
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 150, "", now + 50 * MS);
    assert_int_equal(seen.calls, 2); /* no more than ten a second */
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 300, "", now + 1000 * MS);
    assert_true(seen.last.done_bytes == 300 && seen.last.percent == 30);
    assert_true(seen.last.bytes_per_second == 200 && seen.last.seconds_left == 3.5);
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 50, "", now + 1200 * MS);
    assert_int_equal(seen.last.done_bytes, 300); /* a server that started over */
    for (unsigned i = 0; i < 40; i++)
        (void)ori_progress_tick_at(&p, ORION_PHASE_WAIT, 0, "why", now + (1300 + i * 100) * MS);
    assert_true(seen.last.bytes_per_second == 0 && seen.last.seconds_left < 0);
    assert_string_equal(seen.last.note, "why");
    p.hold = true;
    (void)ori_progress_tick_at(&p, ORION_PHASE_VERIFY, 900, "", now + 9000 * MS);
    assert_int_equal(seen.last.done_bytes, 300);
    p.hold = false;
    (void)ori_progress_tick_at(&p, ORION_PHASE_VERIFY, 5000, "", now + 9900 * MS);
    assert_int_equal(seen.last.done_bytes, 1000);
    ori_progress_done(&p);
    assert_true(seen.last.phase == ORION_PHASE_DONE && seen.last.percent == 100);
    seen.answer = 7;
    assert_int_equal(ori_progress_tick_at(&p, ORION_PHASE_WAIT, 0, "", now + 11000 * MS), 7);
}

static void progress_without_a_listener(void **state)
{
    struct ori_progress p;

    (void)state;
    ori_progress_init(&p, NULL, "x.gguf");
    const struct ori_watch watch = ori_progress_watch(&p);
    assert_int_equal(ori_watch_tick(&watch, ORION_PHASE_DOWNLOAD, 5, "", NULL), ORION_OK);
    ori_progress_done(&p);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_catalogue_is_sound),
        CASE(bad_catalogues_are_refused),
        CASE(names_are_resolved),
        CASE(paths_may_be_no_names),
        CASE(quantizations_are_read),
        CASE(lists_join_catalogue_and_disk),
        CASE(a_model_by_its_names),
        CASE(unfinished_downloads_are_listed),
        CASE(removing),
        CASE(verifying),
        CASE(files_to_give_on),
        CASE(pulling_offline),
        CASE(threads_share_a_manager),
        CASE(pieces_are_one_model),
        CASE(projectors_stand_beside_models),
        CASE(downloads_end),
        CASE(verifying_in_the_background),
        CASE(changes_are_counted),
        CASE(a_pull_is_not_forgotten_by_others),
        CASE(downloads_outlive_the_process),
        CASE(others_leave_the_list_alone),
        CASE(many_downloads),
        CASE(options_environment_file_default),
        CASE(secrets_are_not_shown),
        CASE(bad_configurations_are_refused),
        CASE(offline_by_environment),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(pieces_are_recognised),
        cmocka_unit_test(progress_is_monotone_and_timed),
        cmocka_unit_test(progress_without_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
