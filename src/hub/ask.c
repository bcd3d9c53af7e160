#include "hub/ask.h"

#include <stdlib.h>
#include <string.h>

#include "hub/retry.h"

#define MAX_ATTEMPTS 5
#define MAX_ATTEMPTS_UNREACHED 2 /* a hub that is not there is said so within seconds */

static orion_status keep_body(struct ori_transfer *t, const void *data, size_t len,
                              orion_error *err)
{
    const struct ori_question *q = t->self;
    if (!q->body || t->reply.status >= 300)
        return ORION_OK;
    if (ori_buf_add(q->body, data, len) == ORION_OK)
        return ORION_OK;
    return q->body->status == ORION_E_NOMEM
               ? ori_fail_nomem(err, "the hub's answer")
               : ori_fail(err, ORION_E_NETWORK,
                          "the hub's answer about '%s' is longer than %zu bytes", q->repo,
                          q->body->max);
}

/* One request, repeated while that may help.  *t is filled. */
static orion_status ask_once(const struct ori_hub *hub, struct ori_engine *engine,
                             const struct ori_question *q, const char *url,
                             const struct ori_watch *watch, struct ori_transfer *t,
                             orion_error *err)
{
    const uint64_t nothing = 0;
    struct ori_retry retry;

    ori_retry_init(&retry, MAX_ATTEMPTS, hub->give_up_ms);
    for (;;) {
        *t = (struct ori_transfer){.url = url,
                                   .head = q->head,
                                   .ranged = q->first_byte,
                                   .on_body = keep_body,
                                   .self = (void *)(uintptr_t)q};
        if (q->body)
            ori_buf_clear(q->body);
        orion_status status = ori_engine_run(engine, t, watch, ORION_PHASE_RESOLVE, &nothing, err);
        if (status != ORION_OK)
            return status;
        if (t->status == ORION_OK && !ori_hub_is_transient(t->reply.status))
            return ORION_OK;
        if (t->status == ORION_OK)
            (void)ori_hub_refusal(hub, &t->reply, q->repo, q->file, q->rev, &t->error);
        else if (t->reply.status == 0)
            retry.max_attempts = MAX_ATTEMPTS_UNREACHED;
        if (t->status != ORION_OK && !t->worth_retrying) {
            if (err)
                *err = t->error;
            return t->status;
        }
        status = ori_retry_wait(&retry, &t->reply, &t->error, watch, 0, err);
        if (status != ORION_OK)
            return status;
    }
}

orion_status ori_hub_follow(const char *url, const char *location, char **out, orion_error *err)
{
    char host[128];

    const orion_status status = ori_url_join(url, location, out);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "a redirect");
    ori_url_host(url, host, sizeof(host));
    if (status != ORION_OK)
        return ori_fail(err, ORION_E_NETWORK, "%s redirects to an address that cannot be used",
                        host);
    if (!ori_url_is_downgrade(url, *out))
        return ORION_OK;
    free(*out);
    *out = NULL;
    return ori_fail(err, ORION_E_NETWORK, "%s redirects to an address without encryption; refused",
                    host);
}

static bool is_redirect(const struct ori_reply *reply)
{
    return reply->status >= 300 && reply->status < 400 && reply->location[0];
}

/* A mirror may well send an absolute URL where it only means another place of
 * its own (a renamed repository); then there is no commit yet. */
orion_status ori_hub_is_answer(const struct ori_question *q, const char *url,
                               const struct ori_reply *reply, bool *is, orion_error *err)
{
    bool same = false;

    *is = !is_redirect(reply);
    if (*is || !q->stop_at_absolute || !ori_url_is_absolute(reply->location))
        return ORION_OK;
    if (!reply->commit[0] && ori_url_same_origin(url, reply->location, &same) != ORION_OK)
        return ori_fail_nomem(err, "a redirect");
    *is = !same;
    return ORION_OK;
}

orion_status ori_hub_ask(const struct ori_hub *hub, struct ori_engine *engine,
                         const struct ori_question *q, const struct ori_watch *watch,
                         struct ori_reply *reply, char **answered, orion_error *err)
{
    orion_status status = ORION_E_NOMEM;
    struct ori_transfer *t = calloc(1, sizeof(*t));
    char *url = strdup(q->url);

    if (answered)
        *answered = NULL;
    for (int i = 0; t && url; i++) {
        char *next;
        bool is_answer = false;
        status = ask_once(hub, engine, q, url, watch, t, err);
        if (status == ORION_OK)
            status = ori_hub_is_answer(q, url, &t->reply, &is_answer, err);
        if (status != ORION_OK || is_answer)
            break;
        if (i == ORI_MAX_REDIRECTS) {
            status = ori_fail(err, ORION_E_NETWORK, "%s redirects in circles when asked for '%s'",
                              hub->endpoint, q->repo);
            break;
        }
        status = ori_hub_follow(url, t->reply.location, &next, err);
        if (status != ORION_OK)
            break;
        free(url);
        url = next;
    }
    if (!t || !url)
        status = ori_fail_nomem(err, "a question to the hub");
    if (status == ORION_OK && (t->reply.status >= 400 || t->reply.status < 200))
        status = ori_hub_refusal(hub, &t->reply, q->repo, q->file, q->rev, err);
    if (status == ORION_OK) {
        *reply = t->reply;
        if (answered) {
            *answered = url;
            url = NULL;
        }
    }
    free(url);
    free(t);
    return status;
}
