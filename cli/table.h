/* table.h - rows and columns of text on standard output. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_CELL_BYTES 1024
#define CLI_TABLE_COLUMNS 8

struct cli_column {
    const char *title;
    bool right; /* align to the right */
};

/* Write the text of one cell. */
typedef void (*cli_cell_fn)(const void *rows, size_t row, size_t column, char *out,
                            size_t out_bytes);

/* Print a heading and n_rows rows.  Cells are cleaned and never cut, so that
 * names can be copied. */
void cli_table_print(const struct cli_column *columns, size_t n_columns, size_t n_rows,
                     cli_cell_fn cell, const void *rows);

#endif
