/* mirror.h - what the files of the mirror share.
 *
 * The mirror answers the hub's own routes for the files on this disk whose hash is
 * known, read only: with HF_ENDPOINT at this server any of the hub's clients fetches
 * from it.  It redirects nowhere, and every file counts as kept in LFS: its ETag is
 * its SHA-256.
 */
#ifndef SERVER_MIRROR_H
#define SERVER_MIRROR_H

#include "http.h"
#include "mirror_repo.h"
#include "server.h"

/* The repository {org}/{name} at {rev} ("main" when the route has none), or false
 * after replying what is missing, with the X-Error-Code that clients look for. */
bool mirror_open(struct http_request *request, struct server *server, struct mirror_repo *out);
void mirror_no_entry(struct http_request *request, const struct mirror_repo *repo,
                     const char *path);

/* The text that stands in git for a file kept in LFS; returns its length. */
size_t mirror_pointer(const orion_stored_file *file, char *out, size_t out_bytes);

/* ---- mirror_facts.c: what the API tells ---- */

void mirror_search(struct http_request *request, void *user);
void mirror_facts(struct http_request *request, void *user);
void mirror_refs(struct http_request *request, void *user);
/* What the hub tells of the last change to a file: here the commit it is at. */
json_t *mirror_last_commit(const struct mirror_repo *repo, const orion_stored_file *file);

/* ---- mirror_tree.c: the files, and where they are ---- */

void mirror_tree(struct http_request *request, void *user);
void mirror_paths_info(struct http_request *request, void *user);

#endif
