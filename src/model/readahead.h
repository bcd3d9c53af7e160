/* Reading a model's file ahead of the computation.
 *
 * Weights are used where they lie in the mapping, so a cold file would come in
 * fault by fault while all threads wait.  A thread asks the kernel for the
 * tensors in file order, which is about the order of the layers, with many
 * reads under way at once; a file that is in the page cache costs it next to
 * nothing.  It ends by itself. */
#ifndef ORI_MODEL_READAHEAD_H
#define ORI_MODEL_READAHEAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/model.h"

struct ori_readahead {
    const struct ori_gguf *gguf; /* borrowed */
    pthread_t thread;
    atomic_bool stop;
    bool runs;
};

/* The model must outlive it.  Nothing depends on it, so it can't fail: without
 * a thread pages come when they are touched. */
void ori_readahead_init(struct ori_readahead *ahead, const struct ori_model *model);
void ori_readahead_release(struct ori_readahead *ahead); /* all zeros is a no-op */

#endif
