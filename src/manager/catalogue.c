#include "manager/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "manager/catalogue_json.h" /* made when the library is built */

static bool read_entry(const json_t *json, struct ori_catalogue_entry *e)
{
    *e = (struct ori_catalogue_entry){
        .id = ori_json_str(json, "id"),
        .name = ori_json_str(json, "name"),
        .repo = ori_json_str(json, "repo"),
        .file = ori_json_str(json, "file"),
        .quantization = ori_json_str(json, "quantization"),
        .license = ori_json_str(json, "license"),
        .summary = ori_json_str(json, "summary"),
        .aliases = json_object_get(json, "aliases"),
        .languages = json_object_get(json, "languages"),
        .supported = json_is_true(json_object_get(json, "supported")),
    };
    const char *slash = strchr(e->repo, '/');
    return ori_name_part_ok(e->id, strlen(e->id)) && *e->name && slash && !strchr(slash + 1, '/') &&
           ori_name_path_ok(e->repo) && ori_name_path_ok(e->file) && ori_name_is_gguf(e->file) &&
           ori_json_u64(json, "size_bytes", &e->size_bytes) &&
           ori_json_u64(json, "memory_bytes", &e->memory_bytes);
}

orion_status ori_catalogue_parse(const void *text, size_t len, struct ori_catalogue *out,
                                 orion_error *err)
{
    *out = (struct ori_catalogue){0};
    json_t *json;
    orion_status status = ori_json_parse(text, len, "the catalogue", &json, err);
    if (status != ORION_OK)
        return status;
    const json_t *models = json_object_get(json, "models");
    const size_t n = json_array_size(models);
    struct ori_catalogue_entry *entries = ori_calloc_array(n, sizeof(*entries));
    if (!entries)
        status = ori_fail_nomem(err, "the catalogue");
    for (size_t i = 0; i < n && status == ORION_OK; i++)
        if (!read_entry(json_array_get(models, i), &entries[i]))
            status = ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, entries[i].id,
                                 "entry %zu of the catalogue ('%s') is incomplete", i + 1,
                                 entries[i].id);
    if (status != ORION_OK) {
        free(entries);
        json_decref(json);
        return status;
    }
    *out = (struct ori_catalogue){.json = json, .entries = entries, .n = n};
    return ORION_OK;
}

orion_status ori_catalogue_open(struct ori_catalogue *out, orion_error *err)
{
    return ori_catalogue_parse(embedded_files[0].bytes, embedded_files[0].n, out, err);
}

void ori_catalogue_close(struct ori_catalogue *catalogue)
{
    free(catalogue->entries);
    json_decref(catalogue->json);
    *catalogue = (struct ori_catalogue){0};
}

static bool is_called(const struct ori_catalogue_entry *e, const char *name)
{
    if (strcasecmp(e->id, name) == 0)
        return true;
    for (size_t i = 0; i < json_array_size(e->aliases); i++) {
        const char *alias = json_string_value(json_array_get(e->aliases, i));
        if (alias && strcasecmp(alias, name) == 0)
            return true;
    }
    return false;
}

const struct ori_catalogue_entry *ori_catalogue_find(const struct ori_catalogue *catalogue,
                                                     const char *name)
{
    for (size_t i = 0; i < catalogue->n; i++)
        if (is_called(&catalogue->entries[i], name))
            return &catalogue->entries[i];
    return NULL;
}

const struct ori_catalogue_entry *ori_catalogue_find_path(const struct ori_catalogue *catalogue,
                                                          const char *path)
{
    for (size_t i = 0; i < catalogue->n; i++) {
        const struct ori_catalogue_entry *e = &catalogue->entries[i];
        const size_t repo = strlen(e->repo);
        if (strncmp(path, e->repo, repo) == 0 && path[repo] == '/' &&
            strcmp(path + repo + 1, e->file) == 0)
            return e;
    }
    return NULL;
}
