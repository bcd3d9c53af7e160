/* Models that are symbolic links: made by an import, followed by their record
 * alone, and never written through. */
#include <fcntl.h>
#include <sys/time.h>

#include "tiny_gguf.h"

#define SOURCE "elsewhere/x.gguf"
#define LINKED "acme/tiny/l.gguf"
#define RECORD "acme/tiny/.l.gguf.json"

static struct ori_store *store;
static char target[1100];

/* A store of its own beside the originals. */
static int set_up_link(void **state)
{
    if (set_up_tiny(state) != 0)
        return -1;
    ori_store_close(*state);
    *state = NULL;
    if (mkdir(at("models"), 0700) != 0 ||
        ori_store_open(at("models"), (struct ori_store **)state, NULL) != ORION_OK)
        return -1;
    store = *state;
    put_tiny(SOURCE);
    (void)snprintf(target, sizeof(target), "%s", at(SOURCE));
    return 0;
}

/* Below the store's folder. */
static const char *in_store(const char *path)
{
    static char text[2][900];
    static unsigned turn;
    char *out = text[turn++ % 2];
    (void)snprintf(out, sizeof(text[0]), "models/%s", path);
    return out;
}

static orion_status import(const char *source, enum ori_import_mode mode, enum ori_import_way *way,
                           orion_error *err)
{
    const struct ori_import what = {
        .source = source, .repo = "acme/tiny", .file = "l.gguf", .mode = mode};
    return ori_store_import(store, &what, NULL, way, err);
}

static void make_link(void)
{
    enum ori_import_way way;
    orion_error err = {0};
    if (import(target, ORI_IMPORT_SYMLINK, &way, &err) != ORION_OK)
        fail_msg("%s", err.message);
    assert_int_equal(way, ORI_IMPORTED_SYMLINK);
}

static bool is_link(void)
{
    struct stat st;
    return lstat(at(in_store(LINKED)), &st) == 0 && S_ISLNK(st.st_mode);
}

/* How many models are listed, and how the last of them is linked. */
static size_t list(enum ori_link_state *link)
{
    struct ori_stored *models;
    size_t n;
    assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
    for (size_t i = 0; i < n; i++) {
        *link = models[i].link;
        ori_stored_release(&models[i]);
    }
    free(models);
    return n;
}

static size_t count_models(void)
{
    enum ori_link_state link;
    return list(&link);
}

/* The model's file as a hub would describe it. */
static struct ori_blob tiny_blob(void)
{
    struct ori_blob one = {.hub = "http://hub",
                           .repo = "acme/tiny",
                           .file = "l.gguf",
                           .revision = "0123456789abcdef0123456789abcdef01234567",
                           .size_bytes = TINY_BYTES};
    memcpy(one.digest.hex, tiny_hex, sizeof(tiny_hex));
    return one;
}

static void a_link_is_a_model(void **state)
{
    const struct ori_blob one = tiny_blob();
    struct ori_usage usage;
    struct ori_stored model;
    enum ori_import_way way;
    char where[1100] = "";
    bool has;

    (void)state;
    make_link();
    assert_true(readlink(at(in_store(LINKED)), where, sizeof(where) - 1) > 0);
    assert_string_equal(where, target);
    assert_int_equal(count_in("models/.partial") + count_in("models/.lock"), 0);
    assert_int_equal(ori_store_look(store, LINKED, &model, NULL), ORION_OK);
    assert_true(model.intact && model.link == ORI_LINK_INTACT);
    assert_string_equal(model.record.link, target);
    assert_string_equal(model.record.sha256, tiny_hex);
    assert_int_equal(model.size_bytes, TINY_BYTES);
    ori_stored_release(&model);
    assert_int_equal(count_models(), 1);
    assert_int_equal(ori_store_verify(store, LINKED, NULL, NULL, NULL), ORION_OK);
    assert_int_equal(ori_store_usage(store, &usage, NULL), ORION_OK);
    assert_true(usage.n_models == 1 && usage.model_bytes == 0);
    /* A pull has nothing to fetch, and what it learns keeps the link. */
    assert_int_equal(ori_store_has(store, &one, NULL, &has, NULL), ORION_OK);
    assert_true(has && is_link());
    assert_int_equal(ori_store_look(store, LINKED, &model, NULL), ORION_OK);
    assert_true(model.link == ORI_LINK_INTACT);
    assert_string_equal(model.record.hub, "http://hub");
    ori_stored_release(&model);
    assert_int_equal(import(target, ORI_IMPORT_SYMLINK, &way, NULL), ORION_OK);
    assert_int_equal(way, ORI_IMPORT_WAS_THERE);
    assert_int_equal(ori_store_remove(store, LINKED, NULL), ORION_OK);
    assert_false(exists("models/acme"));
    assert_true(holds(SOURCE, tiny, sizeof(tiny)));
}

