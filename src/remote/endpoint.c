/* Opening, closing, and small questions. */
#include "remote/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define SILENCE_MS (5u * 60u * 1000u)
#define QUESTION_SILENCE_MS 5000u /* what is asked here takes no thinking */
#define QUESTION_MAX_BYTES ((size_t)1 << 20)

static orion_status check_key(const struct ori_endpoint *endpoint, orion_error *err)
{
    bool may = true;

    if (endpoint->line->token && ori_url_may_have_token(endpoint->line->endpoint,
                                                        endpoint->line->endpoint, &may) != ORION_OK)
        return ori_fail_nomem(err, "an endpoint");
    return may ? ORION_OK
               : ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, endpoint->line->endpoint,
                             "the key of %s would go to %s without encryption; use https",
                             endpoint->title, endpoint->line->endpoint);
}

static orion_status open_line(const struct ori_endpoint_config *config,
                              struct ori_endpoint *endpoint, orion_error *err)
{
    endpoint->extended = config->extended;
    /* A remote's address has its version in it; our server's is that of all its APIs. */
    endpoint->chat_path = config->extended ? "/v1/chat/completions" : "/chat/completions";
    endpoint->text_path = config->extended ? "/v1/completions" : "/completions";
    endpoint->silence_ms = config->silence_ms ? config->silence_ms : SILENCE_MS;
    endpoint->title = strdup(config->title);
    endpoint->model = config->model ? strdup(config->model) : NULL;
    if (!endpoint->title || (config->model && !endpoint->model))
        return ori_fail_nomem(err, "an endpoint");
    orion_status status = ori_hub_open(&config->line, &endpoint->line, err);
    if (status == ORION_OK)
        status = check_key(endpoint, err);
    if (status == ORION_OK)
        status = ori_engine_new(endpoint->line, &endpoint->engine, err);
    return status;
}

static void free_endpoint(struct ori_endpoint *endpoint)
{
    ori_engine_free(endpoint->engine);
    ori_hub_close(endpoint->line);
    free(endpoint->title);
    free(endpoint->model);
    (void)pthread_cond_destroy(&endpoint->asked);
    (void)pthread_mutex_destroy(&endpoint->lock);
    free(endpoint);
}

orion_status ori_endpoint_open(const struct ori_endpoint_config *config, struct ori_endpoint **out,
                               orion_error *err)
{
    *out = NULL;
    struct ori_endpoint *endpoint = calloc(1, sizeof(*endpoint));
    if (!endpoint)
        return ori_fail_nomem(err, "an endpoint");
    (void)pthread_mutex_init(&endpoint->lock, NULL); /* plain ones don't fail on Linux */
    (void)pthread_cond_init(&endpoint->asked, NULL);
    const orion_status status = open_line(config, endpoint, err);
    if (status != ORION_OK) {
        free_endpoint(endpoint);
        return status;
    }
    *out = endpoint;
    return ORION_OK;
}

void ori_endpoint_close(struct ori_endpoint *endpoint)
{
    if (!endpoint)
        return;
    (void)pthread_mutex_lock(&endpoint->lock);
    endpoint->closing = true;
    const bool started = endpoint->started;
    (void)pthread_cond_signal(&endpoint->asked);
    (void)pthread_mutex_unlock(&endpoint->lock);
    if (started) {
        ori_engine_wake(endpoint->engine);
        (void)pthread_join(endpoint->thread, NULL);
    }
    free_endpoint(endpoint);
}

const char *ori_endpoint_url(const struct ori_endpoint *endpoint)
{
    return ori_hub_endpoint(endpoint->line);
}

char *ori_endpoint_address(const struct ori_endpoint *endpoint, const char *path)
{
    struct ori_buf url;

    ori_buf_init(&url, ORI_URL_MAX);
    (void)ori_buf_addf(&url, "%s%s", ori_endpoint_url(endpoint), path);
    char *text = ori_buf_take(&url);
    ori_buf_release(&url);
    return text;
}

/* ---- small questions ---- */

static orion_status keep(struct ori_transfer *t, const void *data, size_t len, orion_error *err)
{
    struct ori_buf *body = t->self;

    if (ori_buf_add(body, data, len) == ORION_OK)
        return ORION_OK;
    return body->status == ORION_E_NOMEM
               ? ori_fail_nomem(err, "an answer")
               : ori_fail(err, ORION_E_NETWORK, "the answer is longer than %zu bytes", body->max);
}

static orion_status read_answer(const struct ori_endpoint *endpoint, const struct ori_reply *reply,
                                const struct ori_buf *body, json_t **out, orion_error *err)
{
    orion_error why;

    if (reply->status < 200 || reply->status > 299)
        return ori_endpoint_refusal(endpoint, reply, body, err);
    if (!out || body->len == 0)
        return ORION_OK;
    const orion_status status =
        ori_json_parse(ori_buf_text(body), body->len, "the answer", out, &why);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "an answer");
    if (json_is_object(*out))
        return ORION_OK;
    json_decref(*out);
    *out = NULL;
    return ori_fail(err, ORION_E_NETWORK, "the answer of %s is not what was asked for",
                    endpoint->title);
}

orion_status ori_endpoint_ask(struct ori_endpoint *endpoint, const char *method, const char *path,
                              json_t **out, orion_error *err)
{
    const uint64_t nothing = 0;
    struct ori_engine *engine = NULL;
    struct ori_buf body;

    if (out)
        *out = NULL;
    ori_buf_init(&body, QUESTION_MAX_BYTES);
    char *url = ori_endpoint_address(endpoint, path);
    struct ori_transfer *t = calloc(1, sizeof(*t));
    orion_status status =
        url && t ? ori_engine_new(endpoint->line, &engine, err) : ori_fail_nomem(err, "a question");
    if (status == ORION_OK) {
        *t = (struct ori_transfer){.url = url,
                                   .method = method,
                                   .accept = "application/json",
                                   .stall_ms = QUESTION_SILENCE_MS,
                                   .on_body = keep,
                                   .self = &body};
        status = ori_engine_run(engine, t, NULL, ORION_PHASE_RESOLVE, &nothing, err);
    }
    if (status == ORION_OK && t->status != ORION_OK) {
        status = t->status;
        if (err)
            *err = t->error;
    }
    if (status == ORION_OK)
        status = read_answer(endpoint, &t->reply, &body, out, err);
    ori_engine_free(engine);
    free(t);
    free(url);
    ori_buf_release(&body);
    return status;
}
