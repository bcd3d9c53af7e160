/* Memory that cannot be had in the manager and the hub: the Nth allocation
 * fails, for every N, in their own code, in jansson and in libcurl.
 *
 * Each step opens a manager, does one thing with it, and closes it. */
#include <curl/curl.h>

#include "../unit/store_folder.h"
#include "api/manager.h"
#include "base/file.h"
#include "hub/retry.h"
#include "libc_fault.h"
#include "manager/internal.h"
#include "small_hub.h"

#define SMALL "acme/tiny/t-Q4_K_M.gguf"

/* Retries come at once. */
uint64_t __wrap_ori_retry_random(void);
uint64_t __wrap_ori_retry_random(void)
{
    return 0;
}

static struct small_hub hub;
static uint8_t model[60000]; /* a GGUF file, padded by its one tensor */
static char models_dir[300], config_file[300], source[300];
static size_t opening; /* allocations that opening a manager takes */

/* ---- files ---- */

static void put_le(uint8_t **at, uint64_t value, size_t bytes_of)
{
    for (size_t i = 0; i < bytes_of; i++)
        *(*at)++ = (uint8_t)(value >> (8 * i));
}

/* Version 3, one tensor of bytes that fills the rest, no key. */
static void make_model(char sha256[ORI_SHA256_HEX + 1])
{
    struct ori_sha256 hash;
    uint8_t *at = model;

    memcpy(at, "GGUF", 4);
    at += 4;
    put_le(&at, 3, 4);
    put_le(&at, 1, 8);
    put_le(&at, 0, 8);
    put_le(&at, 1, 8); /* its name */
    *at++ = 't';
    put_le(&at, 1, 4);
    put_le(&at, (sizeof(model) - 64) / 4, 8);
    put_le(&at, 0, 4); /* F32 */
    put_le(&at, 0, 8);
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, model, sizeof(model));
    ori_sha256_hex(&hash, sha256);
}

static void empty_models(void *self)
{
    char command[1000];

    (void)self;
    (void)snprintf(command, sizeof(command), "cd '%s' && rm -rf models && mkdir models", folder);
    assert_int_equal(system(command), 0);
}

static orion_status open_manager(struct ori_manager **out, orion_error *err)
{
    orion_manager_options options = {.size = sizeof(options)};

    options.models_dir = models_dir;
    options.hub_url = hub.url;
    options.config_file = config_file;
    const orion_status status = ori_manager_open(&options, out, err);
    assert_true(status == ORION_OK || !*out);
    return status;
}

/* A model from the hub, with its record. */
static void one_pulled(void *self)
{
    struct ori_manager *manager;
    orion_error err = {.status = ORION_OK};

    empty_models(self);
    assert_int_equal(open_manager(&manager, &err), ORION_OK);
    if (ori_manager_pull(manager, "acme/tiny", NULL, NULL, &err) != ORION_OK)
        fail_msg("%s", err.message);
    ori_manager_close(manager);
}

/* Once more than is needed for what does not change it. */
static void pulled_before(void *self)
{
    if (!exists("models/" SMALL))
        one_pulled(self);
}

/* ---- what is the same afterwards ---- */

static void model_is_intact(void *self)
{
    struct ori_manager *manager;
    struct ori_stored stored;

    (void)self;
    assert_true(holds("models/" SMALL, model, sizeof(model)));
    assert_int_equal(open_manager(&manager, NULL), ORION_OK);
    assert_int_equal(ori_store_look(manager->store, SMALL, &stored, NULL), ORION_OK);
    assert_true(stored.intact);
    ori_stored_release(&stored);
    ori_manager_close(manager);
}

/* What failed after the model was in its place leaves a journal without a
 * download: it is cleaned up as such. */
static void pull_goes_on(void *self)
{
    struct ori_manager *manager;
    orion_litter_list *litter;
    orion_error err = {.status = ORION_OK};

    assert_int_equal(open_manager(&manager, NULL), ORION_OK);
    if (ori_manager_pull(manager, "acme/tiny:Q4_K_M", NULL, NULL, &err) != ORION_OK)
        fail_msg("%s", err.message);
    assert_int_equal(ori_manager_prune(manager, 1000000, false, &litter, &err), ORION_OK);
    ori_litter_free(litter);
    ori_manager_close(manager);
    model_is_intact(self);
    assert_int_equal(count_in("models/.partial"), 0);
}

static void removed(void *self)
{
    (void)self;
    assert_false(exists("models/acme"));
}

static void removed_in_the_end(void *self)
{
    struct ori_manager *manager;

    assert_int_equal(open_manager(&manager, NULL), ORION_OK);
    const orion_status status = ori_manager_remove(manager, SMALL, NULL);
    assert_true(status == ORION_OK || status == ORION_E_NOT_FOUND);
    ori_manager_close(manager);
    removed(self);
}

