/* Where the manager takes its options from: call, environment, file, default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "manager_world.h"

/* ---- configuration ---- */

static void clear_environment(void)
{
    static const char *const names[] = {
        "ORION_MODELS",   "ORION_CONFIG", "ORION_LIMIT_RATE", "ORION_CONNECTIONS",
        "HF_ENDPOINT",    "HF_TOKEN",     "HF_TOKEN_PATH",    "HF_HOME",
        "HF_HUB_OFFLINE", "HTTPS_PROXY",  "https_proxy",      "ALL_PROXY",
        "SSL_CERT_FILE",  "SSL_CERT_DIR", "CURL_CA_BUNDLE",   "XDG_CACHE_HOME",
    };
    for (size_t i = 0; i < ORI_COUNT(names); i++)
        assert_int_equal(unsetenv(names[i]), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
}

static void write_config(const char *text)
{
    (void)mkdir(".orionhealth", 0700);
    FILE *file = fopen(".orionhealth/config.json", "wb");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Each source is believed before the next. */
static void options_environment_file_default(void **state)
{
    orion_manager_options options = {.size = sizeof(options)};
    struct ori_config c;
    char usual[400];

    (void)state;
    clear_environment();
    (void)snprintf(usual, sizeof(usual), "%s/.orionhealth/models", folder);
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), usual);
    assert_string_equal(c.values[ORI_CONFIG_MODELS_DIR].source, "default");
    assert_null(ori_config_text(&c, ORI_CONFIG_HUB_URL));
    assert_true(!c.offline && c.max_bytes == 0 && c.max_rate == 0 && c.connections == 0);
    ori_config_release(&c);

    write_config("{\"models\": {\"dir\": \"/file\", \"max_bytes\": \"50G\"},"
                 " \"hub\": {\"url\": \"http://file\", \"offline\": true, \"token\": \"hf_file\"},"
                 " \"download\": {\"max_rate\": \"2 MB\", \"connections\": 3}}");
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), "/file");
    assert_non_null(strstr(c.values[ORI_CONFIG_MODELS_DIR].source, "/.orionhealth/config.json"));
    assert_true(c.offline && c.max_bytes == 50000000000 && c.max_rate == 2000000);
    assert_int_equal(c.connections, 3);
    ori_config_release(&c);

    assert_int_equal(setenv("ORION_MODELS", "/env", 1) | setenv("HF_HUB_OFFLINE", "0", 1) |
                         setenv("ORION_LIMIT_RATE", "64Ki", 1) | setenv("HF_TOKEN", "hf_env", 1),
                     0);
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), "/env");
    assert_string_equal(c.values[ORI_CONFIG_MODELS_DIR].source, "ORION_MODELS");
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_HUB_URL), "http://file");
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_TOKEN), "hf_env");
    assert_true(!c.offline && c.max_rate == 65536);
    ori_config_release(&c);

    options.models_dir = "/option";
    options.offline = true;
    options.limit_bytes_per_second = UINT64_MAX; /* none, whatever others say */
    options.connections = 16;
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_string_equal(ori_config_text(&c, ORI_CONFIG_MODELS_DIR), "/option");
    assert_true(c.offline && c.max_rate == 0 && c.connections == 16);
    ori_config_release(&c);

    options.config_file = ""; /* none is read */
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
    assert_null(ori_config_text(&c, ORI_CONFIG_HUB_URL));
    ori_config_release(&c);
    clear_environment();
}

static void secrets_are_not_shown(void **state)
{
    static const struct {
        const char *proxy, *shown;
    } rows[] = {
        {"http://me:pass@proxy:3128", "http://***@proxy:3128"},
        {"me:pass@proxy:3128", "***@proxy:3128"},
        {"me:p://ss@proxy:3128", "***@proxy:3128"},
        {"http://me:p://ss@proxy:3128", "http://***@proxy:3128"},
        {"http://proxy:3128", "http://proxy:3128"},
    };
    orion_manager_options options = {.size = sizeof(options), .token = "hf_secret"};
    struct ori_config c;
    char text[200];

    (void)state;
    clear_environment();
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        options.proxy = rows[i].proxy;
        assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
        ori_config_show(&c, ORI_CONFIG_TOKEN, text, sizeof(text));
        assert_null(strstr(text, "secret"));
        ori_config_show(&c, ORI_CONFIG_PROXY, text, sizeof(text));
        assert_string_equal(text, rows[i].shown);
        ori_config_release(&c);
    }
}

