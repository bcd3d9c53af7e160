/* term.h - what the terminal is, if there is one. */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stdbool.h>

/* Set the locale for characters: the user's, or UTF-8 where that is not. */
void cli_term_init(void);

/* The user's own locale is UTF-8. */
bool cli_term_utf8(void);

/* Standard error is a terminal that understands cursor movement. */
bool cli_term_can_draw(void);

/* `fd` is a terminal, and colours were not turned off by NO_COLOR. */
bool cli_term_can_colour(int fd);

/* Columns of the terminal behind `fd`; 80 when that is not known. */
int cli_term_width(int fd);

/* A clock that only goes forward, in seconds. */
double cli_seconds(void);

#endif
