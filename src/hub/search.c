#include "hub/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hub/ask.h"

#define MAX_ANSWER_BYTES (8u << 20)

static void copy_str(char *out, size_t out_bytes, const json_t *object, const char *key)
{
    const char *text = ori_json_str(object, key);
    (void)snprintf(out, out_bytes, "%s", strlen(text) < out_bytes ? text : "");
}

/* False when the entry has no name that we could ask for. */
static bool read_hit(const json_t *entry, struct ori_hub_hit *hit)
{
    struct ori_ref ref;
    const json_t *gated = json_object_get(entry, "gated");
    const json_t *gguf = json_object_get(entry, "gguf");
    const char *id = ori_json_str(entry, "id");

    *hit = (struct ori_hub_hit){0};
    if (ori_ref_parse(id, &ref, NULL) != ORION_OK || strcmp(ref.repo, id) != 0)
        return false;
    memcpy(hit->repo, ref.repo, sizeof(hit->repo));
    copy_str(hit->updated, sizeof(hit->updated), entry, "lastModified");
    copy_str(hit->architecture, sizeof(hit->architecture), gguf, "architecture");
    (void)ori_json_u64(entry, "downloads", &hit->downloads);
    (void)ori_json_u64(entry, "likes", &hit->likes);
    (void)ori_json_u64(gguf, "total", &hit->n_params);
    hit->gated = gated && !json_is_false(gated) && !json_is_null(gated); /* "auto", "manual" */
    return true;
}

static orion_status read_hits(const struct ori_buf *body, uint32_t limit, struct ori_hub_hit **out,
                              size_t *n, orion_error *err)
{
    json_t *list;
    if (ori_json_parse(ori_buf_text(body), body->len, "the hub's answer", &list, err) ==
        ORION_E_NOMEM)
        return ORION_E_NOMEM;
    if (!json_is_array(list)) {
        json_decref(list);
        return ori_fail(err, ORION_E_NETWORK, "the hub's answer to a search is not a list");
    }
    struct ori_hub_hit *hits = ori_calloc_array(limit, sizeof(*hits));
    size_t found = 0;
    for (size_t i = 0; hits && i < json_array_size(list) && found < limit; i++)
        found += read_hit(json_array_get(list, i), &hits[found]);
    json_decref(list);
    if (!hits)
        return ori_fail_nomem(err, "the hub's answer");
    *out = hits;
    *n = found;
    return ORION_OK;
}

/* <endpoint>/api/models?search=WORDS&filter=gguf&... */
static char *search_url(const struct ori_hub *hub, const char *words, uint32_t limit)
{
    struct ori_buf url;
    char *encoded = ori_url_encode(words, false);

    ori_buf_init(&url, ORI_URL_MAX);
    if (encoded)
        (void)ori_buf_addf(&url,
                           "%s/api/models?search=%s&filter=gguf&sort=downloads&direction=-1"
                           "&limit=%u&expand[]=gguf&expand[]=downloads&expand[]=likes"
                           "&expand[]=gated&expand[]=lastModified",
                           hub->endpoint, encoded, limit);
    free(encoded);
    char *text = url.len ? ori_buf_take(&url) : NULL;
    ori_buf_release(&url);
    return text;
}

orion_status ori_hub_search(const struct ori_hub *hub, const char *words, uint32_t limit,
                            const struct ori_watch *watch, struct ori_hub_hit **out, size_t *n,
                            orion_error *err)
{
    struct ori_engine *engine = NULL;
    struct ori_buf body;

    *out = NULL;
    *n = 0;
    char *url = search_url(hub, words, limit);
    struct ori_reply *reply = calloc(1, sizeof(*reply));
    orion_status status =
        url && reply ? ori_engine_new(hub, &engine, err) : ori_fail_nomem(err, "a search");
    ori_buf_init(&body, MAX_ANSWER_BYTES);
    if (status == ORION_OK) {
        const struct ori_question question = {
            .url = url, .repo = "", .file = "", .rev = "", .body = &body};
        status = ori_hub_ask(hub, engine, &question, watch, reply, NULL, err);
    }
    if (status == ORION_OK)
        status = read_hits(&body, limit, out, n, err);
    ori_buf_release(&body);
    ori_engine_free(engine);
    free(reply);
    free(url);
    return status;
}
