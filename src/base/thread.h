/* Threads of the library. */
#ifndef ORI_BASE_THREAD_H
#define ORI_BASE_THREAD_H

#include <pthread.h>

/* pthread_create(), and its result.  The new thread takes no signals: they are
 * the program's, and its own threads wait for them.  Faults stay, since maps
 * rely on theirs. */
int ori_thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
