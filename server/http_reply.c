/* Whole replies. */
#include "exchange.h"

#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- codes and shapes ---- */

int http_code(orion_status status)
{
    switch (status) {
    case ORION_OK:
        return 200;
    case ORION_E_ARGUMENT:
    case ORION_E_FORMAT:
    case ORION_E_TOO_LONG:
    case ORION_E_NAME:
        return 400;
    case ORION_E_DENIED:
        return 403;
    case ORION_E_NOT_FOUND:
        return 404;
    case ORION_E_UNSUPPORTED:
    case ORION_E_INTEGRITY:
        return 422;
    case ORION_E_IO:
        return 500;
    case ORION_E_NETWORK:
        return 502;
    case ORION_E_NOMEM:
    case ORION_E_OFFLINE:
    case ORION_E_CANCELLED:
    case ORION_E_BUSY:
        return 503;
    case ORION_E_NO_SPACE:
        return 507;
    }
    return 500;
}

static const char *status_word(orion_status status)
{
    switch (status) {
    case ORION_OK:
        return "ok";
    case ORION_E_ARGUMENT:
        return "argument";
    case ORION_E_NOMEM:
        return "memory";
    case ORION_E_IO:
        return "io";
    case ORION_E_FORMAT:
        return "format";
    case ORION_E_UNSUPPORTED:
        return "unsupported";
    case ORION_E_NOT_FOUND:
        return "not_found";
    case ORION_E_TOO_LONG:
        return "too_long";
    case ORION_E_NO_SPACE:
        return "no_space";
    case ORION_E_INTEGRITY:
        return "integrity";
    case ORION_E_NETWORK:
        return "network";
    case ORION_E_DENIED:
        return "denied";
    case ORION_E_OFFLINE:
        return "offline";
    case ORION_E_CANCELLED:
        return "cancelled";
    case ORION_E_BUSY:
        return "busy";
    case ORION_E_NAME:
        return "name";
    }
    return "io";
}

json_t *http_shape_native(int code, orion_status status, const char *message, const char *field)
{
    (void)code;
    return json_pack("{s:{s:s, s:s, s:s?}}", "error", "status", status_word(status), "message",
                     message, "field", field);
}

/* ---- headers ---- */

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    struct http_header_line *lines =
        realloc(request->headers, (request->n_headers + 1) * sizeof(*lines));
    if (!lines)
        return;
    request->headers = lines;
    lines[request->n_headers] = (struct http_header_line){strdup(name), strdup(value)};
    request->n_headers++;
}

static bool has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (request->headers[i].name && strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

/* One without a value is left out: libmicrohttpd takes none. */
static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return name && value &&
           (value[0] == '\0' || MHD_add_response_header(response, name, value) == MHD_YES);
}

/* What every reply carries, and what was asked for. */
static bool dress(const struct http_request *request, struct MHD_Response *response, int code)
{
    bool ok = add(response, "Connection", "close");

    for (const struct guard_header *h = guard_headers; h->name; h++)
        ok = ok && add(response, h->name, h->value);
    if (!has_header(request, "Cache-Control"))
        ok = ok && add(response, "Cache-Control", "no-store");
    if (code == 503 && !has_header(request, "Retry-After"))
        ok = ok && add(response, "Retry-After", "1");
    for (size_t i = 0; i < request->n_headers; i++)
        ok = ok && add(response, request->headers[i].name, request->headers[i].value);
    return ok;
}

/* ---- sending ---- */

void http_count_reply(struct http *http, int code)
{
    http->replies[code >= 100 && code < 600 ? code / 100 : 0]++;
}

static void hang(struct http_request *request, int code, struct MHD_Response *response,
                 bool streaming)
{
    if (response && !dress(request, response, code)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    http_count_reply(request->http, response ? code : 500);
    (void)pthread_mutex_lock(&request->lock);
    request->response = response;
    request->code = code;
    request->streaming = streaming;
    http_request_wake(request);
    (void)pthread_mutex_unlock(&request->lock);
}

void http_respond(struct http_request *request, int code, struct MHD_Response *response)
{
    http_request_forget_gone(request);
    hang(request, code, response, false);
    http_request_release(request);
}

void http_respond_by_stream(struct http_request *request, struct MHD_Response *response)
{
    hang(request, 200, response, true);
}

/* `text` was made by malloc() and is taken over; NULL: memory was short. */
static void reply_owned(struct http_request *request, int code, const char *type, char *text)
{
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;

    if (!response)
        free(text);
    http_add_header(request, "Content-Type", type);
    http_respond(request, code, response);
}

void http_reply_json(struct http_request *request, int code, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    json_decref(value);
    if (!text) {
        code = 500;
        text = strdup("{\"error\":{\"status\":\"memory\",\"message\":\"not enough memory for the "
                      "answer\",\"field\":null}}");
    }
    reply_owned(request, code, "application/json", text);
}

/* Texts from outside may have been cut, which JSON would not take. */
static void reply_shaped(struct http_request *request, int code, orion_status status, char *message,
                         const char *field)
{
    const http_error_shape shape = request->shape ? request->shape : http_shape_native;
    char whole_field[sizeof(((orion_error *)NULL)->name)];

    (void)snprintf(whole_field, sizeof(whole_field), "%s", field ? field : "");
    server_mend_text(whole_field);
    server_mend_text(message);
    http_reply_json(request, code, shape(code, status, message, field ? whole_field : NULL));
}

void http_reply_error(struct http_request *request, const orion_error *err)
{
    http_reply_failure(request, http_code(err->status), err->status, NULL, "%s", err->message);
}

void http_reply_failure(struct http_request *request, int code, orion_status status,
                        const char *field, const char *format, ...)
{
    char message[sizeof(((orion_error *)NULL)->message)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    reply_shaped(request, code, status, message, field);
}

void http_reply_text(struct http_request *request, int code, const char *type, const char *text)
{
    reply_owned(request, code, type, strdup(text));
}

void http_reply_empty(struct http_request *request, int code)
{
    http_respond(request, code, MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
}

void http_reply_static(struct http_request *request, const char *type, const void *bytes, size_t n,
                       const char *etag)
{
    http_add_header(request, "ETag", etag);
    http_add_header(request, "Cache-Control", "no-cache");
    if (http_has_etag(http_header(request, "If-None-Match"), etag)) {
        http_reply_empty(request, 304);
        return;
    }
    http_add_header(request, "Content-Type", type);
    /* Not written to: the parameter lacks its const. */
    http_respond(
        request, 200,
        MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT));
}
