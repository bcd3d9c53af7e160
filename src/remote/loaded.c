/* What a server of ours holds in memory: its own API, docs/api.md. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hub/url.h"
#include "remote/remote.h"

#define PATH "/orion/v1/loaded"
#define MAX_MODELS 1024

struct loaded {
    orion_loaded_list shown; /* first: what the caller sees */
    json_t *json;            /* has the texts */
    orion_loaded items[];
};

static uint64_t count_at(const json_t *object, const char *key)
{
    uint64_t n = 0;
    (void)ori_json_u64(object, key, &n);
    return n;
}

static uint32_t count32_at(const json_t *object, const char *key)
{
    const uint64_t n = count_at(object, key);
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* A type that we don't know is none that we could compute with. */
static orion_kv_type kv_type_at(const json_t *object)
{
    const char *name = ori_json_str(object, "kv_type");
    return strcmp(name, "f16") == 0    ? ORION_KV_F16
           : strcmp(name, "q8_0") == 0 ? ORION_KV_Q8_0
           : strcmp(name, "f32") == 0  ? ORION_KV_F32
                                       : (orion_kv_type)-1;
}

static orion_loaded read_one(const json_t *m)
{
    return (orion_loaded){.id = ori_json_str(m, "id"),
                          .name = ori_json_str(m, "name"),
                          .quantization = ori_json_str(m, "quantization"),
                          .path = ori_json_str(m, "path"),
                          .kv_type = kv_type_at(m),
                          .memory_bytes = count_at(m, "memory_bytes"),
                          .context_tokens = count32_at(m, "context_tokens"),
                          .running = count32_at(m, "running"),
                          .waiting = count32_at(m, "waiting"),
                          .expires_unix = (int64_t)(count_at(m, "expires_unix") & INT64_MAX),
                          .unloading = json_is_true(json_object_get(m, "unloading"))};
}

orion_status ori_endpoint_loaded(struct ori_endpoint *endpoint, orion_loaded_list **out,
                                 orion_error *err)
{
    json_t *json = NULL;

    *out = NULL;
    const orion_status status = ori_endpoint_ask(endpoint, NULL, PATH, &json, err);
    if (status != ORION_OK)
        return status;
    const json_t *models = json_object_get(json, "loaded");
    const size_t n = json_array_size(models);
    if (!json_is_array(models) || n > MAX_MODELS) {
        json_decref(json);
        return ori_fail(err, ORION_E_NETWORK, "%s is no server of orion's",
                        ori_endpoint_url(endpoint));
    }
    struct loaded *list = calloc(1, sizeof(*list) + n * sizeof(list->items[0]));
    if (!list) {
        json_decref(json);
        return ori_fail_nomem(err, "a list of models");
    }
    list->json = json;
    for (size_t i = 0; i < n; i++)
        list->items[i] = read_one(json_array_get(models, i));
    list->shown = (orion_loaded_list){.count = n, .models = list->items};
    *out = &list->shown;
    return ORION_OK;
}

void ori_loaded_free(orion_loaded_list *shown)
{
    struct loaded *list = (struct loaded *)shown;
    if (!list)
        return;
    json_decref(list->json);
    free(list);
}

orion_status ori_endpoint_unload(struct ori_endpoint *endpoint, const char *model, orion_error *err)
{
    struct ori_buf path;

    ori_buf_init(&path, ORI_URL_MAX);
    char *name = ori_url_encode(model, true);
    if (name)
        (void)ori_buf_addf(&path, PATH "/%s", name);
    const orion_status status =
        name && path.status == ORION_OK
            ? ori_endpoint_ask(endpoint, "DELETE", ori_buf_text(&path), NULL, err)
            : ori_fail_nomem(err, "a question");
    free(name);
    ori_buf_release(&path);
    return status;
}
