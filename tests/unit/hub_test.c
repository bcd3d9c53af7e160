/* The hub room without a network: names, URLs, headers, choices, waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/hub.h"
#include "hub/http.h"
#include "hub/reply.h"
#include "hub/retry.h"
#include "hub/url.h"

/* ---- references ---- */

#define LONG96                                                                                     \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaa"

static const struct {
    const char *label, *text;
    orion_status status;
    const char *repo, *file, *quant, *rev;
} refs[] = {
    {"repository", "acme/tiny", ORION_OK, "acme/tiny", "", "", ""},
    {"quantization", "acme/tiny:Q4_K_M", ORION_OK, "acme/tiny", "", "Q4_K_M", ""},
    {"file", "acme/tiny/t.gguf", ORION_OK, "acme/tiny", "t.gguf", "", ""},
    {"file in folders", "acme/tiny/a/b/t.GGUF", ORION_OK, "acme/tiny", "a/b/t.GGUF", "", ""},
    {"revision", "acme/tiny@main", ORION_OK, "acme/tiny", "", "", "main"},
    {"quantization and revision", "acme/tiny:Q8_0@v1.0", ORION_OK, "acme/tiny", "", "Q8_0", "v1.0"},
    {"file and revision with slashes", "a/b/c.gguf@refs/pr/1", ORION_OK, "a/b", "c.gguf", "",
     "refs/pr/1"},
    {"longest parts", LONG96 "/" LONG96, ORION_OK, LONG96 "/" LONG96, "", "", ""},
    {"part too long", LONG96 "a/b", ORION_E_NAME, "", "", "", ""},
    {"empty", "", ORION_E_NAME, "", "", "", ""},
    {"no slash", "acme", ORION_E_NAME, "", "", "", ""},
    {"no slash but a revision with one", "acme@a/b", ORION_E_NAME, "", "", "", ""},
    {"no slash but a quantization with one", "acme:a/b", ORION_E_NAME, "", "", "", ""},
    {"no organisation", "/tiny", ORION_E_NAME, "", "", "", ""},
    {"no repository", "acme/", ORION_E_NAME, "", "", "", ""},
    {"empty quantization", "acme/tiny:", ORION_E_NAME, "", "", "", ""},
    {"quantization with a slash", "acme/tiny:a/b", ORION_E_NAME, "", "", "", ""},
    {"empty revision", "acme/tiny@", ORION_E_NAME, "", "", "", ""},
    {"revision that climbs", "acme/tiny@../x", ORION_E_NAME, "", "", "", ""},
    {"climbs out", "../../etc", ORION_E_NAME, "", "", "", ""},
    {"climbs in the file", "acme/tiny/../../x.gguf", ORION_E_NAME, "", "", "", ""},
    {"dot part", "acme/tiny/./x.gguf", ORION_E_NAME, "", "", "", ""},
    {"empty part", "acme/tiny//x.gguf", ORION_E_NAME, "", "", "", ""},
    {"trailing slash", "acme/tiny/", ORION_E_NAME, "", "", "", ""},
    {"hidden part", "acme/tiny/.x.gguf", ORION_E_NAME, "", "", "", ""},
    {"hidden organisation", ".partial/tiny", ORION_E_NAME, "", "", "", ""},
    {"leading dash", "acme/-rf", ORION_E_NAME, "", "", "", ""},
    {"absolute", "/etc/x.gguf", ORION_E_NAME, "", "", "", ""},
    {"backslash", "acme\\tiny/x", ORION_E_NAME, "", "", "", ""},
    {"space", "acme/my tiny", ORION_E_NAME, "", "", "", ""},
    {"percent", "acme/tiny/%2e%2e.gguf", ORION_E_NAME, "", "", "", ""},
    {"control character", "acme/tiny\n", ORION_E_NAME, "", "", "", ""},
    {"beyond ASCII", "acm\xc3\xa9/tiny", ORION_E_NAME, "", "", "", ""},
    {"not a gguf", "acme/tiny/x.bin", ORION_E_NAME, "", "", "", ""},
    {"only an ending", "acme/tiny/.gguf", ORION_E_NAME, "", "", "", ""},
    {"a file without its repository", "models/x.gguf", ORION_E_NAME, "", "", "", ""},
    {"a URL", "https://huggingface.co/acme/tiny", ORION_E_NAME, "", "", "", ""},
};

