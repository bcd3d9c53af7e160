/* The workers: threads that run handlers, which may block: on a disk, a hub, or a model
 * that is being loaded.  One is started when a request finds none idle, up to one for
 * each connection, so that no request waits for another one's handler.  They stay until
 * the end: an idle one costs a few pages. */
#include "exchange.h"

#include "fail.h"
#include "thread.h"

#include <stdlib.h>

#define WORKERS HTTP_CONNECTIONS

struct http_work {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct http_request *first, **last; /* that wait for a worker */
    pthread_t threads[WORKERS];
    size_t n_threads, n_idle, n_waiting;
    bool ending;
};

static struct http_request *take(struct http_work *work)
{
    struct http_request *request = NULL;

    (void)pthread_mutex_lock(&work->lock);
    work->n_idle++;
    while (!work->first && !work->ending)
        (void)pthread_cond_wait(&work->more, &work->lock);
    work->n_idle--;
    if (work->first) {
        request = work->first;
        work->first = request->next;
        work->n_waiting--;
        if (!work->first)
            work->last = &work->first;
    }
    (void)pthread_mutex_unlock(&work->lock);
    return request;
}

static void *run(void *arg)
{
    struct http_work *work = arg;
    struct http_request *request;

    while ((request = take(work)) != NULL)
        request->route->handle(request, request->http->options.user);
    return NULL;
}

/* With the lock held.  One that can't be started is not missed while there are
 * others. */
static void start_one(struct http_work *work)
{
    if (work->n_threads < WORKERS && thread_start(&work->threads[work->n_threads], run, work) == 0)
        work->n_threads++;
}

orion_status http_work_new(struct http_work **out, orion_error *err)
{
    struct http_work *work = calloc(1, sizeof(*work));

    *out = NULL;
    if (!work)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a server");
    work->last = &work->first;
    (void)pthread_mutex_init(&work->lock, NULL);
    (void)pthread_cond_init(&work->more, NULL);
    start_one(work);
    if (work->n_threads == 0) {
        http_work_free(work);
        return server_fail(err, ORION_E_NOMEM, "a thread for requests could not be started");
    }
    *out = work;
    return ORION_OK;
}

void http_work_give(struct http_work *work, struct http_request *request)
{
    (void)pthread_mutex_lock(&work->lock);
    request->next = NULL;
    *work->last = request;
    work->last = &request->next;
    if (++work->n_waiting > work->n_idle)
        start_one(work);
    (void)pthread_cond_signal(&work->more);
    (void)pthread_mutex_unlock(&work->lock);
}

void http_work_free(struct http_work *work)
{
    if (!work)
        return;
    (void)pthread_mutex_lock(&work->lock);
    work->ending = true;
    (void)pthread_cond_broadcast(&work->more);
    (void)pthread_mutex_unlock(&work->lock);
    for (size_t i = 0; i < work->n_threads; i++)
        (void)pthread_join(work->threads[i], NULL);
    (void)pthread_cond_destroy(&work->more);
    (void)pthread_mutex_destroy(&work->lock);
    free(work);
}
