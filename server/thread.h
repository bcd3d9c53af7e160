/* thread.h - threads of the server. */
#ifndef SERVER_THREAD_H
#define SERVER_THREAD_H

#include <pthread.h>

/* pthread_create() of a thread that takes no signals: they are the command's. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
