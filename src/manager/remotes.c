#include "manager/remotes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/config.h"

#define MAX_SECONDS 86400

static const char no_memory[] = "";

void ori_remotes_release(struct ori_remotes *remotes)
{
    for (size_t i = 0; i < remotes->n; i++) {
        struct ori_remote *r = &remotes->items[i];
        char *const texts[] = {r->name, r->url, r->model, r->key_file, r->key_env};
        for (size_t t = 0; t < ORI_COUNT(texts); t++)
            free(texts[t]);
    }
    free(remotes->items);
    free(remotes->source);
    *remotes = (struct ori_remotes){0};
}

const struct ori_remote *ori_remotes_find(const struct ori_remotes *remotes, const char *name)
{
    for (size_t i = 0; i < remotes->n; i++)
        if (strcmp(remotes->items[i].name, name) == 0)
            return &remotes->items[i];
    return NULL;
}

/* ---- reading ---- */

/* What a person may type and a terminal may show. */
static bool is_name(const char *name)
{
    static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/";
    const size_t len = strlen(name);
    return len > 0 && len <= ORI_REMOTE_NAME_MAX && strspn(name, ok) == len && *name != '-' &&
           *name != '/' && *name != '.';
}

static bool is_clean(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return *text != '\0';
}

/* What is wrong with a field, or NULL. */
static const char *take_field(struct ori_remote *r, const char *name, const json_t *value)
{
    const struct {
        const char *name;
        char **place;
    } texts[] = {{"url", &r->url},
                 {"model", &r->model},
                 {"api_key_file", &r->key_file},
                 {"api_key_env", &r->key_env}};

    for (size_t i = 0; i < ORI_COUNT(texts); i++) {
        if (strcmp(name, texts[i].name) != 0)
            continue;
        if (!json_is_string(value) || !is_clean(json_string_value(value)))
            return "must be a text";
        *texts[i].place = strdup(json_string_value(value));
        return *texts[i].place ? NULL : no_memory;
    }
    if (strcmp(name, "timeout_seconds") == 0) {
        const json_int_t seconds = json_integer_value(value);
        if (!json_is_integer(value) || seconds < 1 || seconds > MAX_SECONDS)
            return "must be a number of seconds, 1 to 86400";
        r->timeout_ms = (uint32_t)seconds * 1000u;
        return NULL;
    }
    if (strcmp(name, "api_key") == 0)
        return "does not belong in this file: name a variable with api_key_env, or a file with "
               "api_key_file";
    return "is not a key that orion knows";
}

/* What an entry lacks, or NULL. */
static const char *what_lacks(const struct ori_remote *r)
{
    if (!r->url || (strncmp(r->url, "https://", 8) != 0 && strncmp(r->url, "http://", 7) != 0))
        return "needs a url such as https://host/v1";
    if (strpbrk(r->url, "@?#"))
        return "has a url with a user, a query or a fragment; keys go into api_key_env or "
               "api_key_file";
    if (!r->model)
        return "needs a model: what it is called there";
    if (r->key_file && r->key_env)
        return "names its key twice: api_key_file or api_key_env";
    return NULL;
}

static orion_status read_one(const char *name, const json_t *object, const char *path,
                             struct ori_remote *out, orion_error *err)
{
    char key[ORI_REMOTE_NAME_MAX + 64];
    const char *field, *why;
    json_t *value;

    (void)snprintf(key, sizeof(key), "remote.%.100s", name);
    if (!is_name(name))
        return ori_config_wrong(err, path, key,
                                "is not a name: letters, digits and ._-:/, at most 100");
    if (!json_is_object(object))
        return ori_config_wrong(err, path, key, "must be an object in braces");
    json_object_foreach((json_t *)(uintptr_t)object, field, value)
    {
        why = take_field(out, field, value);
        (void)snprintf(key, sizeof(key), "remote.%.100s.%.50s", name, field);
        if (why)
            return why == no_memory ? ori_fail_nomem(err, "the configuration")
                                    : ori_config_wrong(err, path, key, why);
    }
    (void)snprintf(key, sizeof(key), "remote.%.100s", name);
    why = what_lacks(out);
    if (why)
        return ori_config_wrong(err, path, key, why);
    out->name = strdup(name);
    return out->name ? ORION_OK : ori_fail_nomem(err, "the configuration");
}

orion_status ori_remotes_read(const json_t *section, const char *path, struct ori_remotes *out,
                              orion_error *err)
{
    orion_status status = ORION_OK;
    const char *name;
    json_t *object;

    if (!json_is_object(section))
        return ori_config_wrong(err, path, "remote", "must be an object in braces");
    if (json_object_size(section) > ORI_REMOTES_MAX)
        return ori_config_wrong(err, path, "remote", "has more than 64 entries");
    out->items = ori_calloc_array(json_object_size(section) + 1, sizeof(*out->items));
    out->source = strdup(path);
    if (!out->items || !out->source)
        return ori_fail_nomem(err, "the configuration");
    json_object_foreach((json_t *)(uintptr_t)section, name, object)
    {
        status = read_one(name, object, path, &out->items[out->n++], err);
        if (status != ORION_OK)
            break;
    }
    return status;
}
