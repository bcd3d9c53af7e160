/* The layout of the progress bar's line. */
#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define BAR_MAX 40
#define BAR_MIN 8
#define NAME_MIN 12

/* What stands right of the bar, from the most to the least worth having. */
enum piece { PERCENT, BYTES, SPEED, LEFT, N_PIECES };

static void write_piece(const orion_progress *facts, enum piece piece, char *out, size_t out_bytes)
{
    char a[CLI_NUMBER_BYTES], b[CLI_NUMBER_BYTES];
    const bool arriving = facts->phase == ORION_PHASE_DOWNLOAD;

    out[0] = '\0';
    if (piece == PERCENT && facts->total_bytes > 0)
        (void)snprintf(out, out_bytes, "  %3.0f%%", facts->percent);
    else if (piece == BYTES && facts->total_bytes > 0)
        (void)snprintf(out, out_bytes, "  %s / %s", cli_text_bytes(facts->done_bytes, a),
                       cli_text_bytes(facts->total_bytes, b));
    else if (piece == BYTES && facts->done_bytes > 0)
        (void)snprintf(out, out_bytes, "  %s", cli_text_bytes(facts->done_bytes, a));
    else if (piece == SPEED && arriving)
        (void)snprintf(out, out_bytes, "  %s/s",
                       cli_text_bytes((uint64_t)facts->bytes_per_second, a));
    else if (piece == SPEED && facts->phase == ORION_PHASE_VERIFY)
        (void)snprintf(out, out_bytes, "  verifying");
    else if (piece == SPEED && facts->phase == ORION_PHASE_RESOLVE)
        (void)snprintf(out, out_bytes, "  asking the hub");
    else if (piece == SPEED && facts->phase == ORION_PHASE_WAIT)
        (void)snprintf(out, out_bytes, "  waiting to try again");
    else if (piece == LEFT && arriving && facts->seconds_left >= 0)
        (void)snprintf(out, out_bytes, "  %s left", cli_text_duration(facts->seconds_left, a));
}

/* The first n pieces. */
static void write_right(const orion_progress *facts, int n, char *out, size_t out_bytes)
{
    size_t used = 0;

    out[0] = '\0';
    for (int piece = 0; piece < n; piece++) {
        write_piece(facts, (enum piece)piece, out + used, out_bytes - used);
        used += strlen(out + used);
    }
}

static void write_bar(double percent, int columns, bool utf8, char *out, size_t out_bytes)
{
    const char *full = utf8 ? "\xE2\x96\x88" : "#", *empty = utf8 ? "\xE2\x96\x91" : "-";
    const double share = percent < 0 ? 0 : percent > 100 ? 1 : percent / 100;
    const int filled = (int)(share * columns);
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < columns && used + 4 < out_bytes; i++) {
        (void)snprintf(out + used, out_bytes - used, "%s", i < filled ? full : empty);
        used += strlen(out + used);
    }
}

void cli_progress_line(const orion_progress *facts, const char *file, int columns, bool utf8,
                       char *out, size_t out_bytes)
{
    const int name_width = cli_text_width(file);
    const int name_min = name_width < NAME_MIN ? name_width : NAME_MIN;
    char right[160], name[512], bar[BAR_MAX * 3 + 8] = "";
    int pieces = N_PIECES, room;

    /* Give up pieces from the right until a name and a bar have room. */
    do {
        write_right(facts, pieces, right, sizeof(right));
        room = columns - cli_text_width(right);
    } while (room < name_min + 2 + BAR_MIN && pieces-- > 1);

    if (room >= name_min + 2 + BAR_MIN && facts->total_bytes > 0) {
        int bar_width = room - 2 - name_width;
        bar_width = bar_width > BAR_MAX ? BAR_MAX : bar_width < BAR_MIN ? BAR_MIN : bar_width;
        write_bar(facts->percent, bar_width, utf8, bar, sizeof(bar));
        room -= bar_width + 2;
    }
    cli_text_clip(file, room > 0 ? room : 0, name, sizeof(name));
    (void)snprintf(out, out_bytes, "%s%s%s%s", name, bar[0] ? "  " : "", bar, right);
    if (cli_text_width(out) > columns)
        out[0] = '\0'; /* a terminal too narrow for anything */
}
