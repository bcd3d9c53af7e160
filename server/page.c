/* page.c - the page for a person: the files of web/, which are built into the
 * program.  All that the page shows besides comes from the routes under /orion/v1
 * and /v1; nothing comes from anywhere else, and the page may ask nobody else. */
#include <string.h>

#include "page_files.h"
#include "server.h"

/* Nothing but what this server sends, and nothing written inside the page itself:
 * a model's answer that became markup by mistake could not run or load anything. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "img-src 'self'; connect-src 'self'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'; "
                             "require-trusted-types-for 'script'; trusted-types 'none'";

static const struct embedded_file *find_file(const char *name)
{
    for (size_t i = 0; i < sizeof(embedded_files) / sizeof(embedded_files[0]); i++)
        if (strcmp(embedded_files[i].name, name) == 0)
            return &embedded_files[i];
    return NULL;
}

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

static void reply_file(struct http_request *request, const char *name)
{
    const struct embedded_file *file = find_file(name);

    if (!file) {
        http_reply_failure(request, 404, ORION_E_NOT_FOUND, NULL, "there is no such page");
        return;
    }
    http_add_header(request, "Content-Security-Policy", policy);
    http_add_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    http_reply_static(request, type_of(name), file->bytes, file->n, file->etag);
}

/* Each view of the page has a path of its own, and is the same document. */
static void get_page(struct http_request *request, void *user)
{
    (void)user;
    reply_file(request, "index.html");
}

/* Where the page begins, and where programs made for Ollama look whether it is there. */
static void get_root(struct http_request *request, void *user)
{
    if (!ollama_probe(request))
        get_page(request, user);
}

static void get_file(struct http_request *request, void *user)
{
    (void)user;
    reply_file(request, http_part(request, "name"));
}

static json_t *error_shape(int code, orion_status status, const char *message, const char *field)
{
    (void)code;
    (void)status;
    (void)field;
    return json_pack("{s:s}", "error", message);
}

const struct http_route page_routes[] = {
    {"GET", "/", get_root, error_shape},
    {"GET", "/chat", get_page, error_shape},
    {"GET", "/web/{name}", get_file, error_shape},
    {0},
};
