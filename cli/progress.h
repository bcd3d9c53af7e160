/* progress.h - show a transfer on standard error: a bar that is redrawn on a
 * terminal, a line every few seconds elsewhere. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli.h"

struct cli_progress {
    const struct cli *cli;
    bool draws;        /* a terminal: redraw one line */
    bool drawn;        /* the line is on the screen */
    bool downloaded;   /* bytes came from the hub */
    bool verified;     /* it is, or was, hashed */
    orion_phase phase; /* of the last report */
    double start, last_line;
    uint64_t done, resumed;
    char file[256]; /* of the last report, clean */
    /* Said once, before the first bytes come: why this download happens.
     * NULL: nothing. */
    const char *announce;
};

/* `ref` stands for the file until its name is known. */
void cli_progress_init(struct cli_progress *progress, const struct cli *cli, const char *ref);

/* An orion_progress_fn; `user` is the struct cli_progress.  Cancels after an
 * interrupt. */
int cli_progress_step(const orion_progress *facts, void *user);

/* Take the bar off the screen. */
void cli_progress_end(struct cli_progress *progress);

/* Lay out one line of at most `columns`: what fits, in order of worth. */
void cli_progress_line(const orion_progress *facts, const char *file, int columns, bool utf8,
                       char *out, size_t out_bytes);

#endif
