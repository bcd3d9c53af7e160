/* A file's bytes, in order, over as many connections as it takes.
 *
 * Each attempt asks for what is still missing.  A range is asked for always,
 * also from 0: servers of very large files answer nothing else. */
#include "hub/hub.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hub/http.h"
#include "hub/retry.h"

#define MAX_REDIRECTS 10
#define MAX_RENEWALS 3    /* of the signed URL, without a byte in between */
#define MAX_FAULTS 3      /* answers that are wrong, without a byte in between */
#define MAX_RESTARTS 5    /* of a server that can only send the whole file */
#define MAX_ATTEMPTS 1000 /* patience is measured in time here */

struct fetch {
    const struct ori_hub *hub;
    struct ori_engine *engine;
    struct ori_hub_file *file;
    const struct ori_sink *sink;
    const struct ori_watch *watch;
    struct ori_transfer transfer;
    struct ori_retry retry;
    uint64_t offset; /* the next byte wanted */
    uint64_t began;  /* `offset` when the attempt began */
    unsigned restarts;
    unsigned renewals, faults, redirects; /* since the last byte */
    char etag[160];                       /* the data server's, when strong */
    char *redirected;                     /* where the data server sent us on, or NULL */
};

static orion_status wrong(struct fetch *f, orion_error *err, const char *what)
{
    char host[128];
    ori_url_host(f->transfer.url, host, sizeof(host));
    return ori_fail_at(err, ORION_E_NETWORK, f->offset, f->file->path,
                       "%s %s (at byte %" PRIu64 ")", host, what, f->offset);
}

/* ---- the head of an answer ---- */

static orion_status check_range(struct fetch *f, const struct ori_reply *reply, orion_error *err)
{
    if (!reply->has_range || reply->range_begin != f->offset ||
        reply->range_end >= f->file->size_bytes)
        return wrong(f, err, "answered with other bytes than it was asked for");
    if (reply->has_total && reply->total != f->file->size_bytes)
        return wrong(f, err, "has a file of another size than the hub says");
    return ORION_OK;
}

/* 200: everything from the start, whatever was asked for. */
static orion_status check_whole(struct fetch *f, const struct ori_reply *reply, orion_error *err)
{
    if (strstr(reply->content_type, "text/html"))
        return wrong(f, err,
                     "answered with a web page instead of data; perhaps this network wants "
                     "you to log in first");
    if (reply->has_length && reply->length != f->file->size_bytes)
        return wrong(f, err, "has a file of another size than the hub says");
    if (f->offset == 0)
        return ORION_OK;
    if (++f->restarts > MAX_RESTARTS)
        return wrong(f, err, "cannot continue a download, and keeps breaking it off");
    f->offset = f->began = 0;
    return f->sink->restart(f->sink->self, err);
}

static bool is_data(const struct ori_reply *reply)
{
    return reply->status == 200 || reply->status == 206;
}

static orion_status on_reply(struct ori_transfer *t, orion_error *err)
{
    struct fetch *f = t->self;
    const struct ori_reply *reply = &t->reply;

    if (!is_data(reply))
        return ORION_OK; /* judged when it has ended */
    if (reply->content_encoding[0] && strcmp(reply->content_encoding, "identity") != 0)
        return wrong(f, err, "compresses the data although asked not to");
    const orion_status status =
        reply->status == 206 ? check_range(f, reply, err) : check_whole(f, reply, err);
    if (status != ORION_OK)
        return status;
    if (ori_reply_etag_is_strong(reply->etag))
        memcpy(f->etag, reply->etag, sizeof(f->etag));
    return ORION_OK;
}

static orion_status on_body(struct ori_transfer *t, const void *data, size_t len, orion_error *err)
{
    struct fetch *f = t->self;

    if (!is_data(&t->reply))
        return ORION_OK; /* an error's text */
    if (len > f->file->size_bytes - f->offset)
        return wrong(f, err, "sent more bytes than the file has");
    const orion_status status = f->sink->write(f->sink->self, f->offset, data, len, err);
    if (status != ORION_OK)
        return status;
    f->offset += len;
    f->renewals = f->faults = f->redirects = 0;
    ori_retry_progress(&f->retry);
    return ORION_OK;
}

/* ---- what an attempt came to; ORION_OK means: go on with another ---- */

