#include "remote/announce.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "hub/url.h"

#define NOTE "serve.json"
#define LOCK "serve.lock"
#define NOTE_MAX_BYTES ((size_t)16 << 10)
#define SECRET_MAX_BYTES 4096

struct ori_announcement {
    int dir;
    struct ori_lock lock;
};

/* ---- the folder ---- */

static orion_status folder(char *out, size_t out_bytes, orion_error *err)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    const char *home = getenv("HOME");
    int n = -1;

    if (run && *run == '/')
        n = snprintf(out, out_bytes, "%s/orion", run);
    else if (home && *home == '/')
        n = snprintf(out, out_bytes, "%s/.orionhealth/run", home);
    if (n > 0 && (size_t)n < out_bytes)
        return ORION_OK;
    return ori_fail(
        err, ORION_E_NOT_FOUND,
        "there is no place to find a server by: neither XDG_RUNTIME_DIR nor HOME is set");
}

/* The folder, if no one else could have written there; -1 otherwise. */
static int open_folder(const char *path)
{
    struct stat st;
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (dir < 0)
        return -1;
    if (fstat(dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
        return dir;
    (void)close(dir);
    errno = EPERM;
    return -1;
}

/* ---- announcing ---- */

static orion_status write_note(int dir, const char *url, const char *token_file, orion_error *err)
{
    struct ori_buf text;

    ori_buf_init(&text, NOTE_MAX_BYTES);
    json_t *note =
        json_pack("{s:s, s:i, s:s?}", "url", url, "pid", (int)getpid(), "token_file", token_file);
    orion_status status = ori_json_write(note, JSON_COMPACT, &text);
    json_decref(note);
    status = status == ORION_OK ? ori_file_replace(dir, NOTE, text.data, text.len, err)
                                : ori_fail_nomem(err, "an announcement");
    ori_buf_release(&text);
    return status;
}

orion_status ori_announce(const char *url, const char *token_file, struct ori_announcement **out,
                          orion_error *err)
{
    char path[PATH_MAX];
    long holder = 0;

    *out = NULL;
    struct ori_announcement *a = calloc(1, sizeof(*a));
    if (!a)
        return ori_fail_nomem(err, "an announcement");
    a->dir = -1;
    a->lock = (struct ori_lock){.dir = -1, .fd = -1};
    orion_status status = folder(path, sizeof(path), err);
    if (status == ORION_OK)
        status = ori_dir_make_root(path, "the folder for running servers", err);
    if (status == ORION_OK && (a->dir = open_folder(path)) < 0)
        status = ori_fail_errno(err, "cannot use '%.300s'", path);
    if (status == ORION_OK)
        status = ori_lock_try(a->dir, LOCK, &a->lock, &holder, err);
    if (status == ORION_E_BUSY)
        status =
            ori_fail(err, ORION_E_BUSY, "process %ld is announced as the server already", holder);
    if (status == ORION_OK)
        status = write_note(a->dir, url, token_file, err);
    if (status != ORION_OK) {
        ori_announce_end(a);
        return status;
    }
    *out = a;
    return ORION_OK;
}

void ori_announce_end(struct ori_announcement *a)
{
    if (!a)
        return;
    if (a->lock.fd >= 0) /* only then the note is ours */
        (void)ori_file_unlink(a->dir, NOTE);
    ori_lock_release(&a->lock);
    if (a->dir >= 0)
        (void)close(a->dir);
    free(a);
}

/* ---- finding ---- */

static orion_status no_server(orion_error *err)
{
    return ori_fail(err, ORION_E_NOT_FOUND,
                    "no server is running on this machine; start one with 'orion serve', or name "
                    "one with --server");
}

static orion_status read_note(int dir, json_t **out, orion_error *err)
{
    struct ori_buf text;

    *out = NULL;
    ori_buf_init(&text, NOTE_MAX_BYTES);
    orion_status status = ori_file_read(dir, NOTE, &text, err);
    if (status == ORION_OK)
        status = ori_json_parse(ori_buf_text(&text), text.len, NOTE, out, err);
    ori_buf_release(&text);
    return status;
}

static orion_status take_note(const json_t *note, struct ori_announced *out, orion_error *err)
{
    const char *url = ori_json_str(note, "url");
    const char *token_file = ori_json_str(note, "token_file");
    bool ours = false;

    if (ori_url_is_this_machine(url, &ours) != ORION_OK)
        return ori_fail_nomem(err, "an address");
    if (!ours)
        return no_server(err);
    out->url = strdup(url);
    if (!out->url)
        return ori_fail_nomem(err, "an address");
    return *token_file ? ori_read_secret(token_file, "the server's token", &out->token, err)
                       : ORION_OK;
}

orion_status ori_announced_find(struct ori_announced *out, orion_error *err)
{
    char path[PATH_MAX];
    json_t *note = NULL;

    *out = (struct ori_announced){0};
    orion_status status = folder(path, sizeof(path), err);
    if (status != ORION_OK)
        return status;
    const int dir = open_folder(path);
    if (dir < 0)
        return no_server(err);
    out->pid = ori_lock_holder(dir, LOCK);
    status = out->pid == 0 ? ORION_E_NOT_FOUND : read_note(dir, &note, NULL);
    if (status == ORION_OK)
        status = take_note(note, out, err);
    else
        status = status == ORION_E_NOMEM ? ori_fail_nomem(err, "a note") : no_server(err);
    json_decref(note);
    (void)close(dir);
    if (status != ORION_OK)
        ori_announced_release(out);
    return status;
}

void ori_announced_release(struct ori_announced *announced)
{
    free(announced->url);
    free(announced->token);
    *announced = (struct ori_announced){0};
}

/* ---- secrets in files ---- */

orion_status ori_read_secret(const char *path, const char *what, char **out, orion_error *err)
{
    char text[SECRET_MAX_BYTES + 1];
    struct stat st;

    *out = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ori_fail_errno(err, "cannot read %s in '%.200s'", what, path);
    const bool private = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) == 0;
    const ssize_t n = private ? read(fd, text, sizeof(text) - 1) : 0;
    (void)close(fd);
    if (!private)
        return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, path,
                           "%s in '%.200s' can be read by others; chmod 600 it", what, path);
    text[n > 0 ? n : 0] = '\0';
    const char *begin = text + strspn(text, " \t\r\n");
    const size_t len = strcspn(begin, " \t\r\n");
    if (len == 0)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, path, "'%.200s' holds nothing",
                           path);
    *out = strndup(begin, len);
    return *out ? ORION_OK : ori_fail_nomem(err, what);
}
