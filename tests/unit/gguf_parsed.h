/* Containers that were built and parsed again. */
#ifndef GGUF_PARSED_H
#define GGUF_PARSED_H

#include "base/base.h"
#include "gguf/gguf.h"
#include "gguf_bytes.h"

struct parsed {
    uint8_t *data;
    size_t size;
    struct ori_gguf *gguf;
};

/* Parse what the builder holds; the test fails when it is refused. */
static inline struct parsed parse(struct bytes *b)
{
    struct parsed p = {0};
    orion_error err = {.message = ""};

    p.data = take_exact(b, &p.size);
    if (ori_gguf_parse(p.data, p.size, "sample.gguf", &p.gguf, &err) != ORION_OK)
        fail_msg("refused: %s", err.message);
    return p;
}

static inline void release(struct parsed *p)
{
    ori_gguf_close(p->gguf);
    free(p->data);
}

#endif
