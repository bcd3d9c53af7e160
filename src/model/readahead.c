#include "model/readahead.h"

#include "base/ram.h"
#include "base/thread.h"

/* Whole huge pages; small enough that the end is not waited for long. */
#define PIECE_BYTES ((size_t)8 << 20)

bool ori_readahead_is_experts(const struct ori_gguf *gguf, uint64_t offset, uint64_t bytes)
{
    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        if (t->offset <= offset && offset - t->offset < t->size_bytes)
            return bytes <= t->size_bytes - (offset - t->offset) && ori_is_expert_tensor(t->name);
    }
    return false;
}

static void leave(struct ori_readahead *ahead)
{
    if (atomic_fetch_sub(&ahead->n_reading, 1) == 1)
        ori_gguf_read_ahead_end(ahead->gguf);
}

static void *read_ahead(void *arg)
{
    struct ori_readahead *ahead = arg;
    const uint64_t end = ori_gguf_file_bytes(ahead->gguf);

    while (!atomic_load(&ahead->stop)) {
        const uint64_t at = atomic_fetch_add(&ahead->next, PIECE_BYTES);
        if (at >= end)
            break;
        if (!ahead->without_experts || !ori_readahead_is_experts(ahead->gguf, at, PIECE_BYTES))
            ori_gguf_read_ahead(ahead->gguf, at, PIECE_BYTES);
    }
    leave(ahead);
    return NULL;
}

static bool exceeds_memory(const struct ori_gguf *gguf)
{
    const struct ori_ram ram = ori_ram();

    return ram.available_bytes > 0 && ori_gguf_file_bytes(gguf) > ram.available_bytes;
}

void ori_readahead_init(struct ori_readahead *ahead, const struct ori_model *model)
{
    ahead->gguf = model->gguf;
    ahead->without_experts = model->hp.n_experts > 0 && exceeds_memory(model->gguf);
    ahead->n_threads = 0;
    atomic_init(&ahead->next, 0);
    atomic_init(&ahead->stop, false);
    atomic_init(&ahead->n_reading, 1); /* until all are started */
    ori_gguf_read_ahead_begin(model->gguf);
    while (ahead->n_threads < ORI_READAHEAD_THREADS) {
        atomic_fetch_add(&ahead->n_reading, 1);
        if (ori_thread_start(&ahead->threads[ahead->n_threads], read_ahead, ahead) != 0) {
            atomic_fetch_sub(&ahead->n_reading, 1);
            break;
        }
        ahead->n_threads++;
    }
    leave(ahead);
}

void ori_readahead_release(struct ori_readahead *ahead)
{
    atomic_store(&ahead->stop, true);
    for (; ahead->n_threads > 0; ahead->n_threads--)
        (void)pthread_join(ahead->threads[ahead->n_threads - 1], NULL);
}
