#include "native_events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fail.h"
#include "native.h"
#include "thread.h"

#define LOOK_MS 1000      /* at what is in memory, when no job changes */
#define TELL_EVERY_MS 200 /* at most */
#define HEARTBEAT_S 15

struct event_listener {
    struct event_listener *next;
    struct http_stream *stream;
};

struct native_events {
    struct server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC: a listener came, or it ends */
    bool stopping;
    struct event_listener *listeners;
    time_t written_s;      /* monotonic: to all of them */
    json_t *jobs, *loaded; /* as they were told last */
};

static time_t now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* ---- writing; the lock is held ---- */

/* Those who are gone, or did not take it, are let go of. */
static void sweep(struct native_events *e)
{
    for (struct event_listener **at = &e->listeners; *at;) {
        struct event_listener *listener = *at;
        if (!http_stream_gone(listener->stream)) {
            at = &listener->next;
            continue;
        }
        *at = listener->next;
        http_stream_end(listener->stream);
        free(listener);
    }
}

/* `value` is taken over. */
static void tell(struct native_events *e, const char *event, json_t *value)
{
    for (struct event_listener *at = e->listeners; at; at = at->next)
        (void)http_stream_sse(at->stream, event, json_incref(value));
    json_decref(value);
    e->written_s = now_s();
}

static void beat(struct native_events *e)
{
    for (struct event_listener *at = e->listeners; at; at = at->next)
        (void)http_stream_write(at->stream, ":\n\n", strlen(":\n\n"));
    e->written_s = now_s();
}

/* ---- what is different ---- */

static json_int_t id_of(const json_t *job)
{
    return json_integer_value(json_object_get(job, "id"));
}

static json_t *job_with(const json_t *jobs, json_int_t id)
{
    for (size_t i = 0; i < json_array_size(jobs); i++)
        if (id_of(json_array_get(jobs, i)) == id)
            return json_array_get(jobs, i);
    return NULL;
}

static bool is_at_work(const json_t *job)
{
    const char *stage = json_string_value(json_object_get(job, "stage"));
    return stage && (strcmp(stage, "queued") == 0 || strcmp(stage, "running") == 0);
}

/* Forget what was told of a job. */
static void untell(struct native_events *e, json_int_t id)
{
    for (size_t i = 0; i < json_array_size(e->jobs); i++)
        if (id_of(json_array_get(e->jobs, i)) == id) {
            (void)json_array_remove(e->jobs, i);
            return;
        }
}

static void tell_jobs(struct native_events *e, json_t *jobs)
{
    bool models = false; /* what a job was at may be another by now */

    for (size_t i = 0; i < json_array_size(jobs); i++) {
        json_t *job = json_array_get(jobs, i);
        const json_t *before = job_with(e->jobs, id_of(job));
        if (json_equal(job, before))
            continue;
        tell(e, "job", json_incref(job));
        models |= !is_at_work(job) && (!before || is_at_work(before));
    }
    for (size_t i = 0; i < json_array_size(e->jobs); i++) {
        const json_t *before = json_array_get(e->jobs, i);
        if (job_with(jobs, id_of(before)))
            continue;
        tell(e, "job_removed", json_pack("{s:I}", "id", id_of(before)));
        models |= is_at_work(before);
    }
    if (models)
        tell(e, "models", json_object());
}

/* What can't be had now is told the next time. */
static void look(struct native_events *e)
{
    json_t *jobs = native_jobs_array(e->server);
    json_t *loaded = native_loaded_array(e->server);

    if (jobs && loaded) {
        tell_jobs(e, jobs);
        if (!json_equal(loaded, e->loaded))
            tell(e, "loaded", json_pack("{s:O}", "loaded", loaded));
        json_decref(e->jobs);
        json_decref(e->loaded);
        e->jobs = jobs;
        e->loaded = loaded;
    } else {
        json_decref(jobs);
        json_decref(loaded);
    }
    if (now_s() - e->written_s >= HEARTBEAT_S)
        beat(e);
    sweep(e);
}

/* ---- the thread ---- */

