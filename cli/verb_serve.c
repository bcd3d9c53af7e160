/* orion serve: models for programs, for a browser, and for other machines. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "cli.h"
#include "engine.h"
#include "interrupt.h"
#include "kv_type.h"
#include "server/server.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FIRST_HANDED_FD 3 /* as systemd hands sockets over */

struct serve_args {
    const char *host, *token_file, *kv_type;
    uint32_t port, threads, ctx, parallel;
    int64_t keep_alive_s;
    bool mirror, metrics;
};

#define FIELD(name) offsetof(struct serve_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "host",
     .offset = FIELD(host),
     .value = "ADDRESS",
     .help = "listen there (default 127.0.0.1); any but this machine's own needs a token"},
    {.kind = CLI_KIND_COUNT,
     .name = "port",
     .offset = FIELD(port),
     .value = "N",
     .help = "listen there; 0: any that is free. On 11434 it stands in for Ollama",
     .max = 65535,
     .show_default = true},
    {.kind = CLI_KIND_TEXT,
     .name = "token-file",
     .offset = FIELD(token_file),
     .value = "FILE",
     .help = "ask for the token in FILE, which is made if it does not exist"},
    {.kind = CLI_KIND_FLAG,
     .name = "mirror",
     .offset = FIELD(mirror),
     .help = "let other machines pull models from here, as from a hub"},
    {.kind = CLI_KIND_FLAG,
     .name = "metrics",
     .offset = FIELD(metrics),
     .help = "offer /metrics to Prometheus"},
    {.kind = CLI_KIND_COUNT,
     .name = "parallel",
     .offset = FIELD(parallel),
     .value = "N",
     .help = "requests of one model computed at once",
     .min = 1,
     .max = 64,
     .show_default = true},
    {.kind = CLI_KIND_LONG,
     .name = "keep-alive",
     .offset = FIELD(keep_alive_s),
     .value = "SECONDS",
     .help = "how long an unused model stays in memory; -1: always",
     .min = -1,
     .max = 1e9,
     .show_default = true},
    CLI_CONTEXT_OPTION(FIELD(ctx)),
    CLI_THREADS_OPTION(FIELD(threads)),
    CLI_KV_TYPE_OPTION(FIELD(kv_type)),
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

static void serve_init(void *args)
{
    struct server_options defaults;

    server_options_init(&defaults);
    *(struct serve_args *)args = (struct serve_args){.port = defaults.port,
                                                     .parallel = defaults.sequences,
                                                     .keep_alive_s = defaults.keep_alive_s};
}

/* The number in an environment variable, -1 when it is not there or no number. */
static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end = NULL;

    if (!text || !*text)
        return -1;
    const long number = strtol(text, &end, 10);
    return *end ? -1 : number;
}

/* The socket that whoever started us has opened already (sd_listen_fds(3)); -1:
 * there is none. */
static int handed_socket(const struct cli *cli, int *fd)
{
    const long n = number_of("LISTEN_PID") == (long)getpid() ? number_of("LISTEN_FDS") : 0;

    (void)unsetenv("LISTEN_PID"); /* it is for no one else */
    (void)unsetenv("LISTEN_FDS");
    *fd = n == 1 ? FIRST_HANDED_FD : -1;
    if (n > 1)
        return cli_usage(cli, "%ld sockets were handed over; this serves on one.", n);
    return CLI_OK;
}

static void fill_options(const struct serve_args *a, int fd, struct server_options *out)
{
    server_options_init(out);
    out->host = a->host;
    out->port = (uint16_t)a->port;
    out->token_file = a->token_file;
    out->listen_fd = fd;
    out->mirror = a->mirror;
    out->metrics = a->metrics;
    out->threads = a->threads;
    out->context_tokens = a->ctx;
    out->sequences = a->parallel;
    out->kv_type = cli_kv_type(a->kv_type);
    out->keep_alive_s = a->keep_alive_s;
}

/* Be found by 'orion run', 'ps' and 'stop', if this machine can connect and no
 * other server is found already: otherwise by --server. */
static orion_announcement *be_found(const struct serve_args *a, const struct server *server)
{
    orion_announcement *announcement = NULL;
    char *token_file = a->token_file ? realpath(a->token_file, NULL) : NULL;

    if (server_is_local(server) && (!a->token_file || token_file))
        (void)orion_server_announce(server_url(server), token_file, &announcement, NULL);
    free(token_file);
    return announcement;
}

static void announce(const struct cli *cli, const struct serve_args *a, const struct server *server)
{
    if (!server_is_local(server))
        cli_note(cli, "other machines can connect, and what they send and get is not encrypted: "
                      "use it in a network that you trust, or behind a proxy with TLS");
    if (a->token_file)
        cli_note(cli, "requests need the token in '%s'", a->token_file);
    cli_note(cli, "listening on %s", server_url(server));
}

/* Prompts and answers are in memory, and must not come to lie on a disk.  A limit of
 * one byte, not none: by that the kernel also keeps a dump from a program that it
 * would be piped to. */
static void dump_no_core(void)
{
    const struct rlimit least = {.rlim_cur = 1, .rlim_max = 1};

    (void)setrlimit(RLIMIT_CORE, &least);
}

static int serve_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct serve_args *a = args;
    struct server_options server_options;
    struct server *server = NULL;
    orion_manager *manager = NULL;
    orion_error err = CLI_NO_ERROR;
    int fd;
    int code = handed_socket(cli, &fd);

    (void)n_operands;
    (void)operands;
    cli->names_only = true;
    if (code == CLI_OK)
        code = cli_manager(cli, &manager);
    if (code != CLI_OK)
        return code;
    dump_no_core();
    cli_interrupt_install();
    fill_options(a, fd, &server_options);
    const orion_status status = server_start(manager, &server_options, &server, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    orion_announcement *announcement = be_found(a, server);
    announce(cli, a, server);
    (void)cli_interrupt_wait_readable(-1);
    cli_note(cli, "ending; a second signal ends it at once");
    orion_server_withdraw(announcement);
    server_stop(server);
    return CLI_OK;
}

const struct cli_verb verb_serve = {
    .name = "serve",
    .usage = "[--host ADDRESS] [--port N] [--token-file FILE] [--mirror] [--metrics]",
    .summary = "serve models to programs, a browser, and other machines",
    .details =
        "Programs that speak OpenAI's or Ollama's API, and a browser, find it at the address\n"
        "that is printed. A model is loaded when it is first asked for. It answers this\n"
        "machine alone unless --host says otherwise, and then only to those who send the\n"
        "token. SIGINT and SIGTERM end it once the answers under way are done or some\n"
        "seconds have passed.",
    .options = sets,
    .args_bytes = sizeof(struct serve_args),
    .init = serve_init,
    .max_operands = 0,
    .run = serve_run,
};
