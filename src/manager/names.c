/* What a name means: the one place where it is decided.
 *
 * In this order: a catalogue id; the id of what is in the store; a path to a
 * file; a reference to a hub; the stem of exactly one file in the store. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "manager/internal.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <strings.h>
#include <sys/stat.h>

#include "manager/shards.h"

void ori_found_release(struct ori_found *found)
{
    free(found->path);
    free(found->outside);
    *found = (struct ori_found){0};
}

static orion_status found_path(struct ori_found *out, const char *path, orion_error *err)
{
    out->path = strdup(path);
    return out->path ? ORION_OK : ori_fail_nomem(err, "a path");
}

/* ---- the quantization in a file's name ---- */

static bool is_quantization(const char *tag, size_t len)
{
    if (len > ORI_QUANT_MAX)
        return false;
    static const char *const whole[] = {"F16", "FP16", "BF16", "F32", "FP32"};
    for (size_t i = 0; i < ORI_COUNT(whole); i++)
        if (strlen(whole[i]) == len && strncasecmp(tag, whole[i], len) == 0)
            return true;
    if (len >= 3 && toupper((unsigned char)tag[0]) == 'I') {
        tag++;
        len--;
    }
    return len >= 2 && toupper((unsigned char)tag[0]) == 'Q' && isdigit((unsigned char)tag[1]);
}

void ori_quantization_of(const char *file, char out[ORI_QUANT_MAX + 1])
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;

    out[0] = '\0';
    while (*name) {
        const size_t len = strcspn(name, "-.");
        if (is_quantization(name, len)) {
            for (size_t i = 0; i < len; i++)
                out[i] = (char)toupper((unsigned char)name[i]);
            out[len] = '\0'; /* the last one counts: go on */
        }
        name += len + (name[len] != '\0');
    }
}

bool ori_is_projector(const char *file)
{
    const char *slash = strrchr(file, '/');
    for (const char *name = slash ? slash + 1 : file; *name; name++)
        if (strncasecmp(name, "mmproj", 6) == 0)
            return true;
    return false;
}

/* ---- what is on disk ---- */

struct scanned {
    struct ori_stored *models;
    size_t n;
};

static void scanned_release(struct scanned *s)
{
    for (size_t i = 0; i < s->n; i++)
        ori_stored_release(&s->models[i]);
    free(s->models);
}

static bool has_stem(const char *path, const char *stem)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const size_t len = strlen(stem);
    return strncmp(name, stem, len) == 0 &&
           (strcasecmp(name + len, ".gguf") == 0 || (name[len] == '\0' && ori_name_is_gguf(stem)));
}

static orion_status find_stem(const struct scanned *s, const char *name, struct ori_found *out,
                              orion_error *err)
{
    const char *first = NULL, *second = NULL;

    for (size_t i = 0; i < s->n; i++) {
        if (!has_stem(s->models[i].path, name))
            continue;
        if (first)
            second = s->models[i].path;
        else
            first = s->models[i].path;
    }
    if (first && !second)
        return found_path(out, first, err);
    if (first)
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, name,
                           "several models are called '%s', among them %s and %s; give the whole "
                           "name",
                           name, first, second);
    return ori_fail_at(
        err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, name,
        "no model is called '%.100s': it is neither in the catalogue nor downloaded; "
        "other models are named org/repo, org/repo:QUANT or org/repo/file.gguf",
        name);
}

/* *chosen is -1 when none is meant. */
static orion_status select_stored(const struct scanned *s, const struct ori_ref *ref,
                                  ptrdiff_t *chosen, bool *exact, orion_error *err)
{
    const size_t repo = strlen(ref->repo);
    const char **names = ori_calloc_array(s->n, sizeof(*names));

    if (!names)
        return ori_fail_nomem(err, "the list of models");
    for (size_t i = 0; i < s->n; i++) {
        const char *path = s->models[i].path;
        const bool of_repo = strncmp(path, ref->repo, repo) == 0 && path[repo] == '/';
        names[i] = of_repo ? path + repo + 1 : "";
    }
    *chosen = ori_hub_select(names, s->n, ref->quant, exact);
    free(names);
    return ORION_OK;
}

orion_status ori_manager_choose_stored(const struct ori_manager *manager, struct ori_ref *ref,
                                       bool *exact, orion_error *err)
{
    struct scanned s = {0};
    ptrdiff_t chosen = -1;

    *exact = false;
    orion_status status = ori_store_scan(manager->store, &s.models, &s.n, err);
    if (status == ORION_OK)
        status = select_stored(&s, ref, &chosen, exact, err);
    const char *file = chosen < 0 ? NULL : s.models[chosen].path + strlen(ref->repo) + 1;
    if (file && strlen(file) <= ORI_NAME_PATH_MAX)
        (void)snprintf(ref->file, sizeof(ref->file), "%s", file);
    else if (status == ORION_OK)
        status = ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, ref->repo,
                             "nothing of '%s'%s%s is downloaded; pull it first", ref->repo,
                             *ref->quant ? ":" : "", ref->quant);
    scanned_release(&s);
    return status;
}

