#include "hub/reply.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* All digits, no sign, no overflow. */
static bool parse_u64(const char *text, size_t len, uint64_t *out)
{
    uint64_t n = 0;
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)text[i]) || !ori_mul_u64(n, 10, &n) ||
            !ori_add_u64(n, (uint64_t)(text[i] - '0'), &n))
            return false;
    *out = n;
    return true;
}

/* "bytes 0-9/10", "bytes 0-9/(star)" or "bytes (star)/10". */
static void parse_content_range(struct ori_reply *reply, const char *value)
{
    if (strncasecmp(value, "bytes", 5) != 0)
        return;
    value += 5;
    value += strspn(value, " ");
    const char *slash = strchr(value, '/');
    if (!slash)
        return;
    const char *dash = memchr(value, '-', (size_t)(slash - value));
    reply->has_total = parse_u64(slash + 1, strlen(slash + 1), &reply->total);
    reply->has_range = dash && parse_u64(value, (size_t)(dash - value), &reply->range_begin) &&
                       parse_u64(dash + 1, (size_t)(slash - dash - 1), &reply->range_end) &&
                       reply->range_begin <= reply->range_end;
}

static void set_wait(struct ori_reply *reply, uint64_t seconds)
{
    const uint64_t day = UINT64_C(24) * 60 * 60;
    reply->has_retry_after = true;
    reply->retry_after_ms = (seconds < day ? seconds : day) * 1000;
}

/* Seconds only: a date would need the server's clock to agree with ours. */
static void parse_retry_after(struct ori_reply *reply, const char *value)
{
    uint64_t seconds;
    if (parse_u64(value, strlen(value), &seconds))
        set_wait(reply, seconds);
}

/* RateLimit: "resolvers";r=0;t=120 - wait t seconds when nothing remains. */
static void parse_rate_limit(struct ori_reply *reply, const char *value)
{
    const char *left = strstr(value, ";r="), *reset = strstr(value, ";t=");
    uint64_t n, seconds;
    if (!left || !reset || reply->has_retry_after)
        return;
    left += 3;
    reset += 3;
    if (parse_u64(left, strcspn(left, ";"), &n) && n == 0 &&
        parse_u64(reset, strcspn(reset, ";"), &seconds))
        set_wait(reply, seconds);
}

static void parse_link(struct ori_reply *reply, const char *value)
{
    const char *open = strchr(value, '<');
    const char *close = open ? strchr(open, '>') : NULL;
    if (!close || !strstr(close, "rel=\"next\""))
        return;
    const size_t len = (size_t)(close - open - 1);
    if (len > ORI_URL_MAX) {
        reply->too_long = true;
        return;
    }
    memcpy(reply->next_page, open + 1, len);
    reply->next_page[len] = '\0';
}

static void parse_commit(struct ori_reply *reply, const char *value)
{
    if (strlen(value) == 40 && strspn(value, "0123456789abcdef") == 40)
        memcpy(reply->commit, value, 41);
}

static void parse_length(struct ori_reply *reply, const char *value)
{
    reply->has_length = parse_u64(value, strlen(value), &reply->length);
}

static void parse_linked_size(struct ori_reply *reply, const char *value)
{
    reply->has_linked_size = parse_u64(value, strlen(value), &reply->linked_size);
}

/* A person may read it on a terminal: nothing but printable ASCII stays, and
 * as much as fits. */
static void store_text(char *field, size_t bytes, const char *value)
{
    size_t len = strlen(value);
    if (len >= bytes)
        len = bytes - 1;
    for (size_t i = 0; i < len; i++)
        field[i] = (value[i] >= 0x20 && value[i] < 0x7f) ? value[i] : '?';
    field[len] = '\0';
}

/* Half an address is worse than none. */
static void parse_location(struct ori_reply *reply, const char *value)
{
    const size_t len = strlen(value);
    reply->too_long |= len > ORI_URL_MAX;
    memcpy(reply->location, value, len > ORI_URL_MAX ? 0 : len + 1);
}

/* clang-format off */
#define TEXT(header, field) \
    {header, offsetof(struct ori_reply, field), sizeof(((struct ori_reply *)0)->field), NULL}
#define PARSED(header, parse) {header, 0, 0, parse}

static const struct {
    const char *name;
    size_t offset, bytes; /* where a text goes ... */
    void (*parse)(struct ori_reply *, const char *); /* ... or who reads it */
} headers[] = {
    TEXT("etag", etag),
    TEXT("x-linked-etag", linked_etag),
    TEXT("x-error-code", error_code),
    TEXT("x-error-message", error_message),
    TEXT("content-type", content_type),
    TEXT("content-encoding", content_encoding),
    PARSED("location", parse_location),
    PARSED("x-repo-commit", parse_commit),
    PARSED("x-linked-size", parse_linked_size),
    PARSED("content-length", parse_length),
    PARSED("content-range", parse_content_range),
    PARSED("retry-after", parse_retry_after),
    PARSED("ratelimit", parse_rate_limit),
    PARSED("link", parse_link),
};
/* clang-format on */

static void status_line(struct ori_reply *reply, const char *line)
{
    const char *space = strchr(line, ' ');
    memset(reply, 0, sizeof(*reply));
    uint64_t code = 0;
    if (space && parse_u64(space + 1, strspn(space + 1, "0123456789"), &code) && code < 1000)
        reply->status = (int)code;
}

void ori_reply_line(struct ori_reply *reply, const char *line, size_t len)
{
    char text[ORI_URL_MAX + 128];

    while (len > 0 && isspace((unsigned char)line[len - 1]))
        len--;
    if (len == 0 || memchr(line, '\0', len))
        return;
    if (len >= sizeof(text)) {
        reply->too_long = true;
        return;
    }
    memcpy(text, line, len);
    text[len] = '\0';
    if (strncmp(text, "HTTP/", 5) == 0) {
        status_line(reply, text);
        return;
    }
    char *value = strchr(text, ':');
    if (!value)
        return;
    *value++ = '\0';
    value += strspn(value, " \t");
    for (size_t i = 0; i < ORI_COUNT(headers); i++) {
        if (strcasecmp(text, headers[i].name) != 0)
            continue;
        if (headers[i].parse)
            headers[i].parse(reply, value);
        else
            store_text((char *)reply + headers[i].offset, headers[i].bytes, value);
    }
}

void ori_reply_etag_hex(const char *etag, char out[65])
{
    out[0] = '\0';
    if (strncmp(etag, "W/", 2) == 0)
        etag += 2;
    const bool quoted = *etag == '"';
    etag += quoted;
    const size_t len = strspn(etag, "0123456789abcdefABCDEF");
    if ((len != 64 && len != 40) || strcmp(etag + len, quoted ? "\"" : "") != 0)
        return;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)etag[i]);
    out[len] = '\0';
}

bool ori_reply_etag_is_strong(const char *etag)
{
    const size_t len = strlen(etag);
    return len > 2 && etag[0] == '"' && etag[len - 1] == '"' && !strchr(etag, '?');
}