static void references(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(refs); i++) {
        struct ori_ref ref;
        orion_error err = {0};
        memset(&ref, 'x', sizeof(ref));
        const orion_status status = ori_ref_parse(refs[i].text, &ref, &err);
        if (status != refs[i].status || strcmp(ref.repo, refs[i].repo) != 0 ||
            strcmp(ref.file, refs[i].file) != 0 || strcmp(ref.quant, refs[i].quant) != 0 ||
            strcmp(ref.rev, refs[i].rev) != 0)
            fail_msg("%s: '%s' gave %d '%s' '%s' '%s' '%s'", refs[i].label, refs[i].text, status,
                     ref.repo, ref.file, ref.quant, ref.rev);
        assert_int_equal(status != ORION_OK, err.message[0] != '\0');
    }
}

static void shards(void **state)
{
    (void)state;
    assert_true(ori_ref_is_shard("a/x-00001-of-00003.gguf"));
    assert_true(ori_ref_is_shard("x-00002-of-00003.GGUF"));
    assert_false(ori_ref_is_shard("x-0001-of-0003.gguf"));
    assert_false(ori_ref_is_shard("x-0000a-of-00003.gguf"));
    assert_false(ori_ref_is_shard("x-00001-of-00003.bin"));
    assert_false(ori_ref_is_shard("00001-of-00003.gguf"));
    assert_false(ori_ref_is_shard(""));
}

/* ---- which file ---- */

static const struct {
    const char *label, *quant;
    const char *names[6];
    int chosen, exact;
} choices[] = {
    {"default is Q4_K_M", "", {"x-Q8_0.gguf", "x-Q4_K_M.gguf"}, 1, 1},
    {"then Q8_0", "", {"x-F16.gguf", "x-Q8_0.gguf"}, 1, 0},
    {"then the first", "", {"README.md", "x-Q6_K.gguf", "x-Q5_K_M.gguf"}, 1, 0},
    {"whatever the case", "q4_k_m", {"x-Q4_K_M.gguf"}, 0, 1},
    {"a tag ends at '.'", "Q4_K", {"x-Q4_K_M.gguf", "x-Q4_K.gguf"}, 1, 1},
    {"a tag ends at '-'", "Q4_K", {"x-Q4_K_M.gguf", "x-Q4_K-imat.gguf"}, 1, 1},
    {"a tag begins somewhere", "Q4_NL", {"x-IQ4_NL.gguf"}, -1, 0},
    {"a tag may be in a folder", "Q2_K", {"Q2_K/x.gguf", "Q2_K-dir/y.gguf"}, 1, 1},
    {"a prefix of its own", "UD-Q4_K_XL", {"x-UD-Q4_K_XL.gguf"}, 0, 1},
    {"projectors are passed over", "", {"mmproj-Q4_K_M.gguf", "x-Q8_0.gguf"}, 1, 0},
    {"also when asked for by tag", "F16", {"x-mmproj-F16.gguf"}, -1, 0},
    {"importance matrices too", "", {"x.imatrix-Q4_K_M.gguf"}, -1, 0},
    {"and draft models",
     "",
     {"mtp-x.gguf", "a/eagle3-x.gguf", "dflash-x.gguf", "dspark-x.gguf", "x.gguf"},
     4,
     0},
    {"whole files before pieces", "", {"x-Q4_K_M-00001-of-00002.gguf", "y-Q4_K_M.gguf"}, 1, 1},
    {"pieces when there is nothing else", "", {"x-Q4_K_M-00001-of-00002.gguf"}, 0, 1},
    {"nothing", "", {NULL}, -1, 0},
    {"no such tag", "Q3_K", {"x-Q4_K_M.gguf"}, -1, 0},
};

