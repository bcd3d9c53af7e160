/* Memory that cannot be had while the store works: the Nth allocation fails,
 * for every N, in its own code and in the libraries that it uses. */
#include "../unit/store_folder.h"
#include "base/dir.h"
#include "libc_fault.h"

#define OTHER "acme/tiny/dir/u.gguf"

/* Two models with records, and the first third of a download. */
static struct ori_store *store;

static void empty_store(void)
{
    char command[1000];

    (void)snprintf(command, sizeof(command), "cd '%s' && rm -rf acme .partial .lock", folder);
    assert_int_equal(system(command), 0);
}

static void fetch_as(const char *file, uint8_t seed)
{
    fill(seed);
    blob.file = file;
    fetch(store);
}

static void one_model(void *self)
{
    (void)self;
    empty_store();
    fetch_as("dir/t.gguf", 1);
}

static void two_models(void *self)
{
    one_model(self);
    fetch_as("dir/u.gguf", 2);
    fill(1);
}

static void a_third(void *self)
{
    (void)self;
    empty_store();
    fill(1);
    struct ori_partial *partial = begin(store);
    add(partial, 0, SIZE / 3);
    ori_partial_close(partial);
}

static void a_model_and_a_third(void *self)
{
    a_third(self);
    fetch_as("dir/u.gguf", 2);
    fill(1);
}

/* ---- what is the same afterwards ---- */

static void require_intact(const char *place)
{
    struct ori_stored model;

    assert_int_equal(ori_store_look(store, place, &model, NULL), ORION_OK);
    if (!model.intact)
        fail_msg("'%s' has lost its record", place);
    ori_stored_release(&model);
}

static void model_is_intact(void *self)
{
    (void)self;
    assert_true(holds(PLACE, bytes, SIZE));
    require_intact(PLACE);
}

/* Whole, though its record may tell of the file that was there before. */
static void model_is_whole(void *self)
{
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_OK);
    model_is_intact(self);
}

/* Of the third that was there; a failed attempt may have added to it. */
static void third_is_there(void *self)
{
    uint64_t done;
    long process;

    (void)self;
    assert_int_equal(ori_partial_peek(store, &blob, &done, &process), ORION_OK);
    if (done < SIZE / 3)
        fail_msg("%llu bytes are left", (unsigned long long)done);
}

/* A pull that failed goes on, and ends as any other. */
static void fetch_goes_on(void *self)
{
    fetch(store);
    model_is_intact(self);
    assert_int_equal(count_in(".partial"), 0);
}

static void fetch_goes_on_with_a_third(void *self)
{
    third_is_there(self);
    fetch_goes_on(self);
}

/* ---- steps ---- */

static orion_status open_store(void *self, orion_error *err)
{
    struct ori_store *opened;

    (void)self;
    const orion_status status = ori_store_open(folder, &opened, err);
    assert_true(status == ORION_OK || !opened);
    ori_store_close(opened);
    return status;
}

static orion_status look(void *self, orion_error *err)
{
    struct ori_stored model;

    (void)self;
    const orion_status status = ori_store_look(store, PLACE, &model, err);
    if (status == ORION_OK)
        assert_true(model.intact);
    ori_stored_release(&model);
    return status;
}

static orion_status scan(void *self, orion_error *err)
{
    struct ori_stored *models;
    size_t n;

    (void)self;
    const orion_status status = ori_store_scan(store, &models, &n, err);
    if (status == ORION_OK)
        assert_true(n == 2 && models[0].intact && models[1].intact);
    else
        assert_true(!models && n == 0);
    for (size_t i = 0; i < n; i++)
        ori_stored_release(&models[i]);
    free(models);
    return status;
}

static orion_status list_partials(void *self, orion_error *err)
{
    struct ori_partial_facts *partials;
    size_t n;

    (void)self;
    const orion_status status = ori_store_partials(store, &partials, &n, err);
    if (status == ORION_OK)
        assert_true(n == 1 && partials[0].done_bytes == SIZE / 3);
    else
        assert_true(!partials && n == 0);
    free(partials);
    return status;
}

