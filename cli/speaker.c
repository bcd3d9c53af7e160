/* Who answers. */
#include "speaker.h"
#include "interrupt.h"
#include "kv_type.h"
#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELD(name) offsetof(struct cli_server_args, name)

const struct cli_option cli_server_options[] = {
    {.kind = CLI_KIND_TEXT,
     .name = "server",
     .offset = FIELD(server),
     .value = "URL",
     .help = "server to use if it holds the model (default: the one here)"},
    {.kind = CLI_KIND_FLAG,
     .name = "no-server",
     .offset = FIELD(no_server),
     .help = "answer in this process, whatever a server holds"},
    {.kind = CLI_KIND_END},
};

/* ---- ourselves ---- */

/* A model without a template can only continue a text. */
static int check_template(const struct cli_speaker *speaker)
{
    orion_model_info info;

    orion_model_get_info(speaker->engine.model, &info);
    if (info.chat_note[0] && info.chat_template[0] && !speaker->args.raw)
        cli_note(speaker->cli,
                 "the model's own chat template can't be run (%s); '%s', which is built in, lays "
                 "the chat out instead.",
                 info.chat_note, info.chat_template);
    if (speaker->args.raw || info.chat_template[0])
        return CLI_OK;
    cli_error(speaker->cli,
              "this model has no chat template that orion can run; --template chooses "
              "another, --raw continues the prompt as it stands.");
    return CLI_FAILED;
}

static int open_engine(struct cli_speaker *speaker)
{
    const int code =
        cli_engine_open(speaker->cli, speaker->ref, true, speaker->args.engine, &speaker->engine);
    return code == CLI_OK ? check_template(speaker) : code;
}

/* ---- the server of this machine ---- */