static void choosing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(choices); i++) {
        size_t n = 0;
        bool exact = true;
        while (n < 6 && choices[i].names[n])
            n++;
        const ptrdiff_t chosen = ori_hub_select(choices[i].names, n, choices[i].quant, &exact);
        if (chosen != choices[i].chosen || (chosen >= 0 && exact != choices[i].exact))
            fail_msg("%s: chose %td, exact %d", choices[i].label, chosen, exact);
    }
}

/* ---- URLs ---- */

static void endpoints(void **state)
{
    static const struct {
        const char *text, *endpoint;
    } rows[] = {
        {"https://huggingface.co", "https://huggingface.co"},
        {"https://huggingface.co/", "https://huggingface.co"},
        {"https://hf.co", "https://huggingface.co"},
        {"https://HF.co/", "https://huggingface.co"},
        {"https://Mirror.Example/hf/", "https://mirror.example/hf"},
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"ftp://huggingface.co", NULL},
        {"file:///etc/passwd", NULL},
        {"https://user:pass@mirror.example", NULL},
        {"https://mirror.example/?a=b", NULL},
        {"https://mirror.example/#a", NULL},
        {"https://", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_error err = {0};
        char *endpoint;
        (void)ori_url_endpoint(rows[i].text, &endpoint, &err);
        if (!endpoint != !rows[i].endpoint || (endpoint && strcmp(endpoint, rows[i].endpoint) != 0))
            fail_msg("'%s' gave '%s'", rows[i].text, endpoint ? endpoint : "NULL");
        assert_int_equal(err.status, endpoint ? ORION_OK : ORION_E_ARGUMENT);
        free(endpoint);
    }
}

static void encoding(void **state)
{
    (void)state;
    char *text = ori_url_encode("refs/pr 1?\xc3\xa9", false);
    assert_string_equal(text, "refs%2Fpr%201%3F%C3%A9");
    free(text);
    text = ori_url_encode("a/b~c_d-e.f", true);
    assert_string_equal(text, "a/b~c_d-e.f");
    free(text);
}

