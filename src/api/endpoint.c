/* Opening endpoints: which address is meant, and with which key; the asking is done
 * in the remote room. */
#include "api/remotes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/url.h"
#include "remote/announce.h"
#include "remote/remote.h"

struct orion_endpoint {
    struct ori_endpoint *endpoint;
    bool remote;
};

/* ---- opening ---- */

static orion_status open_endpoint(const struct ori_endpoint_config *config, bool remote,
                                  orion_endpoint **out, orion_error *err)
{
    orion_endpoint *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "an endpoint");
    handle->remote = remote;
    const orion_status status = ori_endpoint_open(config, &handle->endpoint, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

static orion_status read_key(const struct ori_remote *r, char **out, orion_error *err)
{
    *out = NULL;
    if (r->key_file)
        return ori_read_secret(r->key_file, "the key", out, err);
    if (!r->key_env)
        return ORION_OK;
    const char *value = getenv(r->key_env);
    if (!value || !*value)
        return ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, r->name,
                           "the key of '%.100s' is to be in the variable %.100s, which is not set",
                           r->name, r->key_env);
    *out = strdup(value);
    return *out ? ORION_OK : ori_fail_nomem(err, "a key");
}

orion_status orion_endpoint_open_remote(orion_manager *handle, const char *name,
                                        orion_endpoint **out, orion_error *err)
{
    char title[ORI_REMOTE_NAME_MAX + 32];
    char *key = NULL;

    if (out)
        *out = NULL;
    if (!handle || !name || !out)
        return ori_api_null_argument(err, __func__);
    const struct ori_remote *r =
        ori_remotes_find(ori_manager_remote_entries(handle->manager), name);
    if (!r)
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, name,
                           "no remote is called '%.100s' in the configuration", name);
    orion_status status = ori_api_check_remote(handle->manager, name, err);
    if (status == ORION_OK)
        status = read_key(r, &key, err);
    if (status != ORION_OK)
        return status;
    (void)snprintf(title, sizeof(title), "the remote '%s'", name);
    struct ori_endpoint_config config = {.line = ori_manager_line(handle->manager),
                                         .title = title,
                                         .model = r->model,
                                         .silence_ms = r->timeout_ms};
    /* The door itself is shut, too, unless it may be open. */
    config.line.offline = config.line.offline || !ori_manager_allows_remote(handle->manager);
    config.line.endpoint = r->url;
    config.line.token = key;
    status = open_endpoint(&config, true, out, err);
    free(key);
    return status;
}

/* ---- a server of ours ---- */

struct place {
    char *url;
    char *token; /* or NULL */
    bool elsewhere;
};

static void place_release(struct place *place)
{
    free(place->url);
    free(place->token);
}

/* The note of the server on this machine knows its token; of another address the
 * user does. */
static orion_status find_token(struct place *place, orion_error *err)
{
    const char *file = getenv("ORION_SERVER_TOKEN_FILE");
    struct ori_announced here;
    bool same = false;

    if (ori_announced_find(&here, NULL) == ORION_OK) {
        if (ori_url_same_origin(here.url, place->url, &same) == ORION_OK && same && here.token) {
            place->token = here.token;
            here.token = NULL;
        }
        ori_announced_release(&here);
    }
    return place->token || !file || !*file
               ? ORION_OK
               : ori_read_secret(file, "the server's token", &place->token, err);
}

static orion_status find_server(const char *url, struct place *out, orion_error *err)
{
    struct ori_announced here;
    bool local = true;

    *out = (struct place){0};
    if (!url)
        url = getenv("ORION_SERVER");
    if (!url || !*url) {
        const orion_status status = ori_announced_find(&here, err);
        if (status == ORION_OK)
            *out = (struct place){.url = here.url, .token = here.token};
        return status;
    }
    out->url = strdup(url);
    if (!out->url || ori_url_is_this_machine(url, &local) != ORION_OK)
        return ori_fail_nomem(err, "an address");
    out->elsewhere = !local;
    return find_token(out, err);
}

