/* Downloads that outlive the process: what is wanted is written down whenever it
 * changes, and begun again by whoever comes next.  How far each is, its partial
 * knows. */
#include "manager/downloads.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define WANTED_MAX (2u << 20)

/* ---- writing ---- */

/* What was cancelled or is done is wanted no more; what failed may yet succeed. */
static bool is_wanted(const struct ori_job *job)
{
    return job->kept && job->stage != ORION_DOWNLOAD_DONE &&
           job->stage != ORION_DOWNLOAD_CANCELLED && job->stop != ORI_STOP_CANCEL;
}

static bool is_paused(const struct ori_job *job)
{
    return job->stage == ORION_DOWNLOAD_PAUSED || job->stop == ORI_STOP_PAUSE;
}

/* NULL when memory is short. */
static json_t *describe(const struct ori_downloads *d)
{
    json_t *list = json_array();
    bool ok = list != NULL;

    for (const struct ori_job *job = d->jobs; job && ok; job = job->next)
        if (is_wanted(job))
            ok = json_array_append_new(list, json_pack("{s:s, s:b}", "model", job->name, "paused",
                                                       is_paused(job))) == 0;
    json_t *json = ok ? json_pack("{s:i, s:O}", "orion_downloads", 1, "downloads", list) : NULL;
    json_decref(list);
    return json;
}

/* That it can't be written is no reason to stop: what was fetched is kept. */
void ori_downloads_save(struct ori_downloads *d)
{
    struct ori_buf text;

    (void)pthread_mutex_lock(&d->saving); /* the last to write saw the newest */
    ori_downloads_lock(d);
    json_t *json = d->keeps && !d->closing ? describe(d) : NULL;
    ori_downloads_unlock(d);
    ori_buf_init(&text, WANTED_MAX);
    if (json && ori_json_write(json, JSON_INDENT(2), &text) == ORION_OK)
        (void)ori_store_wanted_write(d->manager->store, &text, NULL);
    ori_buf_release(&text);
    json_decref(json);
    (void)pthread_mutex_unlock(&d->saving);
}

/* ---- reading ---- */

/* A name that means nothing any more is left out. */
static orion_status begin_again(const struct ori_manager *manager, const json_t *entry,
                                orion_error *err)
{
    const char *name = ori_json_str(entry, "model");
    struct ori_ref ref;
    uint64_t id;

    if (ori_manager_refer(manager, name, &ref, NULL) != ORION_OK)
        return ORION_OK;
    const enum ori_job_start start =
        json_is_true(json_object_get(entry, "paused")) ? ORI_JOB_PAUSED : ORI_JOB_KEPT;
    return ori_job_start(manager, name, &ref, NULL, start, &id, err);
}

static orion_status read_wanted(const struct ori_manager *manager, json_t **out, orion_error *err)
{
    struct ori_buf text;

    *out = NULL;
    ori_buf_init(&text, WANTED_MAX);
    orion_status status = ori_store_wanted_read(manager->store, &text, err);
    if (status == ORION_OK && text.len > 0)
        status = ori_json_parse(ori_buf_text(&text), text.len, "the list of downloads", out, err);
    ori_buf_release(&text);
    return status == ORION_E_FORMAT ? ORION_OK : status; /* a damaged list is begun anew */
}

orion_status ori_download_keep(const struct ori_manager *manager, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;
    struct ori_lock lock;
    json_t *wanted = NULL, *entry;
    size_t i;

    if (d->keeps)
        return ORION_OK;
    orion_status status = ori_store_wanted_open(manager->store, &lock, err);
    if (status != ORION_OK)
        return status;
    status = read_wanted(manager, &wanted, err);
    json_array_foreach(json_object_get(wanted, "downloads"), i, entry)
    {
        if (status == ORION_OK)
            status = begin_again(manager, entry, err);
    }
    json_decref(wanted);
    if (status != ORION_OK) {
        ori_lock_release(&lock);
        return status;
    }
    ori_downloads_lock(d);
    d->keeping = lock;
    d->keeps = true;
    ori_downloads_unlock(d);
    ori_downloads_save(d);
    return ORION_OK;
}