/* ---- what becomes of the target ---- */

static void touch(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, target, times, 0), 0);
}

static void write_others(void)
{
    tiny[TINY_BYTES - 1]++;
    put(SOURCE, tiny, sizeof(tiny));
    tiny[TINY_BYTES - 1]--;
    touch();
}

static void cut(void)
{
    assert_int_equal(truncate(target, 40), 0);
}

static void delete_it(void)
{
    assert_int_equal(unlink(target), 0);
}

static void become_a_link(void)
{
    assert_int_equal(rename(target, at("elsewhere/y.gguf")), 0);
    assert_int_equal(symlink("y.gguf", target), 0);
}

static void become_a_folder(void)
{
    delete_it();
    assert_int_equal(mkdir(target, 0700), 0);
}

static void become_a_pipe(void)
{
    delete_it();
    assert_int_equal(mkfifo(target, 0600), 0);
}

static const struct fate {
    const char *label;
    void (*happens)(void);
    enum ori_link_state state;
    orion_status verified;
} fates[] = {
    {"touched", touch, ORI_LINK_CHANGED, ORION_OK},
    {"other bytes", write_others, ORI_LINK_CHANGED, ORION_E_INTEGRITY},
    {"cut", cut, ORI_LINK_CHANGED, ORION_E_INTEGRITY},
    {"deleted", delete_it, ORI_LINK_GONE, ORION_E_INTEGRITY},
    {"a link by now", become_a_link, ORI_LINK_GONE, ORION_E_INTEGRITY},
    {"a folder by now", become_a_folder, ORI_LINK_GONE, ORION_E_INTEGRITY},
    {"a pipe by now", become_a_pipe, ORI_LINK_GONE, ORION_E_INTEGRITY},
};

static void start_over(void **state)
{
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up_link(state), 0);
    make_link();
}

static void the_target_is_watched(void **state)
{
    const struct ori_blob one = tiny_blob();
    enum ori_link_state listed = ORI_LINK_NONE;
    struct ori_stored model;
    orion_error err;
    bool has;

    for (size_t i = 0; i < ORI_COUNT(fates); i++) {
        const struct fate *f = &fates[i];
        start_over(state);
        f->happens();
        assert_int_equal(ori_store_look(store, LINKED, &model, NULL), ORION_OK);
        if (model.link != f->state || model.intact || list(&listed) != 1 || listed != f->state)
            fail_msg("%s: state %d, listed as %d", f->label, model.link, listed);
        err = (orion_error){0};
        assert_int_equal(ori_store_check_link(&model, &err),
                         f->state == ORI_LINK_GONE ? ORION_E_INTEGRITY : ORION_OK);
        assert_true(f->state != ORI_LINK_GONE || strstr(err.message, "remove it"));
        ori_stored_release(&model);
        assert_int_equal(ori_store_verify(store, LINKED, NULL, NULL, &err), f->verified);
        assert_true(f->verified == ORION_OK || strstr(err.message, "repair or pull"));
        assert_int_equal(ori_store_look(store, LINKED, &model, NULL), ORION_OK);
        assert_true(model.intact == (f->verified == ORION_OK));
        ori_stored_release(&model);
        assert_int_equal(ori_store_has(store, &one, NULL, &has, NULL), ORION_OK);
        assert_true(has == (f->verified == ORION_OK));
        assert_int_equal(ori_store_remove(store, LINKED, NULL), ORION_OK);
        assert_false(exists("models/acme"));
    }
}

static void mend(void)
{
    const struct ori_blob one = tiny_blob();
    struct ori_ranges damaged = {0};
    enum ori_partial_state found;
    struct ori_partial *partial;
    orion_error err = {0};

    assert_int_equal(ori_store_verify(store, LINKED, NULL, &damaged, NULL), ORION_E_INTEGRITY);
    assert_int_equal(ori_ranges_total(&damaged), TINY_BYTES);
    if (ori_store_repair_open(store, LINKED, &one, &damaged, NULL, &found, &partial, &err) !=
        ORION_OK)
        fail_msg("%s", err.message);
    assert_true(is_link()); /* until the mended copy is whole */
    assert_int_equal(ori_ranges_total(ori_partial_have(partial)), 0);
    assert_int_equal(ori_partial_write(partial, 0, tiny, TINY_BYTES, NULL), ORION_OK);
    if (ori_partial_publish(partial, NULL, &err) != ORION_OK)
        fail_msg("%s", err.message);
    ori_partial_close(partial);
    ori_ranges_release(&damaged);
}

