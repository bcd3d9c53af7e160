/* Rows and columns of text. */
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <unistd.h>

/* A column is as wide as its widest cell, so each cell is made twice. */
static int widest(const struct cli_column *column, size_t index, size_t n_rows, cli_cell_fn cell,
                  const void *rows)
{
    int width = cli_text_width(column->title);

    for (size_t row = 0; row < n_rows; row++) {
        char raw[CLI_CELL_BYTES], clean[CLI_CELL_BYTES];
        cell(rows, row, index, raw, sizeof(raw));
        cli_text_clean(raw, clean, sizeof(clean));
        const int cell_width = cli_text_width(clean);
        width = cell_width > width ? cell_width : width;
    }
    return width;
}

static void put(const char *text, int width, bool right, bool last)
{
    char clean[CLI_CELL_BYTES];

    cli_text_clean(text, clean, sizeof(clean));
    const int space = width - cli_text_width(clean);
    if (right)
        (void)printf("%*s%s", space, "", clean);
    else
        (void)printf("%s%*s", clean, last ? 0 : space, ""); /* no blanks at the end of a line */
    (void)fputs(last ? "\n" : "  ", stdout);
}

void cli_table_print(const struct cli_column *columns, size_t n_columns, size_t n_rows,
                     cli_cell_fn cell, const void *rows)
{
    const bool bold = cli_term_can_colour(STDOUT_FILENO);
    int width[CLI_TABLE_COLUMNS];

    for (size_t i = 0; i < n_columns; i++)
        width[i] = widest(&columns[i], i, n_rows, cell, rows);

    (void)fputs(bold ? "\x1b[1m" : "", stdout);
    for (size_t i = 0; i < n_columns; i++)
        put(columns[i].title, width[i], columns[i].right, i + 1 == n_columns);
    (void)fputs(bold ? "\x1b[0m" : "", stdout);

    for (size_t row = 0; row < n_rows; row++) {
        for (size_t i = 0; i < n_columns; i++) {
            char text[CLI_CELL_BYTES];
            cell(rows, row, i, text, sizeof(text));
            put(text, width[i], columns[i].right, i + 1 == n_columns);
        }
    }
}
