/* speaker.h - who answers: a session of our own, the server that runs on this
 * machine and holds the model already, or a model elsewhere.
 *
 * A server is used only when its answer is the one that we would compute, byte for
 * byte: the same file, context and KV type, and options that it can be told.  If
 * it can't answer after all, we do. */
#ifndef CLI_SPEAKER_H
#define CLI_SPEAKER_H

#include "answer.h"
#include "engine.h"

/* Filled by cli_server_options. */
struct cli_server_args {
    const char *server; /* NULL: $ORION_SERVER, else the one that runs here */
    bool no_server;
};

extern const struct cli_option cli_server_options[];

struct cli_speaker_args {
    const struct cli_engine_args *engine;
    const struct cli_sampling *sampling;
    const struct cli_server_args *server;
    bool raw; /* texts are continued: no chat template is needed */
};

struct cli_speaker {
    struct cli *cli;
    const char *ref;
    struct cli_speaker_args args;
    struct cli_engine engine; /* of our own, or: */
    orion_endpoint *endpoint;
    char *model; /* what the endpoint calls it; NULL: it knows */
};

/* Find who answers for `ref`, and say so when what is asked leaves this machine.
 * CLI_OK, or an exit code after saying why. */
int cli_speaker_open(struct cli *cli, const char *ref, const struct cli_speaker_args *args,
                     struct cli_speaker *out);
void cli_speaker_close(struct cli_speaker *speaker);

/* Have a request answered, whose callbacks are set here.  A signal stops it, as
 * cli_interrupt_watch() does. */
orion_status cli_speak(struct cli_speaker *speaker, orion_request *request,
                       struct cli_answer *answer, orion_stats *stats, orion_error *err);

/* A new conversation. */
void cli_speaker_forget(struct cli_speaker *speaker);

#endif