static void pause_between(struct native_events *e)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TELL_EVERY_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    while (!e->stopping && pthread_cond_timedwait(&e->changed, &e->lock, &until) != ETIMEDOUT)
        continue;
}

static void *run(void *self)
{
    struct native_events *e = self;
    uint64_t seen = 0;

    (void)pthread_mutex_lock(&e->lock);
    while (!e->stopping) {
        if (!e->listeners) {
            (void)pthread_cond_wait(&e->changed, &e->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&e->lock);
        seen = orion_download_changes(e->server->manager, seen, LOOK_MS);
        (void)pthread_mutex_lock(&e->lock);
        if (e->stopping)
            break;
        look(e);
        pause_between(e);
    }
    (void)pthread_mutex_unlock(&e->lock);
    return NULL;
}

orion_status native_events_new(struct server *server, struct native_events **out, orion_error *err)
{
    struct native_events *e = calloc(1, sizeof(*e));
    pthread_condattr_t monotonic;

    *out = NULL;
    if (!e)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a server");
    e->server = server;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&e->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&e->lock, NULL);
    if (thread_start(&e->thread, run, e) != 0) {
        (void)pthread_cond_destroy(&e->changed);
        (void)pthread_mutex_destroy(&e->lock);
        free(e);
        return server_fail(err, ORION_E_NOMEM, "the thread of the events could not be started");
    }
    *out = e;
    return ORION_OK;
}

void native_events_stop(struct native_events *e)
{
    if (!e)
        return;
    (void)pthread_mutex_lock(&e->lock);
    e->stopping = true;
    (void)pthread_cond_broadcast(&e->changed);
    while (e->listeners) {
        struct event_listener *next = e->listeners->next;
        http_stream_end(e->listeners->stream);
        free(e->listeners);
        e->listeners = next;
    }
    (void)pthread_mutex_unlock(&e->lock);
}

void native_events_free(struct native_events *e)
{
    if (!e)
        return;
    native_events_stop(e);
    (void)pthread_join(e->thread, NULL);
    (void)pthread_cond_destroy(&e->changed);
    (void)pthread_mutex_destroy(&e->lock);
    json_decref(e->jobs);
    json_decref(e->loaded);
    free(e);
}

/* ---- what others do ---- */

void native_events_models(struct native_events *e)
{
    (void)pthread_mutex_lock(&e->lock);
    tell(e, "models", json_object());
    (void)pthread_mutex_unlock(&e->lock);
}

void native_events_job(struct native_events *e, uint64_t id)
{
    (void)pthread_mutex_lock(&e->lock);
    untell(e, (json_int_t)id);
    if (e->listeners)
        look(e);
    (void)pthread_mutex_unlock(&e->lock);
}

void native_events_look(struct native_events *e)
{
    (void)pthread_mutex_lock(&e->lock);
    if (e->listeners)
        look(e);
    (void)pthread_mutex_unlock(&e->lock);
}

/* The newcomer's snapshot is what the others were told last, which is told anew
 * first: what follows is the same for all. */
static void join(struct native_events *e, struct event_listener *listener)
{
    look(e);
    (void)http_stream_sse(listener->stream, "snapshot",
                          json_pack("{s:O?, s:O?}", "jobs", e->jobs, "loaded", e->loaded));
    listener->next = e->listeners;
    e->listeners = listener;
    (void)pthread_cond_broadcast(&e->changed);
}

void native_events(struct http_request *request, void *user)
{
    struct native_events *e = ((struct server *)user)->events;

    if (!query_read(request, query_of_nothing, NULL))
        return;
    struct event_listener *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        http_reply_failure(request, 503, ORION_E_NOMEM, NULL, "not enough memory for a stream");
        return;
    }
    http_add_header(request, "Cache-Control", "no-store");
    listener->stream = http_stream_begin(request, "text/event-stream");
    if (!listener->stream) {
        free(listener);
        return;
    }
    (void)pthread_mutex_lock(&e->lock);
    const bool stopping = e->stopping;
    if (!stopping)
        join(e, listener);
    (void)pthread_mutex_unlock(&e->lock);
    if (stopping) {
        http_stream_end(listener->stream);
        free(listener);
    }
}
