/* From a path to a route, its parts, and the parameters of the query. */
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A part of a path or a query, as it was sent. */
struct raw {
    const char *name; /* in the route's path, or in the query */
    size_t name_bytes;
    const char *text;
    size_t bytes;
};

struct raws {
    struct raw items[HTTP_QUERY_PAIRS];
    size_t n;
};

_Static_assert(HTTP_PARTS <= HTTP_QUERY_PAIRS, "either fits");

/* ---- matching ---- */

/* The end of "{name}" or "{name...}". */
static const char *read_part(const char *pattern, struct raw *out, bool *rest)
{
    const char *end = strchr(pattern, '}');

    out->name = pattern + 1;
    out->name_bytes = (size_t)(end - out->name);
    *rest = out->name_bytes > 3 && memcmp(end - 3, "...", 3) == 0;
    if (*rest)
        out->name_bytes -= 3;
    return end + 1;
}

static bool matches(const char *pattern, const char *path, struct raws *parts)
{
    parts->n = 0;
    while (*pattern) {
        struct raw part;
        bool rest;

        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        pattern = read_part(pattern, &part, &rest);
        part.text = path;
        part.bytes = rest ? strlen(path) : strcspn(path, "/");
        if (part.bytes == 0 || parts->n == HTTP_PARTS)
            return false;
        parts->items[parts->n++] = part;
        path += part.bytes;
    }
    return *path == '\0';
}

static bool takes(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Through the routes of all tables. */
struct walk {
    const struct http_table *table;
    const struct http_route *route; /* NULL: before the table's first */
};

static const struct http_route *next_route(struct walk *walk)
{
    while (walk->table->routes) {
        walk->route = walk->route ? walk->route + 1 : walk->table->routes;
        if (walk->route->method)
            return walk->route;
        walk->route = NULL;
        walk->table++;
    }
    return NULL;
}

/* Walk to the route.  False when there is none. */
static bool find(struct walk *walk, const char *method, const char *path, struct raws *parts)
{
    while (next_route(walk))
        if (takes(walk->route, method) && matches(walk->route->path, path, parts))
            return true;
    return false;
}

/* ---- decoding ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undo the percents of text[0..n) into `out`; the end of it, or NULL when it is
 * wrong, not UTF-8, or holds control characters. */
static char *decode(const char *text, size_t n, bool plus_is_blank, char *out)
{
    char *begin = out;

    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            if (n - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return NULL;
            c = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if ((unsigned char)c < ' ' || c == 0x7f)
            return NULL;
        *out++ = c;
    }
    *out++ = '\0';
    json_t *valid = json_string(begin); /* refuses what is not UTF-8 */
    json_decref(valid);
    return valid ? out : NULL;
}

static char *decode_part(const struct raw *raw, struct http_pair *pair, char *out)
{
    pair->name = out;
    memcpy(out, raw->name, raw->name_bytes);
    out += raw->name_bytes;
    *out++ = '\0';
    pair->value = out;
    return decode(raw->text, raw->bytes, false, out);
}

static char *decode_pair(const struct raw *raw, struct http_pair *pair, char *out)
{
    pair->name = out;
    out = decode(raw->name, raw->name_bytes, true, out);
    pair->value = out;
    return out ? decode(raw->text, raw->bytes, true, out) : NULL;
}

static bool split_query(const char *query, struct raws *out)
{
    out->n = 0;
    while (*query) {
        const size_t bytes = strcspn(query, "&");
        const char *equals = memchr(query, '=', bytes);
        const size_t name_bytes = equals ? (size_t)(equals - query) : bytes;
        if (bytes > 0) {
            if (out->n == HTTP_QUERY_PAIRS)
                return false;
            out->items[out->n++] = (struct raw){query, name_bytes, equals ? equals + 1 : "",
                                                equals ? bytes - name_bytes - 1 : 0};
        }
        query += bytes + (query[bytes] == '&');
    }
    return true;
}

static size_t room_for(const struct raws *raws)
{
    size_t bytes = 0;

    for (size_t i = 0; i < raws->n; i++)
        bytes += raws->items[i].name_bytes + raws->items[i].bytes + 2;
    return bytes;
}

static bool decode_all(struct http_request *request, const struct raws *parts,
                       const struct raws *query)
{
    char *out = request->decoded;

    for (size_t i = 0; i < parts->n && out; i++)
        out = decode_part(&parts->items[i], &request->parts[i], out);
    for (size_t i = 0; i < query->n && out; i++)
        out = decode_pair(&query->items[i], &request->query[i], out);
    request->n_parts = parts->n;
    request->n_query = query->n;
    return out != NULL;
}

/* ---- what the door asks ---- */

static bool refuse(struct guard_refusal *refusal, int code, orion_status status,
                   const char *message)
{
    *refusal = (struct guard_refusal){code, status, message};
    return false;
}

bool http_route_find(struct http_request *request, struct guard_refusal *refusal)
{
    const char *path = http_head_text(&request->head, request->head.path);
    const char *method = http_head_text(&request->head, request->head.method);
    struct walk walk = {request->http->options.tables, NULL};
    struct raws parts, query = {.n = 0};
    char methods[64];

    if (!find(&walk, method, path, &parts)) {
        http_route_methods(request->http, path, methods, sizeof(methods));
        return methods[0] ? refuse(refusal, 405, ORION_E_ARGUMENT,
                                   "this can't be asked for with the request's method")
                          : refuse(refusal, 404, ORION_E_NOT_FOUND, "there is nothing here");
    }
    request->route = walk.route;
    request->shape = request->route->shape ? request->route->shape : request->shape;
    if (request->head.query &&
        !split_query(http_head_text(&request->head, request->head.query), &query))
        return refuse(refusal, 400, ORION_E_ARGUMENT, "the query has more than 16 parameters");
    request->decoded = malloc(room_for(&parts) + room_for(&query) + 1);
    if (!request->decoded)
        return refuse(refusal, 503, ORION_E_NOMEM, "not enough memory for this request");
    if (!decode_all(request, &parts, &query))
        return refuse(refusal, 400, ORION_E_FORMAT,
                      "the request's target is not percent-encoded UTF-8 text");
    return true;
}

bool http_route_is_open(const struct http *http, const char *method, const char *path)
{
    struct walk walk = {http->options.tables, NULL};
    struct raws parts;

    return find(&walk, method, path, &parts) && walk.table->open;
}

/* Where the first segment ends; a path of one segment is its own. */
static size_t first_segment(const char *path)
{
    return path[0] == '\0' ? 0 : 1 + strcspn(path + 1, "/");
}

http_error_shape http_route_shape(const struct http *http, const char *path)
{
    struct walk walk = {http->options.tables, NULL};
    const size_t n = first_segment(path);

    while (next_route(&walk))
        if (walk.route->shape && first_segment(walk.route->path) == n &&
            memcmp(walk.route->path, path, n) == 0)
            return walk.route->shape;
    return http_shape_native;
}

void http_route_methods(const struct http *http, const char *path, char *out, size_t out_bytes)
{
    struct walk walk = {http->options.tables, NULL};
    struct raws parts;
    size_t n = 0;

    out[0] = '\0';
    while (next_route(&walk)) {
        if (!matches(walk.route->path, path, &parts))
            continue;
        const bool get = strcmp(walk.route->method, "GET") == 0;
        const int more = snprintf(out + n, out_bytes - n, "%s%s", n > 0 ? ", " : "",
                                  get ? "GET, HEAD" : walk.route->method);
        if (more < 0 || (size_t)more >= out_bytes - n)
            return;
        n += (size_t)more;
    }
}
