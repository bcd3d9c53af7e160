/* prompt.h - line editing. */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "input.h"

struct cli_prompt;

enum cli_prompt_end { CLI_PROMPT_LINE, CLI_PROMPT_INTERRUPTED, CLI_PROMPT_EOF };

/* NULL when memory or the terminal is refused.  Earlier lines are remembered
 * only with `history`, and only in memory. */
struct cli_prompt *cli_prompt_new(bool history);
void cli_prompt_free(struct cli_prompt *prompt);

/* Read one line, without its newline, into `line` (emptied first). */
enum cli_prompt_end cli_prompt_read(struct cli_prompt *prompt, const char *text,
                                    struct cli_buffer *line);

#endif
