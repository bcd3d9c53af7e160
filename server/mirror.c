/* The mirror's routes, and the files themselves. */
#include "mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static json_t *shape(int code, orion_status status, const char *message, const char *field)
{
    (void)code;
    (void)status;
    (void)field;
    return json_pack("{s:s}", "error", message);
}

/* A path that names no revision means "main". */
static const char *part_or(const struct http_request *request, const char *name,
                           const char *otherwise)
{
    const char *part = http_part(request, name);
    return part ? part : otherwise;
}

bool mirror_open(struct http_request *request, struct server *server, struct mirror_repo *out)
{
    char name[sizeof(out->name)];
    bool no_revision;
    orion_error err;

    const int n = snprintf(name, sizeof(name), "%s/%s", http_part(request, "org"),
                           http_part(request, "name"));
    if (n < 0 || (size_t)n >= sizeof(name))
        name[0] = '\0'; /* longer than any repository's */
    const orion_status status = mirror_repo_open(
        server->manager, name, part_or(request, "rev", "main"), out, &no_revision, &err);
    if (status == ORION_OK)
        return true;
    if (status == ORION_E_NOT_FOUND)
        http_add_header(request, "X-Error-Code", no_revision ? "RevisionNotFound" : "RepoNotFound");
    http_reply_error(request, &err);
    return false;
}

void mirror_no_entry(struct http_request *request, const struct mirror_repo *repo, const char *path)
{
    http_add_header(request, "X-Error-Code", "EntryNotFound");
    http_add_header(request, "X-Repo-Commit", repo->commit);
    http_reply_failure(request, 404, ORION_E_NOT_FOUND, NULL, "'%s' has no '%.200s' here",
                       repo->name, path);
}

size_t mirror_pointer(const orion_stored_file *file, char *out, size_t out_bytes)
{
    return (size_t)snprintf(out, out_bytes,
                            "version https://git-lfs.github.com/spec/v1\n"
                            "oid sha256:%s\nsize %" PRIu64 "\n",
                            file->sha256, file->size_bytes);
}

static void add_file_headers(struct http_request *request, const struct mirror_repo *repo,
                             const orion_stored_file *file, const char *etag)
{
    char size[24];

    (void)snprintf(size, sizeof(size), "%" PRIu64, file->size_bytes);
    http_add_header(request, "X-Repo-Commit", repo->commit);
    http_add_header(request, "X-Linked-Etag", etag);
    http_add_header(request, "X-Linked-Size", size);
}

static void send_file(struct http_request *request, struct server *server,
                      const struct mirror_repo *repo, const orion_stored_file *file)
{
    char etag[80];
    orion_error err;
    int fd;

    if (orion_manager_open_file(server->manager, file, &fd, &err) != ORION_OK) {
        http_reply_error(request, &err);
        return;
    }
    (void)snprintf(etag, sizeof(etag), "\"%s\"", file->sha256);
    add_file_headers(request, repo, file, etag);
    http_reply_file(request, fd, file->size_bytes, "application/octet-stream", etag);
}

static void send_pointer(struct http_request *request, struct server *server,
                         const struct mirror_repo *repo, const orion_stored_file *file)
{
    char pointer[256];

    (void)server;
    (void)mirror_pointer(file, pointer, sizeof(pointer));
    http_add_header(request, "X-Repo-Commit", repo->commit);
    http_reply_text(request, 200, "text/plain; charset=utf-8", pointer);
}

static void with_file(struct http_request *request, struct server *server,
                      void (*send)(struct http_request *, struct server *,
                                   const struct mirror_repo *, const orion_stored_file *))
{
    struct mirror_repo repo;

    if (!mirror_open(request, server, &repo))
        return;
    const char *path = http_part(request, "path");
    const orion_stored_file *file = mirror_repo_find(&repo, path);
    if (file)
        send(request, server, &repo, file);
    else
        mirror_no_entry(request, &repo, path);
    mirror_repo_release(&repo);
}

static void resolve(struct http_request *request, void *user)
{
    with_file(request, user, send_file);
}

static void raw(struct http_request *request, void *user)
{
    with_file(request, user, send_pointer);
}

/* Our own routes come first in the server's list, so a repository that is called as
 * one of them can't be had here. */
const struct http_route mirror_routes[] = {
    {"GET", "/api/models", mirror_search, shape},
    {"GET", "/api/models/{org}/{name}", mirror_facts, shape},
    {"GET", "/api/models/{org}/{name}/refs", mirror_refs, shape},
    {"GET", "/api/models/{org}/{name}/revision/{rev}", mirror_facts, shape},
    {"GET", "/api/models/{org}/{name}/tree/{rev}", mirror_tree, shape},
    {"GET", "/api/models/{org}/{name}/tree/{rev}/{path...}", mirror_tree, shape},
    {"POST", "/api/models/{org}/{name}/paths-info/{rev}", mirror_paths_info, shape},
    {"GET", "/{org}/{name}/resolve/{rev}/{path...}", resolve, shape},
    {"GET", "/{org}/{name}/raw/{rev}/{path...}", raw, shape},
    {0},
};
