/* When and how a transfer is reported. */
#include "progress.h"
#include "interrupt.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 1024
#define SECONDS_BETWEEN_LINES 3.0

void cli_progress_init(struct cli_progress *progress, const struct cli *cli, const char *ref)
{
    *progress = (struct cli_progress){.cli = cli, .draws = cli_term_can_draw()};
    progress->start = cli_seconds();
    progress->last_line = progress->start;
    progress->phase = ORION_PHASE_RESOLVE;
    cli_text_clean(ref, progress->file, sizeof(progress->file));
}

/* ---- on a terminal ---- */

static void draw(struct cli_progress *p, const orion_progress *facts)
{
    char line[LINE_BYTES], out[LINE_BYTES + 16];

    /* The last column stays free: some terminals wrap when it is filled. */
    cli_progress_line(facts, p->file, cli_term_width(STDERR_FILENO) - 1, cli_term_utf8(), line,
                      sizeof(line));
    (void)snprintf(out, sizeof(out), "\r%s\x1b[K", line);
    (void)fputs(out, stderr); /* in one write */
    p->drawn = true;
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->drawn)
        (void)fputs("\r\x1b[K", stderr);
    progress->drawn = false;
}

/* ---- elsewhere ---- */

/* "45%, 1.07 GB of 2.39 GB", "1.07 GB" while the total is unknown. */
static void write_amount(const orion_progress *facts, char *out, size_t out_bytes)
{
    char done[CLI_NUMBER_BYTES], total[CLI_NUMBER_BYTES];

    cli_text_bytes(facts->done_bytes, done);
    if (facts->total_bytes > 0)
        (void)snprintf(out, out_bytes, "%.0f%%, %s of %s", facts->percent, done,
                       cli_text_bytes(facts->total_bytes, total));
    else
        (void)snprintf(out, out_bytes, "%s", done);
}

static void say_download(const struct cli_progress *p, const orion_progress *facts)
{
    char amount[4 * CLI_NUMBER_BYTES], speed[CLI_NUMBER_BYTES], left[CLI_NUMBER_BYTES];

    write_amount(facts, amount, sizeof(amount));
    cli_text_bytes((uint64_t)facts->bytes_per_second, speed);
    if (facts->bytes_per_second < 1)
        cli_note(p->cli, "%s: %s", p->file, amount);
    else if (facts->seconds_left < 0)
        cli_note(p->cli, "%s: %s, %s/s", p->file, amount, speed);
    else
        cli_note(p->cli, "%s: %s, %s/s, %s left", p->file, amount, speed,
                 cli_text_duration(facts->seconds_left, left));
}

static void say_line(const struct cli_progress *p, const orion_progress *facts)
{
    if (facts->phase == ORION_PHASE_RESOLVE)
        cli_note(p->cli, "%s: asking the hub", p->file);
    else if (facts->phase == ORION_PHASE_VERIFY)
        cli_note(p->cli, "%s: verifying, %.0f%%", p->file, facts->percent);
    else if (facts->phase == ORION_PHASE_DOWNLOAD)
        say_download(p, facts);
}

/* ---- both ---- */

static void say_once(struct cli_progress *p, const orion_progress *facts)
{
    const bool first_bytes = facts->phase == ORION_PHASE_DOWNLOAD && !p->downloaded;
    const bool news = facts->note && facts->note[0] && facts->phase != p->phase &&
                      facts->phase == ORION_PHASE_WAIT;
    char bytes[CLI_NUMBER_BYTES];

    if (first_bytes && p->announce) {
        cli_progress_end(p);
        cli_note(p->cli, "%s", p->announce);
    }
    if (first_bytes && facts->resumed_bytes > 0) {
        cli_progress_end(p);
        cli_note(p->cli, "%s: going on after %s that were fetched before", p->file,
                 cli_text_bytes(facts->resumed_bytes, bytes));
    }
    if (news) {
        cli_progress_end(p);
        cli_note(p->cli, "%s: %s", p->file, facts->note);
    }
}

int cli_progress_step(const orion_progress *facts, void *user)
{
    struct cli_progress *p = user;
    const double now = cli_seconds();

    if (facts->file && facts->file[0])
        cli_text_clean(facts->file, p->file, sizeof(p->file));
    say_once(p, facts);
    const bool due = facts->phase != p->phase || now - p->last_line >= SECONDS_BETWEEN_LINES;

    if (p->draws && !p->cli->quiet) {
        draw(p, facts);
    } else if (due) {
        say_line(p, facts);
        p->last_line = now;
    }
    p->downloaded = p->downloaded || facts->phase == ORION_PHASE_DOWNLOAD;
    p->verified = p->verified || facts->phase == ORION_PHASE_VERIFY;
    p->phase = facts->phase;
    p->done = facts->done_bytes;
    p->resumed = facts->resumed_bytes;
    return cli_interrupted();
}
