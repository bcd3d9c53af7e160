#include "http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

_Static_assert(HTTP_HEAD_BYTES <= UINT16_MAX, "a text is found by 16 bits");

/* A part of the bytes; `at` is where it begins. */
struct span {
    size_t at, n;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_token(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* Of a value: visible, blank, tab, or a byte above ASCII. */
static bool is_value(char c)
{
    const unsigned char u = (unsigned char)c;
    return (u >= ' ' && u != 0x7f) || u == '\t';
}

static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f;
}

static bool all(const char *bytes, struct span s, bool (*is)(char))
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(bytes[s.at + i]))
            return false;
    return true;
}

static bool bad(struct http_head_fault *fault, int code, const char *message)
{
    *fault = (struct http_head_fault){code, message};
    return false;
}

/* End a string in place.  What stood behind it was a separator. */
static http_text cut(char *bytes, struct span s)
{
    bytes[s.at + s.n] = '\0';
    return (http_text)s.at;
}

/* ---- the request line ---- */

/* Up to the next blank, or the end of the line. */
static struct span word_at(const char *bytes, size_t at, size_t end)
{
    const char *blank = memchr(bytes + at, ' ', end - at);

    return (struct span){at, blank ? (size_t)(blank - (bytes + at)) : end - at};
}

static bool read_target(char *bytes, struct span target, struct http_head *out,
                        struct http_head_fault *fault)
{
    if (target.n > HTTP_TARGET_BYTES)
        return bad(fault, 414, "the request's target is longer than 8 KiB");
    if (target.n == 0 || bytes[target.at] != '/')
        return bad(fault, 400, "the request's target must be a path that begins with '/'");
    if (!all(bytes, target, is_visible) || memchr(bytes + target.at, '#', target.n))
        return bad(fault, 400, "the request's target holds a character that a URL can't");
    const char *mark = memchr(bytes + target.at, '?', target.n);
    struct span path = target;
    if (mark) {
        path.n = (size_t)(mark - (bytes + target.at));
        const struct span query = {path.at + path.n + 1, target.n - path.n - 1};
        out->query = cut(bytes, query);
    }
    out->path = cut(bytes, path);
    return true;
}

static bool read_version(const char *bytes, struct span version, struct http_head *out,
                         struct http_head_fault *fault)
{
    const char *text = bytes + version.at;

    if (version.n != 8 || memcmp(text, "HTTP/", 5) != 0 || !is_digit(text[5]) || text[6] != '.' ||
        !is_digit(text[7]))
        return bad(fault, 400, "the request does not begin with a line of HTTP/1.1");
    if (text[5] != '1' || text[7] > '1')
        return bad(fault, 505, "this server speaks HTTP/1.1 and HTTP/1.0");
    out->http_1_0 = text[7] == '0';
    return true;
}

static bool read_request_line(char *bytes, struct span line, struct http_head *out,
                              struct http_head_fault *fault)
{
    const size_t end = line.at + line.n;
    const struct span method = word_at(bytes, line.at, end);
    if (method.n == 0 || !all(bytes, method, is_token) || method.at + method.n == end)
        return bad(fault, 400, "the request does not begin with a line of HTTP/1.1");
    const struct span target = word_at(bytes, method.at + method.n + 1, end);
    if (target.at + target.n == end)
        return bad(fault, 400, "the request does not begin with a line of HTTP/1.1");
    const struct span version = {target.at + target.n + 1, end - target.at - target.n - 1};
    if (!read_version(bytes, version, out, fault))
        return false;
    out->method = cut(bytes, method);
    return read_target(bytes, target, out, fault);
}

/* ---- fields ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(const char *bytes, struct span s)
{
    while (s.n > 0 && is_blank(bytes[s.at])) {
        s.at++;
        s.n--;
    }
    while (s.n > 0 && is_blank(bytes[s.at + s.n - 1]))
        s.n--;
    return s;
}

static bool read_field(char *bytes, struct span line, struct http_head *out,
                       struct http_head_fault *fault)
{
    const char *colon = memchr(bytes + line.at, ':', line.n);
    if (is_blank(bytes[line.at]))
        return bad(fault, 400, "a header is folded over several lines");
    if (!colon)
        return bad(fault, 400, "a header has no colon");
    const struct span name = {line.at, (size_t)(colon - (bytes + line.at))};
    const struct span value = {name.at + name.n + 1, line.n - name.n - 1};
    if (name.n == 0 || !all(bytes, name, is_token))
        return bad(fault, 400, "the name of a header is not a token");
    if (!all(bytes, value, is_value))
        return bad(fault, 400, "a header holds a control character");
    if (out->n_fields == HTTP_FIELDS)
        return bad(fault, 431, "the request has more than 100 headers");
    out->fields[out->n_fields].name = cut(bytes, name);
    out->fields[out->n_fields].value = cut(bytes, trim(bytes, value));
    out->n_fields++;
    return true;
}

/* ---- what all fields say together ---- */

