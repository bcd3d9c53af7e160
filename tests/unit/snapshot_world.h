/* Sessions, and a cache of prefixes in a folder of its own. */
#ifndef SNAPSHOT_WORLD_H
#define SNAPSHOT_WORLD_H

#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "model_file.h"

#include "engine.h"
#include "runtime/session.h"
#include "runtime/snapshot.h"

#define WINDOW_MODEL "golden/phi3-window.gguf"
#define PLAIN_MODEL "golden/llama-gqa.gguf"
#define ROPE_MODEL "golden/phi3-gqa-partial.gguf"

enum { B = ORI_PREFIX_BLOCK, CONTEXT = 256 };
#define PLENTY ((uint64_t)1 << 30)

static enum ori_kv_type kv_type; /* of the sessions that are made */

static inline struct ori_prefixes *open_cache(uint64_t max_bytes)
{
    struct ori_prefixes *p;
    orion_error err = {0};

    if (ori_prefixes_open(path_of("cache"), max_bytes, true, &p, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return p;
}

static char files[128][PATH_MAX];

/* Paths of the files that hold blocks; returns how many. */
static inline size_t list_files(void)
{
    size_t n = 0;
    DIR *dir = opendir(path_of("cache/prefixes"));
    assert_non_null(dir);
    for (const struct dirent *item; (item = readdir(dir));) {
        if (item->d_name[0] == '.' && (!item->d_name[1] || item->d_name[1] == '.'))
            continue;
        assert_true(n < ORI_COUNT(files));
        (void)snprintf(files[n++], PATH_MAX, "%s/%s", path_of("cache/prefixes"), item->d_name);
    }
    assert_int_equal(closedir(dir), 0);
    return n;
}

static inline void delete_cache(void)
{
    const size_t n = list_files();
    for (size_t i = 0; i < n; i++)
        assert_int_equal(unlink(files[i]), 0);
    assert_int_equal(rmdir(path_of("cache/prefixes")), 0);
    (void)unlink(path_of("cache/key"));
    assert_int_equal(rmdir(path_of("cache")), 0);
}

static inline struct ori_session *new_session(const struct ori_model *model, uint32_t context,
                                              uint32_t batch, const struct ori_prefixes *prefixes)
{
    const struct ori_engine_options options = {.context_tokens = context,
                                               .threads = 1,
                                               .batch_tokens = batch,
                                               .kv_type = kv_type,
                                               .prefixes = prefixes};
    struct ori_session *session;
    orion_error err = {0};

    if (ori_session_new(model, options, &session, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return session;
}

static inline uint32_t prefill(struct ori_session *s, const int32_t *tokens, uint32_t n)
{
    uint32_t cached;
    orion_error err = {0};
    if (ori_session_prefill(s, tokens, n, &cached, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return cached;
}

/* How many of tokens[n] another session, of `model`, has from disk; its logits
 * are always those of one that computes everything, then and further on. */
static inline uint32_t reuse(const struct ori_model *model, uint32_t context, uint32_t batch,
                             const struct ori_prefixes *prefixes, const int32_t *tokens, uint32_t n)
{
    struct ori_session *s = new_session(model, context, batch, prefixes);
    struct ori_session *fresh = new_session(model, context, batch, NULL);
    const size_t row = model->hp.n_vocab * sizeof(float);

    const uint32_t cached = prefill(s, tokens, n);
    assert_int_equal(prefill(fresh, tokens, n), 0);
    assert_memory_equal(s->logits, fresh->logits, row);
    for (uint32_t i = 0; i < 40 && s->sequence.n_tokens < context; i++) {
        const int32_t next = tokens[i % n];
        assert_int_equal(ori_session_append(s, &next, 1, NULL), ORION_OK);
        assert_int_equal(ori_session_append(fresh, &next, 1, NULL), ORION_OK);
        if (memcmp(s->logits, fresh->logits, row) != 0)
            fail_msg("other bits %u tokens after %u of %u were restored", i + 1, cached, n);
    }
    ori_session_free(s);
    ori_session_free(fresh);
    return cached;
}

#endif
