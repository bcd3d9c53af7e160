/* The manager without a network: catalogue, names, lists, what is done to models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/dir.h"
#include "manager/shards.h"
#include "manager_world.h"
#include "model/arch.h"

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

/* What a refused architecture's sentence names instead is there, and runs. */
static void what_runs_instead_is_there(void **state)
{
    const struct ori_manager *manager = *state;
    const char *name, *instead;

    for (size_t i = 0; (instead = ori_arch_instead(i, &name)); i++) {
        const struct ori_catalogue_entry *e = ori_catalogue_find(&manager->catalogue, instead);
        char sentence[256];
        if (!e || !e->supported || strcmp(e->id, instead) != 0)
            fail_msg("'%s' is named for %s models: no entry that runs", instead, name);
        if (ori_arch_find((struct ori_str){name, strlen(name)}))
            fail_msg("%s models run; their refusal is no longer needed", name);
        ori_arch_refusal((struct ori_str){name, strlen(name)}, sentence, sizeof(sentence));
        if (strlen(sentence) >= sizeof(sentence) - 1 || !strstr(sentence, instead))
            fail_msg("the sentence about %s is cut: %s", name, sentence);
    }
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
        {"empty", "", ORION_E_NAME, NULL},
        {"climbs", "acme/../../here.gguf", ORION_E_NAME, NULL},
        {"no name", "a b/c d", ORION_E_NAME, NULL},
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

/* Who has no home may name files by their paths, and is told what all else needs. */
static void no_models_directory(void **state)
{
    orion_manager_options options = {.size = sizeof(options)};
    const char *home = getenv("HOME");
    char *kept = home ? strdup(home) : NULL, *path = NULL;
    struct ori_manager *nowhere = NULL;
    orion_model_list *list = NULL;
    orion_error err = {0};

    (void)state;
    put("here.gguf");
    assert_int_equal(unsetenv("HOME") + unsetenv("ORION_MODELS"), 0);
    assert_int_equal(ori_manager_open(&options, &nowhere, &err), ORION_OK);
    assert_int_equal(ori_manager_path(nowhere, "./here.gguf", &path, &err), ORION_OK);
    assert_string_equal(path + strlen(path) - 10, "/here.gguf");
    free(path);
    assert_int_equal(ori_manager_path(nowhere, "./gone.gguf", &path, &err), ORION_E_NOT_FOUND);
    assert_int_equal(ori_manager_path(nowhere, "acme/tiny", &path, &err), ORION_E_ARGUMENT);
    assert_non_null(strstr(err.message, "no models directory"));
    assert_int_equal(ori_manager_downloaded(nowhere, &list, &err), ORION_E_ARGUMENT);
    assert_int_equal(ori_manager_remove(nowhere, "acme/tiny", &err), ORION_E_ARGUMENT);
    assert_int_equal(ori_manager_pull(nowhere, "acme/tiny", NULL, NULL, &err), ORION_E_ARGUMENT);
    ori_manager_close(nowhere);
    options.names_only = true; /* no paths, so there is nothing left */
    assert_int_equal(ori_manager_open(&options, &nowhere, &err), ORION_E_ARGUMENT);
    assert_null(nowhere);
    assert_int_equal(kept ? setenv("HOME", kept, 1) : 0, 0);
    free(kept);
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
        assert_true(status == ORION_E_NOT_FOUND || status == ORION_E_NAME);
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
    assert_int_equal(ori_manager_model(manager, "a b/c", &list, &err), ORION_E_NAME);
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
                     ORION_E_NAME);
    assert_int_equal(ori_manager_pull_file(manager, "acme", "x:y.gguf", NULL, &path, NULL),
                     ORION_E_NAME);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_CASE(the_catalogue_is_sound),
        MANAGER_CASE(what_runs_instead_is_there),
        MANAGER_CASE(bad_catalogues_are_refused),
        MANAGER_CASE(names_are_resolved),
        MANAGER_CASE(no_models_directory),
        MANAGER_CASE(paths_may_be_no_names),
        MANAGER_CASE(quantizations_are_read),
        MANAGER_CASE(lists_join_catalogue_and_disk),
        MANAGER_CASE(a_model_by_its_names),
        MANAGER_CASE(unfinished_downloads_are_listed),
        MANAGER_CASE(removing),
        MANAGER_CASE(verifying),
        MANAGER_CASE(files_to_give_on),
        MANAGER_CASE(pulling_offline),
        MANAGER_CASE(threads_share_a_manager),
        MANAGER_CASE(pieces_are_one_model),
        MANAGER_CASE(projectors_stand_beside_models),
        cmocka_unit_test(pieces_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
