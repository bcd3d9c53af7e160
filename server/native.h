/* native.h - what the files of our own API (docs/api.md) share. */
#ifndef SERVER_NATIVE_H
#define SERVER_NATIVE_H

#include "http.h"
#include "server.h"

/* ---- handlers ---- */

void native_loaded_list(struct http_request *request, void *user); /* native_loaded.c */
void native_loaded_load(struct http_request *request, void *user);
void native_loaded_unload(struct http_request *request, void *user);

/* ---- values ---- */

/* "f16", as docs/api.md writes it. */
const char *native_kv_type(orion_kv_type type);
/* What is in memory, as an array; NULL when memory is short. */
json_t *native_loaded_json(struct server *server);

#endif
