/* remote - models that answer outside of this process.
 *
 * An endpoint speaks OpenAI's API: the server that runs on this machine, or any
 * other one.  What it says is hostile input: each reply is bounded, read event by
 * event, and ends in a sentence when it is not what was asked for.  Nothing is
 * asked twice, no redirect is followed, and the key goes to the endpoint alone.
 *
 * The sockets are the hub room's, whose door is shut when the endpoint is: that
 * nothing leaves this machine is not left to the code here.
 *
 * Threads: an endpoint may be shared; its own thread, started by the first
 * request, calls back.
 */
#ifndef ORI_REMOTE_H
#define ORI_REMOTE_H

#include <jansson.h>

#include "base/base.h"
#include "hub/hub.h"

#define ORI_ENDPOINT_MAX_REQUESTS 32

struct ori_endpoint_config {
    struct ori_hub_config line; /* address (before "/chat/completions"), key, trust, offline */
    const char *title;   /* what it is called in messages: "the server", "the remote 'big'" */
    const char *model;   /* what requests ask for, or NULL: each says it */
    bool extended;       /* as in body.h: our own server */
    uint32_t silence_ms; /* an answer that says nothing for so long is given up; 0: 5 min */
};

struct ori_endpoint;

/* Copies what it is given; opens no connection.  ORION_E_ARGUMENT when the address
 * is none, ORION_E_DENIED when the key would be sent without encryption. */
orion_status ori_endpoint_open(const struct ori_endpoint_config *config, struct ori_endpoint **out,
                               orion_error *err);
/* Stop what is under way, and wait for its last callback.  Not from a callback. */
void ori_endpoint_close(struct ori_endpoint *endpoint); /* NULL is a no-op */

const char *ori_endpoint_url(const struct ori_endpoint *endpoint);

/* As orion_endpoint_submit() and _cancel() of orion.h. */
orion_status ori_endpoint_submit(struct ori_endpoint *endpoint, const char *model,
                                 const orion_request *request, uint64_t *id, orion_error *err);
void ori_endpoint_cancel(struct ori_endpoint *endpoint, uint64_t id);

/* Ask a small question and wait for the answer: `method` NULL (GET) or "DELETE", `path`
 * below the address.  *out receives the JSON object (json_decref()), NULL when the
 * answer has no body; out may be NULL. */
orion_status ori_endpoint_ask(struct ori_endpoint *endpoint, const char *method, const char *path,
                              json_t **out, orion_error *err);

/* What a server of ours holds in memory; as orion_endpoint_loaded() and _unload(). */
orion_status ori_endpoint_loaded(struct ori_endpoint *endpoint, orion_loaded_list **out,
                                 orion_error *err);
void ori_loaded_free(orion_loaded_list *list);
orion_status ori_endpoint_unload(struct ori_endpoint *endpoint, const char *model,
                                 orion_error *err);

#endif
