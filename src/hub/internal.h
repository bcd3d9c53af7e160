/* What the files of the hub room share. */
#ifndef ORI_HUB_INTERNAL_H
#define ORI_HUB_INTERNAL_H

#include "hub/hub.h"
#include "hub/reply.h"

struct ori_hub {
    char *endpoint;
    char *token; /* or NULL */
    char *ca_file, *ca_dir;
    char *proxy; /* NULL: the environment's; "": none */
    bool offline, loopback_only;
    uint32_t stall_ms, give_up_ms;
    char user_agent[64];
};

/* The sentence and the status for an answer of the hub itself that is no
 * success.  `repo` may be NULL; `file` may be "". */
orion_status ori_hub_refusal(const struct ori_hub *hub, const struct ori_reply *reply,
                             const char *repo, const char *file, const char *rev, orion_error *err);

/* Worth asking again: 408, 429, 500, 502, 503, 504. */
bool ori_hub_is_transient(int http_status);

#endif
