/* answer.h - where an answer goes as it comes: to standard output, into
 * memory, or both.  What the model thinks first goes to standard error where that is
 * a terminal, dimmed; calls of tools are lines of JSON on standard output. */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "engine.h"
#include "input.h"

struct cli_answer {
    bool shows;    /* write to standard output */
    bool keeps;    /* collect in `text` */
    bool terminal; /* standard output is one: hold back what would steer it */
    bool began;    /* something came */
    bool failed;   /* memory or output was refused; the answer was stopped */
    char last;     /* last byte shown */
    struct cli_buffer text, thinking;
    struct cli_buffer calls; /* JSON objects with commas between them */
    bool dims;               /* thinking is shown */
    bool thinks;             /* some was, and nothing since */
};

/* An orion_piece_fn; `user` is the struct cli_answer. */
int cli_answer_piece(const orion_answer_piece *piece, void *user);

/* `keeps` as given; `shows` unless the output is to be one JSON document. */
void cli_answer_init(struct cli_answer *answer, const struct cli *cli, bool keeps);
void cli_answer_release(struct cli_answer *answer);

/* An orion_text_fn; `user` is the struct cli_answer. */
int cli_answer_take(const char *text, size_t text_bytes, void *user);

/* End the line, report a failure or an interruption, print the JSON document
 * or the timings.  Returns the exit code. */
int cli_answer_finish(const struct cli *cli, struct cli_answer *answer,
                      const struct cli_engine *engine, orion_status status,
                      const orion_stats *stats, uint64_t seed, bool verbose,
                      const orion_error *err);

#endif
