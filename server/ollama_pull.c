/* POST /api/pull: fetch a model, and tell how far it is.
 *
 * A pull has a thread of its own, which waits for it as the command does; workers are
 * for what takes a moment.  It ends the request last of all, so that the server, which
 * waits for its requests, has waited for it too. */
#include "ollama.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"
#include "thread.h"

struct pull {
    orion_manager *manager;
    struct ollama_name name;
    bool streams;
    struct http_request *request; /* until it is replied to, or: */
    struct http_stream *stream;   /* from the first progress on */
    atomic_bool gone;             /* the client */
    orion_phase phase;            /* that was told last */
    bool told;
    uint64_t told_bytes;
};

struct fields {
    const char *model;
    bool stream;
};

static const struct param pull_params[] = {
    {"name", PARAM_TEXT, .offset = offsetof(struct fields, model)}, /* its older name */
    {"model", PARAM_TEXT, .offset = offsetof(struct fields, model)},
    {"stream", PARAM_FLAG, .offset = offsetof(struct fields, stream)},
    {.kind = PARAM_OTHERS},
    {.kind = PARAM_END},
};

static void on_gone(void *user)
{
    struct pull *pull = user;
    atomic_store(&pull->gone, true);
}

/* ---- lines ---- */

static bool tell(struct pull *pull, json_t *line)
{
    if (!pull->stream && pull->request) {
        pull->stream = http_stream_begin(pull->request, "application/x-ndjson");
        pull->request = NULL;
    }
    if (pull->stream)
        return http_stream_ndjson(pull->stream, line);
    json_decref(line);
    return false;
}

/* Programs tell bars apart by their digest; it is the file's hash where that is known. */
static json_t *download_line(const orion_progress *progress)
{
    char status[300];

    (void)snprintf(status, sizeof(status), "pulling %s", progress->file);
    return json_pack("{s:s, s:s+, s:I, s:I}", "status", status, "digest",
                     "sha256:", progress->sha256, "total", (json_int_t)progress->total_bytes,
                     "completed", (json_int_t)progress->done_bytes);
}

static json_t *line(const orion_progress *progress)
{
    switch (progress->phase) {
    case ORION_PHASE_DOWNLOAD:
        return download_line(progress);
    case ORION_PHASE_VERIFY:
        return json_pack("{s:s}", "status", "verifying sha256 digest");
    case ORION_PHASE_WAIT:
        return json_pack("{s:s}", "status", progress->note);
    case ORION_PHASE_DONE:
        return json_pack("{s:s}", "status", "writing manifest");
    default:
        return json_pack("{s:s}", "status", "pulling manifest");
    }
}

static int on_progress(const orion_progress *progress, void *user)
{
    struct pull *pull = user;
    const bool news =
        !pull->told || pull->phase != progress->phase ||
        (progress->phase == ORION_PHASE_DOWNLOAD && pull->told_bytes != progress->done_bytes);

    if (atomic_load(&pull->gone))
        return 1;
    if (!pull->streams || !news)
        return 0;
    pull->told = true;
    pull->phase = progress->phase;
    pull->told_bytes = progress->done_bytes;
    return !tell(pull, line(progress));
}

/* ---- the end ---- */

static void end_stream(struct pull *pull, json_t *last)
{
    (void)tell(pull, last);
    if (pull->stream)
        http_stream_end(pull->stream);
}

static void end(struct pull *pull, orion_status status, const orion_error *err)
{
    if (status == ORION_OK && pull->streams)
        end_stream(pull, json_pack("{s:s}", "status", "success"));
    else if (status == ORION_OK)
        http_reply_json(pull->request, 200, json_pack("{s:s}", "status", "success"));
    else if (pull->stream)
        end_stream(pull, json_pack("{s:s}", "error", err->message));
    else if (pull->request)
        http_reply_error(pull->request, err);
    free(pull);
}

static void *run(void *arg)
{
    struct pull *pull = arg;
    orion_pull_options options;
    orion_error err;

    orion_pull_options_init(&options);
    options.on_progress = on_progress;
    options.user = pull;
    const orion_status status =
        orion_manager_pull(pull->manager, pull->name.text, &options, NULL, &err);
    end(pull, status, &err);
    return NULL;
}

/* ---- the beginning ---- */

static void start(struct pull *pull)
{
    pthread_t thread;

    http_on_gone(pull->request, on_gone, pull);
    if (thread_start(&thread, run, pull) == 0) {
        (void)pthread_detach(thread);
        return;
    }
    http_reply_failure(pull->request, 503, ORION_E_NOMEM, NULL,
                       "no thread could be had for this pull; try again later");
    free(pull);
}

void ollama_pull(struct http_request *request, void *user)
{
    const struct server *server = user;
    struct fields fields = {.stream = true};
    orion_error err;

    const json_t *body = http_json(request);
    if (!body)
        return;
    if (params_read(body, pull_params, NULL, &fields, &err) != ORION_OK) {
        params_reply(request, &err);
        return;
    }
    if (!fields.model) {
        http_reply_failure(request, 400, ORION_E_ARGUMENT, "model", "'model' is missing");
        return;
    }
    struct pull *pull = calloc(1, sizeof(*pull));
    if (!pull) {
        http_reply_json(request, 200, NULL);
        return;
    }
    pull->manager = server->manager;
    pull->name = ollama_name(fields.model);
    pull->streams = fields.stream;
    pull->request = request;
    atomic_init(&pull->gone, false);
    start(pull);
}
