#include "hub/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define OFFICIAL_HOST "huggingface.co"

/* A parsed URL; parts are NULL where it has none. */
struct parts {
    CURLU *url;
    char *scheme, *host, *port;
};

static void parts_release(struct parts *p)
{
    curl_free(p->scheme);
    curl_free(p->host);
    curl_free(p->port);
    curl_url_cleanup(p->url);
    *p = (struct parts){0};
}

static bool parts_get(const char *text, struct parts *p)
{
    *p = (struct parts){.url = curl_url()};
    if (p->url && strlen(text) <= ORI_URL_MAX &&
        curl_url_set(p->url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        curl_url_get(p->url, CURLUPART_SCHEME, &p->scheme, 0) == CURLUE_OK &&
        curl_url_get(p->url, CURLUPART_HOST, &p->host, 0) == CURLUE_OK &&
        curl_url_get(p->url, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        (strcmp(p->scheme, "http") == 0 || strcmp(p->scheme, "https") == 0))
        return true;
    parts_release(p);
    return false;
}

static char *copy_and_free(char *from_curl)
{
    char *copy = from_curl ? strdup(from_curl) : NULL;
    curl_free(from_curl);
    return copy;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    const bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

char *ori_url_endpoint(const char *text, orion_error *err)
{
    struct parts p;
    char *whole = NULL, *copy = NULL;

    if (!parts_get(text, &p) || has_part(p.url, CURLUPART_USER) ||
        has_part(p.url, CURLUPART_QUERY) || has_part(p.url, CURLUPART_FRAGMENT)) {
        parts_release(&p);
        (void)ori_fail(err, ORION_E_ARGUMENT,
                       "'%.200s' is not the address of a hub; write https://host or "
                       "http://host:port",
                       text);
        return NULL;
    }
    for (char *c = p.host; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    /* hf.co only redirects, and a token is not sent on across hosts. */
    const bool short_name = strcmp(p.host, "hf.co") == 0 || strcmp(p.host, "www.hf.co") == 0;
    if (curl_url_set(p.url, CURLUPART_HOST, short_name ? OFFICIAL_HOST : p.host, 0) == CURLUE_OK &&
        curl_url_get(p.url, CURLUPART_URL, &whole, 0) == CURLUE_OK)
        copy = copy_and_free(whole);
    parts_release(&p);
    if (!copy) {
        (void)ori_fail_nomem(err, "the hub's address");
        return NULL;
    }
    for (size_t len = strlen(copy); len > 0 && copy[len - 1] == '/'; len--)
        copy[len - 1] = '\0';
    return copy;
}

char *ori_url_encode(const char *text, bool keep_slash)
{
    struct ori_buf buf;

    ori_buf_init(&buf, ORI_URL_MAX);
    for (const char *c = text; *c; c++) {
        const bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                           (*c >= '0' && *c <= '9') || strchr("._~-", *c) ||
                           (keep_slash && *c == '/');
        if (plain)
            (void)ori_buf_add(&buf, c, 1);
        else
            (void)ori_buf_addf(&buf, "%%%02X", (unsigned)(unsigned char)*c);
    }
    char *encoded = ori_buf_take(&buf);
    ori_buf_release(&buf);
    return encoded;
}

char *ori_url_join(const char *base, const char *location)
{
    struct parts p;
    char *whole = NULL;

    if (strlen(location) > ORI_URL_MAX || !parts_get(base, &p))
        return NULL;
    if (curl_url_set(p.url, CURLUPART_URL, location, 0) != CURLUE_OK ||
        curl_url_get(p.url, CURLUPART_URL, &whole, 0) != CURLUE_OK)
        whole = NULL;
    parts_release(&p);
    if (!whole || strlen(whole) > ORI_URL_MAX || !parts_get(whole, &p)) {
        curl_free(whole);
        return NULL;
    }
    parts_release(&p);
    return copy_and_free(whole);
}

bool ori_url_is_absolute(const char *location)
{
    return strncmp(location, "//", 2) == 0 || strncasecmp(location, "http:", 5) == 0 ||
           strncasecmp(location, "https:", 6) == 0;
}

bool ori_url_same_origin(const char *a, const char *b)
{
    struct parts pa, pb = {0};
    if (!parts_get(a, &pa))
        return false;
    const bool same = parts_get(b, &pb) && strcmp(pa.scheme, pb.scheme) == 0 &&
                      strcasecmp(pa.host, pb.host) == 0 && strcmp(pa.port, pb.port) == 0;
    parts_release(&pa);
    parts_release(&pb);
    return same;
}

static bool is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

bool ori_url_is_downgrade(const char *from, const char *to)
{
    return is_https(from) && !is_https(to);
}

static bool is_this_machine(const char *url)
{
    struct parts p;
    if (!parts_get(url, &p))
        return false;
    const bool local =
        strcasecmp(p.host, "localhost") == 0 || strcmp(p.host, "[::1]") == 0 ||
        (strncmp(p.host, "127.", 4) == 0 && strspn(p.host, "0123456789.") == strlen(p.host));
    parts_release(&p);
    return local;
}

bool ori_url_may_have_token(const char *endpoint, const char *url)
{
    if (!is_https(url) && !is_this_machine(url))
        return false;
    return ori_url_same_origin(endpoint, url) || ori_url_same_origin("https://" OFFICIAL_HOST, url);
}

void ori_url_host(const char *url, char *host, size_t bytes)
{
    struct parts p;
    if (!parts_get(url, &p)) {
        (void)snprintf(host, bytes, "the server");
        return;
    }
    (void)snprintf(host, bytes, "%s", p.host);
    parts_release(&p);
}
