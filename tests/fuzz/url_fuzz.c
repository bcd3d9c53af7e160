/* Addresses on any bytes: the first line is where one is, the second where one
 * is sent.
 *
 * An endpoint is its own endpoint; where a redirect leads is http or https,
 * and joins to itself; a token goes nowhere but to the endpoint's origin or
 * the official hub, encrypted or to this machine.  Seeds: two addresses. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "hub/url.h"
#include "fuzz.h"

static bool is_http(const char *url)
{
    return strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
}

static bool same_origin(const char *a, const char *b)
{
    bool same;
    require(ori_url_same_origin(a, b, &same) == ORION_OK);
    return same;
}

static void try_endpoint(const char *text)
{
    orion_error err = {.status = ORION_OK};
    char *endpoint, *again;

    if (ori_url_endpoint(text, &endpoint, &err) != ORION_OK) {
        require(!endpoint && err.status == ORION_E_ARGUMENT && err.message[0]);
        return;
    }
    require(ori_url_endpoint(endpoint, &again, NULL) == ORION_OK);
    require(is_http(endpoint) && endpoint[strlen(endpoint) - 1] != '/');
    require(!strpbrk(endpoint, "?#"));
    require(strcmp(endpoint, again) == 0 && same_origin(endpoint, again));
    free(again);
    free(endpoint);
}

static void try_token(const char *endpoint, const char *url)
{
    char host[300];

    bool may;

    require(ori_url_may_have_token(endpoint, url, &may) == ORION_OK);
    if (!may)
        return;
    ori_url_host(url, host, sizeof(host));
    require(same_origin(endpoint, url) || strcasecmp(host, "huggingface.co") == 0);
    require(strncasecmp(url, "https:", 6) == 0 || strncmp(host, "127.", 4) == 0 ||
            strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0);
}

static void try_redirect(const char *from, const char *location)
{
    char *to, *again;

    require(same_origin(from, location) == same_origin(location, from));
    const orion_status status = ori_url_join(from, location, &to);
    if (status != ORION_OK) {
        require(status == ORION_E_FORMAT && !to);
        return;
    }
    require(ori_url_join(to, to, &again) == ORION_OK);
    require(is_http(to) && strlen(to) <= ORI_URL_MAX && !strpbrk(to, "\r\n"));
    require(ori_url_is_absolute(to) && same_origin(to, to));
    require(strcmp(to, again) == 0);
    require(ori_url_is_downgrade(from, to) ==
            (strncasecmp(from, "https:", 6) == 0 && strncmp(to, "https:", 6) != 0));
    if (!ori_url_is_absolute(location) && !strstr(location, ":"))
        require(same_origin(from, to));
    try_token(from, to);
    free(again);
    free(to);
}

static void try_encoding(const char *text, bool keep_slash)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789._~-%/";
    char *encoded = ori_url_encode(text, keep_slash);

    if (!encoded) {
        require(strlen(text) * 3 > ORI_URL_MAX);
        return;
    }
    require(encoded[strspn(encoded, plain)] == '\0');
    require(keep_slash || !strchr(encoded, '/'));
    const char *at = encoded;
    for (; *text; text++) {
        unsigned byte = (unsigned char)*at++;
        if (byte == '%') {
            require(isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]));
            require(sscanf(at, "%2X", &byte) == 1);
            at += 2;
        }
        require(byte == (unsigned char)*text);
    }
    require(*at == '\0');
    free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *whole = text_of(data, size);
    char *rest = whole;
    const char *from = next_part(&rest, '\n');
    const char *second = next_part(&rest, '\n');
    const char *location = second ? second : "";

    try_endpoint(from);
    try_redirect(from, location);
    try_token(from, location);
    try_encoding(location, false);
    try_encoding(location, true);
    free(whole);
    return 0;
}
