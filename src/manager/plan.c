/* What a pull would do. */
#include "manager/files.h"

#include <stdlib.h>
#include <string.h>

#include "manager/texts.h"

struct plan {
    orion_plan shown; /* first: what the caller sees */
    orion_plan_file *files;
    struct ori_texts texts;
};

void ori_plan_free(orion_plan *shown)
{
    struct plan *plan = (struct plan *)shown;
    if (!plan)
        return;
    ori_texts_release(&plan->texts);
    free(plan->files);
    free(plan);
}

static const char *keep_place(const struct ori_manager *m, struct plan *plan, const char *place)
{
    char *path = ori_manager_absolute(m, place);
    plan->texts.failed |= path == NULL;
    const char *kept = ori_texts_keep(&plan->texts, path);
    free(path);
    return kept;
}

/* Bytes of the file that need not be fetched. */
static uint64_t present_bytes(const struct ori_manager *m, struct plan *plan,
                              const struct ori_wanted *file)
{
    const struct ori_blob blob = ori_wanted_blob(m, file);
    struct ori_stored model;
    uint64_t done = 0;
    long process;

    orion_status status = ori_store_look(m->store, file->place, &model, NULL);
    const bool same = model.intact && model.size_bytes == blob.size_bytes &&
                      strcmp(model.record.sha256, blob.digest.hex) == 0;
    ori_stored_release(&model);
    if (status == ORION_OK && same)
        return blob.size_bytes;
    if (status != ORION_E_NOMEM)
        status = ori_partial_peek(m->store, &blob, &done, &process);
    plan->texts.failed |= status == ORION_E_NOMEM;
    return done < blob.size_bytes ? done : blob.size_bytes;
}

static void add_file(struct plan *plan, orion_plan_file file)
{
    plan->files[plan->shown.count++] = file;
    plan->shown.size_bytes += file.size_bytes;
    plan->shown.present_bytes += file.present_bytes;
}

static orion_status fill_wanted(const struct ori_manager *m, const struct ori_wanted_set *set,
                                struct plan *plan, orion_error *err)
{
    plan->files = ori_calloc_array(set->n, sizeof(*plan->files));
    if (!plan->files)
        return ori_fail_nomem(err, "a plan");
    for (size_t i = 0; i < set->n; i++)
        add_file(plan,
                 (orion_plan_file){.file = ori_texts_keep(&plan->texts, set->files[i].hub.path),
                                   .path = keep_place(m, plan, set->files[i].place),
                                   .size_bytes = set->files[i].hub.size_bytes,
                                   .present_bytes = present_bytes(m, plan, &set->files[i])});
    plan->shown.revision = ori_texts_keep(&plan->texts, set->files[0].hub.commit);
    return ORION_OK;
}

static orion_status fill_here(const struct ori_manager *m, const struct ori_ref *ref,
                              const char *place, uint64_t size_bytes, struct plan *plan,
                              orion_error *err)
{
    plan->files = ori_calloc_array(1, sizeof(*plan->files));
    if (!plan->files)
        return ori_fail_nomem(err, "a plan");
    add_file(plan, (orion_plan_file){.file = ori_texts_keep(&plan->texts, ref->file),
                                     .path = keep_place(m, plan, place),
                                     .size_bytes = size_bytes,
                                     .present_bytes = size_bytes});
    return ORION_OK;
}

static orion_status ask(const struct ori_manager *m, struct ori_ref *ref, struct plan *plan,
                        orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];
    struct ori_wanted_set set;
    uint64_t size_bytes = 0;
    bool here;

    orion_status status = ori_wanted_is_here(m, ref, NULL, place, &size_bytes, &here, err);
    if (status != ORION_OK)
        return status;
    if (here) {
        plan->shown.revision = "";
        return fill_here(m, ref, place, size_bytes, plan, err);
    }
    status = ori_wanted_resolve(m, ref, NULL, &set, err);
    if (status == ORION_OK)
        status = fill_wanted(m, &set, plan, err);
    ori_wanted_release(&set);
    return status;
}

static orion_status look_at_disk(const struct ori_manager *m, struct plan *plan, orion_error *err)
{
    orion_plan *p = &plan->shown;
    struct ori_usage usage;

    const orion_status status = ori_store_usage(m->store, &usage, err);
    if (status != ORION_OK)
        return status;
    const uint64_t used = usage.model_bytes + usage.partial_bytes, quota = m->config.max_bytes;
    p->files = plan->files;
    p->transfer_bytes = p->size_bytes - p->present_bytes;
    p->free_bytes = usage.disk.free_bytes;
    p->quota_left_bytes = quota == 0 ? UINT64_MAX : quota > used ? quota - used : 0;
    p->fits = p->transfer_bytes <= p->quota_left_bytes &&
              (p->free_bytes == 0 || p->transfer_bytes <= p->free_bytes);
    return ORION_OK;
}

orion_status ori_manager_plan(const struct ori_manager *m, const char *name, orion_plan **out,
                              orion_error *err)
{
    struct ori_ref ref;

    *out = NULL;
    orion_status status = ori_manager_refer(m, name, &ref, err);
    if (status != ORION_OK)
        return status;
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return ori_fail_nomem(err, "a plan");
    status = ask(m, &ref, plan, err);
    plan->shown.hub = ori_texts_keep(&plan->texts, ori_hub_endpoint(m->hub));
    plan->shown.repo = ori_texts_keep(&plan->texts, ref.repo);
    if (status == ORION_OK)
        status = look_at_disk(m, plan, err);
    if (status == ORION_OK && plan->texts.failed)
        status = ori_fail_nomem(err, "a plan");
    if (status != ORION_OK) {
        ori_plan_free(&plan->shown);
        return status;
    }
    *out = &plan->shown;
    return ORION_OK;
}
