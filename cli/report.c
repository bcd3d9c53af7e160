/* Sentences on standard error, and exit codes. */
#include "cli.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(const struct cli *cli, const char *fmt, va_list args) CLI_PRINTF(2, 0);

static void say(const struct cli *cli, const char *fmt, va_list args)
{
    char raw[2048], clean[2048];

    (void)vsnprintf(raw, sizeof(raw), fmt, args);
    cli_text_clean(raw, clean, sizeof(clean));
    if (cli && cli->verb)
        (void)fprintf(stderr, "orion: %s: %s\n", cli->verb->name, clean);
    else
        (void)fprintf(stderr, "orion: %s\n", clean);
}

void cli_error(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(cli, fmt, args);
    va_end(args);
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
    if (cli->quiet)
        return;
    va_list args;
    va_start(args, fmt);
    say(cli, fmt, args);
    va_end(args);
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(cli, fmt, args);
    va_end(args);
    return CLI_USAGE;
}

int cli_exit_of(orion_status status)
{
    switch (status) {
    case ORION_OK:
        return CLI_OK;
    case ORION_E_ARGUMENT:
    case ORION_E_NAME:
        return CLI_USAGE;
    case ORION_E_NOT_FOUND:
        return CLI_NOT_FOUND;
    case ORION_E_NOMEM:
    case ORION_E_TOO_LONG:
    case ORION_E_NO_SPACE:
        return CLI_NO_FIT;
    case ORION_E_INTEGRITY:
        return CLI_INTEGRITY;
    case ORION_E_NETWORK:
    case ORION_E_OFFLINE:
        return CLI_NETWORK;
    case ORION_E_CANCELLED:
        return CLI_CANCELLED;
    case ORION_E_IO:
    case ORION_E_FORMAT:
    case ORION_E_UNSUPPORTED:
    case ORION_E_DENIED:
    case ORION_E_BUSY:
        break;
    }
    return CLI_FAILED;
}

int cli_fail(const struct cli *cli, orion_status status, const orion_error *err)
{
    const char *message = err->message[0] ? err->message : orion_status_text(status);
    const size_t length = strlen(message);
    const char *end = length > 0 && strchr(".?!", message[length - 1]) ? "" : ".";

    /* Most sentences about a file say the byte themselves. */
    if (err->offset != ORION_NO_OFFSET && !strstr(message, "byte "))
        cli_error(cli, "%s (at byte %llu)%s", message, (unsigned long long)err->offset, end);
    else
        cli_error(cli, "%s%s", message, end);
    return cli_exit_of(status);
}

int cli_finish_output(const struct cli *cli)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_OK;
    if (errno == EPIPE) { /* what a shell expects of a command whose reader left */
        (void)signal(SIGPIPE, SIG_DFL);
        (void)raise(SIGPIPE);
    }
    cli_error(cli, "cannot write to standard output: %s.", strerror(errno));
    return CLI_FAILED;
}