/* A repair puts a file in the place of the link and leaves the target alone. */
static void a_repair_makes_a_copy(void **state)
{
    struct ori_stored model;
    struct stat before, after;

    for (size_t i = 0; i < ORI_COUNT(fates); i++) {
        if (fates[i].verified == ORION_OK)
            continue;
        start_over(state);
        fates[i].happens();
        const bool there = lstat(target, &before) == 0;
        mend();
        assert_false(is_link());
        assert_true(holds(in_store(LINKED), tiny, sizeof(tiny)));
        assert_int_equal(ori_store_look(store, LINKED, &model, NULL), ORION_OK);
        assert_true(model.intact && model.link == ORI_LINK_NONE);
        ori_stored_release(&model);
        assert_true((lstat(target, &after) == 0) == there);
        if (there)
            assert_true(after.st_ino == before.st_ino && after.st_size == before.st_size &&
                        after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
                        after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
    }
}

/* Another version is pulled: it takes the link's place, not the target's. */
static void a_pull_makes_a_copy(void **state)
{
    (void)state;
    make_link();
    blob.file = "l.gguf";
    fetch(store);
    assert_false(is_link());
    assert_true(holds(in_store(LINKED), bytes, SIZE));
    assert_true(holds(SOURCE, tiny, sizeof(tiny)));
    assert_int_equal(ori_store_verify(store, LINKED, NULL, NULL, NULL), ORION_OK);
}

/* ---- links that are not models ---- */

#define RECORD_TEXT(link)                                                                          \
    "{\"orion_record\": 1, \"size_bytes\": 80, \"verified_unix\": 1, \"inode\": 1, "               \
    "\"modified_ns\": 1, \"sha256\": "                                                             \
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"" link "}"

static void other_links_lead_nowhere(void **state)
{
    static const struct {
        const char *label, *record;
    } rows[] = {
        {"no record", NULL},
        {"a damaged record", "{"},
        {"a record of a file", RECORD_TEXT("")},
        {"a record of another target", RECORD_TEXT(", \"link\": \"/etc/hostname\"")},
        {"a record that has less", RECORD_TEXT(", \"link\": \"/\"")},
        {"a record with a relative target", RECORD_TEXT(", \"link\": \"x.gguf\"")},
    };
    const struct ori_blob one = tiny_blob();
    struct ori_stored model;
    bool has;

    (void)state;
    make_link();
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        (void)unlink(at(in_store(RECORD)));
        if (rows[i].record)
            put_text(in_store(RECORD), rows[i].record);
        orion_error err = {0};
        const orion_status status = ori_store_look(store, LINKED, &model, &err);
        if (status != ORION_E_DENIED || !strstr(err.message, "symbolic link"))
            fail_msg("%s: %d '%s'", rows[i].label, status, err.message);
        assert_int_equal(count_models(), 0);
        assert_int_equal(ori_store_verify(store, LINKED, NULL, NULL, NULL), ORION_E_DENIED);
        assert_int_equal(ori_store_has(store, &one, NULL, &has, NULL), ORION_E_DENIED);
        assert_int_equal(import(target, ORI_IMPORT_COPY, NULL, NULL), ORION_E_DENIED);
        blob.file = "l.gguf";
        struct ori_partial *partial = begin(store);
        add(partial, so_far(partial), SIZE);
        assert_int_not_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
        ori_partial_close(partial);
        assert_true(is_link()); /* someone else's: it stays */
        assert_true(holds(SOURCE, tiny, sizeof(tiny)));
    }
}

/* What a crash leaves when a file has taken a link's place. */
static void a_record_of_a_link_is_not_of_a_file(void **state)
{
    const struct ori_blob one = tiny_blob();
    struct ori_stored model;
    bool has;

    (void)state;
    make_link();
    assert_int_equal(unlink(at(in_store(LINKED))), 0);
    put_tiny(in_store(LINKED));
    assert_int_equal(ori_store_look(store, LINKED, &model, NULL), ORION_OK);
    assert_false(model.has_record || model.record_damaged || model.link != ORI_LINK_NONE);
    ori_stored_release(&model);
    assert_int_equal(ori_store_has(store, &one, NULL, &has, NULL), ORION_OK);
    assert_true(has);
    assert_int_equal(ori_store_verify(store, LINKED, NULL, NULL, NULL), ORION_OK);
}

