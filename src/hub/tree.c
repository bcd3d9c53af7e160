/* Which files a repository has, and which of them a reference means. */
#include "hub/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hub/ask.h"

#define MAX_PAGE_BYTES (16u << 20)
#define MAX_PAGES 64
#define MAX_FILES 20000

void ori_hub_listing_release(struct ori_hub_listing *listing)
{
    for (size_t i = 0; i < listing->n; i++)
        free(listing->items[i].path);
    free(listing->items);
    *listing = (struct ori_hub_listing){0};
}

static bool add_entry(struct ori_hub_listing *listing, const char *path, uint64_t size_bytes)
{
    if (listing->n == listing->cap) {
        const size_t cap = listing->cap ? listing->cap * 2 : 32;
        struct ori_hub_entry *items = realloc(listing->items, cap * sizeof(*items));
        if (!items)
            return false;
        listing->items = items;
        listing->cap = cap;
    }
    listing->items[listing->n] =
        (struct ori_hub_entry){.path = strdup(path), .size_bytes = size_bytes};
    return listing->items[listing->n].path && ++listing->n;
}

/* A path that we could not use as a name is left out: it can't be asked for. */
static orion_status take_page(const json_t *page, struct ori_hub_listing *listing, orion_error *err)
{
    size_t i;
    json_t *entry;

    if (!json_is_array(page))
        return ori_fail(err, ORION_E_NETWORK, "the hub's list of files is not a list");
    json_array_foreach(page, i, entry)
    {
        const char *path = ori_json_str(entry, "path");
        uint64_t size_bytes = 0;
        if (strcmp(ori_json_str(entry, "type"), "file") != 0 || !ori_name_is_gguf(path) ||
            !ori_name_path_ok(path))
            continue;
        if (listing->n == MAX_FILES)
            return ori_fail(err, ORION_E_NETWORK, "the hub lists more than %d files", MAX_FILES);
        (void)ori_json_u64(entry, "size", &size_bytes);
        if (!add_entry(listing, path, size_bytes))
            return ori_fail_nomem(err, "the hub's list of files");
    }
    return ORION_OK;
}

static orion_status ask_json(const struct ori_hub *hub, struct ori_engine *engine,
                             const struct ori_ref *ref, const char *url,
                             const struct ori_watch *watch, struct ori_reply *reply, json_t **out,
                             orion_error *err)
{
    struct ori_buf body;

    ori_buf_init(&body, MAX_PAGE_BYTES);
    const struct ori_question question = {
        .url = url, .repo = ref->repo, .file = "", .rev = ref->rev, .body = &body};
    *out = NULL;
    orion_status status = ori_hub_ask(hub, engine, &question, watch, reply, NULL, err);
    if (status == ORION_OK) {
        status = ori_json_parse(ori_buf_text(&body), body.len, "the hub's answer", out, err);
        if (status == ORION_E_FORMAT) { /* what a server sends is the network's fault */
            status = ORION_E_NETWORK;
            if (err)
                err->status = status;
        }
    }
    ori_buf_release(&body);
    return status;
}

/* <endpoint>/api/models/<repo>/<what>/<rev><query> */
static char *api_url(const struct ori_hub *hub, const struct ori_ref *ref, const char *what,
                     const char *rev, const char *query)
{
    struct ori_buf url;
    char *encoded = ori_url_encode(rev, false);

    ori_buf_init(&url, ORI_URL_MAX);
    if (encoded)
        (void)ori_buf_addf(&url, "%s/api/models/%s/%s/%s%s", hub->endpoint, ref->repo, what,
                           encoded, query);
    free(encoded);
    char *text = url.len ? ori_buf_take(&url) : NULL;
    ori_buf_release(&url);
    return text;
}

/* The commit that a branch or tag stands for now. */
static orion_status find_commit(const struct ori_hub *hub, struct ori_engine *engine,
                                struct ori_ref *ref, const struct ori_watch *watch,
                                struct ori_reply *reply, orion_error *err)
{
    json_t *facts = NULL;
    char *url = api_url(hub, ref, "revision", *ref->rev ? ref->rev : "main", "");
    if (!url)
        return ori_fail_nomem(err, "a question to the hub");
    orion_status status = ask_json(hub, engine, ref, url, watch, reply, &facts, err);
    free(url);
    if (status != ORION_OK)
        return status;
    const char *sha = ori_json_str(facts, "sha");
    if (strlen(sha) != 40 || strspn(sha, "0123456789abcdef") != 40)
        status =
            ori_fail(err, ORION_E_NETWORK,
                     "%s did not answer as a hub does (no commit); is the hub's address right?",
                     hub->endpoint);
    else
        memcpy(ref->rev, sha, 41);
    json_decref(facts);
    return status;
}

/* The next page is on the hub itself, also where a mirror passes on the
 * official hub's address.  *out is NULL when there is none. */