static void bad_configurations_are_refused(void **state)
{
    static const struct {
        const char *label, *text, *says;
    } rows[] = {
        {"no JSON", "{", "config.json"},
        {"no object", "[]", "braces"},
        {"unknown section", "{\"modles\": {}}", "'modles'"},
        {"unknown key", "{\"models\": {\"folder\": \"x\"}}", "'models.folder'"},
        {"section of another type", "{\"models\": 3}", "'models' must be"},
        {"text for a flag", "{\"hub\": {\"offline\": \"yes\"}}", "'hub.offline' must be"},
        {"flag for a text", "{\"hub\": {\"url\": true}}", "'hub.url' must be"},
        {"number for a text", "{\"models\": {\"dir\": 3}}", "'models.dir' must be"},
        {"bad size", "{\"models\": {\"max_bytes\": \"many\"}}", "'models.max_bytes' is not"},
        {"negative size", "{\"models\": {\"max_bytes\": -1}}", "'models.max_bytes' is not"},
        {"too many connections", "{\"download\": {\"connections\": 17}}",
         "'download.connections' is not"},
    };
    const orion_manager_options options = {.size = sizeof(options)};
    struct ori_config c;

    (void)state;
    clear_environment();
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_error err = {0};
        write_config(rows[i].text);
        const orion_status status = ori_config_read(&options, &c, &err);
        if (status != ORION_E_ARGUMENT || !strstr(err.message, rows[i].says))
            fail_msg("%s: %d, %s", rows[i].label, status, err.message);
    }
    write_config("{}");
    assert_int_equal(setenv("ORION_CONNECTIONS", "none", 1), 0);
    assert_int_equal(ori_config_read(&options, &c, NULL), ORION_E_ARGUMENT);
    clear_environment();
    const orion_manager_options missing = {.size = sizeof(missing), .config_file = "none.json"};
    assert_int_equal(ori_config_read(&missing, &c, NULL), ORION_E_ARGUMENT);
}

static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* UINT64_MAX: refused */
    } rows[] = {{"0", 0},
                {"500000", 500000},
                {"2M", 2000000},
                {"2m", 2000000},
                {"50 GB", 50000000000},
                {"1Ki", 1024},
                {"3MiB", 3145728},
                {"1T", 1000000000000},
                {"", UINT64_MAX},
                {"-1", UINT64_MAX},
                {"2X", UINT64_MAX},
                {"2 M B", UINT64_MAX},
                {"99999999999999999999", UINT64_MAX},
                {"99999999999999999T", UINT64_MAX}};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        uint64_t bytes = UINT64_MAX;
        const bool taken = ori_config_parse_bytes(rows[i].text, &bytes);
        if (bytes != rows[i].bytes || taken != (bytes != UINT64_MAX))
            fail_msg("'%s' gave %llu", rows[i].text, (unsigned long long)bytes);
    }
}

static void offline_by_environment(void **state)
{
    static const struct {
        const char *value;
        bool offline;
    } rows[] = {{"1", true},  {"TRUE", true}, {"yes", true}, {"on", true},
                {"0", false}, {"", false},    {"no", false}};
    orion_manager_options options = {.size = sizeof(options)};
    struct ori_config c;

    (void)state;
    clear_environment();
    for (size_t i = 0; i < ORI_COUNT(rows); i++)
        for (int option = 0; option < 2; option++) {
            options.offline = option;
            assert_int_equal(setenv("HF_HUB_OFFLINE", rows[i].value, 1), 0);
            assert_int_equal(ori_config_read(&options, &c, NULL), ORION_OK);
            assert_int_equal(c.offline, option || rows[i].offline);
            ori_config_release(&c);
        }
    clear_environment();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_CASE(options_environment_file_default),
        MANAGER_CASE(secrets_are_not_shown),
        MANAGER_CASE(bad_configurations_are_refused),
        MANAGER_CASE(offline_by_environment),
        cmocka_unit_test(sizes_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