/* Those that would be read one way here and another way elsewhere if there were
 * two of them. */
static const char *const single[] = {
    "Host",   "Content-Length", "Transfer-Encoding", "Authorization", "Origin",
    "Cookie", "Sec-Fetch-Site", "Content-Type",      "Range",         "If-Range",
    "Expect",
};

static size_t count_fields(const struct http_head *head, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < head->n_fields; i++)
        n += strcasecmp(http_head_text(head, head->fields[i].name), name) == 0;
    return n;
}

static bool read_length(const char *text, uint64_t *out)
{
    uint64_t length = 0;

    if (*text == '\0')
        return false;
    for (; *text; text++) {
        if (!is_digit(*text) || length > (INT64_MAX - 9) / 10)
            return false;
        length = length * 10 + (uint64_t)(*text - '0');
    }
    *out = length;
    return true;
}

static bool read_framing(struct http_head *head, struct http_head_fault *fault)
{
    const char *length = http_head_field(head, "Content-Length");
    const char *encoding = http_head_field(head, "Transfer-Encoding");

    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        if (count_fields(head, single[i]) > 1)
            return bad(fault, 400, "a header that may be there once is there twice");
    if (length && encoding)
        return bad(fault, 400, "Content-Length and Transfer-Encoding exclude each other");
    if (length && !read_length(length, &head->length))
        return bad(fault, 400, "Content-Length is not a number");
    if (encoding && (head->http_1_0 || strcasecmp(encoding, "chunked") != 0))
        return bad(fault, 400, "the only Transfer-Encoding is chunked, in HTTP/1.1");
    head->chunked = encoding != NULL;
    return true;
}

/* ---- the whole ---- */

/* What no line may hold, looked for before it has ended too: a client that
 * speaks something else (TLS, say) is told at once. */
static bool line_may_begin(const char *bytes, struct span part)
{
    for (size_t i = 0; i < part.n; i++)
        if (!is_value(bytes[part.at + i]) && !(bytes[part.at + i] == '\r' && i + 1 == part.n))
            return false;
    return true;
}

static bool read_line(char *bytes, struct span line, struct http_head *out,
                      struct http_head_fault *fault)
{
    if (!out->bytes) {
        out->bytes = bytes;
        return read_request_line(bytes, line, out, fault);
    }
    return read_field(bytes, line, out, fault);
}

static enum http_head_result unfinished(const char *bytes, struct span rest,
                                        struct http_head_fault *fault)
{
    if (!line_may_begin(bytes, rest)) {
        (void)bad(fault, 400, "a line of the request's head holds a control character");
        return HTTP_HEAD_BAD;
    }
    if (rest.at + rest.n >= HTTP_HEAD_BYTES) {
        (void)bad(fault, 431, "the request's head is longer than 32 KiB");
        return HTTP_HEAD_BAD;
    }
    return HTTP_HEAD_MORE;
}

enum http_head_result http_head_parse(char *bytes, size_t n, struct http_head *out,
                                      struct http_head_fault *fault)
{
    size_t at = 0;

    *out = (struct http_head){0};
    *fault = (struct http_head_fault){0};
    if (n > HTTP_HEAD_BYTES)
        n = HTTP_HEAD_BYTES;
    while (at < n) {
        const char *newline = memchr(bytes + at, '\n', n - at);
        if (!newline)
            break;
        struct span line = {at, (size_t)(newline - (bytes + at))};
        at += line.n + 1;
        if (line.n == 0 || bytes[line.at + line.n - 1] != '\r') {
            (void)bad(fault, 400, "a line of the request's head does not end in CR LF");
            return HTTP_HEAD_BAD;
        }
        line.n--;
        if (line.n == 0 && out->bytes) {
            out->n_bytes = at;
            return read_framing(out, fault) ? HTTP_HEAD_WHOLE : HTTP_HEAD_BAD;
        }
        if (!read_line(bytes, line, out, fault))
            return HTTP_HEAD_BAD;
    }
    return unfinished(bytes, (struct span){at, n - at}, fault);
}

bool http_head_keep(struct http_head *head)
{
    char *own = malloc(head->n_bytes);

    if (own)
        memcpy(own, head->bytes, head->n_bytes);
    head->bytes = own;
    return own != NULL;
}

void http_head_release(struct http_head *head)
{
    free(head->bytes);
    *head = (struct http_head){0};
}

const char *http_head_field(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->n_fields; i++)
        if (strcasecmp(http_head_text(head, head->fields[i].name), name) == 0)
            return http_head_text(head, head->fields[i].value);
    return NULL;
}
