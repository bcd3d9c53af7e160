/* native.h - /orion/v1, our own API: what its files share.  docs/api.md is the contract.
 *
 *   native_models.c   the catalogue and what is on disk
 *   native_ask.c      fit, plan, search: questions before a download
 *   native_jobs.c     downloads, verifications, repairs
 *   native_events.c   the stream of what changes
 *   native_loaded.c   models in memory
 *   native_server.c   the server itself, room on disk
 */
#ifndef SERVER_NATIVE_H
#define SERVER_NATIVE_H

#include "query.h"
#include "server.h"

/* ---- values ---- */

json_t *native_text(const char *text); /* null when it is empty */
json_t *native_count(uint64_t n);      /* null when it is 0: unknown */
json_t *native_time(int64_t unix_s);   /* the same */
json_t *native_memory(void);           /* {"total_bytes", "available_bytes"} */
const char *native_verdict(orion_fit_verdict verdict);
json_t *native_loaded_array(struct server *server);
json_t *native_jobs_array(struct server *server);

/* The words of --kv-type. */
const char *native_kv_name(orion_kv_type type);
bool native_kv_type(const char *name, orion_kv_type *out);

/* ---- requests ---- */

/* End one by an error of which a field, or a parameter, is the cause. */
void native_refuse(struct http_request *request, const char *field, const orion_error *err);
/* Read the body by a table.  False after replying. */
bool native_read(struct http_request *request, const struct param *table, void *out);

/* ---- memory ---- */

/* Would this server hold the model: for as many requests at once as it answers, or for
 * as many as there is memory for?  context_tokens 0: the model's own. */
orion_status native_ask_fit(const struct server *server, const char *model, uint32_t context_tokens,
                            orion_kv_type kv_type, orion_fit *out, orion_error *err);

/* ---- handlers ---- */

void native_models(struct http_request *request, void *user);
void native_model(struct http_request *request, void *user);
void native_remove(struct http_request *request, void *user);
void native_fit(struct http_request *request, void *user);
void native_plan(struct http_request *request, void *user);
void native_search(struct http_request *request, void *user);
void native_repository(struct http_request *request, void *user);
void native_jobs(struct http_request *request, void *user);
void native_job_start(struct http_request *request, void *user);
void native_job(struct http_request *request, void *user);
void native_job_forget(struct http_request *request, void *user);
void native_job_pause(struct http_request *request, void *user);
void native_job_resume(struct http_request *request, void *user);
void native_job_cancel(struct http_request *request, void *user);
void native_events(struct http_request *request, void *user);
void native_server(struct http_request *request, void *user);
void native_storage(struct http_request *request, void *user);
void native_loaded(struct http_request *request, void *user);
void native_load(struct http_request *request, void *user);
void native_unload(struct http_request *request, void *user);

/* Of the jobs with that model: is one at work (true), and forget those that are not. */
bool native_model_is_busy(struct server *server, const char *id);
void native_forget_jobs(struct server *server, const char *id);

#endif
