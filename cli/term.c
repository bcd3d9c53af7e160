/* What the terminal is. */
#include "term.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool utf8; /* set once by cli_term_init() */

void cli_term_init(void)
{
    utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!utf8) /* typed text is UTF-8 for us whatever the locale says */
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

bool cli_term_utf8(void)
{
    return utf8;
}

static bool dumb(void)
{
    const char *term = getenv("TERM");
    return !term || !*term || strcmp(term, "dumb") == 0;
}

bool cli_term_can_draw(void)
{
    return isatty(STDERR_FILENO) && !dumb();
}

bool cli_term_can_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(fd) && !dumb() && !(no_color && *no_color);
}

int cli_term_width(int fd)
{
    struct winsize size = {0};

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

double cli_seconds(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
