/* A configuration file on any bytes.
 *
 * It is refused in words and leaves nothing, or every value is within its
 * bounds, shows no secret, and is the same when it is read again.
 * Seeds: configuration files. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "hub/fetcher.h"
#include "manager/config.h"
#include "fuzz.h"

/* The file's name, in a folder that goes with the process' scratch space. */
static const char *write_file(const uint8_t *data, size_t size)
{
    static char path[300];
    const char *base = getenv("TMPDIR");

    if (!*path)
        (void)snprintf(path, sizeof(path), "%s/orion-config-fuzz.%ld", base ? base : "/tmp",
                       (long)getpid());
    FILE *file = fopen(path, "wb");
    require(file != NULL);
    require(fwrite(data, 1, size, file) == size && fclose(file) == 0);
    return path;
}

static orion_status read_config(const char *path, struct ori_config *config, orion_error *err)
{
    orion_manager_options options = {.size = sizeof(options)};

    options.config_file = path;
    options.models_dir = "/models";
    return ori_config_read(&options, config, err);
}

static void require_bounds(const struct ori_config *c)
{
    require(c->connections <= ORI_FETCHER_MAX_CONNECTIONS);
    require(c->stall_ms % 1000 == 0 && c->stall_ms <= 86400000);
    require(c->give_up_ms % 1000 == 0 && c->give_up_ms <= 86400000);
    for (unsigned key = 0; key < ORI_CONFIG_END; key++)
        require(!c->values[key].text == !c->values[key].source);
    require(strcmp(ori_config_text(c, ORI_CONFIG_MODELS_DIR), "/models") == 0);
    require(c->remotes.n <= ORI_REMOTES_MAX);
    for (size_t i = 0; i < c->remotes.n; i++) {
        const struct ori_remote *r = &c->remotes.items[i];
        require(*r->name && strlen(r->name) <= ORI_REMOTE_NAME_MAX && *r->model);
        require(strncmp(r->url, "http", 4) == 0 && !strchr(r->url, '@'));
        require(!r->key_file || !r->key_env);
        require(r->timeout_ms <= 86400000 && ori_remotes_find(&c->remotes, r->name) == r);
    }
}

static void require_no_secret(const struct ori_config *c)
{
    char shown[500];

    ori_config_show(c, ORI_CONFIG_TOKEN, shown, sizeof(shown));
    require(!*shown || strcmp(shown, "(set, not shown)") == 0);
    const char *proxy = ori_config_text(c, ORI_CONFIG_PROXY);
    const char *at = proxy ? strrchr(proxy, '@') : NULL;
    ori_config_show(c, ORI_CONFIG_PROXY, shown, sizeof(shown));
    if (at && strlen(proxy) < sizeof(shown) / 2) {
        const char *hidden = strstr(shown, "***@");
        require(hidden && strcmp(hidden + 3, at) == 0);
        /* What is before is a scheme, and no part of a password. */
        require(hidden == shown || (hidden - shown > 3 && strncmp(hidden - 3, "://", 3) == 0 &&
                                    strchr(shown, ':') == hidden - 3));
    }
}

static void require_same(const struct ori_config *a, const struct ori_config *b)
{
    require(a->max_bytes == b->max_bytes && a->max_rate == b->max_rate &&
            a->connections == b->connections && a->stall_ms == b->stall_ms &&
            a->give_up_ms == b->give_up_ms && a->offline == b->offline);
    require(a->allow_remote == b->allow_remote && a->strategy == b->strategy &&
            a->remotes.n == b->remotes.n);
    for (unsigned key = 0; key < ORI_CONFIG_END; key++) {
        const char *x = a->values[key].text, *y = b->values[key].text;
        require(!x == !y && (!x || strcmp(x, y) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ori_config config, again;
    orion_error err = {.status = ORION_OK};
    uint64_t bytes;

    char *text = text_of(data, size);
    (void)ori_config_parse_bytes(text, &bytes);
    free(text);
    const char *path = write_file(data, size);
    const orion_status status = read_config(path, &config, &err);
    if (status == ORION_OK) {
        require_bounds(&config);
        require_no_secret(&config);
        require(read_config(path, &again, NULL) == ORION_OK);
        require_same(&config, &again);
        ori_config_release(&again);
        ori_config_release(&config);
    } else {
        require(status == ORION_E_ARGUMENT && err.status == status && err.message[0]);
        for (size_t key = 0; key < ORI_CONFIG_END; key++)
            require(!config.values[key].text && !config.values[key].source);
        require(!config.remotes.items);
    }
    (void)unlink(path);
    return 0;
}