/* ---- files elsewhere ---- */

static bool is_plain_path(const char *name)
{
    return name[0] == '/' || strncmp(name, "./", 2) == 0 || strncmp(name, "../", 3) == 0;
}

/* The absolute path of the entry `name` itself, which may be a link: free().
 * NULL, with ORION_OK, when there is no such folder. */
static orion_status entry_path(const char *name, char **whole, orion_error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;

    *whole = NULL;
    const int n = slash ? snprintf(folder, sizeof(folder), "%.*s", (int)(last - name), name)
                        : snprintf(folder, sizeof(folder), ".");
    if (n <= 0 || (size_t)n >= sizeof(folder))
        return ORION_OK;
    char *above = realpath(folder, NULL);
    if (!above)
        return errno == ENOMEM ? ori_fail_nomem(err, "a path") : ORION_OK;
    const size_t bytes = strlen(above) + strlen(last) + 2;
    *whole = malloc(bytes);
    if (*whole)
        (void)snprintf(*whole, bytes, "%s/%s", above, last);
    free(above);
    return *whole ? ORION_OK : ori_fail_nomem(err, "a path");
}

/* The path, below the store's folder, of a file there; else NULL. */
static const char *below_root(const struct ori_manager *manager, const char *whole)
{
    const char *root = ori_store_root(manager->store);
    const size_t len = strlen(root);
    return len > 0 && strncmp(whole, root, len) == 0 && whole[len] == '/' ? whole + len + 1 : NULL;
}

/* A path may name a link of the store's: that is a model, whatever it leads to. */
static orion_status find_link(const struct ori_manager *manager, const char *name,
                              struct ori_found *out, orion_error *err)
{
    struct ori_stored model = {0};
    char *whole;

    orion_status status = entry_path(name, &whole, err);
    const char *path = whole ? below_root(manager, whole) : NULL;
    if (path)
        status = ori_store_look(manager->store, path, &model, err);
    if (status != ORION_E_NOMEM)
        status = model.link == ORI_LINK_NONE ? ORION_OK : found_path(out, path, err);
    ori_stored_release(&model);
    free(whole);
    return status;
}

/* *out stays empty when there is no such file. */
static orion_status find_file(const struct ori_manager *manager, const char *name,
                              struct ori_found *out, orion_error *err)
{
    struct stat st;

    orion_status status = find_link(manager, name, out, err);
    if (status != ORION_OK || out->path)
        return status;
    if ((!strchr(name, '/') && !ori_name_is_gguf(name)) || stat(name, &st) != 0 ||
        !S_ISREG(st.st_mode))
        return ORION_OK;
    char *whole = realpath(name, NULL);
    if (!whole)
        return errno == ENOMEM ? ori_fail_nomem(err, "a path") : ORION_OK;
    const char *path = below_root(manager, whole);
    if (path) {
        status = found_path(out, path, err);
        free(whole);
        return status;
    }
    out->outside = whole;
    return ORION_OK;
}

/* ---- the rules ---- */

static orion_status not_downloaded(const char *name, orion_error *err)
{
    return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, name,
                       "'%.200s' is not downloaded; pull it first", name);
}

static orion_status empty_name(orion_error *err)
{
    return ori_fail(err, ORION_E_NAME,
                    "a model's name is empty; 'orion list --available' has some");
}

static orion_status no_such_path(const struct ori_manager *manager, const char *name,
                                 orion_error *err)
{
    /* whoever may give names alone is not told what is on the disk */
    const bool is_there = !manager->names_only && access(name, F_OK) == 0;

    return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, name,
                       is_there ? "'%.200s' is not a file; name a model's .gguf file"
                                : "there is no file '%.200s'",
                       name);
}

/* "<repo>/<file>", when it is in the store. */
static orion_status find_placed(const struct ori_manager *manager, const char *repo,
                                const char *file, const char *name, struct ori_found *out,
                                orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];
    struct ori_stored model;

    orion_status status = ori_store_place(repo, file, place, err);
    if (status != ORION_OK)
        return status;
    status = ori_store_look(manager->store, place, &model, err);
    if (status == ORION_E_NOT_FOUND)
        return not_downloaded(name, err);
    if (status != ORION_OK)
        return status;
    ori_stored_release(&model);
    return found_path(out, place, err);
}

