/* The head of a request on any bytes, then the rules, the route and its parts.
 *
 * A head is whole only where its last line ends, and before that it was never
 * refused, in whatever pieces it came; what it gives lies within its bytes, and a
 * body is framed in one way.  Who has no Host, or another one, is not let in. */
#include <strings.h>

#include "server/exchange.h"
#include "fuzz.h"

static void no_handler(struct http_request *request, void *user)
{
    (void)request;
    (void)user;
}

static const struct http_route routes[] = {
    {"GET", "/v1/models/{model...}", no_handler, http_shape_native},
    {"POST", "/v1/{what}/to/{whom}", no_handler, http_shape_native},
    {"GET", "/", no_handler, http_shape_native},
    {NULL, NULL, NULL, NULL},
};
static const struct http_table tables[] = {{routes, false}, {NULL, false}};
static const struct guard guard = {.port = 80, .local = true};

static enum http_head_result parse(const uint8_t *data, size_t size, char **bytes,
                                   struct http_head *head, struct http_head_fault *fault)
{
    *bytes = text_of(data, size);
    return http_head_parse(*bytes, size, head, fault);
}

/* Nothing shorter was whole or wrong. */
static void try_pieces(const uint8_t *data, size_t n_bytes)
{
    struct http_head_fault fault;
    struct http_head head;
    char *bytes;

    for (size_t i = 1; i < n_bytes; i += 1 + n_bytes / 16) {
        require(parse(data, i, &bytes, &head, &fault) == HTTP_HEAD_MORE);
        free(bytes);
    }
}

static void check_text(const struct http_head *head, http_text text)
{
    require(text < head->n_bytes);
    require(text + strlen(http_head_text(head, text)) < head->n_bytes);
}

static void check_whole(const struct http_head *head)
{
    check_text(head, head->method);
    check_text(head, head->path);
    check_text(head, head->query);
    require(http_head_text(head, head->path)[0] == '/');
    for (size_t i = 0; i < head->n_fields; i++) {
        check_text(head, head->fields[i].name);
        check_text(head, head->fields[i].value);
        require(!strpbrk(http_head_text(head, head->fields[i].value), "\r\n"));
        require(strpbrk(http_head_text(head, head->fields[i].name), " \t:\r\n") == NULL);
    }
    require(!(http_head_field(head, "Content-Length") && head->chunked));
    require(!head->chunked || head->length == 0);
}

static void check_parts(const struct http_request *request)
{
    for (size_t i = 0; i < request->n_parts; i++)
        require(request->parts[i].value[0] && !strpbrk(request->parts[i].value, "\r\n"));
    for (size_t i = 0; i < request->n_query; i++)
        require(!strpbrk(request->query[i].name, "\r\n") &&
                !strpbrk(request->query[i].value, "\r\n"));
}

static void try_rules(const struct http_head *head)
{
    struct http http = {.options = {.tables = tables}};
    struct http_request request = {.http = &http, .head = *head};
    struct guard_refusal why = {0};
    const char *host = http_head_field(head, "Host");

    if (!guard_lets_in(&guard, head, true, &why))
        require(why.code >= 400 && why.message);
    else
        require(host && (strncasecmp(host, "localhost", 9) == 0 ||
                         strncmp(host, "127.0.0.1", 9) == 0 || strncmp(host, "[::1]", 5) == 0));
    if (http_route_find(&request, &why))
        check_parts(&request);
    free(request.decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_head_fault fault;
    struct http_head head;
    char *bytes;
    const enum http_head_result result = parse(data, size, &bytes, &head, &fault);

    if (result == HTTP_HEAD_BAD)
        require(fault.code >= 400 && fault.message);
    if (result == HTTP_HEAD_WHOLE) {
        require(head.n_bytes <= size && memcmp(data + head.n_bytes - 4, "\r\n\r\n", 4) == 0);
        check_whole(&head);
        try_pieces(data, head.n_bytes);
        try_rules(&head);
    }
    free(bytes);
    return 0;
}