/* ---- what a manager does ---- */

typedef orion_status (*deed)(struct ori_manager *manager, orion_error *err);

static orion_status nothing(struct ori_manager *manager, orion_error *err)
{
    (void)manager;
    (void)err;
    return ORION_OK;
}

static orion_status available(struct ori_manager *manager, orion_error *err)
{
    orion_model_list *list;
    const orion_status status = ori_manager_available(manager, &list, err);
    size_t here = 0;

    for (size_t i = 0; list && i < list->count; i++)
        here += list->models[i].downloaded && list->models[i].sha256[0];
    assert_int_equal(here, status == ORION_OK);
    ori_manager_list_free(list);
    return status;
}

static orion_status files(struct ori_manager *manager, orion_error *err)
{
    orion_stored_file_list *list;
    int fd;

    orion_status status = ori_manager_files(manager, NULL, &list, err);
    if (status != ORION_OK)
        return status;
    assert_int_equal(list->count, 1);
    status = ori_manager_open_file(manager, &list->files[0], &fd, err);
    assert_true((fd >= 0) == (status == ORION_OK));
    if (fd >= 0)
        assert_int_equal(close(fd), 0);
    ori_stored_files_free(list);
    return status;
}

static orion_status path_of_name(struct ori_manager *manager, const char *name, orion_error *err)
{
    char *path;
    const orion_status status = ori_manager_path(manager, name, &path, err);

    if (status == ORION_OK)
        assert_string_equal(path + strlen(path) - strlen(SMALL), SMALL);
    free(path);
    return status;
}

static orion_status path_by_id(struct ori_manager *manager, orion_error *err)
{
    return path_of_name(manager, SMALL, err);
}

static orion_status path_by_repo(struct ori_manager *manager, orion_error *err)
{
    return path_of_name(manager, "acme/tiny:Q4_K_M", err);
}

static orion_status path_by_stem(struct ori_manager *manager, orion_error *err)
{
    return path_of_name(manager, "t-Q4_K_M", err);
}

static orion_status path_by_file(struct ori_manager *manager, orion_error *err)
{
    char whole[1000];
    (void)snprintf(whole, sizeof(whole), "%s/%s", models_dir, SMALL);
    return path_of_name(manager, whole, err);
}

static orion_status take_away(struct ori_manager *manager, orion_error *err)
{
    return ori_manager_remove(manager, "acme/tiny", err);
}

static orion_status verify(struct ori_manager *manager, orion_error *err)
{
    return ori_manager_verify(manager, "acme/tiny", NULL, err);
}

static orion_status usage(struct ori_manager *manager, orion_error *err)
{
    orion_usage used;
    const orion_status status = ori_manager_usage(manager, &used, err);

    if (status == ORION_OK)
        assert_int_equal(used.model_bytes, sizeof(model));
    return status;
}

static orion_status settings(struct ori_manager *manager, orion_error *err)
{
    orion_setting_list *list;
    const orion_status status = ori_manager_settings(manager, &list, err);

    ori_settings_free(list);
    return status;
}

static orion_status prune(struct ori_manager *manager, orion_error *err)
{
    orion_litter_list *list;
    const orion_status status = ori_manager_prune(manager, 1000000, false, &list, err);

    ori_litter_free(list);
    return status;
}

static orion_status foreign(struct ori_manager *manager, orion_error *err)
{
    orion_foreign_list *list;
    const orion_status status = ori_manager_foreign(manager, folder, &list, err);

    if (status == ORION_OK)
        assert_int_equal(list->count, 1);
    ori_foreign_list_free(list);
    return status;
}

static orion_status import(struct ori_manager *manager, orion_error *err)
{
    const orion_import_options options = {
        .size = sizeof(options), .id = "acme/tiny/i.gguf", .mode = ORION_IMPORT_COPY};
    orion_import_way way;
    char *path;

    const orion_status status = ori_manager_import(manager, source, &options, &path, &way, err);
    free(path);
    return status;
}

/* ---- a model that is a link ---- */

#define LINKED "acme/tiny/l.gguf"

/* Of what x.gguf has, which is outside of the models directory. */
static orion_status import_link(struct ori_manager *manager, orion_error *err)
{
    const orion_import_options options = {
        .size = sizeof(options), .id = LINKED, .mode = ORION_IMPORT_SYMLINK};
    orion_import_way way;

    return ori_manager_import(manager, source, &options, NULL, &way, err);
}

static void one_linked(void *self)
{
    struct ori_manager *manager;

    empty_models(self);
    assert_int_equal(open_manager(&manager, NULL), ORION_OK);
    assert_int_equal(import_link(manager, NULL), ORION_OK);
    ori_manager_close(manager);
}

