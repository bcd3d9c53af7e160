/* What the files of the remote room share. */
#ifndef ORI_REMOTE_INTERNAL_H
#define ORI_REMOTE_INTERNAL_H

#include <pthread.h>

#include "base/buf.h"
#include "hub/http.h"
#include "remote/remote.h"

struct ori_answer;

struct ori_endpoint {
    struct ori_hub *line;
    char *title;
    char *model; /* or NULL */
    bool extended;
    const char *chat_path, *text_path; /* below the address */
    uint32_t silence_ms;

    struct ori_engine *engine; /* driven by the thread; others only wake it */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t asked;
    bool started, closing;
    uint64_t last_id;
    size_t n_answers;
    struct ori_answer *answers; /* under way, newest first */
};

/* "<address><path>"; NULL when memory is short. */
char *ori_endpoint_address(const struct ori_endpoint *endpoint, const char *path);

/* What a reply that is no success means; `body` is what came of it. */
orion_status ori_endpoint_refusal(const struct ori_endpoint *endpoint,
                                  const struct ori_reply *reply, const struct ori_buf *body,
                                  orion_error *err);
#define ORI_REFUSAL_MAX_BYTES ((size_t)64 << 10) /* of it; more is not read */

#endif
