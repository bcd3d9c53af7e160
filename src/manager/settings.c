/* The configuration, for a person. */
#include "manager/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "manager/texts.h"

struct settings {
    orion_setting_list shown; /* first: what the caller sees */
    orion_setting items[ORI_CONFIG_END + ORI_REMOTES_MAX];
    struct ori_texts texts;
};

void ori_settings_free(orion_setting_list *shown)
{
    struct settings *list = (struct settings *)shown;
    if (!list)
        return;
    ori_texts_release(&list->texts);
    free(list);
}

/* What an unset key amounts to. */
static const char *default_of(enum ori_config_key key)
{
    switch (key) {
    case ORI_CONFIG_HUB_URL:
        return ORI_HUB_DEFAULT_ENDPOINT;
    case ORI_CONFIG_OFFLINE:
    case ORI_CONFIG_ALLOW_REMOTE:
        return "false";
    case ORI_CONFIG_STRATEGY:
        return "local-only";
    case ORI_CONFIG_MAX_BYTES:
    case ORI_CONFIG_MAX_RATE:
        return "no limit";
    case ORI_CONFIG_CONNECTIONS:
        return "16";
    case ORI_CONFIG_STALL:
        return "30";
    case ORI_CONFIG_GIVE_UP:
        return "300";
    case ORI_CONFIG_TOKEN:
    case ORI_CONFIG_PROXY:
        return "none";
    case ORI_CONFIG_CA_FILE:
    case ORI_CONFIG_CA_DIR:
        return "the system's";
    case ORI_CONFIG_CACHE_MAX_BYTES:
        return "2 GiB";
    case ORI_CONFIG_MODELS_DIR:
    case ORI_CONFIG_CACHE_DIR:
    case ORI_CONFIG_END:
        break;
    }
    return "";
}

/* Where a key is, never what it is. */
static void show_remotes(const struct ori_remotes *remotes, struct settings *list)
{
    char key[ORI_REMOTE_NAME_MAX + 16], value[4200];

    for (size_t i = 0; i < remotes->n; i++) {
        const struct ori_remote *r = &remotes->items[i];
        (void)snprintf(key, sizeof(key), "remote.%s", r->name);
        (void)snprintf(value, sizeof(value), "%.2000s, model %.1000s%s%.1000s", r->url, r->model,
                       r->key_env    ? ", key in $"
                       : r->key_file ? ", key in "
                                     : "",
                       r->key_env    ? r->key_env
                       : r->key_file ? r->key_file
                                     : "");
        list->items[ORI_CONFIG_END + i] =
            (orion_setting){.key = ori_texts_keep(&list->texts, key),
                            .value = ori_texts_keep(&list->texts, value),
                            .source = ori_texts_keep(&list->texts, remotes->source)};
    }
}

orion_status ori_manager_settings(const struct ori_manager *manager, orion_setting_list **out,
                                  orion_error *err)
{
    char value[4200];

    *out = NULL;
    struct settings *list = calloc(1, sizeof(*list));
    if (!list)
        return ori_fail_nomem(err, "the settings");
    for (size_t i = 0; i < ORI_CONFIG_END; i++) {
        const enum ori_config_key key = (enum ori_config_key)i;
        const char *source = manager->config.values[i].source;
        ori_config_show(&manager->config, key, value, sizeof(value));
        list->items[i] = (orion_setting){
            .key = ori_config_name(key),
            .value = source ? ori_texts_keep(&list->texts, value) : default_of(key),
            .source = source ? ori_texts_keep(&list->texts, source) : "default",
        };
    }
    show_remotes(&manager->config.remotes, list);
    list->shown = (orion_setting_list){.count = ORI_CONFIG_END + manager->config.remotes.n,
                                       .settings = list->items};
    if (list->texts.failed) {
        ori_settings_free(&list->shown);
        return ori_fail_nomem(err, "the settings");
    }
    *out = &list->shown;
    return ORION_OK;
}

const char *ori_manager_cache_dir(const struct ori_manager *manager, uint64_t *max_bytes)
{
    *max_bytes = manager->config.cache_max_bytes;
    return ori_config_text(&manager->config, ORI_CONFIG_CACHE_DIR);
}

const struct ori_remotes *ori_manager_remote_entries(const struct ori_manager *manager)
{
    return &manager->config.remotes;
}

orion_strategy ori_manager_strategy(const struct ori_manager *manager)
{
    return manager->config.strategy;
}

bool ori_manager_allows_remote(const struct ori_manager *manager)
{
    return manager->config.allow_remote;
}
