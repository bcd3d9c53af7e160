/* native_events.h - the stream of what changes, for any number of listeners.
 *
 * One thread waits for news of the jobs and looks at what is in memory, compares
 * with what it told last, and writes the difference to all listeners.  None of them
 * is waited for: one that does not read is dropped, as http.h says.
 */
#ifndef SERVER_NATIVE_EVENTS_H
#define SERVER_NATIVE_EVENTS_H

#include <stdint.h>

#include <orion.h>

struct server;
struct native_events;

orion_status native_events_new(struct server *server, struct native_events **out, orion_error *err);
/* End all streams and take no more listeners: before HTTP ends, which waits for
 * streams. */
void native_events_stop(struct native_events *events); /* NULL is a no-op */
void native_events_free(struct native_events *events); /* NULL is a no-op */

/* Models came, went or were verified: lists of them are out of date.  That a job has
 * ended is noticed without. */
void native_events_models(struct native_events *events);
/* Something was done to that job: tell of it, also when it is as it was before by
 * now, since whoever did it has seen what was in between. */
void native_events_job(struct native_events *events, uint64_t id);
/* Something else may have changed: look at once. */
void native_events_look(struct native_events *events);

#endif