/* ---- importing ---- */

/* What a crash leaves before the link is made. */
static void a_record_alone_is_no_model(void **state)
{
    char key[ORI_STORE_KEY_BYTES], path[ORI_STORE_PATH_MAX];
    struct ori_litter *litter;
    struct ori_lock lock;
    size_t n;

    (void)state;
    make_link();
    assert_int_equal(unlink(at(in_store(LINKED))), 0);
    assert_int_equal(count_models(), 0);
    make_link(); /* the same again */
    assert_int_equal(unlink(at(in_store(LINKED))), 0);
    /* Prune leaves the record of an import that is under way. */
    assert_int_equal(ori_store_make_folders(store, NULL), ORION_OK);
    ori_import_key(LINKED, key);
    ori_store_key_path(ORI_STORE_LOCK_DIR, key, ".lock", path);
    assert_int_equal(ori_lock_try(store->fd, path, &lock, NULL, NULL), ORION_OK);
    assert_int_equal(ori_store_prune(store, 0, false, &litter, &n, NULL), ORION_OK);
    assert_int_equal(n, 0);
    free(litter);
    ori_lock_release(&lock);
    assert_int_equal(ori_store_prune(store, 0, false, &litter, &n, NULL), ORION_OK);
    assert_true(n == 1 && litter[0].kind == ORI_LITTER_RECORD && !exists(in_store(RECORD)));
    free(litter);
    make_link();
    assert_int_equal(ori_store_prune(store, 0, false, &litter, &n, NULL), ORION_OK);
    assert_true(n == 0 && is_link() && exists(in_store(RECORD)));
    free(litter);
}

/* The link is to the file itself, whatever names led to it. */
static void names_are_resolved(void **state)
{
    struct ori_stored model;

    (void)state;
    assert_int_equal(symlink("x.gguf", at("elsewhere/name.gguf")), 0);
    assert_int_equal(symlink("elsewhere", at("shortcut")), 0);
    assert_int_equal(import(at("shortcut/name.gguf"), ORI_IMPORT_SYMLINK, NULL, NULL), ORION_OK);
    assert_int_equal(ori_store_look(store, LINKED, &model, NULL), ORION_OK);
    assert_string_equal(model.record.link, target);
    ori_stored_release(&model);
}

static void what_is_not_linked(void **state)
{
    char deep[ORI_LINK_MAX + 32];
    orion_error err;

    (void)state;
    put_tiny(in_store("acme/tiny/other.gguf"));
    assert_int_equal(import(at(in_store("acme/tiny/other.gguf")), ORI_IMPORT_SYMLINK, NULL, &err),
                     ORION_E_ARGUMENT);
    assert_non_null(strstr(err.message, "already"));
    (void)snprintf(deep, sizeof(deep), "deep");
    while (strlen(at(deep)) < ORI_LINK_MAX)
        (void)snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), "/%050d", 0);
    put_tiny(deep);
    assert_int_equal(import(at(deep), ORI_IMPORT_SYMLINK, NULL, &err), ORION_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "copy it"));
    assert_false(exists(in_store(LINKED)) || exists(in_store(RECORD)));
    assert_int_equal(count_in("models/.partial") + count_in("models/.lock"), 0);
}

/* A link stands there: to move its target in would leave it dangling. */
static void a_target_is_not_moved(void **state)
{
    enum ori_import_way way;

    (void)state;
    make_link();
    assert_int_equal(import(target, ORI_IMPORT_MOVE, &way, NULL), ORION_OK);
    assert_int_equal(way, ORI_IMPORT_WAS_THERE);
    assert_true(is_link() && holds(SOURCE, tiny, sizeof(tiny)));
    delete_it();
    put_tiny("elsewhere/z.gguf");
    orion_error err;
    assert_int_equal(import(at("elsewhere/z.gguf"), ORI_IMPORT_MOVE, &way, &err), ORION_E_DENIED);
    assert_non_null(strstr(err.message, "gone"));
    assert_true(exists("elsewhere/z.gguf"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_link, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_link_is_a_model),          CASE(the_target_is_watched),
        CASE(a_repair_makes_a_copy),      CASE(a_pull_makes_a_copy),
        CASE(other_links_lead_nowhere),   CASE(a_record_of_a_link_is_not_of_a_file),
        CASE(a_record_alone_is_no_model), CASE(names_are_resolved),
        CASE(what_is_not_linked),         CASE(a_target_is_not_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