static orion_status find_scanned(const struct ori_manager *manager, const struct scanned *s,
                                 const char *name, struct ori_found *out, orion_error *err)
{
    struct ori_ref ref;
    ptrdiff_t chosen;
    bool exact;

    const char *below = below_root(manager, name); /* what ori_manager_path() told */
    const char *listed = below ? below : name;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->models[i].path, listed) == 0)
            return found_path(out, listed, err);
    orion_status status = manager->names_only ? ORION_OK : find_file(manager, name, out, err);
    if (status != ORION_OK || out->path || out->outside)
        return status;
    if (is_plain_path(name))
        return no_such_path(manager, name, err);
    if (!strchr(name, '/'))
        return find_stem(s, name, out, err);

    status = ori_ref_parse(name, &ref, err);
    if (status != ORION_OK)
        return status;
    if (*ref.file)
        return find_placed(manager, ref.repo, ref.file, name, out, err);
    status = select_stored(s, &ref, &chosen, &exact, err);
    if (status != ORION_OK)
        return status;
    return chosen < 0 ? not_downloaded(name, err) : found_path(out, s->models[chosen].path, err);
}

/* Without a models directory, paths are what is left. */
static orion_status find_nowhere(const struct ori_manager *manager, const char *name,
                                 struct ori_found *out, orion_error *err)
{
    const orion_status status = find_file(manager, name, out, err);

    if (status != ORION_OK || out->outside)
        return status;
    return is_plain_path(name) ? no_such_path(manager, name, err)
                               : ori_store_check(manager->store, err);
}

orion_status ori_manager_find(const struct ori_manager *manager, const char *name,
                              struct ori_found *out, orion_error *err)
{
    struct scanned s = {0};

    *out = (struct ori_found){0};
    if (!*name)
        return empty_name(err);
    const struct ori_catalogue_entry *entry = ori_catalogue_find(&manager->catalogue, name);
    if (entry)
        return find_placed(manager, entry->repo, entry->file, name, out, err);
    if (ori_store_check(manager->store, NULL) != ORION_OK)
        return find_nowhere(manager, name, out, err);
    orion_status status = ori_store_scan(manager->store, &s.models, &s.n, err);
    if (status == ORION_OK)
        status = find_scanned(manager, &s, name, out, err);
    scanned_release(&s);
    return status;
}

orion_status ori_manager_find_whole(const struct ori_manager *manager, const char *name,
                                    struct ori_found *out, orion_error *err)
{
    struct ori_stored piece;
    uint32_t no, count;

    orion_status status = ori_manager_find(manager, name, out, err);
    if (status != ORION_OK || !out->path)
        return status;
    ori_shard_of(out->path, &no, &count);
    for (no = count; no >= 1 && count > 1 && status == ORION_OK; no--) {
        ori_shard_name(out->path, no); /* ends with the first */
        status = ori_store_look(manager->store, out->path, &piece, err);
        if (status == ORION_OK)
            ori_stored_release(&piece);
        else if (status == ORION_E_NOT_FOUND)
            (void)ori_fail_at(err, status, ORION_NO_OFFSET, name,
                              "'%.200s' is not all here: piece %u of %u is missing; pull it", name,
                              no, count);
    }
    if (status != ORION_OK)
        ori_found_release(out);
    return status;
}

orion_status ori_manager_refer(const struct ori_manager *manager, const char *name,
                               struct ori_ref *out, orion_error *err)
{
    *out = (struct ori_ref){0};
    const struct ori_catalogue_entry *entry = ori_catalogue_find(&manager->catalogue, name);
    if (entry) {
        (void)snprintf(out->repo, sizeof(out->repo), "%s", entry->repo);
        (void)snprintf(out->file, sizeof(out->file), "%s", entry->file);
        return ORION_OK;
    }
    if (!*name)
        return empty_name(err);
    if (!strchr(name, '/'))
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, name,
                           "no model is called '%.100s' in the catalogue; other models are named "
                           "org/repo, org/repo:QUANT or org/repo/file.gguf",
                           name);
    return ori_ref_parse(name, out, err);
}

void ori_manager_id_of(const struct ori_manager *manager, const char *place,
                       char id[ORI_STORE_PATH_MAX])
{
    const struct ori_catalogue_entry *entry = ori_catalogue_find_path(&manager->catalogue, place);
    uint32_t no, count;

    (void)snprintf(id, ORI_STORE_PATH_MAX, "%s", entry ? entry->id : place);
    ori_shard_of(id, &no, &count);
    if (count > 1)
        ori_shard_name(id, 1);
}

bool ori_manager_is_local_name(const struct ori_manager *manager, const char *name)
{
    struct ori_found found;

    if (ori_catalogue_find(&manager->catalogue, name))
        return true;
    const orion_status status = ori_manager_find(manager, name, &found, NULL);
    ori_found_release(&found);
    return status == ORION_OK;
}
