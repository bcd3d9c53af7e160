#include "gguf/reader.h"

#define SAMPLE_BYTES 4096u

static void add_u64(struct ori_sha256 *hash, uint64_t value)
{
    ori_sha256_update(hash, &value, sizeof(value));
}

void ori_gguf_identity(const struct ori_gguf *gguf, uint8_t out[ORI_SHA256_BYTES])
{
    struct ori_sha256 hash;

    ori_sha256_init(&hash);
    add_u64(&hash, gguf->size);
    add_u64(&hash, (uint64_t)gguf->map.modified_ns);
    add_u64(&hash, gguf->data_offset);
    ori_sha256_update(&hash, gguf->data,
                      gguf->data_offset < gguf->at_hand ? gguf->data_offset : gguf->at_hand);
    for (size_t i = 0; i < gguf->n_tensors; i++) {
        const struct ori_gguf_tensor *t = &gguf->tensors[i];
        ori_sha256_update(&hash, t->data,
                          t->size_bytes < SAMPLE_BYTES ? t->size_bytes : SAMPLE_BYTES);
    }
    ori_sha256_final(&hash, out);
}
