/* Opening and closing. */
#include "manager/downloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ori_hub_config ori_manager_line(const struct ori_manager *manager)
{
    const struct ori_config *c = &manager->config;
    const char *ca_from = c->values[ORI_CONFIG_CA_FILE].source;
    /* The network library reads the variables itself, NO_PROXY too. */
    const bool proxy_ours = !ori_config_is_variable(c, ORI_CONFIG_PROXY);

    return (struct ori_hub_config){
        .ca_file = ori_config_text(c, ORI_CONFIG_CA_FILE),
        /* A file that was named is all that is trusted. */
        .ca_dir = ca_from && strcmp(ca_from, "option") == 0 ? NULL
                                                            : ori_config_text(c, ORI_CONFIG_CA_DIR),
        .proxy = proxy_ours ? ori_config_text(c, ORI_CONFIG_PROXY) : NULL,
        .offline = c->offline,
        .stall_ms = c->stall_ms,
        .give_up_ms = c->give_up_ms,
    };
}

static orion_status open_hub(const struct ori_manager *manager, struct ori_hub **out,
                             orion_error *err)
{
    struct ori_hub_config config = ori_manager_line(manager);

    config.endpoint = ori_config_text(&manager->config, ORI_CONFIG_HUB_URL);
    config.token = ori_config_text(&manager->config, ORI_CONFIG_TOKEN);
    return ori_hub_open(&config, out, err);
}

struct ori_fetch_limits ori_manager_limits(const struct ori_manager *manager)
{
    return (struct ori_fetch_limits){.max_connections = manager->config.connections,
                                     .bytes_per_second = manager->config.max_rate};
}

orion_status ori_manager_open(const orion_manager_options *options, struct ori_manager **out,
                              orion_error *err)
{
    *out = NULL;
    struct ori_manager *manager = calloc(1, sizeof(*manager));
    if (!manager)
        return ori_fail_nomem(err, "the manager");
    orion_status status = ori_config_read(options, &manager->config, err);
    if (status == ORION_OK)
        status = ori_catalogue_open(&manager->catalogue, err);
    if (status == ORION_OK)
        status = open_hub(manager, &manager->hub, err);
    if (status == ORION_OK)
        status = ori_store_open(ori_config_text(&manager->config, ORI_CONFIG_MODELS_DIR),
                                &manager->store, err);
    manager->names_only = options && options->names_only;
    if (status == ORION_OK && manager->names_only) /* where else should their models be? */
        status = ori_store_check(manager->store, err);
    if (status == ORION_OK)
        status = ori_downloads_new(manager, &manager->downloads, err);
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
    ori_downloads_free(manager->downloads);
    ori_store_close(manager->store);
    ori_hub_close(manager->hub);
    ori_catalogue_close(&manager->catalogue);
    ori_config_release(&manager->config);
    free(manager);
}

bool ori_manager_is_offline(const struct ori_manager *manager)
{
    return manager->config.offline;
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
