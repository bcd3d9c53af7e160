/* Sessions over the models of tests/golden/. */
#ifndef SESSION_WORLD_H
#define SESSION_WORLD_H

#include "model_file.h"
#include "engine.h"
#include "runtime/session.h"

#define PLAIN_MODEL "golden/llama-gqa.gguf"

static inline struct ori_session *new_session(const struct ori_model *model, uint32_t context,
                                              uint32_t threads, uint32_t batch)
{
    const struct ori_engine_options options = {
        .context_tokens = context, .threads = threads, .batch_tokens = batch};
    struct ori_session *session;
    orion_error err = {0};

    if (ori_session_new(model, options, &session, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return session;
}

static inline void *cancel_it(void *session)
{
    ori_session_cancel(session);
    return NULL;
}

#endif
