/* A manager without a network over a folder of its own, and what its tests put there. */
#ifndef ORI_TESTS_MANAGER_WORLD_H
#define ORI_TESTS_MANAGER_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "manager/internal.h"

#include "manager/shards.h"

static char folder[256], models[300];

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
    char command[300];
    ori_manager_close(*state);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return chdir("/") | system(command);
}

/* A file of four bytes at `path` below the test's folder. */
static inline void put(const char *path)
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
static inline void pull(const struct ori_manager *manager, const char *repo, const char *file)
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

/* Write four of its bytes, as an interrupted pull leaves them. */
static inline void begin_partial(const struct ori_manager *manager, const char *repo,
                                 const char *file)
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

/* A case that has the manager as its state. */
#define MANAGER_CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
