/* interrupt.h - ^C and SIGTERM: ask the work at hand to stop.
 *
 * The first one is noted, and cancels the session being watched.  A second one
 * before cli_interrupt_clear() ends the process at once.  SIGTERM is never
 * cleared: who was told to end does not go on to the next thing.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

#include <orion.h>

/* Take the signals over.  System calls are not restarted after them. */
void cli_interrupt_install(void);

bool cli_interrupted(void);
bool cli_terminated(void); /* by SIGTERM */
void cli_interrupt_clear(void);

/* Cancel this session on a signal; NULL: none.  One that was noted before is
 * passed on at once. */
void cli_interrupt_watch(orion_session *session);

/* Wait until `fd` can be read (-1: there is none).  False when a signal was noted before or while
 * waiting; none is missed. */
bool cli_interrupt_wait_readable(int fd);

#endif
