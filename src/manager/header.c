/* The first bytes of a model, read where it is: from disk, or from the hub by
 * ranged requests, and no more than are asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "manager/files.h"

#define STEP_MS 200

struct ori_header {
    const struct ori_manager *manager;
    struct ori_wanted_set set; /* of a model that is not here */
    int fd;                    /* of one that is, or -1 */
    uint64_t file_bytes, download_bytes;
    char name[256];
    uint8_t *data;
    size_t n; /* bytes at data */
};

uint64_t ori_header_file_bytes(const struct ori_header *header)
{
    return header->file_bytes;
}

const char *ori_header_name(const struct ori_header *header)
{
    return header->name;
}

bool ori_header_is_local(const struct ori_header *header)
{
    return header->fd >= 0;
}

bool ori_header_stat(const struct ori_header *header, struct stat *out)
{
    return header->fd >= 0 && fstat(header->fd, out) == 0;
}

uint64_t ori_header_download_bytes(const struct ori_header *header)
{
    return header->download_bytes;
}

void ori_header_close(struct ori_header *header)
{
    if (!header)
        return;
    ori_wanted_release(&header->set);
    if (header->fd >= 0)
        (void)close(header->fd);
    free(header->data);
    free(header);
}

static orion_status open_local(struct ori_header *h, const char *path, orion_error *err)
{
    struct stat st;

    h->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (h->fd < 0 || fstat(h->fd, &st) != 0)
        return ori_fail_errno(err, "cannot open '%.300s'", path);
    if (!S_ISREG(st.st_mode))
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, path,
                           "'%.300s' is not a regular file", path);
    h->file_bytes = (uint64_t)st.st_size;
    (void)snprintf(h->name, sizeof(h->name), "%.255s", path);
    return ORION_OK;
}

static orion_status open_remote(struct ori_header *h, const char *name, orion_error *err)
{
    struct ori_ref ref;

    orion_status status = ori_manager_refer(h->manager, name, &ref, err);
    if (status == ORION_OK)
        status = ori_wanted_resolve(h->manager, &ref, NULL, &h->set, err);
    if (status != ORION_OK)
        return status;
    h->file_bytes = h->set.files[0].hub.size_bytes;
    h->download_bytes = h->set.size_bytes;
    (void)snprintf(h->name, sizeof(h->name), "%.255s", h->set.files[0].hub.path);
    return ORION_OK;
}

orion_status ori_header_open(const struct ori_manager *manager, const char *name,
                             struct ori_header **out, orion_error *err)
{
    char *path = NULL;

    *out = NULL;
    struct ori_header *h = calloc(1, sizeof(*h));
    if (!h)
        return ori_fail_nomem(err, "a model's header");
    h->manager = manager;
    h->fd = -1;
    orion_status status = ori_manager_path(manager, name, &path, err);
    if (status == ORION_OK)
        status = open_local(h, path, err);
    else if (status == ORION_E_NOT_FOUND && name[0] != '/' && name[0] != '.')
        status = open_remote(h, name, err);
    free(path);
    if (status != ORION_OK) {
        ori_header_close(h);
        return status;
    }
    *out = h;
    return ORION_OK;
}

/* ---- more of it ---- */

static orion_status take_bytes(void *self, uint64_t offset, const void *data, size_t len,
                               orion_error *err)
{
    struct ori_header *h = self;
    (void)err;
    memcpy(h->data + offset, data, len); /* only what it lacks is brought */
    return ORION_OK;
}

/* Everything counts as there but [from, to), so that is what comes. */
static orion_status fetch_range(struct ori_header *h, size_t from, size_t to, orion_error *err)
{
    const struct ori_fetch_limits limits = ori_manager_limits(h->manager);
    struct ori_fetcher *fetcher = NULL;
    struct ori_ranges have = {0};

    orion_status status = ori_ranges_add(&have, 0, from);
    if (status == ORION_OK)
        status = ori_ranges_add(&have, to, h->file_bytes);
    if (status != ORION_OK)
        (void)ori_fail_nomem(err, "a model's header");
    else
        status = ori_fetcher_new(h->manager->hub, &limits, &fetcher, err);
    struct ori_fetch_job job = {.file = &h->set.files[0].hub,
                                .have = &have,
                                .in_order = true,
                                .write = take_bytes,
                                .self = h};
    if (status == ORION_OK && (status = ori_fetcher_add(fetcher, &job, err)) == ORION_OK) {
        while (!job.done)
            ori_fetcher_step(fetcher, STEP_MS);
        status = job.status;
        if (status != ORION_OK && err)
            *err = job.error;
        ori_fetcher_remove(fetcher, &job);
    }
    ori_fetcher_free(fetcher);
    ori_ranges_release(&have);
    return status;
}

orion_status ori_header_need(struct ori_header *h, size_t bytes, const void **data, size_t *n,
                             orion_error *err)
{
    orion_status status = ORION_OK;

    if (bytes > h->file_bytes)
        bytes = (size_t)h->file_bytes;
    if (bytes > h->n) {
        uint8_t *more = realloc(h->data, bytes);
        if (!more)
            return ori_fail_nomem(err, "a model's header");
        h->data = more;
        size_t got = bytes - h->n;
        status = h->fd >= 0 ? ori_file_read_at(h->fd, h->data + h->n, bytes - h->n, h->n, &got, err)
                            : fetch_range(h, h->n, bytes, err);
        if (status == ORION_OK)
            h->n += got;
    }
    *data = h->data;
    *n = h->n;
    return status;
}
