/* The configuration, for a person. */
#include "manager/internal.h"

#include <stdlib.h>

#include "manager/texts.h"

struct settings {
    orion_setting_list shown; /* first: what the caller sees */
    orion_setting items[ORI_CONFIG_END];
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
        return "false";
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
    list->shown = (orion_setting_list){.count = ORI_CONFIG_END, .settings = list->items};
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
