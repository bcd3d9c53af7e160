/* Asking the hub for a new address of a file, without waiting for it.
 *
 * Signed addresses last an hour or so.  The bytes that are there stay good as
 * long as size and digest have not changed. */
#include "hub/fetching.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RENEWALS_AT_ONCE 8
#define UNHURRIED_MS 5000u

struct ori_renewal {
    struct ori_transfer transfer;
    char *url;
    unsigned redirects;
};

static orion_status ask(struct ori_fetcher *f, struct ori_renewal *renewal, orion_error *err)
{
    renewal->transfer = (struct ori_transfer){.url = renewal->url, .head = true, .self = renewal};
    return ori_engine_add(f->engine, &renewal->transfer, err);
}

void ori_renewal_begin(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns)
{
    struct ori_fetch_job_state *state = job->state;
    const struct ori_hub_file *file = job->file;
    orion_error why;

    if (state->renewal || f->n_renewals == MAX_RENEWALS_AT_ONCE)
        return;
    struct ori_renewal *renewal = calloc(1, sizeof(*renewal));
    if (renewal)
        renewal->url = ori_hub_resolve_url(f->hub, file->repo, file->path, file->commit);
    if (!renewal || !renewal->url) {
        free(renewal);
        (void)ori_fail_nomem(&why, "a question to the hub");
        ori_job_setback(f, job, ORI_FAULT_SINK, false, ORI_NOT_SAID, &why, now_ns);
        return;
    }
    state->renewal = renewal;
    f->n_renewals++;
    if (ask(f, renewal, &why) != ORION_OK) {
        ori_renewal_stop(f, job);
        ori_job_setback(f, job, ORI_FAULT_FATAL, false, ORI_NOT_SAID, &why, now_ns);
    }
}

void ori_renewal_stop(struct ori_fetcher *f, struct ori_fetch_job *job)
{
    struct ori_renewal *renewal = job->state->renewal;
    if (!renewal)
        return;
    ori_engine_remove(f->engine, &renewal->transfer);
    free(renewal->url);
    free(renewal);
    job->state->renewal = NULL;
    f->n_renewals--;
}

/* Nothing but the address may have changed. */
static orion_status take_address(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns,
                                 orion_error *why)
{
    struct ori_fetch_job_state *state = job->state;
    struct ori_hub_file *file = job->file;
    struct ori_hub_file now = *file;
    bool sized = false;

    (void)f;
    now.url = NULL;
    orion_status status =
        ori_hub_read_facts(&state->renewal->transfer.reply, state->renewal->url, &now, &sized, why);
    if (status == ORION_OK && ((sized && now.size_bytes != file->size_bytes) ||
                               strcmp(now.digest.hex, file->digest.hex) != 0))
        status = ori_fail_at(why, ORION_E_NETWORK, ORION_NO_OFFSET, file->path,
                             "'%s/%s' changed on the hub while it was being fetched; pull it again",
                             file->repo, file->path);
    if (status != ORION_OK) {
        ori_hub_file_release(&now);
        return status;
    }
    free(file->url);
    file->url = now.url;
    free(state->redirected);
    state->redirected = NULL;
    state->etag[0] = '\0';
    state->generation++;
    state->stale = false;
    state->renewed_ns = now_ns;
    if (job->connections == 0) /* it was the address, not their number */
        ori_cap_init(&state->cap, ORI_FETCHER_MAX_CONNECTIONS);
    return ORION_OK;
}

/* True when the question goes on elsewhere. */
static bool follow(struct ori_fetcher *f, struct ori_renewal *renewal, orion_error *why)
{
    if (renewal->redirects++ >= ORI_MAX_REDIRECTS) {
        (void)ori_fail(why, ORION_E_NETWORK, "%s redirects in circles", f->hub->endpoint);
        return false;
    }
    char *next;
    if (ori_hub_follow(renewal->url, renewal->transfer.reply.location, &next, why) != ORION_OK)
        return false;
    ori_engine_remove(f->engine, &renewal->transfer);
    free(renewal->url);
    renewal->url = next;
    return ask(f, renewal, why) == ORION_OK;
}

void ori_renewal_look(struct ori_fetcher *f, struct ori_fetch_job *job, uint64_t now_ns)
{
    struct ori_renewal *renewal = job->state->renewal;
    const struct ori_hub_file *file = job->file;
    enum ori_fault fault = ORI_FAULT_FATAL;
    bool is_answer = true;
    orion_error why;

    if (!renewal || !renewal->transfer.done)
        return;
    const struct ori_transfer *t = &renewal->transfer;
    const struct ori_reply *reply = &t->reply;
    const struct ori_question question = {.stop_at_absolute = true};
    uint64_t retry_after_ms = reply->has_retry_after ? reply->retry_after_ms : ORI_NOT_SAID;

    if (t->status != ORION_OK) {
        why = t->error;
        fault = t->worth_retrying ? ORI_FAULT_BROKEN : ORI_FAULT_FATAL;
    } else if (ori_hub_is_answer(&question, renewal->url, reply, &is_answer, &why) != ORION_OK) {
        fault = ORI_FAULT_FATAL;
    } else if (!is_answer) {
        if (follow(f, renewal, &why))
            return;
    } else if (reply->status >= 400 || reply->status < 200) {
        (void)ori_hub_refusal(f->hub, reply, file->repo, file->path, file->commit, &why);
        if (ori_hub_is_transient(reply->status))
            fault = ORI_FAULT_BUSY;
    } else if (take_address(f, job, now_ns, &why) == ORION_OK) {
        fault = ORI_FAULT_NONE;
    }
    ori_renewal_stop(f, job);
    if (job->connections > 0 && retry_after_ms == ORI_NOT_SAID) /* there is no hurry */
        retry_after_ms = UNHURRIED_MS;
    if (fault != ORI_FAULT_NONE)
        ori_job_setback(f, job, fault, false, retry_after_ms, &why, now_ns);
}