static orion_status next_page(const struct ori_hub *hub, const struct ori_reply *reply, char **out,
                              orion_error *err)
{
    static const char official[] = ORI_HUB_DEFAULT_ENDPOINT "/";
    struct ori_buf url;
    bool same = false;

    *out = NULL;
    if (!reply->next_page[0])
        return ORION_OK;
    orion_status status = ori_url_same_origin(hub->endpoint, reply->next_page, &same);
    ori_buf_init(&url, ORI_URL_MAX);
    if (strncmp(reply->next_page, official, sizeof(official) - 1) == 0)
        (void)ori_buf_addf(&url, "%s/%s", hub->endpoint, reply->next_page + sizeof(official) - 1);
    else if (same)
        (void)ori_buf_adds(&url, reply->next_page);
    if (url.len > 0)
        *out = ori_buf_take(&url);
    if (status == ORION_OK && url.status != ORION_OK)
        status = url.status;
    ori_buf_release(&url);
    return status == ORION_E_NOMEM ? ori_fail_nomem(err, "the hub's list of files") : ORION_OK;
}

static orion_status list_files(const struct ori_hub *hub, struct ori_engine *engine,
                               struct ori_ref *ref, const struct ori_watch *watch,
                               struct ori_hub_listing *listing, orion_error *err)
{
    struct ori_reply *reply = calloc(1, sizeof(*reply));
    if (!reply)
        return ori_fail_nomem(err, "a question to the hub");

    orion_status status = find_commit(hub, engine, ref, watch, reply, err);
    char *url = status == ORION_OK ? api_url(hub, ref, "tree", ref->rev, "?recursive=true") : NULL;
    if (status == ORION_OK && !url)
        status = ori_fail_nomem(err, "a question to the hub");
    for (int page = 0; url && status == ORION_OK && page < MAX_PAGES; page++) {
        json_t *entries = NULL;
        status = ask_json(hub, engine, ref, url, watch, reply, &entries, err);
        if (status == ORION_OK)
            status = take_page(entries, listing, err);
        json_decref(entries);
        free(url);
        url = NULL;
        if (status == ORION_OK)
            status = next_page(hub, reply, &url, err);
    }
    if (url && status == ORION_OK)
        status = ori_fail(err, ORION_E_NETWORK, "the hub's list of files never ends");
    free(url);
    free(reply);
    return status;
}

static orion_status nothing_fits(const struct ori_hub *hub, const struct ori_ref *ref,
                                 const struct ori_hub_listing *listing, orion_error *err)
{
    struct ori_buf list;

    if (listing->n == 0)
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, ref->repo,
                           "'%s' holds no GGUF file; see %s/%s/tree/main", ref->repo, hub->endpoint,
                           ref->repo);
    ori_buf_init(&list, 300);
    for (size_t i = 0; i < listing->n && list.status == ORION_OK; i++)
        (void)ori_buf_addf(&list, "%s%s", i ? ", " : "", listing->items[i].path);
    const orion_status status = ori_fail_at(
        err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, ref->repo,
        "'%s' has no file for '%s'; it has %s%s", ref->repo, *ref->quant ? ref->quant : "any use",
        ori_buf_text(&list), list.status == ORION_OK ? "" : ", ...");
    ori_buf_release(&list);
    return status;
}

orion_status ori_hub_list(const struct ori_hub *hub, struct ori_ref *ref,
                          const struct ori_watch *watch, struct ori_hub_listing *out,
                          orion_error *err)
{
    struct ori_engine *engine = NULL;

    *out = (struct ori_hub_listing){0};
    orion_status status = ori_engine_new(hub, &engine, err);
    if (status == ORION_OK)
        status = list_files(hub, engine, ref, watch, out, err);
    if (status != ORION_OK)
        ori_hub_listing_release(out);
    ori_engine_free(engine);
    return status;
}

/* What ref->quant picks from the listing goes to ref->file. */
static orion_status pick(const struct ori_hub *hub, const struct ori_hub_listing *listing,
                         struct ori_ref *ref, orion_error *err)
{
    const char **names = ori_calloc_array(listing->n, sizeof(*names));
    orion_status status = ORION_OK;
    bool exact;

    if (!names)
        return ori_fail_nomem(err, "the hub's list of files");
    for (size_t i = 0; i < listing->n; i++)
        names[i] = listing->items[i].path;
    const ptrdiff_t chosen = ori_hub_select(names, listing->n, ref->quant, &exact);
    if (chosen < 0)
        status = nothing_fits(hub, ref, listing, err);
    else
        (void)snprintf(ref->file, sizeof(ref->file), "%s", names[chosen]);
    free(names);
    return status;
}

orion_status ori_hub_choose(const struct ori_hub *hub, struct ori_ref *ref,
                            const struct ori_watch *watch, orion_error *err)
{
    struct ori_hub_listing listing;

    if (*ref->file)
        return ORION_OK;
    orion_status status = ori_hub_list(hub, ref, watch, &listing, err);
    if (status == ORION_OK)
        status = pick(hub, &listing, ref, err);
    ori_hub_listing_release(&listing);
    return status;
}
