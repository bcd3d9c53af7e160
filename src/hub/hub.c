#include "hub/hub.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/internal.h"

#define STALL_MS 30000u
#define GIVE_UP_MS (5u * 60u * 1000u)
#define MAX_TOKEN 2000

static bool token_ok(const char *token)
{
    const size_t len = strlen(token);
    if (len > MAX_TOKEN)
        return false;
    for (size_t i = 0; i < len; i++)
        if (token[i] <= 0x20 || token[i] >= 0x7f)
            return false;
    return true;
}

static bool copy_text(char **field, const char *text)
{
    if (!text || !*text)
        return true;
    *field = strdup(text);
    return *field != NULL;
}

orion_status ori_hub_open(const struct ori_hub_config *config, struct ori_hub **out,
                          orion_error *err)
{
    *out = NULL;
    if (config->token && !token_ok(config->token))
        return ori_fail(err, ORION_E_ARGUMENT,
                        "the token holds spaces or other characters that no token has");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ori_fail_nomem(err, "the network library");

    struct ori_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        return ori_fail_nomem(err, "the hub");
    const orion_status status = ori_url_endpoint(
        config->endpoint && *config->endpoint ? config->endpoint : ORI_HUB_DEFAULT_ENDPOINT,
        &hub->endpoint, err);
    if (status != ORION_OK) {
        ori_hub_close(hub);
        return status;
    }
    hub->offline = config->offline;
    hub->loopback_only = config->loopback_only;
    hub->stall_ms = config->stall_ms ? config->stall_ms : STALL_MS;
    hub->give_up_ms = config->give_up_ms ? config->give_up_ms : GIVE_UP_MS;
    (void)snprintf(hub->user_agent, sizeof(hub->user_agent), "orion/%s", orion_version());
    if (!copy_text(&hub->token, config->token) || !copy_text(&hub->ca_file, config->ca_file) ||
        !copy_text(&hub->ca_dir, config->ca_dir) ||
        (config->proxy && !(hub->proxy = strdup(config->proxy)))) {
        ori_hub_close(hub);
        return ori_fail_nomem(err, "the hub");
    }
    *out = hub;
    return ORION_OK;
}

void ori_hub_close(struct ori_hub *hub)
{
    if (!hub)
        return;
    free(hub->endpoint);
    free(hub->token);
    free(hub->ca_file);
    free(hub->ca_dir);
    free(hub->proxy);
    free(hub);
}

const char *ori_hub_endpoint(const struct ori_hub *hub)
{
    return hub->endpoint;
}

bool ori_hub_is_offline(const struct ori_hub *hub)
{
    return hub->offline;
}

/* ---- the token ---- */

static orion_status take_token(const char *text, char **out, orion_error *err)
{
    *out = strdup(text);
    return *out ? ORION_OK : ori_fail_nomem(err, "the token");
}

/* The first line of a file, without spaces around it, if there is one. */
static orion_status read_token_file(const char *path, char **out, orion_error *err)
{
    char text[MAX_TOKEN + 1];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ORION_OK;
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (n <= 0)
        return ORION_OK;
    text[n] = '\0';
    char *begin = text + strspn(text, " \t\r\n");
    begin[strcspn(begin, " \t\r\n")] = '\0';
    return *begin ? take_token(begin, out, err) : ORION_OK;
}

static orion_status read_token_in(const char *folder, const char *below, char **out,
                                  orion_error *err)
{
    char path[PATH_MAX];
    const int n = snprintf(path, sizeof(path), "%s%s", folder, below);
    return n > 0 && (size_t)n < sizeof(path) ? read_token_file(path, out, err) : ORION_OK;
}

orion_status ori_hub_find_token(char **out, orion_error *err)
{
    const char *value = getenv("HF_TOKEN");

    *out = NULL;
    if (value && *value)
        return take_token(value, out, err);
    if ((value = getenv("HF_TOKEN_PATH")) && *value)
        return read_token_file(value, out, err);
    if ((value = getenv("HF_HOME")) && *value)
        return read_token_in(value, "/token", out, err);
    if ((value = getenv("XDG_CACHE_HOME")) && *value)
        return read_token_in(value, "/huggingface/token", out, err);
    if ((value = getenv("HOME")) && *value)
        return read_token_in(value, "/.cache/huggingface/token", out, err);
    return ORION_OK;
}
