/* ^C and SIGTERM. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <sys/select.h>

static volatile sig_atomic_t noted, terminated;
static orion_session *volatile watched;

static void on_signal(int signal_number)
{
    if (noted) { /* asked twice: do not insist on an orderly end */
        (void)signal(signal_number, SIG_DFL);
        (void)raise(signal_number);
        return;
    }
    noted = 1;
    if (signal_number == SIGTERM)
        terminated = 1;
    if (watched)
        orion_session_cancel(watched);
}

void cli_interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void)
{
    return noted != 0;
}

bool cli_terminated(void)
{
    return terminated != 0;
}

void cli_interrupt_clear(void)
{
    noted = terminated;
}

void cli_interrupt_watch(orion_session *session)
{
    watched = session;
    if (session && noted)
        orion_session_cancel(session);
}

bool cli_interrupt_wait_readable(int fd)
{
    sigset_t ours, before;
    fd_set set;
    bool readable = false;

    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ours, &before);
    while (!noted && !readable) {
        FD_ZERO(&set);
        if (fd >= 0)
            FD_SET(fd, &set);
        /* Unblocks the signals only while it waits. */
        readable = pselect(fd + 1, &set, NULL, NULL, NULL, &before) > 0;
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return readable;
}
