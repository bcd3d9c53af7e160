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

/* ORION_E_FORMAT when it is no http(s) URL; nothing to release on failure. */
static orion_status parts_get(const char *text, struct parts *p)
{
    CURLUcode rc = CURLUE_OUT_OF_MEMORY;

    *p = (struct parts){.url = curl_url()};
    if (p->url)
        rc = strlen(text) <= ORI_URL_MAX ? curl_url_set(p->url, CURLUPART_URL, text, 0)
                                         : CURLUE_MALFORMED_INPUT;
    if (rc == CURLUE_OK)
        rc = curl_url_get(p->url, CURLUPART_SCHEME, &p->scheme, 0);
    if (rc == CURLUE_OK)
        rc = curl_url_get(p->url, CURLUPART_HOST, &p->host, 0);
    if (rc == CURLUE_OK)
        rc = curl_url_get(p->url, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT);
    if (rc == CURLUE_OK && (strcmp(p->scheme, "http") == 0 || strcmp(p->scheme, "https") == 0))
        return ORION_OK;
    parts_release(p);
    return rc == CURLUE_OUT_OF_MEMORY ? ORION_E_NOMEM : ORION_E_FORMAT;
}

/* The whole URL in *out; free(). */
static orion_status whole_url(CURLU *url, char **out)
{
    char *text = NULL;

    *out = NULL;
    const CURLUcode rc = curl_url_get(url, CURLUPART_URL, &text, 0);
    if (rc == CURLUE_OK)
        *out = strdup(text);
    curl_free(text);
    if (*out)
        return ORION_OK;
    return rc == CURLUE_OK || rc == CURLUE_OUT_OF_MEMORY ? ORION_E_NOMEM : ORION_E_FORMAT;
}

/* Memory is taken only for a part that is there. */
static bool has_part(CURLU *url, CURLUPart part, CURLUcode if_not)
{
    char *text = NULL;
    const CURLUcode rc = curl_url_get(url, part, &text, 0);
    curl_free(text);
    return rc != if_not;
}

static orion_status no_endpoint(const char *text, orion_error *err)
{
    return ori_fail(err, ORION_E_ARGUMENT,
                    "'%.200s' is not the address of a hub; write https://host or "
                    "http://host:port",
                    text);
}

orion_status ori_url_endpoint(const char *text, char **out, orion_error *err)
{
    struct parts p;

    *out = NULL;
    orion_status status = parts_get(text, &p);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "the hub's address");
    if (status != ORION_OK)
        return no_endpoint(text, err);
    if (has_part(p.url, CURLUPART_USER, CURLUE_NO_USER) ||
        has_part(p.url, CURLUPART_QUERY, CURLUE_NO_QUERY) ||
        has_part(p.url, CURLUPART_FRAGMENT, CURLUE_NO_FRAGMENT)) {
        parts_release(&p);
        return no_endpoint(text, err);
    }
    for (char *c = p.host; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    /* hf.co only redirects, and a token is not sent on across hosts. */
    const bool short_name = strcmp(p.host, "hf.co") == 0 || strcmp(p.host, "www.hf.co") == 0;
    if (curl_url_set(p.url, CURLUPART_HOST, short_name ? OFFICIAL_HOST : p.host, 0) == CURLUE_OK)
        (void)whole_url(p.url, out);
    parts_release(&p);
    if (!*out)
        return ori_fail_nomem(err, "the hub's address");
    for (size_t len = strlen(*out); len > 0 && (*out)[len - 1] == '/'; len--)
        (*out)[len - 1] = '\0';
    return ORION_OK;
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

orion_status ori_url_join(const char *base, const char *location, char **out)
{
    struct parts p;
    char *whole = NULL;

    *out = NULL;
    if (strlen(location) > ORI_URL_MAX)
        return ORION_E_FORMAT;
    orion_status status = parts_get(base, &p);
    if (status != ORION_OK)
        return status;
    const CURLUcode rc = curl_url_set(p.url, CURLUPART_URL, location, 0);
    if (rc == CURLUE_OK)
        status = whole_url(p.url, &whole);
    else
        status = rc == CURLUE_OUT_OF_MEMORY ? ORION_E_NOMEM : ORION_E_FORMAT;
    parts_release(&p);
    if (status == ORION_OK)
        status = parts_get(whole, &p); /* and not too long */
    if (status != ORION_OK) {
        free(whole);
        return status;
    }
    parts_release(&p);
    *out = whole;
    return ORION_OK;
}

bool ori_url_is_absolute(const char *location)
{
    return strncmp(location, "//", 2) == 0 || strncasecmp(location, "http:", 5) == 0 ||
           strncasecmp(location, "https:", 6) == 0;
}

orion_status ori_url_same_origin(const char *a, const char *b, bool *same)
{
    struct parts pa, pb = {0};

    *same = false;
    orion_status status = parts_get(a, &pa);
    if (status == ORION_OK)
        status = parts_get(b, &pb);
    if (status == ORION_OK)
        *same = strcmp(pa.scheme, pb.scheme) == 0 && strcasecmp(pa.host, pb.host) == 0 &&
                strcmp(pa.port, pb.port) == 0;
    parts_release(&pa);
    parts_release(&pb);
    return status == ORION_E_NOMEM ? status : ORION_OK;
}

static bool is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

bool ori_url_is_downgrade(const char *from, const char *to)
{
    return is_https(from) && !is_https(to);
}

orion_status ori_url_is_this_machine(const char *url, bool *local)
{
    struct parts p;

    *local = false;
    const orion_status status = parts_get(url, &p);
    if (status != ORION_OK)
        return status == ORION_E_NOMEM ? status : ORION_OK;
    *local = strcasecmp(p.host, "localhost") == 0 || strcmp(p.host, "[::1]") == 0 ||
             (strncmp(p.host, "127.", 4) == 0 && strspn(p.host, "0123456789.") == strlen(p.host));
    parts_release(&p);
    return ORION_OK;
}

orion_status ori_url_may_have_token(const char *endpoint, const char *url, bool *may)
{
    bool safe = is_https(url);

    *may = false;
    orion_status status = safe ? ORION_OK : ori_url_is_this_machine(url, &safe);
    if (status == ORION_OK && safe)
        status = ori_url_same_origin(endpoint, url, may);
    if (status == ORION_OK && safe && !*may)
        status = ori_url_same_origin("https://" OFFICIAL_HOST, url, may);
    return status;
}

void ori_url_host(const char *url, char *host, size_t bytes)
{
    struct parts p;
    if (parts_get(url, &p) != ORION_OK) {
        (void)snprintf(host, bytes, "the server");
        return;
    }
    (void)snprintf(host, bytes, "%s", p.host);
    parts_release(&p);
}
