/* server.h - `orion serve`: one process that serves models to a person (the
 * page), to programs (OpenAI's, Ollama's and our own API), and to other machines
 * (the mirror).
 *
 * The server stands on orion.h alone.  http.h carries requests, guard.h decides
 * who may ask, loaded.h keeps models in memory, and each family of APIs is one
 * file or a few, with a table of routes:
 *
 *   openai*.c   /v1/...           ollama*.c   /api/...
 *   native*.c   /orion/v1/...     mirror.c    the hub's own routes
 *   page.c      /                 health.c    /health, /metrics
 *   login.c     /orion/v1/login
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "guard.h"
#include "http.h"
#include "listen.h"
#include "loaded.h"

struct native_events;

#define SERVER_PORT 11435

struct server_options {
    const char *host;       /* NULL: 127.0.0.1 */
    uint16_t port;          /* 0: any free one, which server_url() tells */
    const char *token_file; /* NULL: none; needed for any host that is not this machine */
    int listen_fd; /* a socket that listens already (socket activation), taken over; or -1 */
    bool mirror, metrics;
    uint32_t threads; /* of a model; 0: physical cores */
    uint32_t
        context_tokens; /* of a request unless it says otherwise; 0: the model's, at most 4096 */
    uint32_t sequences; /* requests of one model computed at once */
    orion_kv_type kv_type;
    int64_t keep_alive_s; /* how long an unused model stays in memory; negative: for ever */
};

/* What every handler gets as its `user`. */
struct server {
    orion_manager *manager; /* borrowed; the server's own downloads live in it */
    struct loaded *loaded;
    struct native_events *events;
    bool keeps_downloads; /* those of an earlier server go on here, and ours in the next */
    struct server_options options;
    struct http *http;
    double started_unix;
    struct listener listener;
    struct guard guard;
    struct http_table tables[10]; /* those below that are in use */
};

/* The tables of the families; the last route has no method. */
extern const struct http_route openai_routes[];
extern const struct http_route ollama_routes[];
extern const struct http_route native_routes[];
extern const struct http_route mirror_routes[]; /* only with options.mirror */
extern const struct http_route page_routes[];
extern const struct http_route health_routes[];
extern const struct http_route login_routes[];
extern const struct http_route metrics_routes[]; /* only with options.metrics */

/* Programs made for Ollama ask for "/" to know whether it is there.  Answers them, and
 * is true, when the request is of no browser: it does not accept HTML. */
bool ollama_probe(struct http_request *request);

void server_options_init(struct server_options *options);

/* Start serving on threads of its own.  The manager must outlive the server. */
orion_status server_start(orion_manager *manager, const struct server_options *options,
                          struct server **out, orion_error *err);
/* "http://127.0.0.1:11435", valid until server_stop(). */
const char *server_url(const struct server *server);
bool server_is_local(const struct server *server); /* only this machine can connect */
/* Take no more requests, let those under way end within a few seconds, stop the
 * rest, unload all models. */
void server_stop(struct server *server); /* NULL is a no-op */

/* The document of `orion fit --json` and of /orion/v1/fit; null is what is not known.
 * NULL when memory is short. */
json_t *server_fit_json(const char *ref, orion_kv_type kv_type, const orion_fit *fit);

#endif
