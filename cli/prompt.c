/* Line editing, by libedit. */
#include "prompt.h"
#include "interrupt.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define HISTORY_LINES 100

struct cli_prompt {
    EditLine *editor;
    History *history; /* or NULL */
    const char *text;
};

static char *prompt_text(EditLine *editor)
{
    void *user = NULL;
    static char none[] = "";

    if (el_get(editor, EL_CLIENTDATA, &user) != 0 || !user)
        return none;
    /* libedit wants char * but only reads it. */
    union {
        const char *read;
        char *unread;
    } text = {.read = ((struct cli_prompt *)user)->text};
    return text.unread;
}

/* Read one character for libedit: 1, 0 at the end of input, or -1 when an
 * interrupt came, which ends the line being edited. */
static int read_character(EditLine *editor, wchar_t *out)
{
    mbstate_t state = {0};

    (void)editor;
    for (;;) {
        char byte;
        if (!cli_interrupt_wait_readable(STDIN_FILENO)) {
            errno = EINTR;
            return -1;
        }
        const ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return (int)n;
        const size_t length = mbrtowc(out, &byte, 1, &state);
        if (length == (size_t)-2)
            continue; /* a character of several bytes: read on */
        if (length == (size_t)-1) {
            *out = L'?';
            return 1;
        }
        return 1;
    }
}

static bool start_history(struct cli_prompt *prompt)
{
    HistEvent event;

    prompt->history = history_init();
    if (!prompt->history)
        return false;
    (void)history(prompt->history, &event, H_SETSIZE, HISTORY_LINES);
    return el_set(prompt->editor, EL_HIST, history, prompt->history) == 0;
}

struct cli_prompt *cli_prompt_new(bool history)
{
    struct cli_prompt *prompt = calloc(1, sizeof(*prompt));

    if (!prompt)
        return NULL;
    prompt->text = "";
    /* The editor draws on standard error: standard output is for answers. */
    prompt->editor = el_init("orion", stdin, stderr, stderr);
    if (!prompt->editor || el_set(prompt->editor, EL_CLIENTDATA, prompt) != 0 ||
        el_set(prompt->editor, EL_EDITOR, "emacs") != 0 ||
        el_set(prompt->editor, EL_PROMPT, prompt_text) != 0 ||
        el_set(prompt->editor, EL_GETCFN, read_character) != 0 ||
        (history && !start_history(prompt))) {
        cli_prompt_free(prompt);
        return NULL;
    }
    return prompt;
}

void cli_prompt_free(struct cli_prompt *prompt)
{
    if (!prompt)
        return;
    if (prompt->editor)
        el_end(prompt->editor);
    if (prompt->history)
        history_end(prompt->history);
    free(prompt);
}

enum cli_prompt_end cli_prompt_read(struct cli_prompt *prompt, const char *text,
                                    struct cli_buffer *line)
{
    HistEvent event;
    int n = 0;

    line->len = 0;
    prompt->text = text;
    /* Before the prompt is drawn, so that a ^D typed at sight of it is read. */
    (void)el_set(prompt->editor, EL_PREP_TERM, 1);
    const char *typed = el_gets(prompt->editor, &n);
    if (!typed || n <= 0) {
        const bool interrupted = cli_interrupted() && !cli_terminated();
        cli_interrupt_clear();
        (void)fputs(interrupted ? "^C\n" : "\n", stderr);
        return interrupted ? CLI_PROMPT_INTERRUPTED : CLI_PROMPT_EOF;
    }
    if (prompt->history && n > 1)
        (void)history(prompt->history, &event, H_ENTER, typed);
    const size_t length = (size_t)n - (typed[n - 1] == '\n');
    return cli_buffer_add(line, typed, length) ? CLI_PROMPT_LINE : CLI_PROMPT_EOF;
}
