/* Opening a manager, and where its configuration comes from. */
#include "manager/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

char *ori_config_models_dir(const char *given, orion_error *err)
{
    static const char below_home[] = "/.orionhealth/models";
    const char *dir = given && *given ? given : environment("ORION_MODELS");
    char *text = NULL;

    if (dir) {
        text = strdup(dir);
    } else {
        const char *home = environment("HOME");
        if (!home) {
            (void)ori_fail(err, ORION_E_ARGUMENT,
                           "no models directory: set ORION_MODELS, or HOME, or name one");
            return NULL;
        }
        const size_t bytes = strlen(home) + sizeof(below_home);
        text = malloc(bytes);
        if (text)
            (void)snprintf(text, bytes, "%s%s", home, below_home);
    }
    if (!text)
        (void)ori_fail_nomem(err, "the models directory's path");
    return text;
}

bool ori_config_offline(bool given)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    const char *value = environment("HF_HUB_OFFLINE");
    for (size_t i = 0; value && i < ORI_COUNT(yes); i++)
        given |= strcasecmp(value, yes[i]) == 0;
    return given;
}

static orion_status open_hub(const orion_manager_options *options, struct ori_hub **out,
                             orion_error *err)
{
    const bool named = options->ca_file && *options->ca_file;
    char *found = options->token && *options->token ? NULL : ori_hub_find_token();
    struct ori_hub_config config = {
        .endpoint =
            options->hub_url && *options->hub_url ? options->hub_url : environment("HF_ENDPOINT"),
        .token = found ? found : options->token,
        .ca_file = named ? options->ca_file : environment("SSL_CERT_FILE"),
        .ca_dir = named ? NULL : environment("SSL_CERT_DIR"),
        .offline = ori_config_offline(options->offline),
    };
    if (!config.ca_file)
        config.ca_file = environment("CURL_CA_BUNDLE");
    const orion_status status = ori_hub_open(&config, out, err);
    free(found);
    return status;
}

static orion_status open_store(const orion_manager_options *options, struct ori_store **out,
                               orion_error *err)
{
    orion_error why = {.status = ORION_E_NOMEM};
    char *dir = ori_config_models_dir(options->models_dir, &why);
    if (!dir) {
        if (err)
            *err = why;
        return why.status;
    }
    const orion_status status = ori_store_open(dir, out, err);
    free(dir);
    return status;
}

orion_status ori_manager_open(const orion_manager_options *options, struct ori_manager **out,
                              orion_error *err)
{
    *out = NULL;
    struct ori_manager *manager = calloc(1, sizeof(*manager));
    if (!manager)
        return ori_fail_nomem(err, "the manager");
    orion_status status = ori_catalogue_open(&manager->catalogue, err);
    if (status == ORION_OK)
        status = open_hub(options, &manager->hub, err);
    if (status == ORION_OK)
        status = open_store(options, &manager->store, err);
    if (status != ORION_OK) {
        ori_manager_close(manager);
        return status;
    }
    *out = manager;
    return ORION_OK;
}

void ori_manager_close(struct ori_manager *manager)
{
    if (!manager)
        return;
    ori_store_close(manager->store);
    ori_hub_close(manager->hub);
    ori_catalogue_close(&manager->catalogue);
    free(manager);
}

char *ori_manager_absolute(const struct ori_manager *manager, const char *path)
{
    const char *root = ori_store_root(manager->store);
    const size_t bytes = strlen(root) + 1 + strlen(path) + 1;
    char *text = malloc(bytes);
    if (text)
        (void)snprintf(text, bytes, "%s/%s", strcmp(root, "/") == 0 ? "" : root, path);
    return text;
}
