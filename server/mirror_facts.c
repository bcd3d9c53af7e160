/* What the hub's API tells of repositories: search, facts, branches. */
#include "mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "instant.h"

#define SEARCH_MAX 1000u

/* ---- one repository ---- */

static void last_modified(const orion_stored_file *files, size_t n, char out[INSTANT_BYTES])
{
    int64_t latest = 0;
    for (size_t i = 0; i < n; i++)
        if (files[i].modified_unix > latest)
            latest = files[i].modified_unix;
    instant_text(latest, out);
}

json_t *mirror_last_commit(const struct mirror_repo *repo, const orion_stored_file *file)
{
    char date[INSTANT_BYTES];

    last_modified(file, 1, date);
    return json_pack("{s:s, s:s, s:s}", "id", repo->commit, "title", "", "date", date);
}

static json_t *siblings_of(const struct mirror_repo *repo)
{
    json_t *siblings = json_array();
    for (size_t i = 0; siblings && i < repo->n; i++)
        (void)json_array_append_new(siblings, json_pack("{s:s}", "rfilename", repo->files[i].file));
    return siblings;
}

/* In the hub's words.  Nobody counts downloads here. */
static json_t *facts_of(const struct mirror_repo *repo)
{
    char modified[INSTANT_BYTES];

    last_modified(repo->files, repo->n, modified);
    return json_pack("{s:s, s:s, s:s, s:s%, s:s, s:s, s:b, s:b, s:b, s:i, s:i, s:[s], s:o}", "_id",
                     repo->name, "id", repo->name, "modelId", repo->name, "author", repo->name,
                     strcspn(repo->name, "/"), "sha", repo->commit, "lastModified", modified,
                     "private", 0, "gated", 0, "disabled", 0, "downloads", 0, "likes", 0, "tags",
                     "gguf", "siblings", siblings_of(repo));
}

/* What the header of the first file says, as the hub tells it; NULL when it can't be
 * read. */
static json_t *gguf_of(struct server *server, const struct mirror_repo *repo)
{
    char id[800];
    orion_fit fit;

    (void)snprintf(id, sizeof(id), "%s/%s", repo->name, repo->files[0].file);
    if (orion_manager_fit(server->manager, id, NULL, &fit, NULL) != ORION_OK)
        return NULL;
    return json_pack("{s:s, s:I, s:I}", "architecture", fit.architecture, "total",
                     (json_int_t)fit.n_params, "context_length", (json_int_t)fit.trained_tokens);
}

void mirror_facts(struct http_request *request, void *user)
{
    struct mirror_repo repo;

    if (!mirror_open(request, user, &repo))
        return;
    json_t *facts = facts_of(&repo);
    json_t *gguf = gguf_of(user, &repo);
    if (facts && gguf)
        (void)json_object_set(facts, "gguf", gguf);
    json_decref(gguf);
    http_add_header(request, "X-Repo-Commit", repo.commit);
    http_reply_json(request, 200, facts);
    mirror_repo_release(&repo);
}

void mirror_refs(struct http_request *request, void *user)
{
    struct mirror_repo repo;

    if (!mirror_open(request, user, &repo))
        return;
    http_reply_json(request, 200,
                    json_pack("{s:[{s:s, s:s, s:s}], s:[], s:[]}", "branches", "name", "main",
                              "ref", "refs/heads/main", "targetCommit", repo.commit, "converts",
                              "tags"));
    mirror_repo_release(&repo);
}

/* ---- search ---- */

struct search {
    const char *words, *author; /* NULL: any */
    size_t limit;
    json_t *hits;
};

/* Is [word, len) in the text, whatever the case? */
static bool holds(const char *text, const char *word, size_t len)
{
    for (; *text; text++)
        if (strncasecmp(text, word, len) == 0)
            return true;
    return false;
}

static bool holds_all(const char *text, const char *words)
{
    for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
        const size_t len = strcspn(words, " ");
        if (!holds(text, words, len))
            return false;
        words += len;
    }
    return true;
}

static bool is_of(const char *name, const char *author)
{
    const size_t len = strcspn(name, "/");
    return strlen(author) == len && strncasecmp(name, author, len) == 0;
}

static void try_repo(struct search *search, const orion_stored_file *files, size_t n)
{
    const struct mirror_repo repo = mirror_repo_view(files, n);

    if ((!search->words || holds_all(repo.name, search->words)) &&
        (!search->author || is_of(repo.name, search->author)) &&
        json_array_size(search->hits) < search->limit)
        (void)json_array_append_new(search->hits, facts_of(&repo));
}

/* How many files follow that are of the same repository. */
static size_t same_repo(const orion_stored_file_list *list, size_t first)
{
    size_t n = 1;
    while (first + n < list->count &&
           strcmp(list->files[first + n].repo, list->files[first].repo) == 0)
        n++;
    return n;
}

static size_t limit_of(const struct http_request *request)
{
    const char *limit = http_query(request, "limit");
    const unsigned long n = limit ? strtoul(limit, NULL, 10) : SEARCH_MAX;
    return n < SEARCH_MAX ? n : SEARCH_MAX;
}

void mirror_search(struct http_request *request, void *user)
{
    struct server *server = user;
    orion_stored_file_list *list;
    orion_error err;

    if (orion_manager_files(server->manager, NULL, &list, &err) != ORION_OK) {
        http_reply_error(request, &err);
        return;
    }
    struct search search = {.words = http_query(request, "search"),
                            .author = http_query(request, "author"),
                            .limit = limit_of(request),
                            .hits = json_array()};
    for (size_t i = 0, n; i < list->count; i += n) {
        n = same_repo(list, i);
        try_repo(&search, &list->files[i], n);
    }
    orion_stored_file_list_free(list);
    http_reply_json(request, 200, search.hits);
}
