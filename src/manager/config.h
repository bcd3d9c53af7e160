/* What is in force, and where it came from.
 *
 * A setting is what the caller's options say, else the environment, else the
 * configuration file, else its default.  The file is JSON:
 *
 *   {"models":   {"dir": "/srv/models", "max_bytes": "50G"},
 *    "hub":      {"url": "https://...", "token": "hf_...", "offline": false},
 *    "network":  {"proxy": "http://...", "ca_file": "...", "ca_dir": "...",
 *                 "stall_seconds": 30, "give_up_seconds": 300},
 *    "download": {"max_rate": "2M", "connections": 8},
 *    "cache":    {"dir": "/srv/cache", "max_bytes": "2G"},
 *    "remote":   {"NAME": {"url": "https://...", "model": "..."}},
 *    "privacy":  {"allow_remote": false},
 *    "strategy": "local-only"}
 */
#ifndef ORI_MANAGER_CONFIG_H
#define ORI_MANAGER_CONFIG_H

#include "base/base.h"
#include "manager/remotes.h"

enum ori_config_key {
    ORI_CONFIG_MODELS_DIR,
    ORI_CONFIG_MAX_BYTES,
    ORI_CONFIG_HUB_URL,
    ORI_CONFIG_TOKEN,
    ORI_CONFIG_OFFLINE,
    ORI_CONFIG_PROXY,
    ORI_CONFIG_CA_FILE,
    ORI_CONFIG_CA_DIR,
    ORI_CONFIG_STALL,
    ORI_CONFIG_GIVE_UP,
    ORI_CONFIG_MAX_RATE,
    ORI_CONFIG_CONNECTIONS,
    ORI_CONFIG_CACHE_DIR,
    ORI_CONFIG_CACHE_MAX_BYTES,
    ORI_CONFIG_ALLOW_REMOTE,
    ORI_CONFIG_STRATEGY,
    ORI_CONFIG_END,
};

struct ori_config {
    struct {
        char *text;   /* NULL: not set; otherwise it was found valid */
        char *source; /* "option", a variable, or the file; NULL: the default */
    } values[ORI_CONFIG_END];
    uint64_t max_bytes;       /* of the models together; 0: no quota */
    uint64_t max_rate;        /* bytes a second of all downloads; 0: no limit */
    uint64_t cache_max_bytes; /* of computed prefixes; 0: not set */
    uint32_t connections;
    uint32_t stall_ms, give_up_ms; /* as in struct ori_hub_config */
    bool offline;
    bool allow_remote; /* requests may leave this machine */
    orion_strategy strategy;
    struct ori_remotes remotes;
};

/* ORION_E_ARGUMENT with the file or variable and the key for what is wrong. */
orion_status ori_config_read(const orion_manager_options *options, struct ori_config *out,
                             orion_error *err);
void ori_config_release(struct ori_config *config);

const char *ori_config_text(const struct ori_config *config, enum ori_config_key key); /* or NULL */

/* Does it come from the environment? */
bool ori_config_is_variable(const struct ori_config *config, enum ori_config_key key);

/* The name of a key in the file, "models.dir". */
const char *ori_config_name(enum ori_config_key key);
/* A value as it may be shown: without secrets.  Cut to out_bytes. */
void ori_config_show(const struct ori_config *config, enum ori_config_key key, char *out,
                     size_t out_bytes);

/* ORION_E_ARGUMENT: "PATH: 'KEY' WHY". */
orion_status ori_config_wrong(orion_error *err, const char *path, const char *key, const char *why);

/* "1500", "2M", "50 GB" (powers of 1000), "64Ki", "1GiB" (of 1024). */
bool ori_config_parse_bytes(const char *text, uint64_t *out);

#endif
