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

#endif
