/* Jobs: downloads, verifications and repairs, which the manager runs. */
#include "native.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "native_events.h"

/* ---- words ---- */

static const char *const kinds[] = {[ORION_DOWNLOAD_PULL] = "download",
                                    [ORION_DOWNLOAD_VERIFY] = "verify",
                                    [ORION_DOWNLOAD_REPAIR] = "repair"};
static const char *const stages[] = {
    [ORION_DOWNLOAD_QUEUED] = "queued", [ORION_DOWNLOAD_RUNNING] = "running",
    [ORION_DOWNLOAD_PAUSED] = "paused", [ORION_DOWNLOAD_DONE] = "done",
    [ORION_DOWNLOAD_FAILED] = "failed", [ORION_DOWNLOAD_CANCELLED] = "cancelled"};
static const char *const phases[] = {[ORION_PHASE_RESOLVE] = "resolve",
                                     [ORION_PHASE_DOWNLOAD] = "download",
                                     [ORION_PHASE_VERIFY] = "verify",
                                     [ORION_PHASE_DONE] = "done",
                                     [ORION_PHASE_WAIT] = "wait"};

static json_t *error_of(const orion_download_facts *f)
{
    if (f->stage != ORION_DOWNLOAD_FAILED)
        return json_null();
    json_t *reply = http_shape_native(0, f->error.status, f->error.message, NULL);
    json_t *error = json_incref(json_object_get(reply, "error"));
    json_decref(reply);
    return error;
}

static json_t *job_object(const orion_download_facts *f)
{
    return json_pack(
        "{s:I, s:s, s:o, s:o, s:o, s:s, s:s?, s:o, s:I, s:o, s:I, s:f, s:I, s:o, s:i, s:o}", "id",
        (json_int_t)f->id, "kind", kinds[f->kind], "model", native_text(f->name), "model_id",
        native_text(f->model), "file", native_text(f->file), "stage", stages[f->stage], "phase",
        f->stage == ORION_DOWNLOAD_RUNNING ? phases[f->phase] : NULL, "note", native_text(f->note),
        "done_bytes", (json_int_t)f->done_bytes, "total_bytes", native_count(f->total_bytes),
        "resumed_bytes", (json_int_t)f->resumed_bytes, "percent", f->percent, "bytes_per_second",
        (json_int_t)f->bytes_per_second, "seconds_left",
        f->seconds_left < 0 || f->stage != ORION_DOWNLOAD_RUNNING
            ? json_null()
            : json_integer((json_int_t)f->seconds_left),
        "connections", (int)f->connections, "error", error_of(f));
}

/* ---- all of them ---- */

/* Calls `fn` with each; stops when it says so. */
static void each_job(const struct server *server,
                     bool (*fn)(const orion_download_facts *facts, void *user), void *user)
{
    orion_download_facts facts;
    uint64_t *ids = NULL;
    bool more = true;
    size_t n;

    if (orion_download_list(server->manager, &ids, &n, NULL) != ORION_OK)
        return;
    for (size_t i = 0; i < n && more; i++)
        if (orion_download_get(server->manager, ids[i], &facts, NULL) == ORION_OK)
            more = fn(&facts, user);
    orion_free(ids);
}

static bool append(const orion_download_facts *facts, void *user)
{
    (void)json_array_append_new(user, job_object(facts));
    return true;
}

json_t *native_jobs_array(struct server *server)
{
    json_t *jobs = json_array();

    if (jobs)
        each_job(server, append, jobs);
    return jobs;
}

void native_jobs(struct http_request *request, void *user)
{
    if (query_read(request, query_of_nothing, NULL))
        http_reply_json(request, 200, json_pack("{s:o}", "jobs", native_jobs_array(user)));
}

/* ---- those of one model ---- */

static bool is_open(const orion_download_facts *f)
{
    return f->stage == ORION_DOWNLOAD_QUEUED || f->stage == ORION_DOWNLOAD_RUNNING ||
           f->stage == ORION_DOWNLOAD_PAUSED;
}

struct same {
    struct server *server;
    orion_download_kind kind;
    const char *name, *id; /* as it is called, and its id or "" */
    uint64_t not_this;
    orion_download_facts found;
    bool any;
};

static bool is_same(const struct same *s, const orion_download_facts *f)
{
    return f->kind == s->kind && f->id != s->not_this &&
           (strcmp(f->name, s->name) == 0 || (*s->id && strcmp(f->model, s->id) == 0));
}

static bool find_open(const orion_download_facts *f, void *user)
{
    struct same *s = user;

    if (!is_open(f) || !is_same(s, f))
        return true;
    s->found = *f;
    s->any = true;
    return false;
}

static bool forget_over(const orion_download_facts *f, void *user)
{
    const struct same *s = user;

    if (!is_open(f) && is_same(s, f))
        (void)orion_download_free(s->server->manager, f->id, NULL);
    return true;
}

static bool find_busy(const orion_download_facts *f, void *user)
{
    struct same *s = user;

    s->any = strcmp(f->model, s->id) == 0 &&
             (f->stage == ORION_DOWNLOAD_QUEUED || f->stage == ORION_DOWNLOAD_RUNNING);
    return !s->any;
}

static bool forget_of_model(const orion_download_facts *f, void *user)
{
    const struct same *s = user;

    if (strcmp(f->model, s->id) == 0)
        (void)orion_download_free(s->server->manager, f->id, NULL);
    return true;
}

