/* The files of a repository, as the hub's tree: listed by folder, by pages, and by
 * name. */
#include "mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAGE_ENTRIES 1000u

/* ---- one entry ---- */

/* `oid` is git's id of the pointer on the hub, which we do not know: the first 40
 * digits of the file's own hash stand in, and follow from the bytes as well. */
static json_t *file_entry(const struct mirror_repo *repo, const orion_stored_file *file,
                          bool expand)
{
    const json_int_t size = (json_int_t)file->size_bytes;
    json_t *entry =
        json_pack("{s:s, s:s, s:s%, s:I, s:{s:s, s:I, s:I}}", "type", "file", "path", file->file,
                  "oid", file->sha256, (size_t)40, "size", size, "lfs", "oid", file->sha256, "size",
                  size, "pointerSize", (json_int_t)mirror_pointer(file, NULL, 0));
    if (entry && expand)
        (void)json_object_set_new(entry, "lastCommit", mirror_last_commit(repo, file));
    return entry;
}

static json_t *folder_entry(const char *path, size_t len)
{
    return json_pack("{s:s, s:s%, s:s, s:i}", "type", "directory", "path", path, len, "oid",
                     "0000000000000000000000000000000000000000", "size", 0);
}

/* ---- the entries below a folder ---- */

struct listing {
    const struct mirror_repo *repo;
    const char *folder; /* "" for the top */
    bool recursive, expand;
    json_t *entries;
};

/* The path from the folder on, or NULL when it is not below it. */
static const char *below(const char *path, const char *folder)
{
    const size_t len = strlen(folder);
    if (len == 0)
        return path;
    return strncmp(path, folder, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

/* The folders on the way to `file` that the one before it is not in. */
static void add_folders(struct listing *listing, const char *file, const char *rest,
                        const char *previous)
{
    for (const char *slash = strchr(rest, '/'); slash; slash = strchr(slash + 1, '/')) {
        const size_t len = (size_t)(slash - file);
        const bool told = previous && strncmp(previous, file, len + 1) == 0;
        if (!told)
            (void)json_array_append_new(listing->entries, folder_entry(file, len));
        if (!listing->recursive)
            return;
    }
}

/* Files are sorted, so those of a folder follow one another. */
static void list_entries(struct listing *listing)
{
    const char *previous = NULL;

    for (size_t i = 0; i < listing->repo->n; i++) {
        const orion_stored_file *file = &listing->repo->files[i];
        const char *rest = below(file->file, listing->folder);
        if (!rest)
            continue;
        add_folders(listing, file->file, rest, previous);
        if (listing->recursive || !strchr(rest, '/'))
            (void)json_array_append_new(listing->entries,
                                        file_entry(listing->repo, file, listing->expand));
        previous = file->file;
    }
}

/* ---- pages ---- */

static bool flag(const struct http_request *request, const char *name)
{
    const char *value = http_query(request, name);
    return value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* A number from the query within the bounds, or `otherwise`. */
static size_t number(const struct http_request *request, const char *name, size_t max,
                     size_t otherwise)
{
    const char *value = http_query(request, name);
    char *end;

    if (!value || *value < '0' || *value > '9')
        return otherwise;
    const unsigned long long n = strtoull(value, &end, 10);
    if (*end)
        return otherwise;
    return n < max ? (size_t)n : max;
}

/* Link: <the same question, from there on>; rel="next" */
static void add_next_page(struct http_request *request, const struct listing *listing, size_t limit,
                          size_t cursor)
{
    const char *host = http_header(request, "Host");
    char link[1024];

    const int n = snprintf(
        link, sizeof(link),
        "<http://%s/api/models/%s/tree/%s%s%s?recursive=%s&expand=%s&limit=%zu&cursor=%zu>; "
        "rel=\"next\"",
        host ? host : "", listing->repo->name, http_part(request, "rev"),
        *listing->folder ? "/" : "", listing->folder, listing->recursive ? "true" : "false",
        listing->expand ? "true" : "false", limit, cursor);
    if (n > 0 && (size_t)n < sizeof(link))
        http_add_header(request, "Link", link);
}

static json_t *page_of(const json_t *entries, size_t first, size_t limit)
{
    json_t *page = json_array();
    for (size_t i = first; page && i < json_array_size(entries) && i - first < limit; i++)
        (void)json_array_append(page, json_array_get(entries, i));
    return page;
}

static void reply_page(struct http_request *request, const struct listing *listing)
{
    const size_t total = json_array_size(listing->entries);
    const size_t limit = number(request, "limit", PAGE_ENTRIES, PAGE_ENTRIES);
    const size_t first = number(request, "cursor", total, 0);

    http_add_header(request, "X-Repo-Commit", listing->repo->commit);
    if (limit > 0 && total - first > limit)
        add_next_page(request, listing, limit, first + limit);
    http_reply_json(request, 200, page_of(listing->entries, first, limit));
}

void mirror_tree(struct http_request *request, void *user)
{
    struct mirror_repo repo;

    if (!mirror_open(request, user, &repo))
        return;
    const char *folder = http_part(request, "path");
    struct listing listing = {.repo = &repo,
                              .folder = folder ? folder : "",
                              .recursive = flag(request, "recursive"),
                              .expand = flag(request, "expand"),
                              .entries = json_array()};
    list_entries(&listing);
    if (*listing.folder && json_array_size(listing.entries) == 0)
        mirror_no_entry(request, &repo, listing.folder);
    else
        reply_page(request, &listing);
    json_decref(listing.entries);
    mirror_repo_release(&repo);
}

/* ---- entries by name ---- */

void mirror_paths_info(struct http_request *request, void *user)
{
    struct mirror_repo repo;
    const json_t *body = http_json(request);
    const json_t *path;
    size_t i;

    if (!body || !mirror_open(request, user, &repo))
        return;
    json_t *entries = json_array();
    json_array_foreach(json_object_get(body, "paths"), i, path)
    {
        const char *name = json_string_value(path);
        const orion_stored_file *file = name ? mirror_repo_find(&repo, name) : NULL;
        if (file)
            (void)json_array_append_new(
                entries, file_entry(&repo, file, json_is_true(json_object_get(body, "expand"))));
    }
    http_reply_json(request, 200, entries);
    mirror_repo_release(&repo);
}
