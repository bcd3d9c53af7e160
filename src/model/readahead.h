/* Reading a model's file ahead of the computation.
 *
 * Weights are used where they lie in the mapping, so a cold file would come in
 * fault by fault while all who compute wait.  A few threads take turns at
 * bringing in the next piece, from the beginning of the file to its end, which
 * is about the order of the layers; a file that is in the page cache costs them
 * next to nothing.  They end by themselves.
 *
 * Of a mixture of experts all of it, too: a prompt of some length uses nearly
 * every expert, and in order they come several times faster than fault by fault.
 * But not of a file that memory can't hold: there the experts would drive each
 * other out, and what every token uses.  Then only the latter is read ahead, and
 * experts come when they are chosen. */
#ifndef ORI_MODEL_READAHEAD_H
#define ORI_MODEL_READAHEAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/model.h"

/* More than two read no faster from the disks at hand, one only half as fast;
 * a disk with a longer way wants some more. */
#define ORI_READAHEAD_THREADS 4

struct ori_readahead {
    const struct ori_gguf *gguf; /* borrowed */
    bool without_experts;
    pthread_t threads[ORI_READAHEAD_THREADS];
    uint32_t n_threads;
    _Atomic uint32_t n_reading; /* the last one says that it is over */
    _Atomic uint64_t next;      /* byte of the file that nobody has taken */
    atomic_bool stop;
};

/* The model must outlive it.  Nothing depends on it, so it can't fail: without
 * threads pages come when they are touched. */
void ori_readahead_init(struct ori_readahead *ahead, const struct ori_model *model);
void ori_readahead_release(struct ori_readahead *ahead); /* all zeros is a no-op */

/* Do these bytes of the file belong to experts' weights alone? */
bool ori_readahead_is_experts(const struct ori_gguf *gguf, uint64_t offset, uint64_t bytes);

#endif
