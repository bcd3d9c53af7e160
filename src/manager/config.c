#include "manager/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "hub/fetcher.h"

#define MAX_FILE_BYTES (64u << 10)
#define MAX_SECONDS 86400u

enum kind {
    TEXT,
    SECRET, /* not shown */
    URL,    /* shown without what stands before '@' */
    BYTES,
    FLAG,
    COUNT,   /* of connections */
    SECONDS, /* of patience */
    STRATEGY,
};

static const struct row {
    const char *section, *name, *whole;
    enum kind kind;
    const char *variables[4]; /* the first that is set counts; NULL ends */
} rows[ORI_CONFIG_END] = {
    [ORI_CONFIG_MODELS_DIR] = {"models", "dir", "models.dir", TEXT, {"ORION_MODELS"}},
    [ORI_CONFIG_MAX_BYTES] = {"models", "max_bytes", "models.max_bytes", BYTES, {NULL}},
    [ORI_CONFIG_HUB_URL] = {"hub", "url", "hub.url", URL, {"HF_ENDPOINT"}},
    [ORI_CONFIG_TOKEN] = {"hub", "token", "hub.token", SECRET, {NULL}}, /* see take_token() */
    [ORI_CONFIG_OFFLINE] = {"hub", "offline", "hub.offline", FLAG, {"HF_HUB_OFFLINE"}},
    [ORI_CONFIG_PROXY] =
        {"network", "proxy", "network.proxy", URL, {"HTTPS_PROXY", "https_proxy", "ALL_PROXY"}},
    [ORI_CONFIG_CA_FILE] =
        {"network", "ca_file", "network.ca_file", TEXT, {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}},
    [ORI_CONFIG_CA_DIR] = {"network", "ca_dir", "network.ca_dir", TEXT, {"SSL_CERT_DIR"}},
    [ORI_CONFIG_STALL] = {"network", "stall_seconds", "network.stall_seconds", SECONDS, {NULL}},
    [ORI_CONFIG_GIVE_UP] =
        {"network", "give_up_seconds", "network.give_up_seconds", SECONDS, {NULL}},
    [ORI_CONFIG_MAX_RATE] =
        {"download", "max_rate", "download.max_rate", BYTES, {"ORION_LIMIT_RATE"}},
    [ORI_CONFIG_CONNECTIONS] =
        {"download", "connections", "download.connections", COUNT, {"ORION_CONNECTIONS"}},
    [ORI_CONFIG_CACHE_DIR] = {"cache", "dir", "cache.dir", TEXT, {"ORION_CACHE"}},
    [ORI_CONFIG_CACHE_MAX_BYTES] = {"cache", "max_bytes", "cache.max_bytes", BYTES, {NULL}},
    [ORI_CONFIG_ALLOW_REMOTE] = {"privacy", "allow_remote", "privacy.allow_remote", FLAG, {NULL}},
    [ORI_CONFIG_STRATEGY] = {"", "strategy", "strategy", STRATEGY, {NULL}}, /* in no section */
};

const char *ori_config_name(enum ori_config_key key)
{
    return rows[key].whole;
}

const char *ori_config_text(const struct ori_config *config, enum ori_config_key key)
{
    return config->values[key].text;
}

bool ori_config_is_variable(const struct ori_config *config, enum ori_config_key key)
{
    const char *source = config->values[key].source;
    for (size_t i = 0; source && rows[key].variables[i]; i++)
        if (strcmp(rows[key].variables[i], source) == 0)
            return true;
    return false;
}

void ori_config_release(struct ori_config *config)
{
    for (size_t i = 0; i < ORI_CONFIG_END; i++) {
        free(config->values[i].text);
        free(config->values[i].source);
    }
    ori_remotes_release(&config->remotes);
    *config = (struct ori_config){0};
}

/* ---- values ---- */

bool ori_config_parse_bytes(const char *text, uint64_t *out)
{
    static const char letters[] = "KMGT";
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno == ERANGE)
        return false;
    end += *end == ' ';
    const char *letter = *end ? strchr(letters, toupper((unsigned char)*end)) : NULL;
    if (letter) {
        const bool binary = end[1] == 'i';
        for (const char *at = letters; at <= letter; at++)
            if (!ori_mul_u64(value, binary ? 1024 : 1000, &value))
                return false;
        end += 1 + binary;
    }
    end += toupper((unsigned char)*end) == 'B';
    if (*end)
        return false;
    *out = value;
    return true;
}