static void link_is_intact(void *self)
{
    struct ori_manager *manager;
    struct ori_stored stored;

    (void)self;
    assert_int_equal(open_manager(&manager, NULL), ORION_OK);
    assert_int_equal(ori_store_look(manager->store, LINKED, &stored, NULL), ORION_OK);
    assert_true(stored.link == ORI_LINK_INTACT && strcmp(stored.record.link, source) == 0);
    ori_stored_release(&stored);
    ori_manager_close(manager);
}

static void linked_in_the_end(void *self)
{
    struct ori_manager *manager;

    assert_int_equal(open_manager(&manager, NULL), ORION_OK);
    assert_int_equal(import_link(manager, NULL), ORION_OK);
    ori_manager_close(manager);
    link_is_intact(self);
}

/* By the path of the link: what comes back is that, not what it leads to. */
static orion_status path_of_link(struct ori_manager *manager, orion_error *err)
{
    char whole[1000], *path;

    (void)snprintf(whole, sizeof(whole), "%s/" LINKED, models_dir);
    const orion_status status = ori_manager_path(manager, whole, &path, err);
    if (status == ORION_OK)
        assert_string_equal(path, whole);
    free(path);
    return status;
}

static orion_status list_link(struct ori_manager *manager, orion_error *err)
{
    orion_model_list *list;
    size_t links = 0;

    const orion_status status = ori_manager_available(manager, &list, err);
    for (size_t i = 0; list && i < list->count; i++)
        links += list->models[i].link == ORION_LINK_INTACT &&
                 strcmp(list->models[i].link_target, source) == 0;
    assert_int_equal(links, status == ORION_OK);
    ori_manager_list_free(list);
    return status;
}

static orion_status fit(struct ori_manager *manager, orion_error *err)
{
    orion_manager handle = {.manager = manager};
    orion_fit out;

    ori_headers_init(&handle.headers);
    const orion_status status = orion_manager_fit(&handle, SMALL, NULL, &out, err);
    ori_headers_release(&handle.headers);
    if (status == ORION_OK)
        assert_true(out.local && out.file_bytes == sizeof(model) && strlen(out.why_not) > 0);
    return status;
}

static orion_status plan(struct ori_manager *manager, orion_error *err)
{
    orion_plan *out;

    const orion_status status = ori_manager_plan(manager, "acme/tiny", &out, err);
    if (status == ORION_OK)
        assert_true(out->count == 1 && out->size_bytes == sizeof(model));
    ori_plan_free(out);
    return status;
}

static orion_status search(struct ori_manager *manager, orion_error *err)
{
    orion_hit_list *hits;

    const orion_status status = ori_manager_search(manager, "tiny", 5, &hits, err);
    if (status == ORION_OK)
        assert_true(hits->count == 1 && strcmp(hits->hits[0].repo, "acme/tiny") == 0);
    ori_hits_free(hits);
    return status;
}

static orion_status pull(struct ori_manager *manager, orion_error *err)
{
    char *path;

    const orion_status status = ori_manager_pull(manager, "acme/tiny", NULL, &path, err);
    assert_int_equal(path != NULL, status == ORION_OK);
    free(path);
    return status;
}