bool native_model_is_busy(struct server *server, const char *id)
{
    struct same same = {.id = id};

    each_job(server, find_busy, &same);
    return same.any;
}

void native_forget_jobs(struct server *server, const char *id)
{
    struct same same = {.server = server, .id = id};
    each_job(server, forget_of_model, &same);
}

/* ---- starting ---- */

struct start {
    const char *kind, *model;
};

static const struct param start_params[] = {
    {"kind", PARAM_TEXT, .offset = offsetof(struct start, kind)},
    {"model", PARAM_TEXT, .offset = offsetof(struct start, model), .required = true},
    {.kind = PARAM_END},
};

static bool take_kind(const char *word, orion_download_kind *out)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i], word) == 0) {
            *out = (orion_download_kind)i;
            return true;
        }
    return false;
}

/* One that is open already is as good; *code tells which.  Two requests at once may
 * start two: then the second follows the first. */
static orion_status start(struct same *same, uint64_t *id, int *code, orion_error *err)
{
    struct server *server = same->server;
    orion_download_options options;

    each_job(server, find_open, same);
    *id = same->found.id;
    *code = 200;
    if (same->any)
        return ORION_OK;
    orion_download_options_init(&options);
    options.kind = same->kind;
    const orion_status status =
        orion_download_start(server->manager, same->name, &options, id, err);
    if (status == ORION_OK) {
        same->not_this = *id;
        each_job(server, forget_over, same);
    }
    *code = 202;
    return status;
}

static void reply_job(struct http_request *request, const struct server *server, int code,
                      uint64_t id)
{
    orion_download_facts facts;
    orion_error err;

    if (orion_download_get(server->manager, id, &facts, &err) == ORION_OK)
        http_reply_json(request, code, job_object(&facts));
    else
        http_reply_error(request, &err);
}

void native_job_start(struct http_request *request, void *user)
{
    struct server *server = user;
    struct start what = {.kind = kinds[ORION_DOWNLOAD_PULL]};
    struct same same = {.server = server, .id = ""};
    orion_model_list *list = NULL;
    orion_error err;
    uint64_t id;
    int code;

    if (!native_read(request, start_params, &what))
        return;
    if (!take_kind(what.kind, &same.kind)) {
        http_reply_failure(request, 400, ORION_E_ARGUMENT, "kind",
                           "'kind' must be download, verify or repair");
        return;
    }
    same.name = what.model;
    if (orion_manager_model(server->manager, what.model, &list, NULL) == ORION_OK)
        same.id = list->models->id;
    const orion_status status = start(&same, &id, &code, &err);
    orion_model_list_free(list);
    if (status != ORION_OK) {
        native_refuse(request, "model", &err);
        return;
    }
    reply_job(request, server, code, id);
    native_events_job(server->events, id);
}

/* ---- one of them ---- */

/* 0, which none has, for what is no number. */
static uint64_t id_of(const struct http_request *request)
{
    const char *text = http_part(request, "id");
    const size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits <= 18 && text[digits] == '\0' ? strtoull(text, NULL, 10) : 0;
}

void native_job(struct http_request *request, void *user)
{
    if (query_read(request, query_of_nothing, NULL))
        reply_job(request, user, 200, id_of(request));
}

static void tell_job(struct http_request *request, const struct server *server,
                     orion_status (*tell)(orion_manager *manager, uint64_t id, orion_error *err))
{
    const uint64_t id = id_of(request);
    orion_error err;

    if (!query_read(request, query_of_nothing, NULL))
        return;
    if (tell(server->manager, id, &err) != ORION_OK) {
        http_reply_error(request, &err);
        return;
    }
    reply_job(request, server, 200, id);
    native_events_job(server->events, id);
}

void native_job_pause(struct http_request *request, void *user)
{
    tell_job(request, user, orion_download_pause);
}

void native_job_resume(struct http_request *request, void *user)
{
    tell_job(request, user, orion_download_resume);
}

void native_job_cancel(struct http_request *request, void *user)
{
    tell_job(request, user, orion_download_cancel);
}

struct forget {
    bool discard;
};

static const struct param forget_params[] = {
    {"discard", PARAM_FLAG, .offset = offsetof(struct forget, discard)},
    {.kind = PARAM_END},
};

/* That there is nothing to discard is as good. */
static orion_status discard(const struct server *server, const orion_download_facts *facts,
                            orion_error *err)
{
    if (facts->kind != ORION_DOWNLOAD_PULL || facts->stage == ORION_DOWNLOAD_DONE)
        return ORION_OK;
    const orion_status status = orion_manager_remove_partials(
        server->manager, *facts->model ? facts->model : facts->name, NULL, NULL, err);
    return status == ORION_E_NOT_FOUND ? ORION_OK : status;
}

void native_job_forget(struct http_request *request, void *user)
{
    struct server *server = user;
    struct forget how = {false};
    orion_download_facts facts;
    orion_error err;

    if (!query_read(request, forget_params, &how))
        return;
    orion_status status = orion_download_get(server->manager, id_of(request), &facts, &err);
    if (status == ORION_OK)
        status = orion_download_free(server->manager, facts.id, &err);
    if (status == ORION_OK && how.discard)
        status = discard(server, &facts, &err);
    if (status != ORION_OK) {
        native_refuse(request, NULL, &err);
        return;
    }
    native_events_models(server->events);
    http_reply_empty(request, 204);
}