static bool parse_flag(const char *text, bool *out)
{
    static const char *const words[][2] = {
        {"0", "1"}, {"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < ORI_COUNT(words); i++)
        for (int value = 0; value < 2; value++)
            if (strcasecmp(text, words[i][value]) == 0) {
                *out = value;
                return true;
            }
    return false;
}

static bool parse_strategy(const char *text, orion_strategy *out)
{
    static const char *const words[] = {"local-only", "prefer-local", "prefer-remote"};
    for (size_t i = 0; i < ORI_COUNT(words); i++)
        if (strcmp(text, words[i]) == 0) {
            *out = (orion_strategy)i;
            return true;
        }
    return false;
}

/* What is wrong with the text, or NULL; takes numbers over. */
static const char *take_value(struct ori_config *config, enum ori_config_key key, const char *text)
{
    uint64_t number = 0;

    switch (rows[key].kind) {
    case BYTES:
        if (!ori_config_parse_bytes(text, &number))
            return "is not a number of bytes such as 500000, 2M or 50G";
        *(key == ORI_CONFIG_MAX_BYTES         ? &config->max_bytes
          : key == ORI_CONFIG_CACHE_MAX_BYTES ? &config->cache_max_bytes
                                              : &config->max_rate) = number;
        break;
    case COUNT:
        if (!ori_config_parse_bytes(text, &number) || number < 1 ||
            number > ORI_FETCHER_MAX_CONNECTIONS)
            return "is not a number of connections, 1 to 16";
        config->connections = (uint32_t)number;
        break;
    case SECONDS:
        if (!ori_config_parse_bytes(text, &number) || number < 1 || number > MAX_SECONDS)
            return "is not a number of seconds, 1 to 86400";
        *(key == ORI_CONFIG_STALL ? &config->stall_ms : &config->give_up_ms) =
            (uint32_t)number * 1000u;
        break;
    case FLAG:
        if (!parse_flag(text,
                        key == ORI_CONFIG_ALLOW_REMOTE ? &config->allow_remote : &config->offline))
            return "is neither true nor false";
        break;
    case STRATEGY:
        if (!parse_strategy(text, &config->strategy))
            return "is none of local-only, prefer-local, prefer-remote";
        break;
    case TEXT:
    case SECRET:
    case URL:
        break;
    }
    return NULL;
}

/* The first source to speak is believed. */
static orion_status set(struct ori_config *config, enum ori_config_key key, const char *text,
                        const char *source, orion_error *err)
{
    if (config->values[key].text)
        return ORION_OK;
    const char *wrong = take_value(config, key, text);
    if (wrong)
        return ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, rows[key].whole,
                           "%.200s: '%s' %s", source, rows[key].whole, wrong);
    config->values[key].text = strdup(text);
    config->values[key].source = strdup(source);
    if (!config->values[key].text || !config->values[key].source)
        return ori_fail_nomem(err, "the configuration");
    return ORION_OK;
}

/* Of "http://" and the like, or 0: a password may hold "://" too. */
static size_t scheme_len(const char *url)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789+-.";
    const size_t len = strspn(url, letters);
    return strncmp(url + len, "://", 3) == 0 ? len + 3 : 0;
}

void ori_config_show(const struct ori_config *config, enum ori_config_key key, char *out,
                     size_t out_bytes)
{
    const char *text = config->values[key].text;
    const char *at = text && rows[key].kind == URL ? strrchr(text, '@') : NULL;
    if (!text)
        (void)snprintf(out, out_bytes, "%s", "");
    else if (rows[key].kind == SECRET)
        (void)snprintf(out, out_bytes, "%s", *text ? "(set, not shown)" : "");
    else if (at)
        (void)snprintf(out, out_bytes, "%.*s***%s", (int)scheme_len(text), text, at);
    else
        (void)snprintf(out, out_bytes, "%s", text);
}

/* ---- options and environment ---- */

