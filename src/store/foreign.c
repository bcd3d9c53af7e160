/* Models that other programs keep on this machine.
 *
 * Everything is opened below the root's handle, part by part and without
 * following links; names and digests are checked before they become parts of
 * a path.  What does not look as it should is passed over. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"

#define MAX_MODELS 10000
#define MAX_ENTRIES 200000
#define MAX_JSON_BYTES (1u << 20)

struct finder {
    enum ori_foreign_kind kind;
    const char *root;
    int fd;
    struct ori_foreign *list;
    size_t n, cap;
    size_t entries; /* looked at so far */
    bool failed;    /* memory was short */
    /* what the folders above have told */
    char repo[200], revision[41], snapshot[PATH_MAX];
};

typedef void (*visit_fn)(struct finder *f, const char *path, const char *name);

/* Call `visit` with each visible entry of the folder; "" is the root. */
static void each(struct finder *f, const char *folder, visit_fn visit)
{
    char path[PATH_MAX];
    struct dirent *entry;

    const int fd = *folder ? ori_dir_open(f->fd, folder, O_RDONLY | O_DIRECTORY, 0)
                           : openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = ori_dir_list(fd);
    if (!dir) {
        f->failed |= errno == ENOMEM;
        return;
    }
    while (!f->failed && f->n < MAX_MODELS && f->entries++ < MAX_ENTRIES &&
           (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        const int n =
            snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
        if (n > 0 && (size_t)n < sizeof(path))
            visit(f, path, entry->d_name);
    }
    (void)closedir(dir);
}

static bool copy_if(char *field, size_t bytes, const char *text, bool ok)
{
    const size_t len = strlen(text);
    field[0] = '\0';
    if (!ok || len >= bytes)
        return false;
    memcpy(field, text, len + 1);
    return true;
}

static struct ori_foreign *room_for_one(struct finder *f)
{
    if (f->n == f->cap) {
        const size_t cap = f->cap ? f->cap * 2 : 16;
        struct ori_foreign *list = realloc(f->list, cap * sizeof(*list));
        if (!list) {
            f->failed = true;
            return NULL;
        }
        f->list = list;
        f->cap = cap;
    }
    return &f->list[f->n];
}

static bool is_gguf_file(const struct finder *f, const char *path, struct stat *st)
{
    char magic[4];
    size_t got = 0;

    const int fd = ori_dir_open(f->fd, path, O_RDONLY, 0);
    const bool is = fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
                    ori_file_read_at(fd, magic, sizeof(magic), 0, &got, NULL) == ORION_OK &&
                    got == sizeof(magic) && memcmp(magic, "GGUF", 4) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is;
}

/* One model: its bytes are at `path` below the root. */
static void found(struct finder *f, const char *path, const char *repo, const char *file,
                  const char *revision, const char *sha256)
{
    struct stat st;

    if (!ori_name_path_ok(file) || !ori_name_is_gguf(file) || !is_gguf_file(f, path, &st))
        return;
    struct ori_foreign *one = room_for_one(f);
    if (!one)
        return;
    *one = (struct ori_foreign){
        .kind = f->kind, .size_bytes = (uint64_t)st.st_size, .modified_unix = st.st_mtim.tv_sec};
    (void)copy_if(one->repo, sizeof(one->repo), repo, ori_name_path_ok(repo));
    (void)copy_if(one->file, sizeof(one->file), file, true);
    (void)copy_if(one->revision, sizeof(one->revision), revision, true);
    (void)copy_if(one->sha256, sizeof(one->sha256), sha256, ori_sha256_is_hex(sha256));
    const size_t bytes = strlen(f->root) + 1 + strlen(path) + 1;
    one->path = malloc(bytes);
    if (!one->path) {
        f->failed = true;
        return;
    }
    (void)snprintf(one->path, bytes, "%s/%s", f->root, path);
    f->n++;
}

static bool is_hex(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

/* ---- Hugging Face ---- */

/* The blob that a snapshot's entry is a link to: "../../blobs/<name>", with a
 * step more for each folder below the snapshot. */
static bool blob_of(struct finder *f, const char *path, char blob[PATH_MAX], const char **name)
{
    char target[PATH_MAX];
    const char *last;

    const int parent = ori_dir_parent(f->fd, path, &last);
    if (parent < 0)
        return false;
    const ssize_t n = readlinkat(parent, last, target, sizeof(target) - 1);
    (void)close(parent);
    if (n <= 0)
        return false;
    target[n] = '\0';
    const char *rest = target;
    while (strncmp(rest, "../", 3) == 0)
        rest += 3;
    if (rest == target || strncmp(rest, "blobs/", 6) != 0)
        return false;
    rest += 6;
    if (!is_hex(rest, ORI_SHA256_HEX) && !is_hex(rest, 40))
        return false;
    const char *slash = strchr(path, '/'); /* the repository is the first part */
    const int len = snprintf(blob, PATH_MAX, "%.*s/blobs/%s", (int)(slash - path), path, rest);
    if (len <= 0 || len >= PATH_MAX)
        return false;
    *name = blob + len - strlen(rest);
    return true;
}

static void hf_file(struct finder *f, const char *path, const char *name, int depth);

static void hf_file_2(struct finder *f, const char *path, const char *name)
{
    hf_file(f, path, name, 2);
}

static void hf_file_1(struct finder *f, const char *path, const char *name)
{
    hf_file(f, path, name, 1);
}

static void hf_file_0(struct finder *f, const char *path, const char *name)
{
    hf_file(f, path, name, 0);
}

static void hf_file(struct finder *f, const char *path, const char *name, int depth)
{
    char blob[PATH_MAX];
    const char *digest;
    const char *file = path + strlen(f->snapshot) + 1;

    if (!ori_name_is_gguf(name)) {
        if (depth < 2) /* perhaps a folder */
            each(f, path, depth == 0 ? hf_file_1 : hf_file_2);
    } else if (blob_of(f, path, blob, &digest)) {
        found(f, blob, f->repo, file, f->revision, digest);
    } else {
        found(f, path, f->repo, file, f->revision, ""); /* a cache without links */
    }
}

static void hf_snapshot(struct finder *f, const char *path, const char *name)
{
    if (!copy_if(f->revision, sizeof(f->revision), name, is_hex(name, 40)) ||
        !copy_if(f->snapshot, sizeof(f->snapshot), path, true))
        return;
    each(f, path, hf_file_0);
}

/* "models--org--name"; a repository's name has no "--" of its own. */
static void hf_repo(struct finder *f, const char *path, const char *name)
{
    char folder[PATH_MAX];

    if (strncmp(name, "models--", 8) != 0)
        return;
    const char *org = name + 8;
    const char *cut = strstr(org, "--");
    if (!cut || strlen(name) >= sizeof(f->repo))
        return;
    (void)snprintf(f->repo, sizeof(f->repo), "%.*s/%s", (int)(cut - org), org, cut + 2);
    const int n = snprintf(folder, sizeof(folder), "%s/snapshots", path);
    if (ori_name_path_ok(f->repo) && n > 0 && (size_t)n < sizeof(folder))
        each(f, folder, hf_snapshot);
}

/* ---- small JSON files ---- */

static json_t *read_json(struct finder *f, const char *path)
{
    struct ori_buf text;
    json_t *json = NULL;

    ori_buf_init(&text, MAX_JSON_BYTES);
    orion_status status = ori_file_read(f->fd, path, &text, NULL);
    if (status == ORION_OK)
        status = ori_json_parse(ori_buf_text(&text), text.len, "a manifest", &json, NULL);
    f->failed |= status == ORION_E_NOMEM;
    ori_buf_release(&text);
    return json;
}

/* ---- llama.cpp ---- */

/* "https://host/org/name/resolve/main/file.gguf" */
static bool repo_of_url(const char *url, char repo[200])
{
    const char *scheme = strstr(url, "://");
    const char *path = scheme ? strchr(scheme + 3, '/') : NULL;
    const char *end = path ? strstr(path, "/resolve/") : NULL;

    if (!end || end - path - 1 <= 0 || end - path - 1 >= 200)
        return false;
    (void)snprintf(repo, 200, "%.*s", (int)(end - path - 1), path + 1);
    return ori_name_path_ok(repo);
}

static void llama_file(struct finder *f, const char *path, const char *name)
{
    char beside[PATH_MAX], repo[200] = "";
    const char *file = name;

    hf_repo(f, path, name); /* the newer layout, in the same folder */
    if (!ori_name_is_gguf(name))
        return;
    const int n = snprintf(beside, sizeof(beside), "%s.json", path);
    json_t *json = n > 0 && (size_t)n < sizeof(beside) ? read_json(f, beside) : NULL;
    const char *url = ori_json_str(json, "url");
    if (repo_of_url(url, repo)) {
        file = strrchr(url, '/') + 1;
        if (!ori_name_path_ok(file) || !ori_name_is_gguf(file))
            file = name;
    }
    found(f, path, repo, file, "", "");
    json_decref(json);
}

/* ---- Ollama ---- */

static const char *ollama_model_digest(const json_t *manifest)
{
    const json_t *layer;
    size_t i;

    json_array_foreach(json_object_get(manifest, "layers"), i, layer)
    {
        const char *digest = ori_json_str(layer, "digest");
        if (strcmp(ori_json_str(layer, "mediaType"), "application/vnd.ollama.image.model") == 0 &&
            strncmp(digest, "sha256:", 7) == 0 && ori_sha256_is_hex(digest + 7))
            return digest + 7;
    }
    return NULL;
}

/* manifests/<host>/<namespace>/<model>/<tag>; f->repo is "<namespace>/<model>" */
static void ollama_tag(struct finder *f, const char *path, const char *name)
{
    char blob[PATH_MAX], file[ORI_NAME_PATH_MAX + 1];

    json_t *manifest = read_json(f, path);
    const char *digest = ollama_model_digest(manifest);
    const char *model = strrchr(f->repo, '/');
    if (digest && model) {
        (void)snprintf(blob, sizeof(blob), "blobs/sha256-%s", digest);
        const int n = snprintf(file, sizeof(file), "%s-%s.gguf", model + 1, name);
        if (n > 0 && (size_t)n < sizeof(file))
            found(f, blob, f->repo, file, "", digest);
    }
    json_decref(manifest);
}

static void ollama_model(struct finder *f, const char *path, const char *name)
{
    const char *end = path + strlen(path) - strlen(name) - 1;
    const char *begin = end;

    while (begin > path && begin[-1] != '/')
        begin--;
    const int n = snprintf(f->repo, sizeof(f->repo), "%.*s/%s", (int)(end - begin), begin, name);
    if (n > 0 && (size_t)n < sizeof(f->repo) && ori_name_path_ok(f->repo))
        each(f, path, ollama_tag);
}

static void ollama_namespace(struct finder *f, const char *path, const char *name)
{
    (void)name;
    each(f, path, ollama_model);
}

static void ollama_host(struct finder *f, const char *path, const char *name)
{
    (void)name;
    each(f, path, ollama_namespace);
}

/* ---- LM Studio ---- */

static void lm_file(struct finder *f, const char *path, const char *name)
{
    if (ori_name_is_gguf(name))
        found(f, path, f->repo, name, "", "");
}

static void lm_model(struct finder *f, const char *path, const char *name)
{
    (void)name;
    if (copy_if(f->repo, sizeof(f->repo), path, ori_name_path_ok(path)))
        each(f, path, lm_file);
}

static void lm_publisher(struct finder *f, const char *path, const char *name)
{
    (void)name;
    each(f, path, lm_model);
}

/* ---- all of them ---- */

static void find(struct finder *f)
{
    switch (f->kind) {
    case ORI_FOREIGN_HUGGING_FACE:
        each(f, "", hf_repo);
        break;
    case ORI_FOREIGN_LLAMA_CPP:
        each(f, "", llama_file);
        break;
    case ORI_FOREIGN_OLLAMA:
        each(f, "manifests", ollama_host);
        break;
    case ORI_FOREIGN_LM_STUDIO:
        each(f, "", lm_publisher);
        break;
    }
}

orion_status ori_foreign_find(enum ori_foreign_kind kind, const char *root,
                              struct ori_foreign **list, size_t *n, orion_error *err)
{
    struct finder *f = calloc(1, sizeof(*f));
    if (!f)
        return ori_fail_nomem(err, "the list of models");
    *f = (struct finder){.kind = kind, .root = root, .list = *list, .n = *n, .cap = *n};
    f->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->fd >= 0) {
        find(f);
        (void)close(f->fd);
    }
    *list = f->list;
    *n = f->n;
    const bool failed = f->failed;
    free(f);
    return failed ? ori_fail_nomem(err, "the list of models") : ORION_OK;
}

void ori_foreign_free(struct ori_foreign *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i].path);
    free(list);
}
