#include "model/readahead.h"

#include "base/thread.h"

static void *read_ahead(void *arg)
{
    struct ori_readahead *ahead = arg;
    const size_t n = ori_gguf_n_tensors(ahead->gguf);

    for (size_t i = 0; i < n && !atomic_load(&ahead->stop); i++)
        ori_gguf_will_need(ahead->gguf, ori_gguf_tensor_at(ahead->gguf, i));
    return NULL;
}

void ori_readahead_init(struct ori_readahead *ahead, const struct ori_model *model)
{
    ahead->gguf = model->gguf;
    atomic_init(&ahead->stop, false);
    ahead->runs = ori_thread_start(&ahead->thread, read_ahead, ahead) == 0;
}

void ori_readahead_release(struct ori_readahead *ahead)
{
    if (!ahead->runs)
        return;
    atomic_store(&ahead->stop, true);
    (void)pthread_join(ahead->thread, NULL);
    ahead->runs = false;
}