static orion_status usage(void *self, orion_error *err)
{
    struct ori_usage used;

    (void)self;
    const orion_status status = ori_store_usage(store, &used, err);
    if (status == ORION_OK)
        assert_true(used.n_models == 1 && used.n_partials == 1 && used.partial_bytes > 0);
    return status;
}

static orion_status verify(void *self, orion_error *err)
{
    (void)self;
    return ori_store_verify(store, PLACE, NULL, NULL, err);
}

static orion_status has(void *self, orion_error *err)
{
    bool there = false;

    (void)self;
    const orion_status status = ori_store_has(store, &blob, NULL, &there, err);
    assert_int_equal(there, status == ORION_OK);
    return status;
}

static orion_status prune(void *self, orion_error *err)
{
    struct ori_litter *litter;
    size_t n;

    (void)self;
    const orion_status status = ori_store_prune(store, 1000000, false, &litter, &n, err);
    assert_true(status == ORION_OK || (!litter && n == 0));
    free(litter);
    return status;
}

static orion_status take_away(void *self, orion_error *err)
{
    (void)self;
    return ori_store_remove(store, PLACE, err);
}

static void removed(void *self)
{
    (void)self;
    assert_false(exists("acme"));
    assert_int_equal(count_in(".partial"), 0);
}

static void removed_in_the_end(void *self)
{
    const orion_status status = ori_store_remove(store, PLACE, NULL);
    assert_true(status == ORION_OK || status == ORION_E_NOT_FOUND);
    removed(self);
}

/* From the lock to the published model. */
static orion_status pull(void *self, orion_error *err)
{
    enum ori_partial_state state;
    struct ori_partial *partial;

    (void)self;
    orion_status status = ori_partial_open(store, &blob, NULL, &state, &partial, err);
    assert_true(status == ORION_OK || !partial);
    if (status == ORION_OK)
        status = ori_partial_make_room(partial, err);
    if (status == ORION_OK && so_far(partial) < SIZE)
        status = ori_partial_write(partial, so_far(partial), bytes + so_far(partial),
                                   SIZE - so_far(partial), err);
    if (status == ORION_OK)
        status = ori_partial_publish(partial, NULL, err);
    ori_partial_close(partial);
    return status;
}

static void no_model(void *self)
{
    (void)self;
    empty_store();
    fill(1);
}

/* ---- import ---- */

static void a_source(void *self)
{
    static const uint8_t tiny[] = {'G', 'G', 'U', 'F', 3, 0, 0, 0, [23] = 0};

    (void)self;
    empty_store();
    put("source.gguf", tiny, sizeof(tiny));
}

static orion_status import_as(enum ori_import_mode mode, orion_error *err)
{
    char source[300];
    enum ori_import_way way;

    (void)snprintf(source, sizeof(source), "%s/source.gguf", folder);
    const struct ori_import what = {
        .source = source, .repo = "acme/tiny", .file = "i.gguf", .mode = mode};
    return ori_store_import(store, &what, NULL, &way, err);
}

static orion_status import_copy(void *self, orion_error *err)
{
    (void)self;
    return import_as(ORI_IMPORT_COPY, err);
}

static orion_status import_move(void *self, orion_error *err)
{
    (void)self;
    return import_as(ORI_IMPORT_MOVE, err);
}

static void copied(void *self)
{
    (void)self;
    require_intact("acme/tiny/i.gguf");
    assert_int_equal(count_in(".partial"), 0);
    assert_int_equal(count_in(".lock"), 0);
}

static void copied_in_the_end(void *self)
{
    assert_true(exists("source.gguf"));
    assert_int_equal(import_as(ORI_IMPORT_COPY, NULL), ORION_OK);
    copied(self);
}

static void moved(void *self)
{
    copied(self);
    assert_false(exists("source.gguf"));
}

