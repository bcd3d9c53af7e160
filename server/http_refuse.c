/* Replies of the door.  They are short and go into an empty socket buffer, so they
 * are written at once and as a whole. */
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REFUSAL_BYTES 2048

struct text {
    char bytes[REFUSAL_BYTES];
    size_t n;
};

static void add(struct text *text, const char *name, const char *value)
{
    const int n =
        snprintf(text->bytes + text->n, sizeof(text->bytes) - text->n, "%s: %s\r\n", name, value);
    if (n > 0 && (size_t)n < sizeof(text->bytes) - text->n)
        text->n += (size_t)n;
}

static void add_head(struct text *text, struct http_request *request,
                     const struct guard_refusal *why, size_t body_bytes)
{
    char number[32], methods[64];

    text->n = (size_t)snprintf(text->bytes, sizeof(text->bytes), "HTTP/1.1 %d %s\r\n", why->code,
                               MHD_get_reason_phrase_for((unsigned)why->code));
    (void)snprintf(number, sizeof(number), "%zu", body_bytes);
    add(text, "Content-Type", "application/json");
    add(text, "Content-Length", number);
    add(text, "Cache-Control", "no-store");
    add(text, "Connection", "close");
    for (const struct guard_header *h = guard_headers; h->name; h++)
        add(text, h->name, h->value);
    if (why->code == 401)
        add(text, "WWW-Authenticate", "Bearer");
    if (why->code == 503)
        add(text, "Retry-After", "1");
    if (why->code == 405) {
        http_route_methods(request->http, http_head_text(&request->head, request->head.path),
                           methods, sizeof(methods));
        add(text, "Allow", methods);
    }
}

/* NULL without memory, or for a HEAD. */
static char *body_of(const struct http_request *request, const struct guard_refusal *why)
{
    const http_error_shape shape = request->shape ? request->shape : http_shape_native;
    json_t *value = shape(why->code, why->status, why->message, NULL);
    char *body = json_dumps(value, JSON_COMPACT);

    json_decref(value);
    return body;
}

void http_refuse(struct http_request *request, const struct guard_refusal *why)
{
    struct text text;
    char *body = body_of(request, why);
    const size_t body_bytes = body ? strlen(body) : 0;
    const bool head_only =
        request->head.path &&
        strcmp(http_head_text(&request->head, request->head.method), "HEAD") == 0;

    add_head(&text, request, why, body_bytes);
    const int n = snprintf(text.bytes + text.n, sizeof(text.bytes) - text.n, "\r\n%s",
                           body && !head_only ? body : "");
    if (n > 0 && (size_t)n < sizeof(text.bytes) - text.n)
        (void)send(request->fd, text.bytes, text.n + (size_t)n, MSG_NOSIGNAL);
    (void)shutdown(request->fd, SHUT_WR);
    free(body);
    http_count_reply(request->http, why->code);
}