/* What its API has no words for, or what was asked of this process. */
static bool may_use_server(const struct cli_speaker_args *a)
{
    return !a->server->no_server && a->engine->threads == 0 && a->engine->chunk == 0 &&
           !a->engine->no_sliding_window && !a->engine->pre && !a->engine->prefix_cache &&
           !a->engine->chat_template && !a->sampling->no_lookup && a->sampling->lookup == 0;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The context that we would compute with; 0: that can't be told. */
static uint32_t our_context(const struct cli_speaker *speaker, orion_kv_type type)
{
    orion_fit_options options;
    orion_fit fit;

    if (speaker->args.engine->ctx > 0)
        return speaker->args.engine->ctx;
    orion_fit_options_init(&options);
    options.kv_type = type;
    return orion_manager_fit(speaker->cli->manager, speaker->ref, &options, &fit, NULL) == ORION_OK
               ? fit.context_tokens
               : 0;
}

/* The entry whose answers are ours, or NULL. */
static const orion_loaded *find_ours(const struct cli_speaker *speaker,
                                     const orion_loaded_list *list, const char *path)
{
    const orion_kv_type type = cli_kv_type(speaker->args.engine->kv_type);

    for (size_t i = 0; i < list->count; i++) {
        const orion_loaded *m = &list->models[i];
        if (!m->unloading && m->kv_type == type && is_same_file(m->path, path))
            return m->context_tokens == our_context(speaker, type) ? m : NULL;
    }
    return NULL;
}

/* Whether its file is ours can't be told, so a server there is a model elsewhere. */
static orion_status not_here(orion_error *err)
{
    (void)snprintf(err->message, sizeof(err->message),
                   "a server on another machine answers by a 'remote' entry of the configuration");
    return ORION_E_UNSUPPORTED;
}

static orion_status hold_server(struct cli_speaker *speaker, const char *path, orion_error *err)
{
    orion_loaded_list *list = NULL;

    orion_status status = orion_endpoint_open_server(
        speaker->cli->manager, speaker->args.server->server, &speaker->endpoint, err);
    if (status == ORION_OK && orion_endpoint_is_remote(speaker->endpoint))
        status = not_here(err);
    if (status == ORION_OK)
        status = orion_endpoint_loaded(speaker->endpoint, &list, err);
    const orion_loaded *ours = list ? find_ours(speaker, list, path) : NULL;
    speaker->model = ours ? strdup(ours->id) : NULL;
    orion_loaded_list_free(list);
    if (!speaker->model) {
        orion_endpoint_close(speaker->endpoint);
        speaker->endpoint = NULL;
    }
    return status;
}

/* Without one nothing is said, unless one was named and can't be asked. */
static void try_server(struct cli_speaker *speaker)
{
    orion_error err = CLI_NO_ERROR;
    char *path = NULL;

    if (!may_use_server(&speaker->args) ||
        orion_manager_path(speaker->cli->manager, speaker->ref, &path, NULL) != ORION_OK)
        return;
    if (hold_server(speaker, path, &err) != ORION_OK && speaker->args.server->server)
        cli_note(speaker->cli, "answering here: %s.", err.message);
    orion_free(path);
}

/* ---- a model elsewhere ---- */

/* What it could not be told would be silently ignored. */
static int check_remote_options(const struct cli_speaker *speaker)
{
    const struct cli_engine_args *e = speaker->args.engine;

    if (e->ctx == 0 && e->threads == 0 && e->chunk == 0 && !e->kv_type && !e->no_sliding_window &&
        !e->pre && !e->prefix_cache && !e->chat_template)
        return CLI_OK;
    return cli_usage(speaker->cli,
                     "'%s' is computed elsewhere: --ctx, --threads, --chunk, --kv-type, "
                     "--no-sliding-window, --pre, --prefix-cache and --template have no effect "
                     "there.",
                     speaker->ref);
}

static int open_remote(struct cli_speaker *speaker)
{
    orion_error err = CLI_NO_ERROR;
    const int code = check_remote_options(speaker);

    if (code != CLI_OK)
        return code;
    const orion_status status =
        orion_endpoint_open_remote(speaker->cli->manager, speaker->ref, &speaker->endpoint, &err);
    if (status != ORION_OK)
        return cli_fail(speaker->cli, status, &err);
    /* With --quiet too: no one is to find out later. */
    cli_error(speaker->cli, "'%s' is a remote model: what you type leaves this machine, to %s.",
              speaker->ref, orion_endpoint_url(speaker->endpoint));
    return CLI_OK;
}

/* ---- opening ---- */

int cli_speaker_open(struct cli *cli, const char *ref, const struct cli_speaker_args *args,
                     struct cli_speaker *out)
{
    const double start = cli_seconds();
    orion_manager *manager = NULL;
    orion_error err = CLI_NO_ERROR;
    bool remote = false;

    *out = (struct cli_speaker){.cli = cli, .ref = ref, .args = *args};
    int code = cli_manager(cli, &manager);
    if (code != CLI_OK)
        return code;
    const orion_status status = orion_manager_choose(manager, ref, &remote, &err);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    if (remote)
        code = open_remote(out);
    else
        try_server(out);
    if (code == CLI_OK && !out->endpoint) {
        code = open_engine(out);
    } else if (code == CLI_OK) {
        out->engine.load_ms = (cli_seconds() - start) * 1e3;
        out->engine.where = orion_endpoint_url(out->endpoint);
    }
    if (code != CLI_OK)
        cli_speaker_close(out);
    return code;
}

static void close_endpoint(struct cli_speaker *speaker)
{
    orion_endpoint_close(speaker->endpoint);
    free(speaker->model);
    speaker->endpoint = NULL;
    speaker->model = NULL;
    speaker->engine.where = NULL;
}

void cli_speaker_close(struct cli_speaker *speaker)
{
    close_endpoint(speaker);
    cli_engine_close(&speaker->engine);
}

/* ---- answering ---- */

/* An answer of an endpoint comes on its thread; this one waits, so that a signal
 * finds it. */
struct waiting {
    struct cli_answer *answer;
    orion_stats *stats;
    orion_status status;
    orion_error err;
    int ended[2]; /* a pipe: a byte says that the above is all there */
};

static int take_piece(const orion_answer_piece *piece, void *user)
{
    const struct waiting *w = user;
    return cli_answer_piece(piece, w->answer);
}

static void take_end(orion_status status, const orion_stats *stats, const orion_error *err,
                     void *user)
{
    struct waiting *w = user;

    *w->stats = *stats;
    w->status = status;
    w->err = *err;
    while (write(w->ended[1], "", 1) < 0 && errno == EINTR)
        continue;
}

static void await_end(const struct cli_speaker *speaker, const struct waiting *w, uint64_t id)
{
    char byte;

    if (!cli_interrupt_wait_readable(w->ended[0]))
        orion_endpoint_cancel(speaker->endpoint, id);
    while (read(w->ended[0], &byte, 1) < 0 && errno == EINTR)
        continue;
}

static void ask_endpoint(const struct cli_speaker *speaker, orion_request *request,
                         struct waiting *w)
{
    uint64_t id = 0;

    if (pipe(w->ended) != 0) {
        w->err = (orion_error){.offset = ORION_NO_OFFSET, .message = "no pipe can be had"};
        w->status = ORION_E_IO;
        return;
    }
    (void)fcntl(w->ended[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(w->ended[1], F_SETFD, FD_CLOEXEC);
    request->on_piece = take_piece;
    request->on_done = take_end;
    request->user = w;
    /* It may be over before this returns: what came of it is take_end()'s to say. */
    const orion_status taken =
        orion_endpoint_submit(speaker->endpoint, speaker->model, request, &id, &w->err);
    if (taken == ORION_OK)
        await_end(speaker, w, id);
    else
        w->status = taken;
    (void)close(w->ended[0]);
    (void)close(w->ended[1]);
}

static orion_status ask_session(const struct cli_speaker *speaker, orion_request *request,
                                struct cli_answer *answer, orion_stats *stats, orion_error *err)
{
    request->on_piece = cli_answer_piece;
    request->user = answer;
    cli_interrupt_watch(speaker->engine.session);
    const orion_status status = orion_answer(speaker->engine.session, request, stats, err);
    cli_interrupt_watch(NULL);
    return status;
}

/* A server that can't answer after all is as good as none, as long as nothing of
 * an answer was shown. */
static bool may_answer_ourselves(const struct cli_speaker *speaker, const struct waiting *w)
{
    return w->status != ORION_OK && w->status != ORION_E_CANCELLED && !w->answer->began &&
           !orion_endpoint_is_remote(speaker->endpoint);
}

orion_status cli_speak(struct cli_speaker *speaker, orion_request *request,
                       struct cli_answer *answer, orion_stats *stats, orion_error *err)
{
    if (speaker->endpoint) {
        struct waiting w = {.answer = answer, .stats = stats};
        ask_endpoint(speaker, request, &w);
        if (!may_answer_ourselves(speaker, &w)) {
            *err = w.err;
            return w.status;
        }
        close_endpoint(speaker);
        if (open_engine(speaker) != CLI_OK) { /* which said why; this is why it came to that */
            *err = w.err;
            return w.status;
        }
    }
    return ask_session(speaker, request, answer, stats, err);
}

void cli_speaker_forget(struct cli_speaker *speaker)
{
    if (speaker->engine.session)
        orion_session_reset(speaker->engine.session);
}
