#include "server.h"

#include "fail.h"
#include "native_events.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define KEEP_ALIVE_S 300
#define GRACE_MS 3000 /* for requests under way, when the server ends */

void server_options_init(struct server_options *options)
{
    *options = (struct server_options){.port = SERVER_PORT,
                                       .listen_fd = -1,
                                       .sequences = LOADED_SEQUENCES,
                                       .keep_alive_s = KEEP_ALIVE_S};
}

const char *server_url(const struct server *server)
{
    return server->listener.url;
}

bool server_is_local(const struct server *server)
{
    return server->listener.local;
}

/* Literal paths come before those that a part may stand for. */
static void lay_tables(struct server *server)
{
    const struct http_table all[] = {
        {health_routes, true},
        {login_routes, true},
        {page_routes, true},
        {openai_routes, false},
        {ollama_routes, false},
        {native_routes, false},
        {server->options.metrics ? metrics_routes : NULL, false},
        {server->options.mirror ? mirror_routes : NULL, false},
    };
    size_t n = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].routes)
            server->tables[n++] = all[i];
    server->tables[n] = (struct http_table){0};
}

static orion_status open_models(struct server *server, orion_error *err)
{
    const struct loaded_options options = {
        .threads = server->options.threads,
        .context_tokens = server->options.context_tokens,
        .sequences = server->options.sequences,
        .kv_type = server->options.kv_type,
        .keep_alive_s = server->options.keep_alive_s,
    };

    return loaded_new(server->manager, &options, &server->loaded, err);
}

static orion_status start_http(struct server *server, orion_error *err)
{
    const struct http_options options = {
        .listen_fd = server->listener.fd,
        .guard = &server->guard,
        .tables = server->tables,
        .user = server,
    };

    server->listener.fd = -1; /* http's */
    return http_start(&options, &server->http, err);
}

static orion_status start(struct server *server, orion_error *err)
{
    const struct server_options *o = &server->options;
    const char *host = o->host ? o->host : "127.0.0.1";
    orion_status status = listener_open(host, o->port, o->listen_fd, &server->listener, err);

    if (status == ORION_OK)
        status = guard_init(&server->guard, o->listen_fd < 0 ? host : NULL, &server->listener,
                            o->token_file, err);
    if (status == ORION_OK)
        status = open_models(server, err);
    if (status == ORION_OK)
        status = native_events_new(server, &server->events, err);
    if (status != ORION_OK)
        return status;
    server->keeps_downloads = orion_download_keep(server->manager, NULL) == ORION_OK;
    return start_http(server, err);
}

orion_status server_start(orion_manager *manager, const struct server_options *options,
                          struct server **out, orion_error *err)
{
    struct server *server = calloc(1, sizeof(*server));

    *out = NULL;
    if (!server)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a server");
    server->manager = manager;
    server->options = *options;
    server->listener.fd = -1;
    server->started_unix = (double)time(NULL);
    lay_tables(server);
    const orion_status status = start(server, err);
    if (status == ORION_OK)
        *out = server;
    else
        server_stop(server);
    return status;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    native_events_stop(server->events);
    loaded_stop(server->loaded);
    http_stop(server->http, GRACE_MS);
    native_events_free(server->events);
    loaded_free(server->loaded);
    if (server->listener.fd >= 0)
        (void)close(server->listener.fd);
    free(server);
}