static void redirects_are_joined(void **state)
{
    static const struct {
        const char *base, *location, *url;
    } rows[] = {
        {"https://h.example/a/b?c=d", "/e/f", "https://h.example/e/f"},
        {"https://h.example/a/b", "c?d=e", "https://h.example/a/c?d=e"},
        {"https://h.example/a", "https://o.example/x?y=[z]", "https://o.example/x?y=[z]"},
        {"https://h.example/a", "//o.example/x", "https://o.example/x"},
        {"https://h.example/a", "file:///etc/passwd", NULL},
        {"https://h.example/a", "gopher://o.example/", NULL},
        {"https://h.example/a", "http://", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        char *url;
        assert_int_equal(ori_url_join(rows[i].base, rows[i].location, &url),
                         rows[i].url ? ORION_OK : ORION_E_FORMAT);
        if (!url != !rows[i].url || (url && strcmp(url, rows[i].url) != 0))
            fail_msg("'%s' at '%s' gave '%s'", rows[i].location, rows[i].base, url ? url : "NULL");
        free(url);
    }
    char longest[ORI_URL_MAX + 64];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    char *url;
    assert_int_equal(ori_url_join("https://h.example/", longest, &url), ORION_E_FORMAT);
    assert_null(url);
}

static void tokens_stay_at_home(void **state)
{
    static const struct {
        const char *endpoint, *url;
        bool may;
    } rows[] = {
        {"https://mirror.example", "https://mirror.example/a", true},
        {"https://mirror.example", "https://MIRROR.example:443/a", true},
        {"https://mirror.example", "https://mirror.example:444/a", false},
        {"https://mirror.example", "http://mirror.example/a", false},
        {"http://mirror.example", "http://mirror.example/a", false}, /* in the clear */
        {"http://127.0.0.1:80", "http://127.0.0.1/a", true},
        {"http://localhost:8080", "http://localhost:8080/a", true},
        {"http://127.0.0.1:80", "http://127.0.0.1:81/a", false},
        {"http://127.0.0.1:80", "http://127.0.0.2/a", false},
        {"http://127.evil.example", "http://127.evil.example/a", false},
        {"https://mirror.example", "https://huggingface.co/a", true},
        {"https://mirror.example", "http://huggingface.co/a", false},
        {"https://huggingface.co", "https://cdn.huggingface.co/a", false},
        {"https://huggingface.co", "https://huggingface.co.evil.example/a", false},
        {"https://huggingface.co", "https://huggingface.co@evil.example/a", false},
        {"https://huggingface.co", "nonsense", false},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        bool may;
        assert_int_equal(ori_url_may_have_token(rows[i].endpoint, rows[i].url, &may), ORION_OK);
        if (may != rows[i].may)
            fail_msg("%s for %s", rows[i].url, rows[i].endpoint);
    }
}

static void downgrades(void **state)
{
    (void)state;
    assert_true(ori_url_is_downgrade("https://a/", "http://a/"));
    assert_false(ori_url_is_downgrade("https://a/", "HTTPS://b/"));
    assert_false(ori_url_is_downgrade("http://a/", "http://b/"));
    assert_true(ori_url_is_absolute("HTTPS://a"));
    assert_true(ori_url_is_absolute("//a/b"));
    assert_false(ori_url_is_absolute("/a/b"));
    assert_false(ori_url_is_absolute("httpx/a"));
}

/* ---- headers ---- */

static void take(struct ori_reply *reply, const char *const *lines, size_t n)
{
    memset(reply, 0, sizeof(*reply));
    for (size_t i = 0; i < n; i++)
        ori_reply_line(reply, lines[i], strlen(lines[i]));
}

static void a_reply_is_read(void **state)
{
    static const char *const lines[] = {
        "HTTP/1.1 302 Found\r\n",
        "x-repo-COMMIT: 0123456789abcdef0123456789abcdef01234567\r\n",
        "X-Linked-Size: 2393231072\r\n",
        "X-Linked-Etag: \"abc\"\r\n",
        "ETag:W/\"def\"\r\n",
        "Location: https://cdn.example/x?sig=[1]\r\n",
        "Content-Range: bytes 5-9/10\r\n",
        "Content-Length: 5\r\n",
        "RateLimit: \"api\";r=0;t=12\r\n",
        "X-Error-Message: bad\x1b[31m\r\n",
        "Link: <https://h.example/next?cursor=1>; rel=\"next\"\r\n",
        "no colon here\r\n",
        "\r\n",
    };
    struct ori_reply reply;

    (void)state;
    take(&reply, lines, ORI_COUNT(lines));
    assert_int_equal(reply.status, 302);
    assert_string_equal(reply.commit, "0123456789abcdef0123456789abcdef01234567");
    assert_true(reply.has_linked_size && reply.linked_size == 2393231072u);
    assert_string_equal(reply.linked_etag, "\"abc\"");
    assert_string_equal(reply.etag, "W/\"def\"");
    assert_string_equal(reply.location, "https://cdn.example/x?sig=[1]");
    assert_true(reply.has_range && reply.range_begin == 5 && reply.range_end == 9);
    assert_true(reply.has_total && reply.total == 10);
    assert_true(reply.has_length && reply.length == 5);
    assert_true(reply.has_retry_after && reply.retry_after_ms == 12000);
    assert_string_equal(reply.error_message, "bad?[31m");
    assert_string_equal(reply.next_page, "https://h.example/next?cursor=1");
    assert_false(reply.too_long);

    ori_reply_line(&reply, "HTTP/1.1 200 OK", 15); /* after 100 Continue, say */
    assert_true(reply.status == 200 && !reply.commit[0] && !reply.has_length);
}

static void headers_that_lie(void **state)
{
    static const char *const rows[] = {
        "Content-Length: -1",
        "Content-Length: 99999999999999999999999",
        "Content-Length: 12abc",
        "Content-Length:",
        "X-Linked-Size: 1e9",
        "X-Repo-Commit: 0123",
        "X-Repo-Commit: zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "Content-Range: bytes 9-5/10",
        "Content-Range: bytes 5/10",
        "Content-Range: items 5-9/10",
        "Content-Range: bytes -5-9/10",
        "Retry-After: Mon, 23 Nov 2026 10:00:00 GMT",
        "Retry-After: -3",
        "RateLimit: \"api\";r=5;t=12",
        "Link: <https://h.example/next>; rel=\"prev\"",
        "Link: rel=\"next\"",
    };
    struct ori_reply reply;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        take(&reply, &rows[i], 1);
        if (reply.has_length || reply.has_linked_size || reply.commit[0] || reply.has_range ||
            reply.has_retry_after || reply.next_page[0])
            fail_msg("believed '%s'", rows[i]);
    }
    const char *const star = "Content-Range: bytes */10";
    take(&reply, &star, 1);
    assert_true(!reply.has_range && reply.has_total && reply.total == 10);
}

