/* Replies that are a file, or a range of one. */
#include "exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool http_has_etag(const char *list, const char *etag)
{
    const size_t n = strlen(etag);

    while (list && *list) {
        list += strspn(list, ", \t");
        if (*list == '*')
            return true;
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (strncmp(list, etag, n) == 0 && (list[n] == '\0' || strchr(", \t", list[n])))
            return true;
        list += strcspn(list, ",");
    }
    return false;
}

/* Bytes [first, last] of the file. */
struct range {
    uint64_t first, last;
};

enum range_kind { RANGE_NONE, RANGE_ONE, RANGE_PAST_END };

/* Digits at *text, which moves behind them; false when there are none or too many. */
static bool read_number(const char **text, uint64_t *out)
{
    const size_t n = strspn(*text, "0123456789");

    if (n == 0 || n > 18)
        return false;
    *out = strtoull(*text, NULL, 10);
    *text += n;
    return true;
}

/* "-500": the last so many. */
static enum range_kind read_suffix(const char *text, uint64_t bytes, struct range *out)
{
    uint64_t n;

    if (!read_number(&text, &n) || *text)
        return RANGE_NONE;
    if (n == 0 || bytes == 0)
        return RANGE_PAST_END;
    *out = (struct range){n < bytes ? bytes - n : 0, bytes - 1};
    return RANGE_ONE;
}

static enum range_kind read_range(const char *text, uint64_t bytes, struct range *out)
{
    uint64_t first, last = UINT64_MAX;

    if (!text || strncasecmp(text, "bytes=", 6) != 0)
        return RANGE_NONE;
    text += 6;
    if (*text == '-')
        return read_suffix(text + 1, bytes, out);
    if (!read_number(&text, &first) || *text++ != '-')
        return RANGE_NONE;
    if (*text && (!read_number(&text, &last) || *text || last < first))
        return RANGE_NONE; /* several ranges among it */
    if (first >= bytes)
        return RANGE_PAST_END;
    *out = (struct range){first, last < bytes ? last : bytes - 1};
    return RANGE_ONE;
}

static enum range_kind range_of(const struct http_request *request, uint64_t bytes,
                                const char *etag, struct range *out)
{
    const char *unless = http_header(request, "If-Range");

    if (unless && strcmp(unless, etag) != 0)
        return RANGE_NONE;
    return read_range(http_header(request, "Range"), bytes, out);
}

static void reply_past_end(struct http_request *request, uint64_t bytes)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "bytes */%" PRIu64, bytes);
    http_add_header(request, "Content-Range", text);
    http_reply_empty(request, 416);
}

static void reply_part(struct http_request *request, int fd, int code, struct range range,
                       uint64_t bytes)
{
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(
        bytes > 0 ? range.last - range.first + 1 : 0, fd, range.first);
    if (!response)
        (void)close(fd);
    http_respond(request, code, response);
}

void http_reply_file(struct http_request *request, int fd, uint64_t bytes, const char *type,
                     const char *etag)
{
    struct range range = {0, bytes - 1};
    char text[96];

    http_add_header(request, "ETag", etag);
    http_add_header(request, "Accept-Ranges", "bytes");
    if (http_has_etag(http_header(request, "If-None-Match"), etag)) {
        (void)close(fd);
        http_reply_empty(request, 304);
        return;
    }
    const enum range_kind kind = range_of(request, bytes, etag, &range);
    if (kind == RANGE_PAST_END) {
        (void)close(fd);
        reply_past_end(request, bytes);
        return;
    }
    http_add_header(request, "Content-Type", type);
    if (kind == RANGE_ONE) {
        (void)snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.first,
                       range.last, bytes);
        http_add_header(request, "Content-Range", text);
    }
    reply_part(request, fd, kind == RANGE_ONE ? 206 : 200, range, bytes);
}