static void moved_in_the_end(void *self)
{
    assert_true(exists("source.gguf"));
    assert_int_equal(import_as(ORI_IMPORT_MOVE, NULL), ORION_OK);
    moved(self);
}

/* ---- links ---- */

#define LINK_PLACE "acme/tiny/i.gguf"

/* Beside the store's folder: what is in it is not linked to. */
static const char *target(void)
{
    static char path[300];
    (void)snprintf(path, sizeof(path), "%s.target.gguf", folder);
    return path;
}

static void a_target(void *self)
{
    static const uint8_t none[] = {'G', 'G', 'U', 'F', 3, 0, 0, 0, [23] = 0};

    (void)self;
    empty_store();
    FILE *file = fopen(target(), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(none, 1, sizeof(none), file), sizeof(none));
    assert_int_equal(fclose(file), 0);
}

static orion_status import_symlink(void *self, orion_error *err)
{
    const struct ori_import what = {
        .source = target(), .repo = "acme/tiny", .file = "i.gguf", .mode = ORI_IMPORT_SYMLINK};

    (void)self;
    return ori_store_import(store, &what, NULL, NULL, err);
}

static void a_link(void *self)
{
    a_target(self);
    assert_int_equal(import_symlink(self, NULL), ORION_OK);
}

static void a_link_to_nothing(void *self)
{
    a_link(self);
    assert_int_equal(unlink(target()), 0);
}

static void a_record_alone(void *self)
{
    a_link(self);
    assert_int_equal(unlink(at(LINK_PLACE)), 0);
}

/* The link is known by its record, and leads where it led. */
static void require_link(enum ori_link_state link)
{
    struct ori_stored model;

    assert_int_equal(ori_store_look(store, LINK_PLACE, &model, NULL), ORION_OK);
    if (model.link != link || strcmp(model.record.link, target()) != 0)
        fail_msg("the link is %d, to '%s'", model.link, model.record.link);
    ori_stored_release(&model);
}

static void link_is_intact(void *self)
{
    (void)self;
    require_link(ORI_LINK_INTACT);
    assert_int_equal(count_in(".lock"), 0);
}

static void link_is_gone(void *self)
{
    (void)self;
    require_link(ORI_LINK_GONE);
}

static void linked_in_the_end(void *self)
{
    assert_int_equal(import_symlink(self, NULL), ORION_OK);
    link_is_intact(self);
}

static orion_status look_at_link(void *self, orion_error *err)
{
    struct ori_stored model;
    const enum ori_link_state wanted =
        access(target(), F_OK) == 0 ? ORI_LINK_INTACT : ORI_LINK_GONE;

    (void)self;
    const orion_status status = ori_store_look(store, LINK_PLACE, &model, err);
    assert_true(status != ORION_OK || model.link == wanted);
    ori_stored_release(&model);
    return status;
}

static orion_status scan_link(void *self, orion_error *err)
{
    struct ori_stored *models;
    size_t n;

    (void)self;
    const orion_status status = ori_store_scan(store, &models, &n, err);
    assert_true(status != ORION_OK || (n == 1 && models[0].link == ORI_LINK_INTACT));
    for (size_t i = 0; i < n; i++)
        ori_stored_release(&models[i]);
    free(models);
    return status;
}

static orion_status verify_link(void *self, orion_error *err)
{
    (void)self;
    return ori_store_verify(store, LINK_PLACE, NULL, NULL, err);
}

static orion_status remove_link(void *self, orion_error *err)
{
    (void)self;
    return ori_store_remove(store, LINK_PLACE, err);
}

static void link_is_removed(void *self)
{
    (void)self;
    assert_false(exists("acme"));
    assert_int_equal(access(target(), F_OK), 0);
}

static void link_is_removed_in_the_end(void *self)
{
    const orion_status status = remove_link(self, NULL);
    assert_true(status == ORION_OK || status == ORION_E_NOT_FOUND);
    link_is_removed(self);
}