static orion_status take_options(const orion_manager_options *o, struct ori_config *config,
                                 orion_error *err)
{
    char rate[32], connections[16];

    (void)snprintf(rate, sizeof(rate), "%llu",
                   o->limit_bytes_per_second == UINT64_MAX
                       ? 0ull
                       : (unsigned long long)o->limit_bytes_per_second);
    (void)snprintf(connections, sizeof(connections), "%u", o->connections);
    const struct {
        enum ori_config_key key;
        const char *text; /* NULL: left out */
    } given[] = {
        {ORI_CONFIG_MODELS_DIR, o->models_dir && *o->models_dir ? o->models_dir : NULL},
        {ORI_CONFIG_HUB_URL, o->hub_url && *o->hub_url ? o->hub_url : NULL},
        {ORI_CONFIG_TOKEN, o->token && *o->token ? o->token : NULL},
        {ORI_CONFIG_OFFLINE, o->offline ? "true" : NULL},
        {ORI_CONFIG_PROXY, o->proxy},
        {ORI_CONFIG_CA_FILE, o->ca_file && *o->ca_file ? o->ca_file : NULL},
        {ORI_CONFIG_MAX_RATE, o->limit_bytes_per_second ? rate : NULL},
        {ORI_CONFIG_CONNECTIONS, o->connections ? connections : NULL},
    };
    orion_status status = ORION_OK;
    for (size_t i = 0; i < ORI_COUNT(given) && status == ORION_OK; i++)
        if (given[i].text)
            status = set(config, given[i].key, given[i].text, "option", err);
    return status;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static orion_status take_environment(struct ori_config *config, orion_error *err)
{
    orion_status status = ORION_OK;

    for (size_t key = 0; key < ORI_CONFIG_END; key++)
        for (size_t i = 0; rows[key].variables[i] && status == ORION_OK; i++) {
            const char *value = environment(rows[key].variables[i]);
            if (value)
                status = set(config, (enum ori_config_key)key, value, rows[key].variables[i], err);
        }
    return status;
}

/* The environment's token comes before the file's, the one that other clients
 * left in its usual place after it. */
static orion_status take_token(struct ori_config *config, bool usual_place, orion_error *err)
{
    static const char *const variables[] = {"HF_TOKEN", "HF_TOKEN_PATH", "HF_HOME"};
    const char *source = usual_place ? "the hub client's token file" : NULL;

    for (size_t i = 0; i < ORI_COUNT(variables) && !usual_place && !source; i++)
        source = environment(variables[i]) ? variables[i] : NULL;
    if (!source || config->values[ORI_CONFIG_TOKEN].text)
        return ORION_OK;
    char *token;
    orion_status status = ori_hub_find_token(&token, err);
    if (token)
        status = set(config, ORI_CONFIG_TOKEN, token, source, err);
    free(token);
    return status;
}

/* ---- the file ---- */

orion_status ori_config_wrong(orion_error *err, const char *path, const char *key, const char *why)
{
    return ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, key, "%.200s: '%s' %s", path, key,
                       why);
}

static orion_status unknown(orion_error *err, const char *path, const char *section,
                            const char *name)
{
    char key[160];
    (void)snprintf(key, sizeof(key), "%.60s%s%.60s", section, *name ? "." : "", name);
    return ori_config_wrong(err, path, key, "is not a key that orion knows");
}

static orion_status take_json(struct ori_config *config, enum ori_config_key key,
                              const json_t *value, const char *path, orion_error *err)
{
    char number[32];
    const char *text = json_string_value(value);

    if (json_is_integer(value)) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        text = number;
    } else if (json_is_boolean(value)) {
        text = json_is_true(value) ? "true" : "false";
    }
    const enum kind kind = rows[key].kind;
    const bool is_number = kind == BYTES || kind == COUNT || kind == SECONDS;
    const bool fits = json_is_boolean(value)   ? kind == FLAG
                      : json_is_integer(value) ? is_number
                                               : text && kind != FLAG;
    if (!fits)
        return ori_config_wrong(err, path, rows[key].whole,
                                kind == FLAG ? "must be true or false"
                                : is_number  ? "must be a number"
                                             : "must be a text");
    return set(config, key, text, path, err);
}

static orion_status take_section(struct ori_config *config, const char *section,
                                 const json_t *object, const char *path, orion_error *err)
{
    orion_status status = ORION_OK;
    const char *name;
    json_t *value;
    bool section_known = false;

    if (strcmp(section, "remote") == 0)
        return ori_remotes_read(object, path, &config->remotes, err);
    if (strcmp(section, rows[ORI_CONFIG_STRATEGY].name) == 0)
        return take_json(config, ORI_CONFIG_STRATEGY, object, path, err);
    for (size_t key = 0; key < ORI_CONFIG_END; key++)
        section_known |= *section && strcmp(rows[key].section, section) == 0;
    if (!section_known)
        return unknown(err, path, section, "");
    if (!json_is_object(object))
        return ori_config_wrong(err, path, section, "must be an object in braces");
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        size_t key = 0;
        while (key < ORI_CONFIG_END &&
               (strcmp(rows[key].section, section) != 0 || strcmp(rows[key].name, name) != 0))
            key++;
        status = key == ORI_CONFIG_END
                     ? unknown(err, path, section, name)
                     : take_json(config, (enum ori_config_key)key, value, path, err);
        if (status != ORION_OK)
            return status;
    }
    return status;
}