/* Ask the hub again for a URL; nothing else may have changed. */
static orion_status renew(struct fetch *f, orion_error *err)
{
    struct ori_hub_file now;

    if (++f->renewals > MAX_RENEWALS)
        return wrong(f, err, "refuses the address that the hub gives for the data");
    orion_status status =
        ori_hub_resolve(f->hub, f->file->repo, f->file->path, f->file->commit, f->watch, &now, err);
    if (status != ORION_OK)
        return status;
    if (now.size_bytes != f->file->size_bytes || strcmp(now.digest.hex, f->file->digest.hex) != 0) {
        status = ori_fail_at(err, ORION_E_NETWORK, ORION_NO_OFFSET, f->file->path,
                             "'%s/%s' changed on the hub while it was being fetched; pull it again",
                             f->file->repo, f->file->path);
        ori_hub_file_release(&now);
        return status;
    }
    free(f->file->url);
    f->file->url = now.url;
    free(f->redirected);
    f->redirected = NULL;
    f->etag[0] = '\0';
    return ORION_OK;
}

static orion_status follow(struct fetch *f, const struct ori_reply *reply, orion_error *err)
{
    char *next = ori_url_join(f->transfer.url, reply->location);
    if (!next)
        return wrong(f, err, "redirects to an address that cannot be used");
    orion_status status = ORION_OK;
    if (ori_url_is_downgrade(f->transfer.url, next))
        status = wrong(f, err, "redirects to an address without encryption; refused");
    else if (++f->redirects > MAX_REDIRECTS)
        status = wrong(f, err, "redirects in circles");
    if (status != ORION_OK) {
        free(next);
        return status;
    }
    free(f->redirected);
    f->redirected = next;
    return ORION_OK;
}

/* An answer that is none of ours: refused, expired, moved or overloaded. */
static orion_status judge_answer(struct fetch *f, orion_error *err)
{
    const struct ori_reply *reply = &f->transfer.reply;
    orion_error why;

    if (reply->status >= 300 && reply->status < 400 && reply->location[0])
        return follow(f, reply, err);
    if (ori_hub_is_transient(reply->status)) {
        (void)ori_hub_refusal(f->hub, reply, f->file->repo, f->file->path, "", &why);
        return ori_retry_wait(&f->retry, reply, &why, f->watch, f->offset, err);
    }
    /* A signed URL has expired, or the file has moved.  If it is about
     * permission after all, the hub will say so when it is asked again. */
    switch (reply->status) {
    case 401:
    case 403:
    case 404:
    case 410:
    case 416:
        return renew(f, err);
    default:
        (void)wrong(f, &why, "gives no data");
        return ori_fail_at(err, ORION_E_NETWORK, f->offset, f->file->path, "%s: status %d",
                           why.message, reply->status);
    }
}

static orion_status judge(struct fetch *f, orion_error *err)
{
    struct ori_transfer *t = &f->transfer;

    if (t->status == ORION_OK && !is_data(&t->reply))
        return judge_answer(f, err);
    if (t->status == ORION_OK) {
        if (f->offset > f->began) /* all of it, or as much as this server gives at a time */
            return ORION_OK;
        t->status = wrong(f, &t->error, "ended before the file did");
        t->worth_retrying = true;
    }
    /* Wrong answers may come from one server of many: ask a few times. */
    const bool server_at_fault = t->refused && t->status == ORION_E_NETWORK;
    if (t->worth_retrying || (server_at_fault && ++f->faults < MAX_FAULTS))
        return ori_retry_wait(&f->retry, NULL, &t->error, f->watch, f->offset, err);
    if (err)
        *err = t->error;
    return t->status;
}

static orion_status attempt(struct fetch *f, orion_error *err)
{
    f->began = f->offset;
    f->transfer = (struct ori_transfer){
        .url = f->redirected ? f->redirected : f->file->url,
        .ranged = true,
        .range_begin = f->offset,
        .range_end = f->file->size_bytes - 1,
        .if_range = f->etag[0] && f->offset > 0 ? f->etag : NULL,
        .on_reply = on_reply,
        .on_body = on_body,
        .self = f,
    };
    const orion_status status =
        ori_engine_run(f->engine, &f->transfer, f->watch, ORION_PHASE_DOWNLOAD, &f->offset, err);
    return status == ORION_OK ? judge(f, err) : status;
}

orion_status ori_hub_fetch(const struct ori_hub *hub, struct ori_hub_file *file, uint64_t offset,
                           const struct ori_sink *sink, const struct ori_watch *watch,
                           orion_error *err)
{
    struct fetch *f = calloc(1, sizeof(*f));
    if (!f)
        return ori_fail_nomem(err, "a transfer");
    f->hub = hub;
    f->file = file;
    f->sink = sink;
    f->watch = watch;
    f->offset = offset;
    ori_retry_init(&f->retry, MAX_ATTEMPTS, hub->give_up_ms);

    orion_status status = ori_engine_new(hub, &f->engine, err);
    while (status == ORION_OK && f->offset < file->size_bytes)
        status = attempt(f, err);
    ori_engine_free(f->engine);
    free(f->redirected);
    free(f);
    return status;
}
