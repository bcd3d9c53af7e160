#include "model/readahead.h"

#include "base/thread.h"

/* Whole huge pages; small enough that the end is not waited for long. */
#define PIECE_BYTES ((size_t)8 << 20)

static void *read_ahead(void *arg)
{
    struct ori_readahead *ahead = arg;
    const uint64_t end = ori_gguf_file_bytes(ahead->gguf);

    while (!atomic_load(&ahead->stop)) {
        const uint64_t at = atomic_fetch_add(&ahead->next, PIECE_BYTES);
        if (at >= end)
            break;
        ori_gguf_read_ahead(ahead->gguf, at, PIECE_BYTES);
    }
    return NULL;
}

void ori_readahead_init(struct ori_readahead *ahead, const struct ori_model *model)
{
    ahead->gguf = model->gguf;
    ahead->n_threads = 0;
    atomic_init(&ahead->next, 0);
    atomic_init(&ahead->stop, false);
    while (ahead->n_threads < ORI_READAHEAD_THREADS &&
           ori_thread_start(&ahead->threads[ahead->n_threads], read_ahead, ahead) == 0)
        ahead->n_threads++;
}

void ori_readahead_release(struct ori_readahead *ahead)
{
    atomic_store(&ahead->stop, true);
    for (; ahead->n_threads > 0; ahead->n_threads--)
        (void)pthread_join(ahead->threads[ahead->n_threads - 1], NULL);
}