/* A pull takes the place of the link, not of its target. */
static void a_link_and_another_version(void *self)
{
    a_link(self);
    fill(1);
    blob.file = "i.gguf";
}

static void link_is_replaced(void *self)
{
    struct stat st;

    (void)self;
    require_intact(LINK_PLACE);
    assert_true(holds(LINK_PLACE, bytes, SIZE));
    assert_true(stat(target(), &st) == 0 && st.st_size == 24);
}

static void link_is_replaced_in_the_end(void *self)
{
    fetch(store);
    link_is_replaced(self);
}

/* ---- sets ---- */

static struct ori_blob files[2];

static void hold_file(const char *file, uint8_t seed, struct ori_blob *out)
{
    fill(seed);
    blob.file = file;
    struct ori_partial *partial = begin(store);
    add(partial, so_far(partial), SIZE);
    assert_int_equal(ori_partial_hold(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    *out = blob;
}

static void two_held(void *self)
{
    (void)self;
    empty_store();
    hold_file("dir/t.gguf", 1, &files[0]);
    hold_file("dir/u.gguf", 2, &files[1]);
    fill(1);
}

static orion_status publish_set(void *self, orion_error *err)
{
    (void)self;
    return ori_store_publish_set(store, files, 2, err);
}

static void set_is_there(void *self)
{
    (void)self;
    require_intact(PLACE);
    require_intact(OTHER);
    assert_int_equal(count_in(".partial"), 0);
}

/* Nothing of a set is shown before all of it is; and it can be completed. */
static void set_in_the_end(void *self)
{
    struct ori_stored *models;
    size_t n;

    assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
    assert_true(n == 0 || n == 2);
    for (size_t i = 0; i < n; i++)
        ori_stored_release(&models[i]);
    free(models);
    assert_int_equal(ori_store_publish_set(store, files, 2, NULL), ORION_OK);
    set_is_there(self);
}

/* A crash came after the first of two was put in its place: its set says so. */
static void half_a_set(void *self)
{
    char key[ORI_STORE_KEY_BYTES], other_key[ORI_STORE_KEY_BYTES], line[1000];

    two_held(self);
    ori_store_key(&files[0].digest, key);
    ori_store_key(&files[1].digest, other_key);
    (void)snprintf(line, sizeof(line),
                   "{\"orion_set\":1,\"files\":[{\"key\":\"%s\",\"place\":\"" PLACE
                   "\",\"sha256\":\"%s\"},{\"key\":\"%s\",\"place\":\"" OTHER
                   "\",\"sha256\":\"%s\"}]}",
                   key, key, other_key, other_key);
    assert_int_equal(ori_sealed_write(store, key_path(".set"), json_loads(line, 0, NULL), NULL),
                     ORION_OK);
}

/* ---- repair ---- */

static orion_status repair(void *self, orion_error *err)
{
    struct ori_range range = {SIZE / 2, SIZE};
    const struct ori_ranges damaged = {.list = &range, .count = 1, .cap = 1};
    enum ori_partial_state state;
    struct ori_partial *partial;

    (void)self;
    orion_status status =
        ori_store_repair_open(store, PLACE, &blob, &damaged, NULL, &state, &partial, err);
    if (status == ORION_OK)
        status = ori_partial_write(partial, SIZE / 2, bytes + SIZE / 2, SIZE - SIZE / 2, err);
    if (status == ORION_OK)
        status = ori_partial_publish(partial, NULL, err);
    ori_partial_close(partial);
    return status;
}

/* ---- other programs' models ---- */

static void an_ollama_store(void *self)
{
    static const char *const folders[] = {"ollama",
                                          "ollama/manifests",
                                          "ollama/manifests/h",
                                          "ollama/manifests/h/ns",
                                          "ollama/manifests/h/ns/m",
                                          "ollama/blobs"};
    static const char manifest[] =
        "{\"layers\": [{\"mediaType\": \"application/vnd.ollama.image.model\", \"digest\": "
        "\"sha256:ab34567890abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}]}";

    (void)self;
    if (exists("ollama"))
        return;
    for (size_t i = 0; i < ORI_COUNT(folders); i++)
        make_folder(folders[i]);
    put("ollama/manifests/h/ns/m/tag", manifest, strlen(manifest));
    put("ollama/blobs/sha256-ab34567890abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "GGUF", 4);
}

static orion_status find_foreign(void *self, orion_error *err)
{
    struct ori_foreign *list = NULL;
    char root[300];
    size_t n = 0;

    (void)self;
    (void)snprintf(root, sizeof(root), "%s/ollama", folder);
    const orion_status status = ori_foreign_find(ORI_FOREIGN_OLLAMA, root, &list, &n, err);
    if (status == ORION_OK)
        assert_int_equal(n, 1);
    ori_foreign_free(list, n);
    return status;
}

/* ---- all of them ---- */

static const struct torture tortures[] = {
    {"open", NULL, open_store, NULL, NULL},
    {"look", one_model, look, model_is_intact, model_is_intact},
    {"scan", two_models, scan, model_is_intact, model_is_intact},
    {"partials", a_third, list_partials, third_is_there, third_is_there},
    {"usage", a_model_and_a_third, usage, third_is_there, third_is_there},
    {"verify", one_model, verify, model_is_intact, model_is_intact},
    {"has", one_model, has, model_is_intact, model_is_intact},
    {"prune a download", a_third, prune, third_is_there, third_is_there},
    {"prune", one_model, prune, model_is_intact, model_is_intact},
    {"remove", one_model, take_away, removed, removed_in_the_end},
    {"remove a download", a_third, take_away, removed, removed_in_the_end},
    {"pull", no_model, pull, model_is_intact, fetch_goes_on},
    {"resume", a_third, pull, model_is_intact, fetch_goes_on_with_a_third},
    {"import a copy", a_source, import_copy, copied, copied_in_the_end},
    {"import by moving", a_source, import_move, moved, moved_in_the_end},
    {"import by symbolic link", a_target, import_symlink, link_is_intact, linked_in_the_end},
    {"a link that is there", a_link, import_symlink, link_is_intact, link_is_intact},
    {"look at a link", a_link, look_at_link, link_is_intact, link_is_intact},
    {"look at a link to nothing", a_link_to_nothing, look_at_link, link_is_gone, link_is_gone},
    {"scan a link", a_link, scan_link, link_is_intact, link_is_intact},
    {"verify a link", a_link, verify_link, link_is_intact, link_is_intact},
    {"prune beside a link", a_link, prune, link_is_intact, link_is_intact},
    {"prune a record alone", a_record_alone, prune, NULL, linked_in_the_end},
    {"remove a link", a_link, remove_link, link_is_removed, link_is_removed_in_the_end},
    {"pull over a link", a_link_and_another_version, pull, link_is_replaced,
     link_is_replaced_in_the_end},
    {"publish a set", two_held, publish_set, set_is_there, set_in_the_end},
    {"complete a set", half_a_set, scan, set_is_there, set_in_the_end},
    {"repair", one_model, repair, model_is_intact, model_is_whole},
    {"other programs' models", an_ollama_store, find_foreign, NULL, NULL},
};

static void failing_memory(void **state)
{
    const struct torture *t = *state;
    torture(t, 0, NULL);
}

int main(void)
{
    struct CMUnitTest tests[ORI_COUNT(tortures)];
    void *state = NULL;

    hook_json();
    for (size_t i = 0; i < ORI_COUNT(tortures); i++)
        tests[i] = (struct CMUnitTest){.name = tortures[i].label,
                                       .test_func = failing_memory,
                                       .initial_state = (void *)(uintptr_t)&tortures[i]};
    if (set_up(&state) != 0)
        return 1;
    store = state;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(target());
    return tear_down(&state) != 0 || failed;
}