/* *found false: there is no such file. */
static orion_status read_whole(const char *path, struct ori_buf *out, bool *found, orion_error *err)
{
    char block[4096];
    ssize_t n = 0;

    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *found = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? ORION_OK : ori_fail_errno(err, "cannot read '%.300s'", path);
    while ((n = read(fd, block, sizeof(block))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            (void)ori_buf_add(out, block, (size_t)n);
    const int failed = n < 0 ? errno : 0;
    (void)close(fd);
    if (failed) {
        errno = failed;
        return ori_fail_errno(err, "cannot read '%.300s'", path);
    }
    if (out->status == ORION_E_TOO_LONG)
        return ori_fail(err, ORION_E_ARGUMENT, "%.300s is too long for a configuration", path);
    return out->status == ORION_OK ? ORION_OK : ori_fail_nomem(err, "the configuration");
}

static orion_status take_text(struct ori_config *config, const struct ori_buf *text,
                              const char *path, orion_error *err)
{
    orion_error why;
    const char *section;
    json_t *json, *value;

    orion_status status = ori_json_parse(ori_buf_text(text), text->len, path, &json, &why);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "the configuration");
    if (!json_is_object(json)) {
        const bool parsed = json != NULL;
        json_decref(json);
        return ori_fail(err, ORION_E_ARGUMENT, "%.480s",
                        parsed ? "the configuration must be an object in braces" : why.message);
    }
    json_object_foreach(json, section, value)
    {
        status = take_section(config, section, value, path, err);
        if (status != ORION_OK)
            break;
    }
    json_decref(json);
    return status;
}

static orion_status take_file(const orion_manager_options *options, struct ori_config *config,
                              orion_error *err)
{
    char usual[PATH_MAX];
    const char *home = environment("HOME");
    const char *path = options->config_file ? options->config_file : environment("ORION_CONFIG");
    const bool asked = path != NULL;
    struct ori_buf text;
    bool found;

    if (path && !*path)
        return ORION_OK;
    if (!path) {
        const int n =
            home ? snprintf(usual, sizeof(usual), "%s/.orionhealth/config.json", home) : -1;
        if (n < 0 || (size_t)n >= sizeof(usual))
            return ORION_OK;
        path = usual;
    }
    ori_buf_init(&text, MAX_FILE_BYTES);
    orion_status status = read_whole(path, &text, &found, err);
    if (status == ORION_OK && found)
        status = take_text(config, &text, path, err);
    else if (status == ORION_OK && asked)
        status = ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, path,
                             "there is no configuration file '%.300s'", path);
    ori_buf_release(&text);
    return status;
}

/* ---- all of it ---- */

/* A folder of ours in the user's home; left unset where there is no home. */
static orion_status take_default_dir(struct ori_config *config, enum ori_config_key key,
                                     const char *name, orion_error *err)
{
    char path[PATH_MAX];
    const char *home = environment("HOME");

    if (config->values[key].text || !home)
        return ORION_OK;
    const int n = snprintf(path, sizeof(path), "%s/.orionhealth/%s", home, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return ori_fail(err, ORION_E_ARGUMENT, "HOME is too long");
    return set(config, key, path, "default", err);
}

static orion_status take_default_dirs(struct ori_config *config, orion_error *err)
{
    const orion_status status = take_default_dir(config, ORI_CONFIG_MODELS_DIR, "models", err);

    return status == ORION_OK ? take_default_dir(config, ORI_CONFIG_CACHE_DIR, "cache", err)
                              : status;
}

orion_status ori_config_read(const orion_manager_options *options, struct ori_config *out,
                             orion_error *err)
{
    struct ori_config config = {0};
    orion_status status;

    *out = config;
    if ((status = take_options(options, &config, err)) != ORION_OK ||
        (status = take_environment(&config, err)) != ORION_OK ||
        (status = take_token(&config, false, err)) != ORION_OK ||
        (status = take_file(options, &config, err)) != ORION_OK ||
        (status = take_token(&config, true, err)) != ORION_OK ||
        (status = take_default_dirs(&config, err)) != ORION_OK) {
        ori_config_release(&config);
        return status;
    }
    *out = config;
    return ORION_OK;
}
