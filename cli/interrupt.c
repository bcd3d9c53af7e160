/* ^C and SIGTERM. */
#define _GNU_SOURCE /* ppoll */
#include "interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>

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
    struct pollfd wanted = {.fd = fd, .events = POLLIN}; /* fd -1 is passed over */
    sigset_t ours, before;
    bool readable = false;

    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ours, &before);
    while (!noted && !readable) /* unblocks the signals only while it waits */
        readable = ppoll(&wanted, 1, NULL, &before) > 0;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return readable;
}