orion_status orion_endpoint_open_server(orion_manager *handle, const char *url,
                                        orion_endpoint **out, orion_error *err)
{
    struct place place;

    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    orion_status status = find_server(url, &place, err);
    if (status == ORION_OK && place.elsewhere)
        status = ori_api_check_way_out(handle->manager, place.url, err);
    if (status == ORION_OK) {
        struct ori_endpoint_config config = {
            .line = ori_manager_line(handle->manager), .title = "the server", .extended = true};
        config.line.endpoint = place.url;
        config.line.token = place.token;
        config.line.loopback_only = !place.elsewhere;
        if (!place.elsewhere) {
            config.line.offline = false; /* it leads nowhere */
            config.line.proxy = "";
        }
        status = open_endpoint(&config, place.elsewhere, out, err);
    }
    place_release(&place);
    return status;
}

void orion_endpoint_close(orion_endpoint *handle)
{
    if (!handle)
        return;
    ori_endpoint_close(handle->endpoint);
    free(handle);
}

const char *orion_endpoint_url(const orion_endpoint *handle)
{
    return ori_endpoint_url(handle->endpoint);
}

bool orion_endpoint_is_remote(const orion_endpoint *handle)
{
    return handle->remote;
}

/* ---- asking ---- */

orion_status orion_endpoint_submit(orion_endpoint *handle, const char *model,
                                   const orion_request *request, uint64_t *id, orion_error *err)
{
    orion_generate_params params;
    orion_chat_options chat;
    orion_request ours = {.top_logprobs = ORION_NO_LOGPROBS};

    if (id)
        *id = 0;
    if (!handle || !request)
        return ori_api_null_argument(err, __func__);
    orion_generate_params_init(&params);
    orion_chat_options_init(&chat);
    if (!ori_api_take_options(&ours, sizeof(ours), request) ||
        (ours.params && !ori_api_take_options(&params, sizeof(params), ours.params)) ||
        (ours.chat && !ori_api_take_options(&chat, sizeof(chat), ours.chat)))
        return ori_fail(err, ORION_E_ARGUMENT, "the request was not set up with its _init()");
    if (!ours.on_done)
        return ori_api_null_argument(err, __func__);
    const orion_status status = ori_api_check_messages(&ours, __func__, err);
    if (status != ORION_OK)
        return status;
    ours.params = &params;
    ours.chat = &chat;
    return ori_endpoint_submit(handle->endpoint, model, &ours, id, err);
}

void orion_endpoint_cancel(orion_endpoint *handle, uint64_t id)
{
    if (handle)
        ori_endpoint_cancel(handle->endpoint, id);
}

orion_status orion_endpoint_loaded(orion_endpoint *handle, orion_loaded_list **out,
                                   orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_endpoint_loaded(handle->endpoint, out, err);
}

void orion_loaded_list_free(orion_loaded_list *list)
{
    ori_loaded_free(list);
}

orion_status orion_endpoint_unload(orion_endpoint *handle, const char *model, orion_error *err)
{
    if (!handle || !model)
        return ori_api_null_argument(err, __func__);
    return ori_endpoint_unload(handle->endpoint, model, err);
}

/* ---- announcing ---- */

struct orion_announcement {
    struct ori_announcement *announcement;
};

orion_status orion_server_announce(const char *url, const char *token_file,
                                   orion_announcement **out, orion_error *err)
{
    if (out)
        *out = NULL;
    if (!url || !out)
        return ori_api_null_argument(err, __func__);
    orion_announcement *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "an announcement");
    const orion_status status = ori_announce(url, token_file, &handle->announcement, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

void orion_server_withdraw(orion_announcement *handle)
{
    if (!handle)
        return;
    ori_announce_end(handle->announcement);
    free(handle);
}
