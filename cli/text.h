/* text.h - text for a terminal: cleaning, measuring, cutting, and numbers for
 * people. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Copy text, with control characters, direction overrides and broken UTF-8 as
 * '?', so that it cannot steer a terminal.  Cut at a whole character. */
void cli_text_clean(const char *text, char *out, size_t out_bytes);

/* Write n bytes so, but keep newlines and tabs. */
void cli_text_put(FILE *stream, const char *text, size_t n);

/* Write on one line, with newlines and other control characters as escapes. */
void cli_text_put_escaped(FILE *stream, const char *text);

/* Copy text with broken UTF-8 as U+FFFD and nothing else changed.  `out` has
 * room for 3 * n + 1 bytes. */
void cli_text_mend(const char *text, size_t n, char *out);

/* Columns that clean text takes on a terminal. */
int cli_text_width(const char *text);

/* Copy clean text, cut to `columns` with "..." in the place of what is cut. */
void cli_text_clip(const char *text, int columns, char *out, size_t out_bytes);

#define CLI_NUMBER_BYTES 32

/* "999 B", "1.23 kB", "45.6 MB", "2.39 GB": decimal units, three digits. */
const char *cli_text_bytes(uint64_t bytes, char out[CLI_NUMBER_BYTES]);

/* "0:07", "12:34", "1:02:03". */
const char *cli_text_duration(double seconds, char out[CLI_NUMBER_BYTES]);

#endif
