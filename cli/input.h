/* input.h - whole files and standard input, with a limit. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "cli.h"

#define CLI_INPUT_MAX ((size_t)256 << 20)

/* Bytes in memory, always with a NUL after the last.  Release with
 * cli_buffer_free(). */
struct cli_buffer {
    char *data; /* NULL while nothing was added */
    size_t len, room;
};

/* False when memory is short or CLI_INPUT_MAX would be passed. */
bool cli_buffer_add(struct cli_buffer *buffer, const char *data, size_t n);
void cli_buffer_free(struct cli_buffer *buffer);

/* Read a file, or standard input for "-", byte for byte.  CLI_OK or an exit
 * code after saying what went wrong; the buffer is the caller's either way. */
int cli_read(const struct cli *cli, const char *file, struct cli_buffer *out);

/* The same, for text that goes to the library as a C string: a zero byte in
 * it, or no text at all, is a mistake.  `what` names it ("the prompt"). */
int cli_read_text(const struct cli *cli, const char *file, const char *what,
                  struct cli_buffer *out);

#endif
