/* The metadata request: commit, size, digest, and where the bytes are. */
#include "hub/hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/ask.h"

void ori_hub_file_release(struct ori_hub_file *file)
{
    free(file->url);
    file->url = NULL;
}

char *ori_hub_resolve_url(const struct ori_hub *hub, const char *repo, const char *path,
                          const char *rev)
{
    struct ori_buf url;
    char *where = ori_url_encode(path, true), *when = ori_url_encode(*rev ? rev : "main", false);

    ori_buf_init(&url, ORI_URL_MAX);
    if (where && when)
        (void)ori_buf_addf(&url, "%s/%s/resolve/%s/%s", hub->endpoint, repo, when, where);
    free(where);
    free(when);
    char *text = url.len ? ori_buf_take(&url) : NULL;
    ori_buf_release(&url);
    return text;
}

/* A login page of a network, or a proxy's, answers anything with 200. */
static orion_status not_a_hub(const char *url, const struct ori_reply *reply, orion_error *err)
{
    char host[128];
    ori_url_host(url, host, sizeof(host));
    if (strstr(reply->content_type, "text/html"))
        return ori_fail(
            err, ORION_E_NETWORK,
            "%s answered with a web page instead of a model's facts; perhaps this network "
            "wants you to log in first, or a proxy is in the way",
            host);
    return ori_fail(
        err, ORION_E_NETWORK,
        "%s did not answer as a hub does (no X-Repo-Commit); is the hub's address right?", host);
}

static orion_status read_digest(const struct ori_reply *reply, struct ori_hub_file *file,
                                orion_error *err)
{
    char hex[65];

    ori_reply_etag_hex(reply->linked_etag, hex);
    if (!hex[0] && !reply->linked_etag[0])
        ori_reply_etag_hex(reply->etag, hex);
    if (!hex[0])
        return ori_fail_at(
            err, ORION_E_NETWORK, ORION_NO_OFFSET, file->path,
            "the hub gives no SHA-256 for '%s/%s', so it could not be verified and is "
            "not fetched",
            file->repo, file->path);
    memcpy(file->digest.hex, hex, sizeof(hex));
    file->digest.kind = strlen(hex) == 64 ? ORI_DIGEST_SHA256 : ORI_DIGEST_GIT_SHA1;
    return ORION_OK;
}

/* The Content-Length of a redirect is that of its own few words. */
static bool read_size(const struct ori_reply *reply, struct ori_hub_file *file)
{
    const bool direct = reply->status >= 200 && reply->status < 300;
    if (reply->has_linked_size)
        file->size_bytes = reply->linked_size;
    else if (direct && reply->has_length)
        file->size_bytes = reply->length;
    else
        return false;
    return true;
}

/* Ask the data server for one byte; its Content-Range gives the whole. */
static orion_status probe_size(const struct ori_hub *hub, struct ori_engine *engine,
                               const struct ori_watch *watch, struct ori_hub_file *file,
                               struct ori_reply *reply, orion_error *err)
{
    struct ori_buf byte;

    ori_buf_init(&byte, 4096);
    const struct ori_question question = {.url = file->url,
                                          .first_byte = true,
                                          .repo = file->repo,
                                          .file = file->path,
                                          .rev = "",
                                          .body = &byte};
    orion_status status = ori_hub_ask(hub, engine, &question, watch, reply, NULL, err);
    ori_buf_release(&byte);
    if (status != ORION_OK)
        return status;
    if (reply->status != 206 || !reply->has_total)
        return ori_fail_at(err, ORION_E_NETWORK, ORION_NO_OFFSET, file->path,
                           "neither the hub nor its data server says how big '%s/%s' is",
                           file->repo, file->path);
    file->size_bytes = reply->total;
    return ORION_OK;
}

orion_status ori_hub_read_facts(const struct ori_reply *reply, const char *answered,
                                struct ori_hub_file *file, bool *sized, orion_error *err)
{
    if (!reply->commit[0])
        return not_a_hub(answered, reply, err);
    memcpy(file->commit, reply->commit, sizeof(file->commit));

    const orion_status status = read_digest(reply, file, err);
    if (status != ORION_OK)
        return status;

    const bool sent_on = reply->status >= 300;
    orion_status joined = ORION_OK;
    if (sent_on)
        joined = ori_url_join(answered, reply->location, &file->url);
    else
        file->url = strdup(answered);
    if (joined == ORION_E_NOMEM || (joined == ORION_OK && !file->url))
        return ori_fail_nomem(err, "a file's address");
    if (joined != ORION_OK)
        return ori_fail(err, ORION_E_NETWORK,
                        "the hub redirects to an address that cannot be used");
    if (ori_url_is_downgrade(answered, file->url))
        return ori_fail(err, ORION_E_NETWORK,
                        "the hub redirects to an address without encryption; refused");
    *sized = read_size(reply, file);
    return ORION_OK;
}

static orion_status check_size(const struct ori_hub_file *file, orion_error *err)
{
    if (file->size_bytes == 0)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, file->path,
                           "'%s/%s' is empty on the hub", file->repo, file->path);
    if (file->size_bytes > INT64_MAX)
        return ori_fail(err, ORION_E_NETWORK,
                        "the hub claims an impossible size: %" PRIu64 " bytes", file->size_bytes);
    return ORION_OK;
}

orion_status ori_hub_resolve(const struct ori_hub *hub, const char *repo, const char *path,
                             const char *rev, const struct ori_watch *watch,
                             struct ori_hub_file *out, orion_error *err)
{
    struct ori_engine *engine = NULL;
    struct ori_hub_file file = {0};
    struct ori_reply *reply = NULL;
    char *url = NULL, *answered = NULL;
    bool sized = false;

    *out = (struct ori_hub_file){0};
    (void)snprintf(file.repo, sizeof(file.repo), "%s", repo);
    (void)snprintf(file.path, sizeof(file.path), "%s", path);

    orion_status status = ori_engine_new(hub, &engine, err);
    if (status != ORION_OK)
        return status;
    url = ori_hub_resolve_url(hub, repo, path, rev);
    reply = calloc(1, sizeof(*reply));
    if (!url || !reply) {
        status = ori_fail_nomem(err, "a question to the hub");
        goto done;
    }
    const struct ori_question question = {
        .url = url, .head = true, .stop_at_absolute = true, .repo = repo, .file = path, .rev = rev};
    status = ori_hub_ask(hub, engine, &question, watch, reply, &answered, err);
    if (status == ORION_OK)
        status = ori_hub_read_facts(reply, answered, &file, &sized, err);
    if (status == ORION_OK && !sized)
        status = probe_size(hub, engine, watch, &file, reply, err);
    if (status == ORION_OK)
        status = check_size(&file, err);
    if (status == ORION_OK) {
        *out = file;
        file.url = NULL;
    }
done:
    ori_hub_file_release(&file);
    free(answered);
    free(reply);
    free(url);
    ori_engine_free(engine);
    return status;
}