static void long_headers_are_bounded(void **state)
{
    char line[ORI_URL_MAX + 4096];
    struct ori_reply reply = {0};

    (void)state;
    memset(line, 'a', sizeof(line));
    memcpy(line, "Location: ", 10);
    ori_reply_line(&reply, line, sizeof(line));
    assert_true(reply.too_long && !reply.location[0]);

    memset(&reply, 0, sizeof(reply));
    ori_reply_line(&reply, line, 10 + ORI_URL_MAX);
    assert_true(!reply.too_long && strlen(reply.location) == ORI_URL_MAX);

    memset(&reply, 0, sizeof(reply));
    memcpy(line, "X-Error-Message: ", 17);
    ori_reply_line(&reply, line, 4096);
    assert_int_equal(strlen(reply.error_message), sizeof(reply.error_message) - 1);
}

static void etags(void **state)
{
    static const char sha256[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char sha1[] = "0123456789abcdef0123456789abcdef01234567";
    char text[160], hex[65];

    (void)state;
    ori_reply_etag_hex(sha256, hex);
    assert_string_equal(hex, sha256);
    (void)snprintf(text, sizeof(text), "W/\"%s\"", sha1);
    ori_reply_etag_hex(text, hex);
    assert_string_equal(hex, sha1);
    ori_reply_etag_hex("\"0123456789ABCDEF0123456789ABCDEF01234567\"", hex);
    assert_string_equal(hex, sha1);
    static const char *const bad[] = {"",
                                      "\"\"",
                                      "\"0123\"",
                                      "none",
                                      "\"0123456789abcdef0123456789abcdef01234567",
                                      "0123456789abcdef0123456789abcdef01234567\"",
                                      "0123456789abcdef0123456789abcdef012345678"};
    for (size_t i = 0; i < ORI_COUNT(bad); i++) {
        ori_reply_etag_hex(bad[i], hex);
        assert_string_equal(hex, "");
    }
    assert_true(ori_reply_etag_is_strong("\"abc\""));
    assert_false(ori_reply_etag_is_strong("W/\"abc\""));
    assert_false(ori_reply_etag_is_strong("abc"));
    assert_false(ori_reply_etag_is_strong("\"\""));
}

/* ---- refusals ---- */

static void refusals(void **state)
{
    static const struct {
        const char *label;
        int http;
        const char *code, *message;
        bool token;
        orion_status status;
        const char *says;
    } rows[] = {
        {"gated", 403, "GatedRepo", "", false, ORION_E_DENIED, "HF_TOKEN"},
        {"gated, with a token", 403, "GatedRepo", "", true, ORION_E_DENIED, "the token given"},
        {"gated gives the page", 401, "GatedRepo", "", false, ORION_E_DENIED,
         "https://h.example/a/b"},
        {"a wrong token", 401, "", "Invalid credentials in Authorization header", true,
         ORION_E_DENIED, "https://h.example/settings/tokens"},
        {"missing or private", 401, "RepoNotFound", "", false, ORION_E_NOT_FOUND, "private"},
        {"401 without a code", 401, "", "", false, ORION_E_NOT_FOUND, "private"},
        {"missing", 404, "RepoNotFound", "", true, ORION_E_NOT_FOUND, "no access"},
        {"no revision", 404, "RevisionNotFound", "", false, ORION_E_NOT_FOUND, "revision 'v9'"},
        {"no file", 404, "EntryNotFound", "", false, ORION_E_NOT_FOUND, "file 'x.gguf'"},
        {"404 without a code", 404, "", "", false, ORION_E_NOT_FOUND, "file 'x.gguf'"},
        {"disabled", 403, "", "Access to this resource is disabled.", false, ORION_E_DENIED,
         "disabled"},
        {"forbidden by law", 451, "", "", false, ORION_E_DENIED, "451"},
        {"too many requests", 429, "", "", false, ORION_E_NETWORK, "slow down"},
        {"broken", 500, "", "oops", false, ORION_E_NETWORK, "oops"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        char endpoint[] = "https://h.example", token[] = "t";
        const struct ori_hub hub = {.endpoint = endpoint, .token = rows[i].token ? token : NULL};
        struct ori_reply reply = {.status = rows[i].http};
        orion_error err = {0};
        (void)snprintf(reply.error_code, sizeof(reply.error_code), "%s", rows[i].code);
        (void)snprintf(reply.error_message, sizeof(reply.error_message), "%s", rows[i].message);
        const orion_status status = ori_hub_refusal(&hub, &reply, "a/b", "x.gguf", "v9", &err);
        if (status != rows[i].status || !strstr(err.message, rows[i].says))
            fail_msg("%s: %d '%s'", rows[i].label, status, err.message);
    }
}

/* ---- waiting ---- */

static void delays(void **state)
{
    (void)state;
    assert_int_equal(ori_retry_delay_ms(1, 500), 500);
    assert_int_equal(ori_retry_delay_ms(1, 501), 0);
    assert_int_equal(ori_retry_delay_ms(2, 1000), 1000);
    assert_int_equal(ori_retry_delay_ms(20, 30000), 30000);
    assert_int_equal(ori_retry_delay_ms(20, 30001), 0);
    for (unsigned attempt = 1; attempt < 100; attempt++)
        assert_true(ori_retry_delay_ms(attempt, UINT64_MAX) <= 30000);
}

static int stop_at_once(void *self, orion_phase phase, uint64_t done, const char *note)
{
    char *copy = self;
    (void)done;
    assert_int_equal(phase, ORION_PHASE_WAIT);
    (void)snprintf(copy, 256, "%s", note);
    return 1;
}

static void waiting(void **state)
{
    const orion_error why = {.status = ORION_E_NETWORK, .message = "it broke"};
    struct ori_reply reply = {.has_retry_after = true, .retry_after_ms = 0};
    struct ori_retry retry;
    orion_error err;
    char note[256] = "";

    (void)state;
    ori_retry_init(&retry, 2, 10000);
    assert_int_equal(ori_retry_wait(&retry, &reply, &why, NULL, 0, &err), ORION_OK);
    assert_int_equal(ori_retry_wait(&retry, &reply, &why, NULL, 0, &err), ORION_OK);
    assert_int_equal(ori_retry_wait(&retry, &reply, &why, NULL, 0, &err), ORION_E_NETWORK);
    assert_string_equal(err.message, "it broke");
    ori_retry_progress(&retry);
    assert_int_equal(ori_retry_wait(&retry, &reply, &why, NULL, 0, &err), ORION_OK);

    reply.retry_after_ms = 10001; /* longer than we care to wait */
    assert_int_equal(ori_retry_wait(&retry, &reply, &why, NULL, 0, &err), ORION_E_NETWORK);

    const struct ori_watch watch = {.tick = stop_at_once, .self = note};
    ori_retry_init(&retry, 2, 10000);
    reply.retry_after_ms = 9000;
    assert_int_equal(ori_retry_wait(&retry, &reply, &why, &watch, 0, &err), ORION_E_CANCELLED);
    assert_string_equal(note, "it broke; trying again in 9 s");
}

/* ---- opening ---- */

static void a_hub_is_opened(void **state)
{
    struct ori_hub_config config = {.endpoint = "http://127.0.0.1:1/", .token = "abc"};
    struct ori_hub *hub;
    orion_error err;

    (void)state;
    assert_int_equal(ori_hub_open(&config, &hub, &err), ORION_OK);
    assert_string_equal(ori_hub_endpoint(hub), "http://127.0.0.1:1");
    ori_hub_close(hub);
    config.token = "a b";
    assert_int_equal(ori_hub_open(&config, &hub, &err), ORION_E_ARGUMENT);
    assert_null(hub);
    config = (struct ori_hub_config){.endpoint = "nonsense://"};
    assert_int_equal(ori_hub_open(&config, &hub, &err), ORION_E_ARGUMENT);
    ori_hub_close(NULL);
}

static void offline_asks_nobody(void **state)
{
    const struct ori_hub_config config = {.endpoint = "http://127.0.0.1:1", .offline = true};
    struct ori_ref ref = {.repo = "a/b"};
    struct ori_hub_file file;
    struct ori_hub *hub;
    orion_error err;

    (void)state;
    assert_int_equal(ori_hub_open(&config, &hub, &err), ORION_OK);
    assert_int_equal(ori_hub_resolve(hub, "a/b", "x.gguf", "", NULL, &file, &err), ORION_E_OFFLINE);
    assert_null(file.url);
    assert_int_equal(ori_hub_choose(hub, &ref, NULL, &err), ORION_E_OFFLINE);
    assert_string_equal(ref.file, "");
    ori_hub_close(hub);
}

static void tokens_are_found(void **state)
{
    char folder[] = "/tmp/hub_test.XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/token", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("  from_file \nsecond line\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(
        setenv("HF_HOME", folder, 1) | unsetenv("HF_TOKEN_PATH") | unsetenv("HF_TOKEN"), 0);
    char *token;
    assert_int_equal(ori_hub_find_token(&token, NULL), ORION_OK);
    assert_string_equal(token, "from_file");
    free(token);
    assert_int_equal(setenv("HF_TOKEN_PATH", "/nowhere", 1), 0);
    assert_int_equal(ori_hub_find_token(&token, NULL), ORION_OK);
    assert_null(token);
    assert_int_equal(setenv("HF_TOKEN", "from_env", 1), 0);
    assert_int_equal(ori_hub_find_token(&token, NULL), ORION_OK);
    assert_string_equal(token, "from_env");
    free(token);
    assert_int_equal(unlink(path) | rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(shards),
        cmocka_unit_test(choosing),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(encoding),
        cmocka_unit_test(redirects_are_joined),
        cmocka_unit_test(tokens_stay_at_home),
        cmocka_unit_test(downgrades),
        cmocka_unit_test(a_reply_is_read),
        cmocka_unit_test(headers_that_lie),
        cmocka_unit_test(long_headers_are_bounded),
        cmocka_unit_test(etags),
        cmocka_unit_test(refusals),
        cmocka_unit_test(delays),
        cmocka_unit_test(waiting),
        cmocka_unit_test(a_hub_is_opened),
        cmocka_unit_test(offline_asks_nobody),
        cmocka_unit_test(tokens_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
