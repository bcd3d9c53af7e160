/* headers.h - what models' headers said, while their files are the same.
 *
 * Reading one takes ten milliseconds or more (a vocabulary is built to see whether
 * it can be), and a list of models asks of all of them.  A file counts as the same by
 * device, inode, size, and the times of its last writing and of its last change.
 */
#ifndef ORI_API_HEADERS_H
#define ORI_API_HEADERS_H

#include <pthread.h>
#include <sys/stat.h>

#include "manager/manager.h"
#include "model/model.h"

/* All that a header decides, whatever is asked about it. */
struct ori_header_facts {
    bool runs;
    bool embeds; /* it makes embeddings, not answers */
    char why_not[256];
    char name[128], architecture[64], quantization[32];
    uint64_t n_params, weights_bytes, active_bytes;
    struct ori_hparams hp; /* zeros when it can't be told */
};

/* A file has its place by its inode, and is forgotten when another one takes it. */
#define ORI_HEADERS 128

struct ori_headers {
    pthread_mutex_t lock;
    struct {
        struct stat st; /* zeros: there is none */
        struct ori_header_facts facts;
    } known[ORI_HEADERS];
};

void ori_headers_init(struct ori_headers *headers);
void ori_headers_release(struct ori_headers *headers);

/* Is the file known as it is now?  st is of it. */
bool ori_headers_get(struct ori_headers *headers, const struct stat *st,
                     struct ori_header_facts *out);
/* Its header was read; st was taken before.  now_s is CLOCK_REALTIME's.  Nothing is
 * kept of a file that was changed within two seconds of it: it could be changed again
 * without its times telling. */
void ori_headers_put(struct ori_headers *headers, const struct stat *st, int64_t now_s,
                     const struct ori_header_facts *facts);

/* ---- reading (header_facts.c) ---- */

/* Read what `header` says, unless it is known of the file as it is. */
orion_status ori_headers_find(struct ori_headers *headers, struct ori_header *header,
                              struct ori_header_facts *out, orion_error *err);

#endif
