/* Inside of the reader; other rooms use gguf.h. */
#ifndef ORI_GGUF_READER_H
#define ORI_GGUF_READER_H

#include "base/map.h"
#include "base/arena.h"
#include "gguf/cursor.h"
#include "gguf/gguf.h"

#define ORI_GGUF_N_TEXTS 3

struct ori_gguf {
    struct ori_map map; /* zero when memory was given */
    const uint8_t *data;
    uint64_t size;    /* of the file */
    uint64_t at_hand; /* of it, at data: less when only the header is read */
    char file[256];   /* last part of the path, for messages */

    uint32_t version;
    uint32_t alignment;
    uint64_t data_offset;

    struct ori_gguf_kv *kv; /* [n_kv], in file order */
    size_t n_kv;
    const struct ori_gguf_kv **kv_by_key; /* [n_kv], sorted by strcmp */

    struct ori_gguf_tensor *tensors; /* [n_tensors], in file order */
    size_t n_tensors;
    const struct ori_gguf_tensor **tensors_by_name; /* [n_tensors], sorted by strcmp */

    struct ori_arena names;              /* keys, tensor names, and these texts: */
    const char *texts[ORI_GGUF_N_TEXTS]; /* of ori_gguf_text(); "" where there is none */
};

/* A cursor at the beginning of the file, for reading or for refusing. */
struct ori_cursor ori_gguf_cursor(const struct ori_gguf *gguf, orion_error *err);

/* kv.c: n_kv pairs from the cursor on; the index; general.alignment. */
orion_status ori_gguf_read_kv(struct ori_gguf *gguf, struct ori_cursor *c);
orion_status ori_gguf_read_alignment(struct ori_gguf *gguf, struct ori_cursor *c);

/* Point the cursor's blame at a pair already read. */
void ori_gguf_at_kv(struct ori_cursor *c, const struct ori_gguf_kv *kv);

/* text.c: keep what ori_gguf_text() hands out. */
orion_status ori_gguf_keep_texts(struct ori_gguf *gguf, orion_error *err);

/* tensors.c: n_tensors descriptions from the cursor on; where their data lies. */
orion_status ori_gguf_read_tensors(struct ori_gguf *gguf, struct ori_cursor *c);
orion_status ori_gguf_place_tensors(struct ori_gguf *gguf, struct ori_cursor *c);

#endif
