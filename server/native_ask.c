/* Questions before a download: does it fit, what would be transferred, what is there
 * on the hub. */
#include "native.h"

/* ---- fit ---- */

/* How many sequences there is memory for. */
static uint32_t sequences_in(const orion_fit *fit)
{
    const uint64_t one = fit->kv_bytes / fit->sequences;
    uint64_t bytes = fit->memory_bytes;
    uint32_t n = fit->sequences;

    for (; n > 1 && fit->available_bytes > 0 && bytes > fit->available_bytes; n--)
        bytes -= one;
    return n;
}

orion_status native_ask_fit(const struct server *server, const char *model, uint32_t context_tokens,
                            orion_kv_type kv_type, orion_fit *out, orion_error *err)
{
    orion_fit_options options;

    orion_fit_options_init(&options);
    options.context_tokens = context_tokens;
    options.sequences = server->options.sequences;
    options.kv_type = kv_type;
    const orion_status status = orion_manager_fit(server->manager, model, &options, out, err);
    if (status != ORION_OK)
        return status;
    options.sequences = sequences_in(out);
    return options.sequences == out->sequences
               ? ORION_OK
               : orion_manager_fit(server->manager, model, &options, out, err);
}

struct fit_query {
    const char *model, *kv_type;
    uint32_t context_tokens;
};

static const struct param fit_params[] = {
    {"model", PARAM_TEXT, .offset = offsetof(struct fit_query, model), .required = true},
    {"context_tokens", PARAM_COUNT, .offset = offsetof(struct fit_query, context_tokens), .min = 1,
     .max = 1 << 26},
    {"kv_type", PARAM_TEXT, .offset = offsetof(struct fit_query, kv_type)},
    {.kind = PARAM_END},
};

void native_fit(struct http_request *request, void *user)
{
    const struct server *server = user;
    struct fit_query query = {.kv_type = native_kv_name(server->options.kv_type)};
    orion_kv_type type;
    orion_error err;
    orion_fit fit;

    if (!query_read(request, fit_params, &query))
        return;
    if (!native_kv_type(query.kv_type, &type)) {
        http_reply_failure(request, 400, ORION_E_ARGUMENT, "kv_type",
                           "'kv_type' must be f16, q8_0 or f32");
        return;
    }
    if (native_ask_fit(server, query.model, query.context_tokens, type, &fit, &err) == ORION_OK)
        http_reply_json(request, 200, server_fit_json(query.model, type, &fit));
    else
        native_refuse(request, err.status == ORION_E_ARGUMENT ? "context_tokens" : "model", &err);
}

/* ---- plan ---- */

struct model_query {
    const char *model;
};

static const struct param model_params[] = {
    {"model", PARAM_TEXT, .offset = offsetof(struct model_query, model), .required = true},
    {.kind = PARAM_END},
};

static json_t *plan_object(const orion_plan *p)
{
    json_t *files = json_array();

    for (size_t i = 0; i < p->count; i++)
        (void)json_array_append_new(
            files, json_pack("{s:o, s:o, s:I}", "file", native_text(p->files[i].file), "size_bytes",
                             native_count(p->files[i].size_bytes), "present_bytes",
                             (json_int_t)p->files[i].present_bytes));
    return json_pack(
        "{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:b, s:o}", "repo", native_text(p->repo), "revision",
        native_text(p->revision), "size_bytes", native_count(p->size_bytes), "present_bytes",
        (json_int_t)p->present_bytes, "transfer_bytes", (json_int_t)p->transfer_bytes, "free_bytes",
        native_count(p->free_bytes), "quota_left_bytes",
        p->quota_left_bytes == UINT64_MAX ? json_null()
                                          : json_integer((json_int_t)p->quota_left_bytes),
        "fits", p->fits, "files", files);
}

void native_plan(struct http_request *request, void *user)
{
    const struct server *server = user;
    struct model_query query = {NULL};
    orion_plan *plan = NULL;
    orion_error err;

    if (!query_read(request, model_params, &query))
        return;
    if (orion_manager_plan(server->manager, query.model, &plan, &err) == ORION_OK)
        http_reply_json(request, 200, plan_object(plan));
    else
        native_refuse(request, "model", &err);
    orion_plan_free(plan);
}

/* ---- the hub ---- */

struct search_query {
    const char *words;
    uint32_t limit;
};

static const struct param search_params[] = {
    {"words", PARAM_TEXT, .offset = offsetof(struct search_query, words), .required = true},
    {"limit", PARAM_COUNT, .offset = offsetof(struct search_query, limit), .min = 1, .max = 100},
    {.kind = PARAM_END},
};

static json_t *hit_object(const orion_hit *hit)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:b}", "repo", native_text(hit->repo),
                     "updated", native_text(hit->updated), "architecture",
                     native_text(hit->architecture), "downloads", (json_int_t)hit->downloads,
                     "likes", (json_int_t)hit->likes, "n_params", native_count(hit->n_params),
                     "gated", hit->gated);
}

void native_search(struct http_request *request, void *user)
{
    const struct server *server = user;
    struct search_query query = {.limit = 20};
    orion_hit_list *list = NULL;
    orion_error err;

    if (!query_read(request, search_params, &query))
        return;
    if (orion_manager_search(server->manager, query.words, query.limit, &list, &err) != ORION_OK) {
        http_reply_error(request, &err);
        return;
    }
    json_t *hits = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(hits, hit_object(&list->hits[i]));
    orion_hit_list_free(list);
    http_reply_json(request, 200, json_pack("{s:o}", "hits", hits));
}

struct repository_query {
    const char *repo;
};

static const struct param repository_params[] = {
    {"repo", PARAM_TEXT, .offset = offsetof(struct repository_query, repo), .required = true},
    {.kind = PARAM_END},
};

static json_t *offer_object(const orion_offer *o)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:i, s:o, s:b, s:b}", "id", native_text(o->id), "file",
                     native_text(o->file), "quantization", native_text(o->quantization), "role",
                     o->role, "n_files", (int)o->n_files, "size_bytes", native_count(o->size_bytes),
                     "default", o->preferred, "downloaded", o->downloaded);
}

void native_repository(struct http_request *request, void *user)
{
    const struct server *server = user;
    struct repository_query query = {NULL};
    orion_offer_list *list = NULL;
    orion_error err;

    if (!query_read(request, repository_params, &query))
        return;
    if (orion_manager_offers(server->manager, query.repo, &list, &err) != ORION_OK) {
        native_refuse(request, "repo", &err);
        return;
    }
    json_t *models = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(models, offer_object(&list->offers[i]));
    json_t *object = json_pack("{s:o, s:o, s:o}", "repo", native_text(list->repo), "revision",
                               native_text(list->revision), "models", models);
    orion_offer_list_free(list);
    http_reply_json(request, 200, object);
}