/* One download is to go on, and it is paused. */
static void wanted_before(void *self)
{
    char path[400];

    empty_models(self);
    (void)snprintf(path, sizeof(path), "%s/.downloads.json", models_dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("{\"downloads\": [{\"model\": \"acme/tiny\", \"paused\": true}]}", file);
    assert_int_equal(fclose(file), 0);
}

static orion_status one_model(struct ori_manager *manager, orion_error *err)
{
    orion_model_list *list;
    const orion_status status = ori_manager_model(manager, "acme/tiny", &list, err);

    ori_manager_list_free(list);
    return status;
}

static orion_status offers(struct ori_manager *manager, orion_error *err)
{
    orion_offer_list *list;
    const orion_status status = ori_manager_offers(manager, "acme/tiny", &list, err);

    ori_offers_free(list);
    return status;
}

static orion_status jobs(struct ori_manager *manager, orion_error *err)
{
    uint64_t id, *ids;
    size_t n;

    orion_status status = ori_download_start(manager, SMALL, NULL, &id, err);
    if (status != ORION_OK)
        return status;
    status = ori_download_list(manager, &ids, &n, err);
    free(ids);
    return status;
}

static orion_status keep(struct ori_manager *manager, orion_error *err)
{
    return ori_download_keep(manager, err);
}

/* ---- all of them ---- */

static const struct scene {
    struct torture torture; /* without its step */
    deed deed;
} scenes[] = {
    {{"open", NULL, NULL, NULL, NULL}, nothing},
    {{"available", pulled_before, NULL, model_is_intact, model_is_intact}, available},
    {{"one model", pulled_before, NULL, model_is_intact, model_is_intact}, one_model},
    {{"offers", pulled_before, NULL, model_is_intact, model_is_intact}, offers},
    {{"files", pulled_before, NULL, model_is_intact, model_is_intact}, files},
    {{"path by id", pulled_before, NULL, NULL, NULL}, path_by_id},
    {{"path by repository", pulled_before, NULL, NULL, NULL}, path_by_repo},
    {{"path by stem", pulled_before, NULL, NULL, NULL}, path_by_stem},
    {{"path by file", pulled_before, NULL, NULL, NULL}, path_by_file},
    {{"verify", pulled_before, NULL, model_is_intact, model_is_intact}, verify},
    {{"usage", pulled_before, NULL, NULL, NULL}, usage},
    {{"settings", NULL, NULL, NULL, NULL}, settings},
    {{"prune", pulled_before, NULL, model_is_intact, model_is_intact}, prune},
    {{"foreign", pulled_before, NULL, NULL, NULL}, foreign},
    {{"fit", pulled_before, NULL, NULL, NULL}, fit},
    {{"plan of what is here", pulled_before, NULL, NULL, NULL}, plan},
    {{"plan of what is not", empty_models, NULL, NULL, NULL}, plan},
    {{"search", NULL, NULL, NULL, NULL}, search},
    {{"import", empty_models, NULL, NULL, NULL}, import},
    {{"import by symbolic link", empty_models, NULL, link_is_intact, linked_in_the_end},
     import_link},
    {{"path of a link", one_linked, NULL, link_is_intact, link_is_intact}, path_of_link},
    {{"list of a link", one_linked, NULL, link_is_intact, link_is_intact}, list_link},
    {{"remove", one_pulled, NULL, removed, removed_in_the_end}, take_away},
    {{"a pull of what is here", pulled_before, NULL, model_is_intact, model_is_intact}, pull},
    {{"pull", empty_models, NULL, model_is_intact, pull_goes_on}, pull},
    {{"jobs", empty_models, NULL, NULL, pull_goes_on}, jobs},
    {{"keep", wanted_before, NULL, NULL, pull_goes_on}, keep},
};

static orion_status carry_out(void *self, orion_error *err)
{
    const struct scene *scene = self;
    struct ori_manager *manager;

    orion_status status = open_manager(&manager, err);
    if (status == ORION_OK)
        status = scene->deed(manager, err);
    ori_manager_close(manager);
    /* libcurl has one code for a header that is too long and for no memory to
     * hold it, so the sentence has to speak of both. */
    if (status == ORION_E_NETWORK && strstr(err->message, "memory ran out"))
        err->status = status = ORION_E_NOMEM;
    return status;
}

static void failing_memory(void **state)
{
    const struct scene *scene = *state;
    struct torture t = scene->torture;

    t.step = carry_out;
    torture(&t, scene->deed == nothing ? 0 : opening, (void *)(uintptr_t)scene);
}

static void count_opening(void)
{
    struct ori_manager *manager;

    watch(0);
    if (open_manager(&manager, NULL) == ORION_OK)
        opening = heap.calls;
    ori_manager_close(manager);
}

int main(void)
{
    static char sha256[ORI_SHA256_HEX + 1];
    static const char config[] =
        "{\"models\": {\"max_bytes\": \"1G\"}, \"hub\": {\"token\": \"x\"}}";
    struct CMUnitTest tests[ORI_COUNT(scenes)];
    void *state = NULL;

    hook_json();
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, __wrap_malloc, __wrap_free, __wrap_realloc,
                             __wrap_strdup, __wrap_calloc) != CURLE_OK ||
        unsetenv("HF_TOKEN") != 0 || set_up(&state) != 0)
        return 1;
    make_model(sha256);
    const struct served file = {model, sizeof(model), sha256};
    (void)snprintf(models_dir, sizeof(models_dir), "%s/models", folder);
    (void)snprintf(config_file, sizeof(config_file), "%s/config.json", folder);
    (void)snprintf(source, sizeof(source), "%s/x.gguf", folder);
    put("config.json", config, strlen(config));
    put("x.gguf", model, sizeof(model));
    if (!start_hub(&hub, &file))
        return 1;
    count_opening();
    for (size_t i = 0; i < ORI_COUNT(scenes); i++)
        tests[i] = (struct CMUnitTest){.name = scenes[i].torture.label,
                                       .test_func = failing_memory,
                                       .initial_state = (void *)(uintptr_t)&scenes[i]};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_hub(&hub);
    return tear_down(&state) != 0 || failed;
}
