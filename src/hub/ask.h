/* Small questions to the hub: one answer, after redirects and retries. */
#ifndef ORI_HUB_ASK_H
#define ORI_HUB_ASK_H

#include "base/buf.h"
#include "hub/http.h"

struct ori_question {
    const char *url;
    bool head;                     /* HEAD: only the reply is of interest */
    bool first_byte;               /* GET with Range: bytes=0-0 */
    bool stop_at_absolute;         /* do not follow a redirect to another place: it is the answer */
    const char *repo, *file, *rev; /* for messages; file and rev may be "" */
    struct ori_buf *body;          /* where the body goes, bounded; NULL: it is dropped */
};

/* ORION_OK with a 2xx, or with the redirect that was stopped at, in *reply;
 * the URL that answered is written to *answered (free()) when it is not NULL. */
orion_status ori_hub_ask(const struct ori_hub *hub, struct ori_engine *engine,
                         const struct ori_question *question, const struct ori_watch *watch,
                         struct ori_reply *reply, char **answered, orion_error *err);

/* ---- the parts of it, for whoever asks in steps ---- */

#define ORI_MAX_REDIRECTS 10

/* Is this the answer, or one more redirect to follow? */
orion_status ori_hub_is_answer(const struct ori_question *question, const char *url,
                               const struct ori_reply *reply, bool *is, orion_error *err);
/* Where a redirect leads, in *out (free()); NULL on failure: ORION_E_NETWORK when
 * it must not be followed. */
orion_status ori_hub_follow(const char *url, const char *location, char **out, orion_error *err);

/* ---- the metadata question; see ori_hub_resolve() ---- */

/* The address to ask; NULL when memory is short.  `rev` may be "". */
char *ori_hub_resolve_url(const struct ori_hub *hub, const char *repo, const char *path,
                          const char *rev);
/* Read the answer into file's commit, digest, url and, when it is said, size;
 * *sized tells.  file->repo and file->path are there already. */
orion_status ori_hub_read_facts(const struct ori_reply *reply, const char *answered,
                                struct ori_hub_file *file, bool *sized, orion_error *err);

#endif
